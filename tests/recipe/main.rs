//! The recipe of runner images: what linters say of it, and what its scripts do, run for real where that takes no Docker.

mod build;
mod docker;
mod install;
mod lint;
mod sandbox;
