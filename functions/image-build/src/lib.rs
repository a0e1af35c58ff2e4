//! Builds a runner image once, however many jobs wait for it.
