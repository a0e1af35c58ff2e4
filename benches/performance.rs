//! `cargo bench -p fleetfoot-benches` measures everything and prints the tables of `docs/performance.md`.
//!
//! With `-- quick` it does so with few starts and jobs, to see that it works; with `-- built` it takes the functions as
//! they were built last.

use std::process::ExitCode;

use fleetfoot_benches::{Effort, measure};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables are its output")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let is_given = |word: &str| arguments.iter().any(|argument| argument == word);
    // `cargo test --all-targets` runs benches, too, and says nothing of it.
    if !is_given("--bench") {
        return ExitCode::SUCCESS;
    }
    let mut effort = if is_given("quick") { Effort::QUICK } else { Effort::FULL };
    effort.builds = !is_given("built");
    match measure(&effort) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
