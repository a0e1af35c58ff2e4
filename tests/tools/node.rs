//! Packages of npm, with a Node of their own.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use super::{node_programs, run, target};

const PACKAGE: &str = include_str!("node/package.json");
const LOCK: &str = include_str!("node/package-lock.json");

/// The folder that holds `node_modules` with the packages that `node/package.json` pins.
pub fn node() -> PathBuf {
    let folder = target().join("tools").join("node");
    std::fs::create_dir_all(&folder).expect("target/tools can be made");
    let lock = File::create(folder.join("lock")).expect("a lock file can be made");
    lock.lock().expect("a lock can be waited for");
    let installed = folder.join("installed.json");
    if std::fs::read_to_string(&installed).is_ok_and(|found| found == LOCK) {
        return folder;
    }
    std::fs::write(folder.join("package.json"), PACKAGE).expect("package.json can be written");
    std::fs::write(folder.join("package-lock.json"), LOCK).expect("package-lock.json can be written");
    let programs = node_programs();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs.clone()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(paths).expect("a path of folders");
    let mut npm = Command::new(programs.join("npm"));
    run(npm.args(["ci", "--no-audit", "--no-fund", "--silent"]).env("PATH", path).current_dir(&folder));
    std::fs::write(&installed, LOCK).expect("what was installed can be noted");
    folder
}
