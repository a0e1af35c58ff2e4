//! Gives a queued job a runner, or says why not.
