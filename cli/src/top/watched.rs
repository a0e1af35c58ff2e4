//! Whether a fleet's state is still where it was. What is open can be read for ever, though nobody writes to it any more.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file that was there at first.
pub(super) struct Watched {
    path: PathBuf,
    /// Its device and its number there.
    first: Option<(u64, u64)>,
}

impl Watched {
    pub(super) fn new(path: PathBuf) -> Self {
        let first = identity(&path);
        Self { path, first }
    }

    /// Whether it was removed since, or another stands in its place.
    pub(super) fn is_gone(&self) -> bool {
        identity(&self.path) != self.first
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_removed_or_replaced_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.db");
        fs::write(&path, "first").unwrap();
        let watched = Watched::new(path.clone());
        fs::write(&path, "written to").unwrap();
        assert!(!watched.is_gone());
        let aside = folder.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        assert!(watched.is_gone());
        fs::write(&path, "another").unwrap();
        assert!(watched.is_gone());
        fs::rename(&aside, &path).unwrap();
        assert!(!watched.is_gone(), "it is back");
    }
}
