//! Tests of the simulator itself: that it finds what it is there to find, and tells the same each time.

mod digest;
mod documentation;
mod histories;
mod protections;
mod scenes;
mod weather;
