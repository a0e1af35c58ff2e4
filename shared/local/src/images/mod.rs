//! Builds runner images on this machine: with Docker, or as a stand-in that only takes its time.
//!
//! Like `CodeBuild` it answers at once and tells the end of a build by `CodeBuild Build State Change` events. What it
//! knows is kept in a file; a build that was running when the process was killed is run again when it is started again.

mod docker;
mod event;
mod store;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::ports::{BuildRequest, BuildStatus, Clock, Images, ImagesError};
use globset::GlobMatcher;
use tokio::sync::mpsc::UnboundedSender;

pub use docker::Docker;
use store::{Build, State, Store};

/// A builder that builds nothing: what it says to have built can be used by local processes, which need no image.
#[derive(Debug, Clone)]
pub struct StandIn {
    /// How long a build takes.
    pub takes: Duration,
    /// Patterns of base images whose builds fail.
    pub fails: Vec<GlobMatcher>,
}

/// Who builds.
#[derive(Debug, Clone)]
pub enum Builder {
    /// Nobody really.
    StandIn(StandIn),
    /// A Docker engine.
    Docker(Docker),
}

impl Builder {
    /// Docker if its engine answers and the recipe is there, else the stand-in.
    pub async fn choose(recipe: Option<PathBuf>, stand_in: StandIn) -> Self {
        match recipe {
            Some(recipe) => {
                Docker::find("docker", recipe).await.map_or(Self::StandIn(stand_in), Self::Docker)
            }
            None => Self::StandIn(stand_in),
        }
    }

    /// Where images of this builder are pulled; the key is the tag.
    fn repository(&self) -> &'static str {
        match self {
            Self::StandIn(_) => "fleetfoot-stand-in",
            Self::Docker(_) => "fleetfoot-runner",
        }
    }

    async fn run(&self, build: &Build, uri: &str, log: PathBuf) -> Result<(), String> {
        match self {
            Self::Docker(docker) => docker.build(build, uri, log).await,
            Self::StandIn(stand_in) => {
                wait(stand_in.takes).await;
                let fails = stand_in.fails.iter().any(|pattern| build.image.is_allowed_by(pattern));
                if fails { Err(format!("the stand-in was told to fail {}", build.image)) } else { Ok(()) }
            }
        }
    }
}

impl fmt::Display for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandIn(stand_in) => {
                write!(f, "no Docker engine: image builds are stand-ins that take {:?}", stand_in.takes)
            }
            Self::Docker(docker) => write!(f, "images are built with Docker {}", docker.version()),
        }
    }
}

/// The builds of one machine. Clones are the same.
#[derive(Clone)]
pub struct LocalImages(Arc<Inner>);

struct Inner {
    builder: Builder,
    longest: Duration,
    store: Mutex<Store>,
    clock: Arc<dyn Clock>,
    events: UnboundedSender<Envelope>,
}

impl LocalImages {
    /// Opens what is known of earlier builds in a folder, and goes on with those that were running. No build takes
    /// longer than `longest`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn open(
        folder: PathBuf,
        builder: Builder,
        longest: Duration,
        clock: Arc<dyn Clock>,
        events: UnboundedSender<Envelope>,
    ) -> Result<Self, ImagesError> {
        let store = Store::open(folder).map_err(|error| unavailable(&error))?;
        let running = store.running();
        let images = Self(Arc::new(Inner { builder, longest, store: Mutex::new(store), clock, events }));
        for build in running {
            images.run(build);
        }
        Ok(images)
    }

    /// Who builds.
    pub fn builder(&self) -> &Builder {
        &self.0.builder
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uri(&self, key: &ImageKey) -> String {
        format!("{}:{key}", self.0.builder.repository())
    }

    fn run(&self, build: Build) {
        let images = self.clone();
        tokio::spawn(async move {
            let uri = images.uri(&build.key);
            let log = images.store().log_of(&build.id);
            let work = images.0.builder.run(&build, &uri, log);
            let end = match tokio::time::timeout(images.0.longest, work).await {
                Ok(Ok(())) => State::Succeeded { uri },
                Ok(Err(reason)) => State::Failed { reason },
                Err(_) => State::TimedOut,
            };
            images.end(build, end);
        });
    }

    /// Writes the end down first: who asks because of the event is to see it.
    fn end(&self, mut build: Build, end: State) {
        build.state = end;
        if let Err(error) = self.store().put(build.clone()) {
            tracing::error!(build.id = %build.id, %error, "the end of an image build cannot be written down");
            return;
        }
        self.tell(&build);
    }

    fn tell(&self, build: &Build) {
        // Nobody listens any more while the process ends.
        let _ = self.0.events.send(event::of(build, self.0.clock.now()));
    }
}

#[async_trait]
impl Images for LocalImages {
    async fn find(&self, key: &ImageKey) -> Result<Option<String>, ImagesError> {
        let uri = self.uri(key);
        if !self.store().has_built(&uri) {
            return Ok(None);
        }
        match &self.0.builder {
            Builder::StandIn(_) => Ok(Some(uri)),
            // People remove images.
            Builder::Docker(docker) => Ok(docker.has(&uri).await?.then_some(uri)),
        }
    }

    /// Starts a build. While one for the same key runs, it is that one.
    async fn build(&self, request: &BuildRequest) -> Result<BuildId, ImagesError> {
        let (build, is_new) = {
            let mut store = self.store();
            match store.running_for(&request.key) {
                Some(build) => (build, false),
                None => (store.begin(request).map_err(|error| unavailable(&error))?, true),
            }
        };
        if is_new {
            self.tell(&build);
            self.run(build.clone());
        }
        Ok(build.id)
    }

    async fn remove(&self, key: &ImageKey) -> Result<(), ImagesError> {
        let uri = self.uri(key);
        match &self.0.builder {
            Builder::StandIn(_) => {}
            Builder::Docker(docker) => docker.remove(&uri).await?,
        }
        self.store().forget(&uri).map_err(|error| unavailable(&error))
    }

    async fn status(&self, build: &BuildId) -> Result<BuildStatus, ImagesError> {
        Ok(match self.store().get(build).map(|build| build.state) {
            None => BuildStatus::Unknown,
            Some(State::Running) => BuildStatus::Running,
            Some(State::Succeeded { .. }) => BuildStatus::Succeeded,
            Some(State::Failed { reason }) => BuildStatus::Failed(reason),
            Some(State::TimedOut) => BuildStatus::Failed("it took too long".to_owned()),
        })
    }
}

fn unavailable(error: &std::io::Error) -> ImagesError {
    ImagesError::Unavailable(error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "a stand-in that takes as long as it is told")]
async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}
