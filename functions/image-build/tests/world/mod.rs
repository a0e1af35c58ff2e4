//! A fleet with one image, a builder that does as it is told, and a clock that is set by hand.

mod builder;

use std::path::Path;
use std::sync::{Arc, Mutex};

use fleetfoot_image_build::ImageBuild;
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::config::{self, Config};
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, ImageRequested};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::image_key::key_of;
use fleetfoot_model::ledger;
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::spec::Arch;
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::json;

pub(crate) use builder::Builder;

const BASE: &str = "ubuntu:22.04";

pub(crate) struct World {
    ledger: Arc<MemoryLedger>,
    pub(crate) builder: Arc<Builder>,
    pub(crate) config: Arc<Config>,
    now: Mutex<Timestamp>,
}

pub(crate) fn config(allow: &str) -> Config {
    let text = format!(
        "[github]\norganization = \"acme\"\ntoken = \"env:TOKEN\"\nwebhook_secrets = [\"env:SECRET\"]\n\
         [images]\nallow = [\"{allow}\"]\n"
    );
    config::load("fleet.toml", &text).expect("a valid configuration")
}

/// A recorded event of `CodeBuild`, as if it were of this world's n-th build.
pub(crate) fn sample(name: &str, build: u32) -> Envelope {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/foreign/codebuild");
    let text = std::fs::read_to_string(folder.join(name).with_extension("json")).expect("a sample");
    let mut event: Envelope = serde_json::from_str(&text).expect("an envelope");
    event.detail["build-id"] = Builder::id(build).as_str().into();
    let variables = &mut event.detail["additional-information"]["environment"]["environment-variables"];
    *variables =
        json!([{ "name": "IMAGE_KEY", "value": key_of(&BASE.parse().expect("an image"), Arch::X64) }]);
    event
}

pub(crate) fn names(facts: &[Fact]) -> Vec<&'static str> {
    facts.iter().map(Fact::detail_type).collect()
}

pub(crate) async fn answer(
    function: &ImageBuild,
    event: &Envelope,
    now: Timestamp,
) -> Result<Vec<Fact>, FunctionError> {
    function.handle(event, now).await
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Arc::default(),
            builder: Arc::default(),
            config: config("ubuntu:*").into(),
            now: Mutex::new("2026-11-20T10:00:00Z".parse().expect("a time")),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        *self.now.lock().expect("no test panics here")
    }

    pub(crate) fn function(&self) -> ImageBuild {
        ImageBuild { ledger: self.ledger.clone(), images: self.builder.clone(), config: self.config.clone() }
    }

    pub(crate) fn request(&self, cause: &str) -> Envelope {
        self.request_for(Arch::X64, cause)
    }

    pub(crate) fn request_for(&self, arch: Arch, cause: &str) -> Envelope {
        let image = BASE.parse().expect("an image");
        let (key, repository) = (key_of(&image, arch), Some("acme/app".parse().expect("a repository")));
        let fact = ImageRequested { key, image, arch, repository }.into();
        Envelope::of(&fact, cause, 0, self.now())
    }

    /// A job asks for the image.
    pub(crate) async fn ask(&self, job: &str) -> Result<Vec<Fact>, FunctionError> {
        self.tells(&self.request(job)).await
    }

    pub(crate) async fn asks(&self, job: &str) -> Vec<Fact> {
        self.ask(job).await.expect("an answer")
    }

    /// The builder says something of its n-th build.
    pub(crate) async fn say(&self, status: &str, build: u32) -> Result<Vec<Fact>, FunctionError> {
        let mut event = sample("in-progress", build);
        event.detail["build-status"] = status.into();
        self.tells(&event).await
    }

    pub(crate) async fn says(&self, status: &str, build: u32) -> Vec<Fact> {
        self.say(status, build).await.expect("an answer")
    }

    pub(crate) async fn tells(&self, event: &Envelope) -> Result<Vec<Fact>, FunctionError> {
        self.function().handle(event, self.now()).await
    }

    /// Time passes; at its end the schedule runs.
    pub(crate) async fn passes(&self, seconds: i64) -> Vec<Fact> {
        *self.now.lock().expect("no test panics here") += SignedDuration::from_secs(seconds);
        let detail_type = "Scheduled Event".to_owned();
        let event = Envelope { detail_type, detail: json!({}), ..sample("in-progress", 1) };
        self.tells(&event).await.expect("an answer")
    }

    pub(crate) async fn row(&self) -> Image {
        let key = key_of(&BASE.parse().expect("an image"), Arch::X64);
        ledger::image(&*self.ledger, &key).await.expect("a ledger").expect("a row").value
    }

    pub(crate) async fn state(&self) -> ImageState {
        self.row().await.state
    }
}
