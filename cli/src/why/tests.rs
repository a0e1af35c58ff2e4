//! What `why` tells beyond the rows of a quiet fleet.

use fleetfoot_model::base::{self, Base, BaseState, Resolved, Serving};
use fleetfoot_model::config::{self, Config};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::image_key::{ImageMode, Recipe};
use fleetfoot_model::job::{Heard, Waiting};
use fleetfoot_model::ports::{BaseImage, GitHub, TaskImage};
use fleetfoot_model::record::{CleanupMemory, Record};
use fleetfoot_model::runner::{Arrival, RunnerState, StopReason};
use fleetfoot_model::spec::{Arch, Label};
use fleetfoot_report::overview::Wait;
use fleetfoot_stand_in::github::JobOrder;
use insta::assert_snapshot;
use serde_json::Value;

use super::unknown::{self, Question};
use crate::output::describe;
use crate::testing::commands::assert_documented;
use crate::testing::fleet::stand_in_github;
use crate::testing::rows::{self, at};
use crate::testing::{World, now, times};

const CONFIGURATION: &str = r#"
[github]
organization = "acme"
token = "env:T"
webhook_secrets = ["env:S"]
[classes.small]
cpu = 512
memory = 1024
runners = 2
[limits]
runners = 3
runners_per_repository = 3
[images]
allow = ["ubuntu:*"]
"#;

const DELIVERY: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

fn config() -> Config {
    config::load("fleet.toml", CONFIGURATION).unwrap()
}

/// A job that ran in an image on a task that told everything.
fn told_in_full() -> Vec<Record> {
    let mut job = rows::job(301, "test", at(0));
    let mut runner = rows::registered("ff-301-1", Some(301), at(2));
    let spec = fleetfoot_model::spec::Spec { image: Some("ubuntu:22.04".parse().unwrap()), ..rows::spec() };
    job.spec = Some(spec.clone());
    job.heard = Some(Heard::Webhook { delivery: DELIVERY.to_owned() });
    job.assign(&runner.name, at(2), "capacity is taken");
    job.launches = 1;
    job.start("ff-301-1", at(40), at(41));
    job.finish("success", Some("ff-301-1"), at(100), at(101));
    runner.spec = spec;
    runner.arrival = Some(Arrival {
        created_at: Some(at(3)),
        pull_started_at: Some(at(12)),
        pull_stopped_at: Some(at(27)),
        provider: Some("FARGATE".to_owned()),
        zone: Some("eu-central-1a".to_owned()),
        subnet: Some("subnet-0abc1234def567890".to_owned()),
    });
    runner.cost_micro_usd = Some(1_234);
    runner.stop(fleetfoot_model::runner::StopReason::Done, at(105));
    vec![job.into(), runner.into(), base().into()]
}

fn base() -> Base {
    let image = "ubuntu:22.04".parse().unwrap();
    let digest: fleetfoot_model::ids::ImageDigest = format!("sha256:{}", "1a".repeat(32)).parse().unwrap();
    let pulled = BaseImage { uri: format!("docker.io/library/ubuntu@{digest}"), digest };
    let key: fleetfoot_model::ids::ImageKey = "2b".repeat(32).parse().unwrap();
    let uri = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/fleetfoot:2b2b".to_owned();
    Base {
        key: base::key_of(&image, Arch::X64),
        image,
        arch: Arch::X64,
        state: BaseState::Served,
        resolved: Some(Resolved {
            base: pulled,
            image: key.clone(),
            recipe: Recipe::current(ImageMode::Build),
            at: at(-90_000),
        }),
        serving: Some(Serving { by: key, image: TaskImage { uri, injector: None }, since: at(-86_400) }),
        asked_at: at(-90_000),
        changed_at: at(-86_400),
    }
}

async fn world(rows: Vec<Record>) -> World {
    let world = World::new();
    world.write("fleet.toml", CONFIGURATION);
    world.put(rows).await;
    world
}

#[tokio::test]
async fn a_job_that_ran_is_told_from_its_delivery_to_its_cost() {
    let world = world(told_in_full()).await;
    assert_snapshot!(world.run("why 301").await.screen());
    let json = world.run("why 301 --json").await.json();
    assert_eq!(json["heard"]["delivery"], DELIVERY);
    assert_eq!(json["image"]["digest"], format!("sha256:{}", "1a".repeat(32)));
    assert_eq!(json["arrival"]["subnet"], "subnet-0abc1234def567890");
    let pull = json["phases"].as_array().unwrap().iter().find(|it| it["name"] == "image was there").unwrap();
    assert_eq!(pull["tookMillis"], 15_000);
    let commands = ["why", "jobs list", "runners list", "runners details", "explain"];
    assert_documented(&json, &commands);
}

#[tokio::test]
async fn a_job_that_waits_is_told_what_is_used_of_each_limit() {
    let mut rows = rows::all();
    rows.push(base().into());
    let world = world(rows).await;
    let said = world.run("why 103").await;
    assert_snapshot!(said.screen());
}

