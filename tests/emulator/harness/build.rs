//! The functions as users build them: `sam build`, in release, each on its own.

use std::fs::{self, Metadata};
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use fleetfoot_tests::tools::{self, root, run, target};

use super::adaptations::PARAMETERS;

/// What goes into a function.
const SOURCES: [&str; 10] = [
    "Cargo.lock",
    "Cargo.toml",
    "functions",
    "runner",
    "shared/aws",
    "shared/github",
    "shared/model",
    "shared/shell",
    "template.yaml",
    "tests/tools/sam.txt",
];

/// Builds what has changed and answers the folder with `template.yaml` and a folder for each function.
pub(crate) fn build() -> PathBuf {
    let folder = target().join("emulator").join("build");
    let built = target().join("emulator").join("built-from.txt");
    let sources = fingerprint();
    if fs::read_to_string(&built).is_ok_and(|before| before == sources) {
        return folder;
    }
    let _ = fs::remove_file(&built);
    // A file that somebody runs, such as a benchmark, cannot be written; one that is not there can.
    let _ = fs::remove_dir_all(target().join("lambda"));
    let mut command = sam("build");
    // The agent for arm64 needs a target that is not everywhere.
    command.env("FLEETFOOT_RUNNER_ARCHITECTURES", "x64");
    run(command.arg("--build-dir").arg(&folder).arg("--parameter-overrides").args(PARAMETERS));
    fs::write(&built, sources).expect("what was built can be noted");
    folder
}

/// A command of the SAM CLI, in the project's folder.
pub(crate) fn sam(command: &str) -> Command {
    let programs = tools::sam();
    let mut sam = Command::new(programs.join("sam"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs).chain(std::env::split_paths(&path));
    sam.env("PATH", std::env::join_paths(path).expect("no folder has a colon in its name"));
    sam.env("SAM_CLI_TELEMETRY", "0");
    // cargo-lambda fetches a target for the toolchain unasked if it believes that there is none.
    sam.env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9");
    // Without it the crypto library gathers entropy for up to a second when a function starts.
    sam.env("AWS_LC_SYS_NO_JITTER_ENTROPY", "1");
    sam.arg(command).current_dir(root());
    sam
}

/// When any of some files was written last. What is only there for tests does not count.
pub(crate) fn newest(sources: &[&str]) -> Option<SystemTime> {
    let files = files(sources).into_iter().filter(|(path, _)| !path.iter().any(|part| part == "tests"));
    files.filter_map(|(_, about)| about.modified().ok()).max()
}

/// Which files there are, how long, and when they were written.
fn fingerprint() -> String {
    let line = |(path, about): (PathBuf, Metadata)| {
        let written =
            about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        format!("{} {} {}", path.display(), about.len(), written.as_nanos())
    };
    let mut lines: Vec<_> = files(&SOURCES).into_iter().map(line).collect();
    lines.sort();
    lines.join("\n")
}

fn files(sources: &[&str]) -> Vec<(PathBuf, Metadata)> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = sources.iter().map(|source| root().join(source)).collect();
    while let Some(path) = folders.pop() {
        let about = fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if about.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of the project can be read");
            folders.extend(entries.map(|entry| entry.expect("an entry can be read").path()));
        } else {
            found.push((path, about));
        }
    }
    found
}
