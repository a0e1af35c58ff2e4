//! What `doctor` finds in a fleet of this machine, with a stand-in GitHub on a loopback port.

use std::path::Path;
use std::sync::{Arc, Mutex};

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ledger::{Stored, put};
use fleetfoot_model::record::CleanupMemory;
use fleetfoot_model::runner_release::PINNED_VERSION;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::VirtualClock;
use fleetfoot_stand_in::github::{App, Settings, StandInGitHub};
use fleetfoot_stand_in::github_http;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::commands::assert_documented;
use super::fleet::SECRET;
use super::{World, now};
use crate::arguments::{Configuration, Format, RunnerFolder, State};
use crate::doctor::finding::{Finding, Findings, Severity};
use crate::doctor::{Nearby, examine};
use crate::place::Here;

const KEY: &str = include_str!("../../../shared/github/tests/wire/keys/test-only-app-key.pem");

/// A GitHub that ends when it is dropped.
struct GitHub {
    url: String,
    _serving: JoinSet<()>,
}

async fn github(app: App) -> GitHub {
    let settings = Settings { app, ..Settings::new(1, Secret::new(SECRET)) };
    let state = Arc::new(Mutex::new(StandInGitHub::new(settings)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = Arc::new(VirtualClock::at(now()));
    let webhook = "https://tunnel.example/webhook".to_owned();
    let mut serving = JoinSet::new();
    serving.spawn(async move { github_http::serve(listener, state, clock, webhook).await.unwrap() });
    GitHub { url, _serving: serving }
}

/// A fleet that signs in at this GitHub, with its secrets in place.
fn configured(url: &str) -> World {
    let world = World::new();
    world.write(
        "fleet.toml",
        format!(
            "[github]\nurl = \"{url}\"\norganization = \"acme\"\nwebhook_secrets = [\"file:webhook-secret\"]\n\
             [github.app]\nid = 1\ninstallation = 42\nkey = \"file:key.pem\"\n\
             [classes.small]\ncpu = 512\nmemory = 1024\n"
        ),
    );
    world.write("webhook-secret", SECRET);
    world.write("key.pem", KEY);
    world
}

async fn examined(world: &World, reached_at: &str) -> Findings {
    let place = Here {
        state: State { state: world.path().to_owned() },
        config: Configuration { config: world.path().join("fleet.toml") },
    };
    let runner = RunnerFolder { runner_dir: world.path().join("runner") };
    let nearby = Nearby { url: reached_at.parse().unwrap(), runner };
    examine(&place, &nearby, Arc::new(VirtualClock::at(now())), Format { json: false }).await
}

/// Each finding in a line, without what differs from one run to the next.
fn told(found: &Findings, world: &World, github: &str) -> String {
    let folder = world.path().display().to_string();
    let told = |it: &Finding| {
        let hint = it.hint.as_ref().map(|hint| format!("\n    -> {hint}")).unwrap_or_default();
        let causes: String = it.causes.iter().flat_map(|cause| ["\n    ", cause.as_str()]).collect();
        format!("{:?} {}: {}{causes}{hint}\n", it.severity, it.check, it.what)
    };
    let all: String = found.0.iter().map(told).collect();
    let all =
        all.replace(&folder, "[folder]").replace(github, "[github]").replace(PINNED_VERSION, "[release]");
    let is_space = |line: &&str| !line.contains("MiB are left");
    all.lines().filter(is_space).flat_map(|line| [line, "\n"]).collect()
}

/// Of each check the worst that was found, if that is not ok.
fn bad(found: &Findings) -> Vec<(&'static str, Severity)> {
    let mut bad: Vec<(&'static str, Severity)> = Vec::new();
    for finding in found.0.iter().filter(|it| it.severity != Severity::Ok) {
        match bad.iter_mut().find(|(check, _)| *check == finding.check) {
            Some((_, worst)) => *worst = finding.severity.max(*worst),
            None => bad.push((finding.check, finding.severity)),
        }
    }
    bad
}

/// A fleet that says of itself that it is well.
async fn answering() -> GitHub {
    let health = || async { axum::Json(serde_json::json!({ "version": env!("CARGO_PKG_VERSION") })) };
    let router = axum::Router::new().route("/health", axum::routing::get(health));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    GitHub { url, _serving: serving }
}

#[tokio::test]
async fn a_fleet_that_is_well_is_told_so() {
    let github = github(App::default()).await;
    let world = configured(&github.url);
    let fleet = answering().await;
    std::fs::create_dir(world.path().join("runner")).unwrap();
    world.write("runner/run.sh", "");
    let deliveries_listed_at = Some(now() - SignedDuration::from_secs(30));
    let memory = CleanupMemory { deliveries_listed_at, ..CleanupMemory::default() };
    put(&world.ledger(), Stored::new(memory)).await.unwrap();
    let lock = std::fs::File::create(world.path().join("up.lock")).unwrap();
    lock.try_lock().unwrap();
    let found = examined(&world, &fleet.url).await;
    // Whether this machine's disk has room is its own business, and GitHub has not sent anything yet.
    let bad: Vec<_> = bad(&found).into_iter().filter(|(check, _)| *check != "state").collect();
    assert_eq!(bad, [("deliveries", Severity::Warning)], "{}", told(&found, &world, &github.url));
    for check in ["configuration", "secrets", "github", "clock", "permissions", "webhook", "health", "ledger"]
    {
        assert!(found.0.iter().any(|it| it.check == check), "{check}");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_with_its_remedy() {
    let mut app = App { has_secret: false, ..App::default() };
    app.webhook_url = Some("https://tunnel.example/".to_owned());
    app.permissions.remove("organization_self_hosted_runners");
    app.accepted.clear();
    app.events.pop();
    app.suspended_at = Some(now());
    let github = github(app).await;
    let world = configured(&github.url);
    world.write("webhook-secret", " \n");
    // Nothing listens on port 1.
    let found = examined(&world, "http://127.0.0.1:1").await;
    let told = told(&found, &world, &github.url);
    let bad = bad(&found);
    for wrong in [
        ("secrets", Severity::Error),
        ("permissions", Severity::Error),
        ("events", Severity::Warning),
        ("installation", Severity::Error),
        ("webhook", Severity::Error),
        ("cleanup", Severity::Warning),
        ("health", Severity::Error),
        ("runner-folder", Severity::Error),
    ] {
        assert!(bad.contains(&wrong), "{wrong:?}: {told}");
    }
    let without_remedy = found.0.iter().filter(|it| it.severity >= Severity::Warning && it.hint.is_none());
    assert_eq!(without_remedy.count(), 0, "{told}");
}

#[tokio::test]
async fn without_a_configuration_the_rest_is_looked_at() {
    let world = World::new();
    world.write("fleet.toml", "[classes.small]\ncpu = 3\nmemory = 1024\n");
    let found = examined(&world, "http://127.0.0.1:1").await;
    let bad = bad(&found);
    assert_eq!(bad[0], ("configuration", Severity::Error));
    assert!(found.0[0].causes[0].contains("classes.small.cpu"), "{:?}", found.0[0]);
    assert!(
        bad.contains(&("github", Severity::Unknown)) && bad.contains(&("health", Severity::Error)),
        "{bad:?}"
    );
}

#[tokio::test]
async fn a_key_that_is_not_the_apps_hides_nothing_else() {
    let github = github(App::default()).await;
    let world = configured(&github.url);
    world.write("key.pem", "no key");
    let found = examined(&world, "http://127.0.0.1:1").await;
    let of =
        |check: &str| found.0.iter().filter(|it| it.check == check).map(|it| it.severity).collect::<Vec<_>>();
    assert_eq!(of("github"), [Severity::Error]);
    assert_eq!(of("runners"), [Severity::Unknown]);
    assert_eq!(of("permissions"), [Severity::Unknown]);
    assert_eq!(of("clock"), [Severity::Ok]);
    assert_eq!(of("runner-release"), [Severity::Ok]);
}

#[tokio::test]
async fn the_command_ends_as_scripts_expect_and_its_json_is_documented() {
    let github = github(App::default()).await;
    let world = configured(&github.url);
    let config = world.path().join("fleet.toml").display().to_string();
    let said = world.run(&format!("doctor --url http://127.0.0.1:1 --json --config {config}")).await;
    assert!(!said.succeeded, "nothing is up");
    let json = said.json();
    assert_eq!(json["worst"], "error");
    assert_documented(&json, &["doctor"]);
    let lines = world.run(&format!("doctor --url http://127.0.0.1:1 --config {config}")).await;
    assert!(lines.rest.contains(" errors, "), "{}", lines.rest);
}

/// A hint names the page that explains its heading.
#[tokio::test]
async fn every_heading_is_explained_in_the_guide() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/troubleshooting.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let github = github(App::default()).await;
    let world = configured(&github.url);
    let found = examined(&world, "http://127.0.0.1:1").await;
    for finding in found.0 {
        assert!(guide.contains(&format!("\n### {}\n", finding.check)), "{}", finding.check);
    }
}