#[tokio::test]
async fn a_delivery_that_was_repeated_is_told_as_such() {
    let mut late = rows::job(302, "late", at(0));
    late.timeline = fleetfoot_model::timeline::Timeline::default();
    late.timeline.note(at(0), "queued at GitHub");
    late.timeline.note(at(200), "heard of");
    late.heard_at = Some(at(200));
    late.heard = Some(Heard::Webhook { delivery: DELIVERY.to_owned() });
    let mut searched = rows::job(303, "searched", at(0));
    searched.heard = Some(Heard::Search);
    let memory = CleanupMemory { redelivered: [(DELIVERY.to_owned(), 2)].into(), ..CleanupMemory::default() };
    let world = world(vec![late.into(), searched.into(), Record::Cleanup(memory)]).await;
    let late = world.run("why 302").await.data;
    assert!(late.contains("its first delivery failed, and `cleanup` asked GitHub to repeat it"), "{late}");
    assert_eq!(world.run("why 302 --json").await.json()["heard"]["repeats"], 2);
    let searched = world.run("why 303").await.data;
    assert!(searched.contains("by asking GitHub for queued jobs"), "{searched}");
}

/// GitHub's times are whole seconds: a job does not start before its runner is registered.
#[tokio::test]
async fn phases_within_a_second_are_told_in_the_order_in_which_they_happen() {
    let part = |millis| at(40) + fleetfoot_model::SignedDuration::from_millis(millis);
    let mut job = rows::job(304, "quick", at(38));
    let mut runner = rows::registered("ff-304-1", Some(304), at(39));
    runner.started_at = Some(part(100));
    runner.registered_at = Some(part(300));
    job.start("ff-304-1", at(40), part(400));
    job.finish("success", Some("ff-304-1"), at(40), part(900));
    runner.stop(StopReason::Done, part(950));
    let world = world(vec![job.into(), runner.into()]).await;
    let json = world.run("why 304 --json").await.json();
    let phases = json["phases"].as_array().unwrap();
    let names: Vec<_> = phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "created at GitHub",
            "heard of",
            "capacity taken",
            "task runs",
            "registered at GitHub",
            "job started",
            "job ended",
            "task ended",
        ]
    );
    assert!(phases.iter().skip(1).all(|phase| phase["tookMillis"].as_i64().unwrap() >= 0));
}

