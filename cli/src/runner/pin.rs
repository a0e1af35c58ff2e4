//! Where the release is pinned.

use std::path::{Path, PathBuf};

use fleetfoot_model::runner_release::{PINNED, Pin};

use crate::failure::{Failure, OrFail};

/// Below the project's root.
pub(super) const FILE: &str = "runner/release.toml";

/// `--file`
#[derive(Debug, clap::Args)]
pub(super) struct File {
    /// The file that pins the release [default: runner/release.toml]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// A pin and where it was found.
pub(super) struct Found {
    pub(super) pin: Pin,
    pub(super) text: String,
    /// None if it is this program's own.
    pub(super) file: Option<PathBuf>,
}

impl Found {
    /// `runner/release.toml`, or that it is this program's.
    pub(super) fn place(&self) -> String {
        self.file.as_ref().map_or_else(|| "of this program".to_owned(), |file| file.display().to_string())
    }
}

impl File {
    /// The pin in the file; without one here, the one that this program was built with.
    pub(super) fn find(&self) -> Result<Found, Failure> {
        if self.file.is_none() && !Path::new(FILE).is_file() {
            let pin = PINNED.parse().or_fail("this program has no pinned release")?;
            return Ok(Found { pin, text: PINNED.to_owned(), file: None });
        }
        let file = self.file.clone().unwrap_or_else(|| FILE.into());
        let what = format!("{} cannot be read", file.display());
        let hint =
            |failure: Failure| failure.hint("--file names a file as runner/release.toml of Fleetfoot is");
        let text = std::fs::read_to_string(&file).or_fail(what.clone()).map_err(hint)?;
        let pin = text.parse().or_fail(what).map_err(hint)?;
        Ok(Found { pin, text, file: Some(file) })
    }
}
