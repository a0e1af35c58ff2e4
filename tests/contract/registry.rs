//! What holds for the registries of base images: the stand-in in this process, and the adapter that speaks the protocol to
//! the same stand-in over HTTP.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fleetfoot_model::image::ImageReference;
use fleetfoot_model::ports::{Clock, Registry, RegistryError};
use fleetfoot_model::spec::Arch;
use fleetfoot_model::{SignedDuration, Timestamp, config};
use fleetfoot_registry::{Anonymous, HttpRegistry, Patience};
use fleetfoot_stand_in::registry::{InProcessRegistry, Settings, Shape, StandInRegistry};
use fleetfoot_stand_in::registry_http;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A clock that a test turns.
#[derive(Clone)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A registry behind the port, and the stand-in that it is.
struct Subject {
    registry: Arc<dyn Registry>,
    stand_in: Arc<Mutex<StandInRegistry>>,
    clock: Hand,
    /// What references to it begin with.
    host: String,
    server: Option<JoinHandle<()>>,
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

fn parts() -> (Arc<Mutex<StandInRegistry>>, Hand) {
    let clock = Hand(Arc::new(Mutex::new("2026-11-21T10:00:00Z".parse().unwrap())));
    (Arc::new(Mutex::new(StandInRegistry::new(Settings::new(7)))), clock)
}

async fn in_process() -> Subject {
    let (stand_in, clock) = parts();
    let registry = Arc::new(InProcessRegistry::new(Arc::clone(&stand_in), Arc::new(clock.clone())));
    Subject { registry, stand_in, clock, host: "registry.example".to_owned(), server: None }
}

async fn over_http() -> Subject {
    let (stand_in, clock) = parts();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let serving = registry_http::serve(listener, Arc::clone(&stand_in), Arc::new(clock.clone()));
    let server = Some(tokio::spawn(async move { serving.await.unwrap() }));
    let text = format!(
        "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:W\"]\n[images]\nallow = \
         [\"{host}/**\"]\n"
    );
    let images = config::load("fleet.toml", &text).unwrap().images;
    // Long enough for a busy machine, short enough for the test of a registry that stalls.
    let patience = Patience { connect: Duration::from_secs(1), total: Duration::from_secs(1) };
    let registry = HttpRegistry::new(&images, Arc::new(Anonymous), Arc::new(clock.clone()), patience);
    Subject { registry: Arc::new(registry), stand_in, clock, host, server }
}

impl Subject {
    fn stand_in(&self) -> MutexGuard<'_, StandInRegistry> {
        self.stand_in.lock().unwrap()
    }

    fn image(&self, rest: &str) -> ImageReference {
        format!("{}/{rest}", self.host).parse().unwrap()
    }

    /// The digest of what an image names, which is also where it can be pulled.
    async fn digest(&self, rest: &str, arch: Arch) -> String {
        let base = self.registry.resolve(&self.image(rest), arch).await.unwrap();
        let name = self.image(rest).location().name();
        assert_eq!(base.uri, format!("{name}@{}", base.digest));
        base.digest.to_string()
    }

    async fn error(&self, rest: &str, arch: Arch) -> RegistryError {
        self.registry.resolve(&self.image(rest), arch).await.unwrap_err()
    }

    async fn refusal(&self, rest: &str, arch: Arch) -> String {
        match self.error(rest, arch).await {
            RegistryError::Refused(text) => text,
            other => panic!("{other:?}"),
        }
    }
}

async fn each_architecture_has_its_digest(it: Subject) {
    let x64 = it.digest("acme/app:1", Arch::X64).await;
    let arm64 = it.digest("acme/app:1", Arch::Arm64).await;
    assert_ne!(x64, arm64);
    assert_eq!(it.digest("acme/app:1", Arch::X64).await, x64);
    assert_ne!(it.digest("acme/app:2", Arch::X64).await, x64);
    assert_ne!(it.digest("acme/other:1", Arch::X64).await, x64);
    assert_eq!(it.digest("acme/app", Arch::X64).await, it.digest("acme/app:latest", Arch::X64).await);
}

async fn a_push_moves_the_tag_and_leaves_the_digest(it: Subject) {
    let first = it.stand_in().push(&it.image("app:1"), &Shape::both());
    let before = it.digest("app:1", Arch::X64).await;
    it.stand_in().push(&it.image("app:1"), &Shape::both());
    assert_ne!(it.digest("app:1", Arch::X64).await, before);
    assert_eq!(it.digest(&format!("app@{first}"), Arch::X64).await, before);
    assert_eq!(it.digest(&format!("app:1@{first}"), Arch::X64).await, before, "the digest counts");
    assert_eq!(it.digest(&format!("app@{before}"), Arch::X64).await, before, "one manifest of the list");
    let text = it.refusal(&format!("app@{before}"), Arch::Arm64).await;
    assert!(text.contains("linux/amd64"), "{text}");
}

