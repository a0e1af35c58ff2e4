//! Which files are workflows, and their text.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::yaml::{Broken, Position};
use crate::failure::{Failure, OrFail};

/// No workflow is as large, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Where GitHub looks for workflows.
const WORKFLOWS: &str = ".github/workflows";

/// The workflow files that are meant by some paths: files as they are, of a folder its workflows or else its YAML files.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let workflows = path.join(WORKFLOWS);
            let folder = if workflows.is_dir() { workflows } else { path.clone() };
            files.extend(of_folder(&folder)?);
        } else if path.exists() || path != Path::new(WORKFLOWS) {
            // What was named and is not there is a finding; where nothing was, there is no repository here.
            files.push(path.clone());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    if files.is_empty() {
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::new(format!("there are no workflow files in {}", shown.join(", ")))
            .hint("name a file, a folder with .yml files, or a repository's folder: `fleetfoot lint PATH`"));
    }
    Ok(files)
}

fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let what = || format!("the folder {} cannot be read", folder.display());
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).or_fail(what());
    for entry in entries.map_err(|failure| failure.hint("name a folder that this user may read"))? {
        let path = entry.or_fail(what())?.path();
        let is_yaml = path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        if is_yaml && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The folder of the repository that a workflow file belongs to.
pub(super) fn repository_of(file: &Path) -> Option<PathBuf> {
    let workflows = file.parent()?;
    let is_there = workflows.file_name()? == "workflows" && workflows.parent()?.file_name()? == ".github";
    let root = workflows.parent()?.parent()?;
    // Of `.github/workflows/ci.yml` that is the current folder.
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    is_there.then(|| root.to_owned())
}

/// A file's text.
///
/// # Errors
/// It cannot be read, is too large, or is not UTF-8.
pub(super) fn read(file: &Path) -> Result<String, Broken> {
    let broken = |message: String| Broken { at: Position::START, message };
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|error| broken(format!("cannot be read: {error}")))?;
    let taken = opened.take(LARGEST + 1).read_to_end(&mut bytes);
    taken.map_err(|error| broken(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(broken(format!("it is larger than {LARGEST} bytes, which no workflow is")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        let column = valid
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .filter(|byte| **byte & 0xC0 != 0x80)
            .count();
        Broken { at: Position { line, column: column + 1 }, message: "it is not UTF-8 text".to_owned() }
    })
}
