//! What `image-build` does, event by event.

mod bases;
mod builds;
mod world;
