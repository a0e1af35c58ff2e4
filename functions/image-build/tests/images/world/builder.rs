//! A builder with state and faults.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::ports::{BuildRequest, BuildStatus, Images, ImagesError};

#[derive(Default)]
pub(crate) struct Builder(Mutex<State>);

#[derive(Default)]
struct State {
    asked: u32,
    started: u32,
    builds: BTreeMap<String, BuildStatus>,
    /// What was built for which image.
    keys: BTreeMap<u32, ImageKey>,
    pushed: BTreeMap<ImageKey, String>,
    /// What is there for any other image.
    there: Option<String>,
    removed: u32,
    fault: Option<Fault>,
}

/// What goes wrong with the next request.
enum Fault {
    BeforeStart,
    AfterStart,
    Refused(String),
    Throttled(Timestamp),
}

impl Builder {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics here")
    }

    pub(crate) fn id(build: u32) -> BuildId {
        format!("arn:aws:codebuild:eu-central-1:123456789012:build/images:{build}").parse().expect("an id")
    }

    /// How often a build was asked for.
    pub(crate) fn asked(&self) -> u32 {
        self.state().asked
    }

    /// How many builds were started.
    pub(crate) fn started(&self) -> u32 {
        self.state().started
    }

    /// How many images were deleted.
    pub(crate) fn removed(&self) -> u32 {
        self.state().removed
    }

    pub(crate) fn status_of(&self, build: u32) -> BuildStatus {
        self.state().builds[Self::id(build).as_str()].clone()
    }

    pub(crate) fn push(&self, uri: &str) {
        self.state().there = Some(uri.to_owned());
    }

    pub(crate) fn finish(&self, build: u32) {
        let mut state = self.state();
        if let Some(key) = state.keys.get(&build).cloned() {
            state.pushed.insert(key, format!("registry/build-{build}"));
        }
        state.builds.insert(Self::id(build).to_string(), BuildStatus::Succeeded);
    }

    pub(crate) fn fail(&self, build: u32, reason: &str) {
        self.state().builds.insert(Self::id(build).to_string(), BuildStatus::Failed(reason.to_owned()));
    }

    /// No build is known any more.
    pub(crate) fn forget(&self) {
        self.state().builds.clear();
    }

    pub(crate) fn break_before_start(&self) {
        self.state().fault = Some(Fault::BeforeStart);
    }

    pub(crate) fn break_after_start(&self) {
        self.state().fault = Some(Fault::AfterStart);
    }

    pub(crate) fn refuse(&self, reason: &str) {
        self.state().fault = Some(Fault::Refused(reason.to_owned()));
    }

    pub(crate) fn throttle(&self, until: Timestamp) {
        self.state().fault = Some(Fault::Throttled(until));
    }
}

#[async_trait]
impl Images for Builder {
    async fn find(&self, key: &ImageKey) -> Result<Option<String>, ImagesError> {
        let state = self.state();
        Ok(state.pushed.get(key).or(state.there.as_ref()).cloned())
    }

    async fn build(&self, request: &BuildRequest) -> Result<BuildId, ImagesError> {
        // Other tasks get a turn between the lease and the build.
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.asked += 1;
        let fault = state.fault.take();
        match fault {
            Some(Fault::BeforeStart) => return Err(ImagesError::Unavailable("no answer".to_owned())),
            Some(Fault::Refused(reason)) => return Err(ImagesError::Impossible(reason)),
            Some(Fault::Throttled(until)) => return Err(ImagesError::Throttled { until }),
            Some(Fault::AfterStart) | None => {}
        }
        state.started += 1;
        let number = state.started;
        state.keys.insert(number, request.key.clone());
        let id = Self::id(state.started);
        state.builds.insert(id.to_string(), BuildStatus::Running);
        match fault {
            Some(Fault::AfterStart) => Err(ImagesError::Unavailable("no answer".to_owned())),
            _ => Ok(id),
        }
    }

    async fn remove(&self, key: &ImageKey) -> Result<(), ImagesError> {
        let mut state = self.state();
        state.pushed.remove(key);
        state.removed += 1;
        Ok(())
    }

    async fn status(&self, build: &BuildId) -> Result<BuildStatus, ImagesError> {
        Ok(self.state().builds.get(build.as_str()).cloned().unwrap_or(BuildStatus::Unknown))
    }
}
