//! What every command answers.

use std::collections::BTreeSet;

use clap::CommandFactory;
use fleetfoot_model::check::{Check, Shows};
use insta::assert_snapshot;
use serde_json::Value;

use super::{Said, World, rows};
use crate::Cli;
use crate::text::is_harmful;

macro_rules! shows {
    ($($test:ident: $line:literal,)*) => {
        $(#[tokio::test]
        async fn $test() {
            assert_snapshot!(World::seeded().await.run($line).await.screen());
        })*
    };
}

shows! {
    jobs_list: "jobs list",
    jobs_list_all: "jobs list --all",
    jobs_list_cut: "jobs list --limit 2",
    runners_list: "runners list",
    runners_list_all: "runners list --all",
    runners_details_of_a_busy_one: "runners details ff-101-1",
    runners_details_of_a_failed_one: "runners details ff-104-2",
    runners_details_of_none: "runners details ff-1-1",
    why_it_runs: "why 101",
    why_it_waits_for_capacity: "why 103",
    why_it_waits_to_be_tried_again: "why 104",
    why_it_waits_for_an_image: "why 105",
    why_it_was_not_looked_at: "why 106",
    why_its_runner_is_not_up: "why 107",
    why_it_ended: "why 108",
    why_it_was_rejected: "why https://github.com/acme/app/actions/runs/7010/job/109?pr=3",
    why_it_was_given_up: "why 110",
    why_it_is_unknown: "why 4711",
}

#[tokio::test]
async fn empty_lists_say_so_on_stderr() {
    let world = World::new();
    let mut screens = String::new();
    for line in ["jobs list", "jobs list --all", "runners list", "runners list --all"] {
        let said = world.run(line).await;
        assert_eq!(said.data, "", "{line}: a script must not read a note as a row");
        screens.push_str(&said.rest);
    }
    assert_snapshot!(screens);
}

