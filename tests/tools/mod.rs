//! Other people's programs, pinned: installed under `target/tools` when a test first needs them, and kept there.

mod ministack;
mod node;
mod process;
mod python;

use std::path::{Path, PathBuf};

pub use ministack::Ministack;
pub use node::node;
pub use process::{Server, free_port, run};
pub use python::{ministack, node_programs, recipe_linters, sam, slack_sdk};

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the project")
}

/// Cargo's target folder: test binaries are in `target/<profile>/deps`.
pub fn target() -> PathBuf {
    let binary = std::env::current_exe().expect("a test has a binary");
    binary.ancestors().nth(3).expect("target/<profile>/deps/<binary>").to_owned()
}
