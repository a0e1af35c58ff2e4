//! A Chromium: the one that `CHROMIUM` names, one that is there, or Debian's package.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use fleetfoot_tests::tools;

/// Names under which browsers that Playwright can drive are installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Where it is.
///
/// # Panics
/// If there is none and none can be installed; tells what to do. The stories are not left out in silence.
#[expect(clippy::disallowed_methods, reason = "a test's machine says which browser it has")]
pub(crate) fn path() -> PathBuf {
    if let Ok(named) = std::env::var("CHROMIUM") {
        let named = PathBuf::from(named);
        assert!(named.is_file(), "CHROMIUM names {}, which is not there", named.display());
        return named;
    }
    if let Some(found) = find() {
        return found;
    }
    let lock =
        File::create(tools::target().join("tools").join("chromium.lock")).expect("a lock file can be made");
    lock.lock().expect("a lock can be waited for");
    find().or_else(install).expect(
        "a Chromium is needed: `apt-get install chromium` as root, or name one with the variable CHROMIUM",
    )
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|it| it.is_file())
}

/// Debian's package, whose release is the distribution's: a browser that nobody updates is not to be pinned.
#[expect(clippy::print_stderr, reason = "why a browser cannot be had is for whoever runs the tests")]
fn install() -> Option<PathBuf> {
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", "chromium"]] {
        let apt = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output();
        match apt {
            Ok(output) if output.status.success() => {}
            Ok(output) => eprintln!("apt-get {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => eprintln!("apt-get: {error}"),
        }
    }
    find()
}
