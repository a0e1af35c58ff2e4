//! Metrics in the embedded metric format.
