//! What is known of builds, in a file that is replaced as a whole.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::image_key::ImageMode;
use fleetfoot_model::ports::BuildRequest;
use fleetfoot_model::spec::Arch;
use serde::{Deserialize, Serialize};

/// One build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Build {
    pub(super) id: BuildId,
    pub(super) key: ImageKey,
    pub(super) image: ImageReference,
    #[serde(default)]
    pub(super) base: String,
    pub(super) arch: Arch,
    #[serde(default)]
    pub(super) mode: ImageMode,
    pub(super) state: State,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    Running,
    Succeeded { uri: String },
    Failed { reason: String },
    TimedOut,
}

/// All of them, by number.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    builds: BTreeMap<u64, Build>,
}

impl Store {
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let builds = match std::fs::read(folder.join("builds.json")) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| named(&folder, &error.into()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(named(&folder, &error)),
        };
        Ok(Self { folder, builds })
    }

    pub(super) fn get(&self, id: &BuildId) -> Option<Build> {
        self.builds.values().find(|build| build.id == *id).cloned()
    }

    pub(super) fn running(&self) -> Vec<Build> {
        self.builds.values().filter(|build| build.state == State::Running).cloned().collect()
    }

    pub(super) fn running_for(&self, key: &ImageKey) -> Option<Build> {
        self.running().into_iter().find(|build| build.key == *key)
    }

    pub(super) fn has_built(&self, wanted: &str) -> bool {
        self.builds.values().any(|build| matches!(&build.state, State::Succeeded { uri } if uri == wanted))
    }

    pub(super) fn log_of(&self, id: &BuildId) -> PathBuf {
        self.folder.join(id.as_str().replace(['/', ':'], "-")).with_extension("log")
    }

    /// A new build.
    pub(super) fn begin(&mut self, request: &BuildRequest) -> io::Result<Build> {
        let number = self.builds.keys().next_back().map_or(1, |last| last + 1);
        let id = format!("local:build/images:{number}");
        let build = Build {
            id: id.parse().map_err(io::Error::other)?,
            key: request.key.clone(),
            image: request.image.clone(),
            base: request.base.clone(),
            arch: request.arch,
            mode: request.mode,
            state: State::Running,
        };
        self.builds.insert(number, build.clone());
        self.save()?;
        Ok(build)
    }

    /// The end of a build. What ended before for the same image is forgotten, with its log; but what was built is
    /// still there after a build that failed.
    pub(super) fn put(&mut self, build: Build) -> io::Result<()> {
        let succeeded = |build: &Build| matches!(build.state, State::Succeeded { .. });
        let is_older = |other: &Build| {
            other.key == build.key
                && other.state != State::Running
                && (succeeded(&build) || !succeeded(other))
        };
        let (forgotten, mut kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.builds).into_iter().partition(|(_, other)| is_older(other));
        for older in forgotten.values() {
            let _ = std::fs::remove_file(self.log_of(&older.id));
        }
        if let Some(row) = kept.values_mut().find(|row| row.id == build.id) {
            *row = build;
        }
        self.builds = kept;
        self.save()
    }

    /// An image is not there any more.
    pub(super) fn forget(&mut self, gone: &str) -> io::Result<()> {
        self.builds.retain(|_, build| !matches!(&build.state, State::Succeeded { uri } if uri == gone));
        self.save()
    }

    fn save(&self) -> io::Result<()> {
        let whole = self.folder.join("builds.json.new");
        std::fs::write(&whole, serde_json::to_vec_pretty(&self.builds)?)?;
        std::fs::rename(whole, self.folder.join("builds.json"))
    }
}

fn named(folder: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", folder.join("builds.json").display()))
}
