//! Logs in CloudWatch, and commands in tasks.

use std::time::SystemTime;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::Tickets;
use fleetfoot_model::runner::{Registration, Reservation, Runner, RunnerState, Scope, StopReason};
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_shell::clock::SeededTickets;

use crate::stage::Stage;

const TASK: &str = "arn:aws:ecs:eu-west-1:000000000000:task/ff/0f9a8b7c6d5e4f3a";

impl Stage {
    /// Writes lines, a second apart, the last of them now.
    async fn log(&self, group: &str, stream: &str, lines: &[&str]) {
        let logs = Client::new(&self.sdk);
        let group = format!("/fleetfoot/{}/{group}", self.name);
        let _ = logs.create_log_group().log_group_name(&group).send().await;
        logs.create_log_stream().log_group_name(&group).log_stream_name(stream).send().await.unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let first = i64::try_from(now).unwrap() - 1000 * i64::try_from(lines.len()).unwrap();
        let events = lines.iter().zip(0..).map(|(line, n)| {
            InputLogEvent::builder().timestamp(first + 1000 * n).message(*line).build().unwrap()
        });
        let put = logs.put_log_events().log_group_name(&group).log_stream_name(stream);
        put.set_log_events(Some(events.collect())).send().await.unwrap();
    }
}

fn runner() -> Runner {
    let reserved_at = "2026-11-20T08:00:00Z".parse().unwrap();
    let reservation = Reservation {
        name: "ff-101-1".parse().unwrap(),
        pool: None,
        job: None,
        scope: Scope::Organization("acme".parse().unwrap()),
        spec: Spec {
            class: "small".parse().unwrap(),
            cpu: 512,
            memory_mib: 1024,
            disk_gib: 20,
            arch: Arch::X64,
            capacity: Capacity::OnDemand,
            image: None,
        },
        labels: Vec::new(),
        counters: Vec::new(),
        register_by: reserved_at,
    };
    let mut runner = Runner::reserve(reservation, &SeededTickets::new(1).draw(), reserved_at);
    runner.task = Some(TASK.parse().unwrap());
    runner.move_to(RunnerState::Registered, reserved_at, "registered at GitHub");
    runner
}

#[tokio::test]
async fn the_log_of_a_runner_is_found_by_its_task() {
    let stage = Stage::deployed("logs").await;
    stage.put(runner()).await;
    let absent = stage.run("logs ff-101-1").await;
    assert!(absent.rest.contains("there is no log of runner ff-101-1"), "{absent:?}");
    assert!(absent.rest.contains("/fleetfoot/logs/runners keeps"), "{absent:?}");
    stage
        .log("runners", "runner/runner/0f9a8b7c6d5e4f3a", &["Listening for Jobs", "\u{1b}[2JRunning job"])
        .await;
    let said = stage.run("logs ff-101-1").await;
    let lines: Vec<&str> = said.data.lines().collect();
    assert_eq!(lines.len(), 2, "{said:?}");
    assert!(
        lines[0].ends_with("  Listening for Jobs") && lines[1].ends_with("\\u{1b}[2JRunning job"),
        "{said:?}"
    );
    let json = stage.run("logs ff-101-1 --json").await;
    let first: serde_json::Value = serde_json::from_str(json.data.lines().next().unwrap()).unwrap();
    assert_eq!((&first["text"], &first["runner"]), (&"Listening for Jobs".into(), &"ff-101-1".into()));
}

#[tokio::test]
async fn one_job_can_be_read_through_all_functions() {
    let stage = Stage::deployed("functions").await;
    let handled = |jobs: &str| format!(r#"{{"level":"INFO","message":"handled","event.jobs":"{jobs}"}}"#);
    for function in
        ["alarm", "cleanup", "image-build", "ingest", "job-state", "pool", "register", "task-state"]
    {
        stage.log(function, "1", &[&handled("101"), &handled("1012")]).await;
    }
    stage.log("launch", "1", &[&handled("7 101"), r#"{"_aws":{},"Launches":1,"n":101}"#]).await;
    let said = stage.run("logs --job 101").await;
    assert_eq!(said.data.lines().count(), 9, "{said:?}");
    assert!(said.data.contains("launch       INFO   handled  event.jobs=7 101"), "{said:?}");
    let launch = stage.run("logs --function launch --since 15m").await;
    assert_eq!((launch.code, launch.data.lines().count()), (0, 1), "{launch:?}");
    let unknown = stage.run("logs --function lunch").await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

#[tokio::test]
async fn nobody_enters_a_runner_unless_the_stack_allows_it() {
    let stage = Stage::deployed("closed").await;
    stage.put(runner()).await;
    let said = stage.run("exec ff-101-1").await;
    assert_eq!(said.code, 1);
    assert!(
        said.rest.starts_with("error: the stack does not allow commands in runners\nhint: deploy it with"),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_jobs_used_is_read_from_the_logs_of_runners() {
    let stage = Stage::deployed("usage").await;
    let config = "[github]\norganization = \"acme\"\ntoken = \"ssm:/token\"\nwebhook_secrets = [\"ssm:/secret\"]\n\
                  [classes.small]\ncpu = 512\nmemory = 1024\n";
    stage.write("fleet.toml", config);
    assert_eq!(stage.run("config put").await.code, 0);
    let mut ended = runner();
    ended.registration = Registration::Gone;
    ended.stop(StopReason::Done, Timestamp::try_from(SystemTime::now()).unwrap());
    stage.put(ended).await;
    let silent = stage.run("classes usage --json").await.json();
    assert_eq!((&silent["classes"][0]["jobs"], &silent["isCut"]), (&0.into(), &false.into()));
    let used = "2026-11-20T07:50:00Z  INFO fleetfoot_agent::usage: usage runner.name=\"ff-101-1\" \
                usage.peak_memory_mib=1020 usage.cpu_ms=60000 usage.wall_ms=120000 usage.out_of_memory=1";
    stage.log("runners", "runner/runner/0f9a8b7c6d5e4f3a", &["Listening for Jobs", used]).await;
    let told = stage.run("classes usage --json").await.json();
    assert_eq!(told["classes"][0]["jobs"], 1, "{told}");
    assert_eq!(told["classes"][0]["verdict"]["is"], "tooSmall", "{told}");
    stage.write("usage.txt", format!("{used}\n"));
    assert_eq!(stage.run("classes usage --lines usage.txt --json").await.json(), told);
}
