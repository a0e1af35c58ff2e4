//! Keeps warm runners by schedule.
