//! Follows a runner's task and says why it stopped.
