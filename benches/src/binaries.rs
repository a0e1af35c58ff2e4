//! The functions as users have them: built by `cargo lambda`, each on its own, so that no feature of another program is
//! in them.

use std::path::PathBuf;
use std::process::Command;

use fleetfoot_tests::tools::{root, run, sam, target};
use serde_json::Value;

use crate::Failure;

/// The functions, by their packages.
pub(crate) const FUNCTIONS: [&str; 9] =
    ["ingest", "launch", "register", "job-state", "task-state", "image-build", "cleanup", "pool", "alarm"];

/// A built function.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) function: &'static str,
    pub(crate) program: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
    /// Of the archive that is uploaded, in bytes.
    pub(crate) zip_size: u64,
}

/// Builds what has changed.
pub(crate) fn build() -> Result<(), Failure> {
    FUNCTIONS.into_iter().try_for_each(build_one)
}

/// What was built.
pub(crate) fn built() -> Result<Vec<Binary>, Failure> {
    let binary = |function| {
        let program = target().join("lambda").join(name_of(function)).join("bootstrap");
        let (size, zip_size) = (program.metadata()?.len(), zip_size(&program)?);
        Ok(Binary { function, program, size, zip_size })
    };
    FUNCTIONS.into_iter().map(binary).collect()
}

fn name_of(function: &str) -> String {
    format!("fleetfoot-{function}")
}

fn build_one(function: &str) -> Result<(), Failure> {
    let name = name_of(function);
    let programs = sam();
    let mut build = Command::new(programs.join("cargo-lambda"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs).chain(std::env::split_paths(&path));
    build
        // It looks for `zig`, its linker, there.
        .env("PATH", std::env::join_paths(path)?)
        .args(["lambda", "build", "--release", "--bin", &name])
        .current_dir(root().join("functions").join(function))
        // cargo-lambda fetches a target for the toolchain unasked if it believes that there is none.
        .env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9")
        // Without it the crypto library gathers entropy for up to a second when a function starts.
        .env("AWS_LC_SYS_NO_JITTER_ENTROPY", "1");
    // What cargo tells those that it runs would make the build another one.
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy();
        if text.starts_with("CARGO_PKG") || text.starts_with("CARGO_MANIFEST") {
            build.env_remove(&variable);
        }
    }
    run(&mut build);
    Ok(())
}

/// How large an archive of the program is, with the compression that `sam deploy` uses, Python's.
fn zip_size(program: &PathBuf) -> Result<u64, Failure> {
    let script = "import io, sys, zipfile\n\
                  out = io.BytesIO()\n\
                  with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:\n    \
                      archive.write(sys.argv[1], 'bootstrap')\n\
                  print(len(out.getvalue()))";
    let python = sam().join("python3");
    let output = Command::new(python).arg("-c").arg(script).arg(program).output()?;
    let size: Value = serde_json::from_slice(&output.stdout)?;
    size.as_u64().ok_or_else(|| "an archive has a size".into())
}
