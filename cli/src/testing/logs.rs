//! What runners have said, and commands among them.

use super::World;
use super::rows::{at, registered};

impl World {
    pub(super) fn log(&self, runner: &str, text: &str) {
        std::fs::create_dir_all(self.path().join("logs")).unwrap();
        self.write(&format!("logs/{runner}.log"), text);
    }
}

#[tokio::test]
async fn a_runners_log_is_shown_as_it_is_and_harmless() {
    let world = World::seeded().await;
    world.log(
        "ff-101-1",
        "2026-11-20T08:00:04.25Z  INFO up\n2026-11-20 08:00:05Z: Listening for Jobs\n\u{1b}]0;owned\u{7}\n   at step 2\n",
    );
    let said = world.run("logs ff-101-1").await;
    assert_eq!(
        said.data,
        "2026-11-20 09:00:04.250  INFO up\n2026-11-20 09:00:05.000  Listening for Jobs\n\\u{1b}]0;owned\\u{7}\nat step 2\n"
    );
    assert!(said.succeeded && said.rest.is_empty(), "{}", said.rest);
    let json = world.run("logs ff-101-1 --json").await;
    let lines: Vec<serde_json::Value> =
        json.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["at"], "2026-11-20T08:00:05Z");
    assert_eq!(lines[1]["text"], "2026-11-20 08:00:05Z: Listening for Jobs");
    assert_eq!(lines[2]["text"], "\u{1b}]0;owned\u{7}");
    assert_eq!((&lines[2]["runner"], &lines[2]["source"]), (&"ff-101-1".into(), &"runner".into()));
    assert!(!json.data.contains('\u{1b}'));
}

#[tokio::test]
async fn a_part_of_a_log_is_shown_if_a_part_is_wanted() {
    let world = World::seeded().await;
    let lines: Vec<String> = (0..50).map(|n| format!("2026-11-20 08:00:{n:02}Z: line {n}\n")).collect();
    world.log("ff-101-1", &lines.concat());
    let said = world.run("logs ff-101-1 --since 2026-11-20T08:00:48Z").await;
    assert_eq!(said.data.lines().count(), 2, "{}", said.data);
    let said = world.run("logs ff-101-1 --limit 3").await;
    assert_eq!(said.data.lines().count(), 3);
    assert_eq!(said.rest, "there are more lines; --limit shows more, --since fewer\n");
}

#[tokio::test]
async fn each_runner_of_a_job_has_a_heading() {
    let world = World::seeded().await;
    world.write("fleet.toml", super::fleet::CONFIGURATION);
    world.put(vec![registered("ff-104-1", Some(104), at(400)).into()]).await;
    world.log("ff-104-1", "the first\n");
    world.log("ff-104-2", "the second\n");
    let said = world.run("logs 104").await;
    let headings: Vec<&str> = said.data.lines().filter(|line| line.starts_with("==>")).collect();
    assert_eq!(headings[0], "==> ff-104-1, registered <==", "{}", said.screen());
    assert!(headings.len() == 2 && said.data.ends_with("the second\n"), "{}", said.screen());
}

#[tokio::test]
async fn what_is_not_there_is_told_with_its_reason() {
    let world = World::seeded().await;
    for (line, reason) in [
        ("logs ff-1-1", "error: there is no runner ff-1-1\nhint: `fleetfoot runners list --all` lists"),
        (
            "logs ff-101-1",
            "error: there is no log of runner ff-101-1\n  cause: [folder]/logs/ff-101-1.log would be",
        ),
        ("logs 4711", "error: job 4711 is not known to this fleet\n"),
        (
            "logs --function launch",
            "error: the functions of a fleet on this machine keep no log of their own\nhint: ",
        ),
    ] {
        let said = world.run(line).await;
        assert!(said.rest.starts_with(reason) && !said.succeeded, "{line}: {}", said.rest);
        assert_eq!(said.data, "");
    }
}

#[tokio::test]
async fn a_command_runs_in_the_folder_of_a_runner_that_is_up() {
    let world = World::seeded().await;
    let folder = world.path().join("runners/ff-101-1/runner/_work");
    std::fs::create_dir_all(&folder).unwrap();
    let state = world.path().display();
    let line = format!("exec ff-101-1 --state {state} --config {state}/fleet.toml -- touch here");
    assert!(world.run(&line).await.succeeded);
    assert!(folder.join("here").is_file());
    let missing = world.run(&line.replace("touch", "no-such-program")).await;
    assert!(missing.rest.starts_with("error: no-such-program cannot be started\n"), "{}", missing.rest);
    assert!(!world.run(&line.replace("touch here", "false")).await.succeeded);
    // Job 101 runs there.
    let by_job = line.replace("ff-101-1", "101").replace("touch here", "touch there");
    assert!(world.run(&by_job).await.succeeded);
    assert!(folder.join("there").is_file());
}

#[tokio::test]
async fn a_runner_that_is_not_up_cannot_be_entered() {
    let world = World::seeded().await;
    for (runner, reason) in [
        ("ff-1-1", "error: there is no runner ff-1-1\n"),
        ("ff-104-2", "error: runner ff-104-2 has stopped\n  cause: "),
        ("ff-107-1", "error: the task of runner ff-107-1 is not up yet\nhint: "),
        ("ff-101-1", "error: the folder of runner ff-101-1 is not there\n"),
        ("105", "error: job 105 has no runner\nhint: `fleetfoot why 105` tells "),
        ("1", "error: job 1 is not known to this fleet\n"),
    ] {
        let said = world.run(&format!("exec {runner}")).await;
        assert!(said.rest.starts_with(reason), "{}", said.rest);
    }
}
