//! What a run of `setup` leaves for the next one: nothing secret, only what cannot be seen elsewhere.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, OrFail};

const FILE: &str = "setup.json";

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Memory {
    /// The App, from the moment on at which GitHub told of it.
    #[serde(default)]
    pub(super) app: Option<RememberedApp>,
    /// The name of an App that a browser was sent to make, until it is known what became of that.
    #[serde(default)]
    pub(super) pending: Option<String>,
    /// Whether no run has come to its end since the App became known: `fleet.toml` may name another yet, and whoever
    /// repeats the line that has made it does not want a second one.
    #[serde(default)]
    pub(super) unfinished: bool,
    /// Whether GitHub may still sign with the webhook's previous secret: then a further one must not take its place.
    #[serde(default)]
    pub(super) rotating: bool,
}

/// An App.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RememberedApp {
    pub(super) id: u64,
    pub(super) slug: String,
    pub(super) html_url: String,
}

/// Where it is remembered.
#[derive(Debug, Clone)]
pub(super) struct Notebook(PathBuf);

impl Notebook {
    /// The one in a folder; nothing is written yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.join(FILE))
    }

    /// What earlier runs have left.
    pub(super) fn read(&self) -> Result<Memory, Failure> {
        let what = format!("{} cannot be read", self.0.display());
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Memory::default()),
            Err(error) => return Err(Failure::new(what).because(&error)),
        };
        serde_json::from_str(&text).map_err(|error| {
            Failure::new(what)
                .because(&error)
                .hint("it only remembers the GitHub App: move it away and name the App by --app-id")
        })
    }

    fn write(&self, memory: &Memory) -> Result<(), Failure> {
        let what = format!("{} cannot be written", self.0.display());
        let folder = self.0.parent().unwrap_or(Path::new("."));
        // It is to be the state of `up`, which nobody else is to read.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).or_fail(&what)?;
        let text = serde_json::to_vec_pretty(memory).or_fail(&what)?;
        let mut new = tempfile::NamedTempFile::new_in(folder).or_fail(&what)?;
        std::io::Write::write_all(&mut new, &text).or_fail(&what)?;
        new.persist(&self.0).map_err(|error| error.error).or_fail(what)?;
        Ok(())
    }

    /// Changes what is remembered. Nothing is written if it is as before.
    pub(super) fn change(&self, change: impl FnOnce(&mut Memory)) -> Result<(), Failure> {
        let before = self.read()?;
        let mut memory = before.clone();
        change(&mut memory);
        if memory == before { Ok(()) } else { self.write(&memory) }
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, "nothing was remembered");
        }
    }
}
