//! Turns a signed GitHub webhook into events.
