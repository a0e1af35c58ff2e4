//! A fleet with one image, a builder that does as it is told, and a clock that is set by hand.

mod builder;
mod fleet;
mod registry;

use std::path::Path;
use std::sync::{Arc, Mutex};

use fleetfoot_image_build::ImageBuild;
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::base::{self, Base};
use fleetfoot_model::config::{self, Config};
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, ImageRequested};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ids::ImageKey;
use fleetfoot_model::image_key::{INJECTOR_BASE, ImageMode, Recipe, key_of};
use fleetfoot_model::ledger;
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::secret::Secret;
use fleetfoot_model::spec::Arch;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_shell::clock::VirtualClock;
use fleetfoot_stand_in::github::{InProcessGitHub, Settings, StandInGitHub};
use serde_json::json;

pub(crate) use builder::Builder;
pub(crate) use fleet::Definitions;
pub(crate) use registry::Bases;

pub(crate) const BASE: &str = "ubuntu:22.04";

pub(crate) struct World {
    ledger: Arc<MemoryLedger>,
    pub(crate) builder: Arc<Builder>,
    pub(crate) registry: Arc<Bases>,
    pub(crate) fleet: Arc<Definitions>,
    github: Arc<InProcessGitHub>,
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
    *variables = json!([{ "name": "IMAGE_KEY", "value": image_key(&Bases::default(), &Recipe::current(ImageMode::Build)) }]);
    event
}

fn image_key(bases: &Bases, recipe: &Recipe) -> ImageKey {
    key_of(&bases.digest(BASE, Arch::X64), Arch::X64, recipe)
}

/// One that has published no releases of its runner.
fn github() -> InProcessGitHub {
    let settings = Settings::new(1, Secret::new("secret"));
    let clock = VirtualClock::at(Timestamp::UNIX_EPOCH);
    InProcessGitHub::new(Arc::new(Mutex::new(StandInGitHub::new(settings))), Arc::new(clock))
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
            registry: Arc::default(),
            fleet: Arc::default(),
            github: Arc::new(github()),
            config: config("ubuntu:*").into(),
            now: Mutex::new("2026-11-20T10:00:00Z".parse().expect("a time")),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        *self.now.lock().expect("no test panics here")
    }

    pub(crate) fn function(&self) -> ImageBuild {
        ImageBuild {
            ledger: self.ledger.clone(),
            registry: self.registry.clone(),
            images: self.builder.clone(),
            fleet: self.fleet.clone(),
            github: self.github.clone(),
            config: self.config.clone(),
        }
    }

    pub(crate) fn request(&self, cause: &str) -> Envelope {
        self.request_for(Arch::X64, cause)
    }

    pub(crate) fn request_for(&self, arch: Arch, cause: &str) -> Envelope {
        self.request_of(BASE, arch, cause)
    }

    pub(crate) fn request_of(&self, image: &str, arch: Arch, cause: &str) -> Envelope {
        let image = image.parse().expect("an image");
        let repository = Some("acme/app".parse().expect("a repository"));
        let key = base::key_of(&image, arch);
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

    /// The n-th build ends, which is of what has a digest of these digits.
    pub(crate) async fn end_build(&self, build: u32, digits: char, status: &str) {
        let digest = format!("sha256:0{}", digits.to_string().repeat(63)).parse().expect("a digest");
        self.end(build, &key_of(&digest, Arch::X64, &Recipe::current(ImageMode::Build)), status).await;
    }

    /// The n-th build succeeds, which is of the image that is injected.
    pub(crate) async fn end_injector_build(&self, build: u32) {
        let digest = self.registry.digest(INJECTOR_BASE, Arch::X64);
        self.end(build, &key_of(&digest, Arch::X64, &Recipe::current(ImageMode::Inject)), "SUCCEEDED").await;
    }

    async fn end(&self, build: u32, key: &ImageKey, status: &str) {
        match status {
            "SUCCEEDED" => self.builder.finish(build),
            _ => self.builder.fail(build, status),
        }
        let mut event = sample("in-progress", build);
        event.detail["build-status"] = status.into();
        let information = &mut event.detail["additional-information"];
        information["environment"]["environment-variables"] = json!([{ "name": "IMAGE_KEY", "value": key }]);
        self.tells(&event).await.expect("an answer");
    }

    /// The base's image was made with another release of the runner.
    pub(crate) async fn was_made_with(&self, release: &str) {
        let key = base::key_of(&BASE.parse().expect("an image"), Arch::X64);
        let mut row = ledger::base(&*self.ledger, &key).await.expect("a ledger").expect("a row");
        let resolved = row.value.resolved.as_mut().expect("a base that is resolved");
        release.clone_into(&mut resolved.recipe.runner);
        ledger::put(&*self.ledger, row).await.expect("a ledger");
    }

    /// Time passes; at its end the schedule runs.
    pub(crate) async fn passes(&self, seconds: i64) -> Vec<Fact> {
        self.pass(seconds).await.expect("an answer")
    }

    pub(crate) async fn pass(&self, seconds: i64) -> Result<Vec<Fact>, FunctionError> {
        *self.now.lock().expect("no test panics here") += SignedDuration::from_secs(seconds);
        let detail_type = "Scheduled Event".to_owned();
        let event = Envelope { detail_type, detail: json!({}), ..sample("in-progress", 1) };
        self.tells(&event).await
    }

    pub(crate) async fn base(&self) -> Base {
        let key = base::key_of(&BASE.parse().expect("an image"), Arch::X64);
        ledger::base(&*self.ledger, &key).await.expect("a ledger").expect("a row").value
    }

    /// What serves the base.
    pub(crate) async fn serves(&self) -> Option<String> {
        self.base().await.serving.map(|serving| serving.image.uri)
    }

    /// The row of the image that the base is to be served by.
    pub(crate) async fn row(&self) -> Image {
        let key = image_key(&self.registry, &Recipe::current(self.config.images.mode));
        ledger::image(&*self.ledger, &key).await.expect("a ledger").expect("a row").value
    }

    pub(crate) async fn state(&self) -> ImageState {
        self.row().await.state
    }
}