async fn one_manifest_says_itself_what_it_is_for(it: Subject) {
    let root = it.stand_in().push(&it.image("app:1"), &Shape::Single(Arch::Arm64));
    assert_eq!(it.digest("app:1", Arch::Arm64).await, root.as_str());
    let text = it.refusal("app:1", Arch::X64).await;
    assert!(text.contains("app:1") && text.contains("only for linux/arm64"), "{text}");
}

async fn a_list_without_the_architecture_is_refused(it: Subject) {
    it.stand_in().push(&it.image("app:1"), &Shape::List(vec![Arch::X64]));
    it.digest("app:1", Arch::X64).await;
    let text = it.refusal("app:1", Arch::Arm64).await;
    assert!(
        text.contains("app:1") && text.ends_with("only for linux/amd64")
            || text.contains("only for linux/amd64;"),
        "{text}"
    );
}

async fn what_is_not_there_is_refused(it: Subject) {
    it.stand_in().remove(&it.image("app:1"));
    let text = it.refusal("app:1", Arch::X64).await;
    assert!(text.contains(&format!("there is no {}/app:1", it.host)), "{text}");
    it.digest("app:2", Arch::X64).await;
    let text = it.refusal(&format!("app@sha256:{}", "0".repeat(64)), Arch::X64).await;
    assert!(text.contains("there is no"), "{text}");
    it.stand_in().push(&it.image("app:1"), &Shape::both());
    it.digest("app:1", Arch::X64).await;
}

async fn what_is_not_public_is_refused(it: Subject) {
    it.stand_in().set_private(&it.image("acme/app"), true);
    let text = it.refusal("acme/app:1", Arch::X64).await;
    assert!(text.contains("not there, or not public"), "{text}");
    it.digest("acme/other:1", Arch::X64).await;
    it.stand_in().set_private(&it.image("acme/app"), false);
    it.digest("acme/app:1", Arch::X64).await;
}

async fn content_that_is_not_what_its_digest_says_is_refused(it: Subject) {
    let root = it.stand_in().push(&it.image("app:1"), &Shape::both());
    it.digest(&format!("app@{root}"), Arch::X64).await;
    it.stand_in().alter(&it.image("app:1"));
    let text = it.refusal(&format!("app@{root}"), Arch::X64).await;
    assert!(text.contains("is not what its digest says"), "{text}");
}

async fn a_limit_says_until_when(it: Subject) {
    let until = it.clock.now() + SignedDuration::from_secs(90);
    it.stand_in().throttle(until);
    assert_eq!(it.error("app:1", Arch::X64).await, RegistryError::Throttled { until });
    *it.clock.0.lock().unwrap() = until;
    it.digest("app:1", Arch::X64).await;
}

async fn a_registry_that_is_away_is_asked_again(it: Subject) {
    let until = it.clock.now() + SignedDuration::from_secs(90);
    it.stand_in().go_away(until);
    assert!(matches!(it.error("app:1", Arch::X64).await, RegistryError::Unavailable(_)));
    *it.clock.0.lock().unwrap() = until;
    it.digest("app:1", Arch::X64).await;
}

async fn a_registry_that_stalls_is_not_waited_for(it: Subject) {
    it.stand_in().stall(true);
    assert!(matches!(it.error("app:1", Arch::X64).await, RegistryError::Unavailable(_)));
    it.stand_in().stall(false);
    it.digest("app:1", Arch::X64).await;
}

macro_rules! held {
    ($($adapter:ident)* => $rules:tt) => { $(held!(@ $adapter $rules);)* };
    (@ $adapter:ident { $($rule:ident)* }) => {
        mod $adapter {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(super::$adapter().await).await;
            })*
        }
    };
}

held!(in_process over_http => {
    each_architecture_has_its_digest
    a_push_moves_the_tag_and_leaves_the_digest
    one_manifest_says_itself_what_it_is_for
    a_list_without_the_architecture_is_refused
    what_is_not_there_is_refused
    what_is_not_public_is_refused
    content_that_is_not_what_its_digest_says_is_refused
    a_limit_says_until_when
    a_registry_that_is_away_is_asked_again
    a_registry_that_stalls_is_not_waited_for
});
