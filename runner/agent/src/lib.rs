//! The entry point of a runner's task: a ticket becomes a runner, the runner does one job.
