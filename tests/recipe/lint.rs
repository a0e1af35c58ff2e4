//! What other people's linters say of `runner/`. They are installed at first use; without them the tests fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use fleetfoot_tests::tools::{recipe_linters, root, run};

/// The files below `runner/` that are named or begin so.
fn found(is_wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("runner")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project can be read") {
            let path = entry.expect("a folder of the project can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if is_wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_script(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!"))
}

#[test]
fn hadolint_has_nothing_to_say_of_the_dockerfiles() {
    let files = found(&|path| path.file_name().is_some_and(|name| name == "Dockerfile"));
    assert!(files.len() >= 2, "the recipe and an example: {files:?}");
    let configuration = root().join("runner/.hadolint.yaml");
    let mut hadolint = Command::new(recipe_linters().join("hadolint"));
    run(hadolint.arg("--config").arg(configuration).args(files));
}

#[test]
fn shellcheck_has_nothing_to_say_of_the_scripts() {
    let files = found(&is_script);
    assert!(files.len() >= 2, "install.sh and docker: {files:?}");
    run(Command::new(recipe_linters().join("shellcheck")).arg("--external-sources").args(files));
}

/// A linter that says nothing of anything proves nothing.
#[test]
fn the_linters_find_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (linter, name, text) in [
        ("hadolint", "Dockerfile", "FROM debian\nRUN cd /tmp && sudo ls\n"),
        ("shellcheck", "script", "#!/bin/sh\nrm -rf $1/*\n"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("a file can be written");
        let said = Command::new(recipe_linters().join(linter)).arg(&file).output().expect("it is installed");
        assert!(!said.status.success(), "{linter}: {said:?}");
    }
}
