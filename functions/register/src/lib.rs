//! Gives a task that is up its registration at GitHub, or sends it home.