#[tokio::test]
async fn a_changed_configuration_is_pointed_out() {
    let world = world(told_in_full()).await;
    let changed = CONFIGURATION.replace("memory = 1024", "memory = 2048");
    world.write("fleet.toml", changed);
    let said = world.run("why 301").await.data;
    assert!(
        said.contains(
            "the configuration has changed since: today it would be small (512 CPU units, 2048 MiB"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn a_runs_page_lists_its_jobs() {
    let world = World::seeded().await;
    let page = "https://github.com/acme/app/actions/runs/7010";
    assert_snapshot!(world.run(&format!("why {page}")).await.screen());
    let json = world.run(&format!("why {page} --json")).await;
    let json: Value = serde_json::from_str(&json.data).unwrap();
    assert_eq!(json["jobs"].as_array().unwrap().len(), 9);
    assert_documented(&json, &["why", "jobs list"]);
    assert!(!world.run("why https://github.com/acme/app/actions/runs/1").await.succeeded);
}

/// A job that only GitHub knows: what its labels would come to.
async fn ask_about(labels: &[&str], as_json: bool) -> (String, String) {
    let github = stand_in_github();
    let repository: Repository = "acme/app".parse().unwrap();
    let labels: Vec<Label> = labels.iter().map(|label| label.parse().unwrap()).collect();
    let id = github.state().queue_job(now(), JobOrder::new(repository.clone(), labels));
    assert!(github.job(&repository, id).await.is_ok());
    let question = Question { id, repository: Some(&repository), as_json };
    let answer = unknown::ask(&question, &config(), &github, &times()).await.unwrap();
    let failures: String = answer.failures.iter().map(describe).collect();
    let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
    (plain(&answer.data), plain(&failures))
}

#[tokio::test]
async fn github_is_asked_about_a_job_that_is_not_known() {
    let mut screens = String::new();
    for labels in [
        &["self-hosted", "class:small"][..],
        &["self-hosted", "class:smal"],
        &["self-hosted", "small"],
        &["ubuntu-latest"],
    ] {
        let (data, failures) = ask_about(labels, false).await;
        screens.extend([data.as_str(), failures.as_str(), "---\n"]);
    }
    assert_snapshot!(screens);
    let (data, _) = ask_about(&["self-hosted", "class:smal"], true).await;
    let json: Value = serde_json::from_str(&data).unwrap();
    assert_eq!((&json["atGithub"]["status"], &json["job"]), (&"queued".into(), &Value::Null));
    assert_documented(&json, &["why", "jobs list", "explain"]);
}

#[tokio::test]
async fn what_github_answers_instead_is_a_cause() {
    let github = stand_in_github();
    let repository: Repository = "acme/app".parse().unwrap();
    let question = |repository| Question { id: JobId(4711), repository, as_json: false };
    let missing = unknown::ask(&question(Some(&repository)), &config(), &github, &times()).await.unwrap_err();
    assert_eq!(missing.causes, ["GitHub has no such job in acme/app"]);
    github.state().add_outage(now(), now() + fleetfoot_model::SignedDuration::from_mins(5));
    let down = unknown::ask(&question(Some(&repository)), &config(), &github, &times()).await.unwrap_err();
    assert!(
        down.causes[0].starts_with("GitHub cannot be asked for it in acme/app: GitHub unavailable"),
        "{down:?}"
    );
    let nowhere = unknown::ask(&question(None), &config(), &github, &times()).await.unwrap_err();
    assert!(nowhere.causes.is_empty() && nowhere.hint.unwrap().contains("the address of its page"));
}

/// Every way in which a job can wait, each as `why` says it.
fn waits() -> Vec<Waiting> {
    let until = at(0);
    let all = vec![
        Waiting::capacity(&Counter::Runners, 10),
        Waiting::Image { key: "ab".repeat(32).parse().unwrap() },
        Waiting::Throttled { until, reason: "x".to_owned() },
        Waiting::Backoff { until, reason: "x".to_owned() },
    ];
    // A new one has to be added above.
    for waiting in &all {
        match waiting {
            Waiting::Capacity { .. }
            | Waiting::Image { .. }
            | Waiting::Throttled { .. }
            | Waiting::Backoff { .. } => {}
        }
    }
    all
}

/// Every way in which a runner can end.
fn ends() -> Vec<StopReason> {
    let reason = || "x".to_owned();
    let all = vec![
        StopReason::Done,
        StopReason::Failed { exit_code: Some(2), reason: reason() },
        StopReason::NeverStarted { reason: reason() },
        StopReason::NotLaunched { reason: reason() },
        StopReason::Interrupted,
        StopReason::MachineFailed { reason: reason() },
        StopReason::Stopped { reason: reason() },
        StopReason::Lost,
    ];
    for end in &all {
        match end {
            StopReason::Done
            | StopReason::Failed { .. }
            | StopReason::NeverStarted { .. }
            | StopReason::NotLaunched { .. }
            | StopReason::Interrupted
            | StopReason::MachineFailed { .. }
            | StopReason::Stopped { .. }
            | StopReason::Lost
            // The fleet's own words, whatever they are.
            | StopReason::Other { .. } => {}
        }
    }
    all
}

/// `failed with exit code 2: x` begins with `failed with exit code`, as the guide has it.
fn beginning(text: &str) -> &str {
    let end = text.find([':', '(']).unwrap_or(text.len());
    let text = &text[..end];
    text.find(|it: char| it.is_ascii_digit()).map_or(text, |digit| &text[..digit]).trim_end()
}

#[test]
fn every_reason_to_wait_or_to_end_is_in_the_guide() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/troubleshooting.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let waits = waits().into_iter().map(|waiting| {
        let mut job = rows::job(1, "x", at(0));
        job.wait(waiting, at(2));
        Wait::of(&job, None).unwrap().on
    });
    let ends = ends().into_iter().map(|end| end.to_string());
    for words in waits.chain(ends) {
        let entry = format!("| `{}", beginning(&words));
        assert!(guide.contains(&entry), "docs/troubleshooting.md has no entry for {words:?}");
    }
    let launched = rows::launched("ff-107-1", Some(107), at(0));
    let mut job = rows::job(107, "x", at(0));
    job.assign(&launched.name, at(1), "capacity is taken");
    for state in
        [RunnerState::Reserved, RunnerState::Launched, RunnerState::Registered, RunnerState::Busy(JobId(1))]
    {
        let mut runner = launched.clone();
        runner.state = state;
        let wait = Wait::of(&job, Some(&runner)).unwrap();
        let entry = format!("| `{}", beginning(&wait.on));
        assert!(guide.contains(&entry), "docs/troubleshooting.md has no entry for {:?}", wait.on);
    }
}

/// From the webhook over the bus into the row: GitHub's GUID is what `replay` gave the delivery.
#[tokio::test]
async fn the_delivery_is_known_from_the_webhook_on() {
    let world = World::configured();
    let fleet = world.up().await;
    let body = crate::testing::event_file("foreign/github/workflow-job-queued-1.json");
    let id = serde_json::from_str::<Value>(&body).unwrap()["workflow_job"]["id"].clone();
    let file = world.write("queued.json", body);
    let replayed = world.run(&format!("replay {file} --stale --url {} --json", fleet.url)).await.json();
    let why = world.run(&format!("why {id} --json")).await.json();
    assert_eq!(why["heard"]["by"], "webhook");
    assert_eq!(why["heard"]["delivery"], replayed["replayed"][0]["id"]);
}
