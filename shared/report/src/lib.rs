//! What people are shown of a fleet. The command line, the terminal and the dashboard read the ledger through this
//! package alone, so that they tell the same in the same words.

pub mod cost;
pub mod overview;
pub mod usage;
pub mod view;