/// However long GitHub is still to be told something of it.
#[tokio::test]
async fn a_job_that_ended_is_none_of_the_open_ones() {
    let world = World::new();
    let (mut ended, at) = (rows::job(301, "test", rows::at(0)), rows::at(60));
    ended.reject("no", at);
    ended.check = Some(Check::Wanted { shows: Shows::Failure, since: at, ask_at: at, is_asked: false });
    world.put(vec![rows::job(302, "later", rows::at(30)).into(), ended.into()]).await;
    let listed = |said: Said| -> Vec<Value> {
        let said = said.json();
        said["jobs"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect()
    };
    assert_eq!(listed(world.run("jobs list --json").await), [302]);
    assert_eq!(listed(world.run("jobs list --all --json").await), [302, 301]);
}

#[tokio::test]
async fn a_fleet_that_was_never_up_is_pointed_out() {
    let world = World::without_state();
    for line in ["jobs list", "runners list", "runners details ff-1-1", "why 1"] {
        let said = world.run(line).await;
        assert!(!said.succeeded);
        assert_eq!(
            said.rest,
            "error: there is no fleet in [folder]\n\
             hint: `fleetfoot up` makes one; --state or FLEETFOOT_STATE names the folder of another\n",
            "{line}"
        );
        assert!(world.path().read_dir().unwrap().next().is_none(), "{line}: looking leaves nothing behind");
    }
}

#[tokio::test]
async fn a_state_that_is_no_database_is_an_error() {
    let world = World::without_state();
    world.write(
        crate::arguments::DATABASE,
        "certainly no database, and long enough to have a header".repeat(20),
    );
    assert_snapshot!(world.run("jobs list").await.screen());
}

#[tokio::test]
async fn classes_are_listed_from_the_configuration() {
    let world = World::without_state();
    let missing = world.run("classes list").await;
    world.write("fleet.toml", "[classes.small]\ncpu = 3\nmemory = 1024\n");
    let mistaken = world.run("classes list").await;
    world.write(
        "fleet.toml",
        "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:S\"]\n\
         [classes.small]\ncpu = 512\nmemory = 1024\n\
         [classes.large]\ncpu = 4096\nmemory = 16384\ndisk = 75\narch = \"arm64\"\nspot = true\nrunners = 3\n",
    );
    let listed = world.run("classes list").await;
    assert_snapshot!([missing, mistaken, listed].map(|said| said.screen()).join("---\n"));
    let json = world.run("classes list --json").await.json();
    assert_eq!(json["classes"][1]["name"], "large");
    assert_eq!(json["classes"][1]["usdPerHour"], 0.062_049, "4 vCPU and 16 GB at 30%, 55 GB more");
    assert_documented(&json, &["classes list"]);
}

#[tokio::test]
async fn a_configuration_is_checked_as_a_whole() {
    let world = World::without_state();
    let good = world.write("good.toml", super::fleet::CONFIGURATION);
    let bad = world.write("bad.toml", "[classes.small]\ncpu = 3\nmemory = 1024\n[github]\ntoken = 1\n");
    let screens = [&good, &bad].map(|file| format!("config check {file}"));
    let mut shown = Vec::new();
    for line in &screens {
        shown.push(world.run(line).await.screen());
    }
    assert_snapshot!(shown.join("---\n"));
    let json = world.run(&format!("config check {bad} --json")).await;
    assert!(!json.succeeded, "a script sees it by the exit code, too");
    assert_eq!(json.json()["problems"][0]["key"], "classes.small.cpu");
    assert_documented(&json.json(), &["config check"]);
    // What has mistakes is shown, too: they are to be found.
    assert_eq!(
        world.run(&format!("config show --config {bad}")).await.data,
        std::fs::read_to_string(&bad).unwrap()
    );
    let shown = world.run(&format!("config show --config {good} --json")).await.json();
    assert_eq!(shown["text"], super::fleet::CONFIGURATION);
    assert_documented(&shown, &["config show"]);
    let none = world.run("config show").await;
    assert!(!none.succeeded && none.rest.contains("hint: --config or FLEETFOOT_CONFIG"), "{}", none.rest);
}

#[tokio::test]
async fn a_page_of_old_is_found_by_its_address() {
    let world = World::new();
    let mut job = rows::job(12_877_621_891, "test", rows::at(0));
    // As in events/foreign/github/workflow-job-queued-1.json.
    let page = "https://github.com/acme/app/actions/runs/4747967848/jobs/8433573014";
    std::sync::Arc::make_mut(&mut job.description).html_url = page.to_owned();
    world.put(vec![job.into()]).await;
    assert!(world.run(&format!("why {page}")).await.data.starts_with("Job 12877621891: queued"));
}

/// Nothing of what outsiders can choose reaches the terminal as anything but text on its own line.
#[tokio::test]
async fn hostile_names_are_harmless_on_a_terminal() {
    let world = World::new();
    world.put(rows::hostile()).await;
    for line in [
        "jobs list --all",
        "runners list --all",
        "runners details ff-668-1",
        "why 666",
        "why 667",
        "why 668",
        "jobs list --all --json",
        "why 666 --json",
    ] {
        let said = world.run(line).await;
        assert!(said.succeeded, "{}", said.rest);
        let harmful = said.data.chars().find(|it| is_harmful(*it) && *it != '\n');
        assert_eq!(harmful, None, "{line}");
        assert!(!said.data.lines().any(|line| line.starts_with("error:")), "{line}");
        assert!(
            line.contains("--json") || said.data.lines().all(|line| line.chars().count() < 1000),
            "{line}"
        );
    }
    let json = world.run("why 666 --json").await.json();
    assert!(json["job"]["name"].as_str().unwrap().starts_with(rows::HOSTILE), "JSON loses nothing");
}

#[tokio::test]
async fn json_is_as_documented() {
    let world = World::seeded().await;
    let jobs = world.run("jobs list --all --json").await.json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 10);
    assert_eq!(jobs["jobs"][1]["waiting"]["for"], "backoff");
    assert_documented(&jobs, &["jobs list"]);

    let runners = world.run("runners list --all --json").await.json();
    assert_eq!(runners["runners"][3]["stopReason"]["exitCode"], 2);
    assert_eq!(runners["runners"][3]["costUsd"], 0.000_411);
    assert_documented(&runners, &["runners list"]);

    let details = world.run("runners details ff-101-1 --json").await.json();
    assert_eq!(details["timeline"][1]["sincePreviousMillis"], 400);
    assert_documented(&details, &["runners list", "runners details"]);
    assert!(!details.to_string().contains("ticket"));

    let why = world.run("why 103 --json").await.json();
    assert_eq!(why["wait"]["jobsBefore"], 1);
    assert_eq!(why["runner"], Value::Null);
    assert_documented(&why, &["why", "jobs list", "runners list", "runners details"]);
    let cut = world.run("jobs list --limit 1 --json").await.json();
    assert_eq!((&cut["isCut"], cut["jobs"].as_array().unwrap().len()), (&Value::Bool(true), 1));
}

/// Every key of an answer is in the help of these commands.
pub(crate) fn assert_documented(json: &Value, commands: &[&str]) {
    let help: String = commands.iter().map(|command| help(command)).collect();
    let mut names = BTreeSet::new();
    keys(json, &mut names);
    for key in names {
        assert!(help.contains(&format!("\"{key}\"")), "{key} is not in the help of {commands:?}");
    }
}

fn keys(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

/// What `--help` shows.
fn help(command: &str) -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut at = &mut cli;
    for word in command.split_whitespace() {
        at = at.find_subcommand_mut(word).unwrap();
    }
    at.render_long_help().to_string()
}
