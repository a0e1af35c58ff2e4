//! What `cost` answers.

use fleetfoot_model::events::JobDescription;
use fleetfoot_model::price::Prices;
use fleetfoot_model::record::Record;
use fleetfoot_model::runner::{Registration, Runner, StopReason};
use fleetfoot_model::spec::{Arch, Capacity};
use fleetfoot_model::{SignedDuration, Timestamp};
use insta::assert_snapshot;

use super::rows::{HOSTILE, at, job, runner};
use super::{Said, World, assert_documented};

/// A job of a workflow in a repository, and the runner that it had for so many minutes.
fn ran(id: u64, repository: &str, workflow: &str, minutes: i64, change: impl Fn(&mut Runner)) -> Vec<Record> {
    let name = format!("ff-{id}-1");
    let ended = at(-600);
    let began = ended - SignedDuration::from_mins(minutes);
    let mut job = job(id, "test", began);
    let described: &mut JobDescription = std::sync::Arc::make_mut(&mut job.description);
    described.repository = repository.parse().unwrap();
    workflow.clone_into(&mut described.workflow);
    job.start(&name, began, began);
    job.finish("success", Some(&name), ended, ended);
    vec![job.into(), stopped(runner(&name, Some(id), began), began, ended, change).into()]
}

fn stopped(mut runner: Runner, began: Timestamp, ended: Timestamp, change: impl Fn(&mut Runner)) -> Runner {
    change(&mut runner);
    runner.price(&Prices::default(), Some(began), ended);
    runner.registration = Registration::Gone;
    runner.stop(StopReason::Done, ended);
    runner
}

async fn world() -> World {
    let world = World::configured();
    world.ledger();
    let arm = |runner: &mut Runner| {
        runner.spec.arch = Arch::Arm64;
        runner.spec.capacity = Capacity::Spot;
    };
    let warm = runner("ff-pool-office-7", None, at(-3600));
    let rows = [
        ran(1, "acme/app", "CI", 90, |_| {}),
        ran(2, "acme/app", "Release", 10, |_| {}),
        ran(3, "acme/lib", "CI", 60, arm),
        vec![stopped(warm, at(-3600), at(-1200), |_| {}).into()],
    ];
    world.put(rows.concat()).await;
    world
}

#[tokio::test]
async fn costs_are_told_by_whatever_is_asked_for() {
    let world = world().await;
    let mut screens = String::new();
    for line in [
        "cost",
        "cost --by workflow --since 2026-11-20",
        "cost --by arch",
        "cost --by day --csv",
        "cost --by workflow --csv",
    ] {
        let said = world.run(line).await.screen();
        screens.extend(["$ fleetfoot ", line, "\n", said.as_str(), "\n"]);
    }
    assert_snapshot!(screens);
}

#[tokio::test]
async fn jobs_that_never_had_a_runner_are_no_line() {
    let world = world().await;
    let mut refused = job(9, "oops", at(-700));
    refused.spec = None;
    refused.reject("there is no such class", at(-699));
    world.put(vec![refused.into()]).await;
    let said = world.run("cost --by class").await.data;
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[tokio::test]
async fn json_has_it_all() {
    let found = world().await.run("cost --by workflow --json").await.json();
    assert_eq!(found["by"], "workflow");
    assert_eq!(found["rows"][0]["repository"], "acme/app");
    assert_eq!(found["rows"][0]["name"], "CI");
    assert_eq!((found["total"]["runners"].clone(), found["total"]["jobs"].clone()), (4.into(), 3.into()));
    let sum: f64 = found["rows"].as_array().unwrap().iter().map(|row| row["usd"].as_f64().unwrap()).sum();
    assert!((sum - found["total"]["usd"].as_f64().unwrap()).abs() < 1e-9);
    assert_eq!(found["prices"][0], "2026-11");
}

#[tokio::test]
async fn where_nothing_was_spent_that_is_said() {
    let world = world().await;
    let told = |said: Said| (said.data, said.rest, said.succeeded);
    let (data, rest, succeeded) = told(world.run("cost --since 2026-11-01 --until 2026-11-02").await);
    assert!(data.is_empty() && succeeded && rest.starts_with("no runner and no job"), "{rest}");
    let (data, rest, succeeded) = told(world.run("cost --since 1h --until 2d").await);
    assert!(data.is_empty() && !succeeded && rest.contains("hint: "), "{rest}");
    let (_, rest, succeeded) = told(world.run("cost --since 2099-01-01").await);
    assert!(!succeeded && rest.starts_with("error: --since has not come yet\n"), "{rest}");
}

#[tokio::test]
async fn hostile_names_are_harmless() {
    let world = World::configured();
    world.ledger();
    world.put(ran(1, "acme/app", &format!("=1+1,\"{HOSTILE}"), 5, |_| {})).await;
    for line in ["cost --by workflow", "cost --by workflow --csv", "cost --by workflow --json"] {
        let said = world.run(line).await;
        let harmful = |it: char| crate::text::is_harmful(it) && it != '\n';
        assert!(!said.data.chars().any(harmful), "{line}: {:?}", said.data);
    }
}

/// A line as the agent of a runner writes it.
fn used(id: u64, memory_mib: u64, cpu_ms: u64) -> String {
    format!(
        "2026-11-20T07:50:00Z  INFO fleetfoot_agent::usage: usage runner.name=\"ff-{id}-1\" \
         usage.peak_memory_mib={memory_mib} usage.cpu_ms={cpu_ms} usage.wall_ms=3600000 usage.out_of_memory=0\n"
    )
}

#[tokio::test]
async fn a_class_is_held_against_what_its_jobs_used() {
    let world = World::configured();
    world.ledger();
    let classes = "[classes.large]\ncpu = 4096\nmemory = 16384\n[classes.tiny]\ncpu = 256\nmemory = 512\n";
    world.write("fleet.toml", format!("{}{classes}", super::fleet::CONFIGURATION));
    let mut text = String::from("2026-11-20T07:50:00Z  INFO something else\n");
    for id in 1..=20 {
        let large = |runner: &mut Runner| {
            runner.spec.class = "large".parse().unwrap();
            (runner.spec.cpu, runner.spec.memory_mib) = (4096, 16_384);
        };
        world.put(ran(id, "acme/app", "CI", 60, large)).await;
        let line = used(id, 900 + id, 1_800_000);
        world.log(&format!("ff-{id}-1"), &format!("Listening for Jobs\n{line}"));
        text.push_str(&line);
    }
    for id in 31..=34 {
        world.put(ran(id, "acme/app", "CI", 60, |_| {})).await;
        let line = used(id, if id == 33 { 1020 } else { 300 }, 360_000);
        world.log(&format!("ff-{id}-1"), &line);
        text.push_str(&line);
    }
    let lines = world.write("usage.txt", text);
    let screen = world.run(&format!("classes usage --lines {lines}")).await.screen();
    assert_eq!(world.run("classes usage").await.screen(), screen, "the fleet's own logs say the same");
    assert_snapshot!(screen);
    let json = world.run(&format!("classes usage --lines {lines} --json")).await.json();
    assert_eq!(json["classes"][0]["verdict"]["is"], "tooLarge");
    assert_eq!(json["classes"][1]["verdict"]["size"]["memoryMib"], 2048);
    assert_documented(&json, &["classes usage"]);
    assert!(!world.run("classes usage --lines /does/not/exist").await.succeeded);
}
