//! From a launch to its end.

use std::fs;

use fleetfoot_local::fleet::{LocalFleet, OpenError};
use fleetfoot_model::ports::{Fleet, FleetError};
use fleetfoot_model::spec::Arch;
use rustix::process::{Pid, getsid};

use super::{Machine, UNTIL_GO, request, steps};
use crate::world::{BEGIN, FINISH, line_of, until};

#[tokio::test]
async fn a_task_is_told_from_its_acceptance_to_its_end() {
    let machine = Machine::with(&format!("{BEGIN}echo working\n{FINISH}")).await;
    let fleet = machine.open();
    let task = fleet.launch("ff-1-1").await.unwrap();
    assert_eq!(task.as_str(), "local:task/ff-1-1");

    let end = fleet.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.stop_code.as_deref(), Some("EssentialContainerExited"));
    assert_eq!((end.containers[0].name.as_str(), end.containers[0].exit_code), ("runner", Some(0)));
    assert!(end.started_at.unwrap() <= end.stopped_at.unwrap());
    assert_eq!(fleet.steps("ff-1-1"), steps(&[(1, "PENDING"), (2, "RUNNING"), (3, "STOPPED")]));
    assert_eq!(machine.register.requests().len(), 1);
    assert!(machine.log("ff-1-1").contains("working\n"));
    until("an empty folder", || machine.left().is_empty().then_some(())).await;
    assert!(fleet.fleet.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_same_name_twice_is_one_task_even_when_it_is_over() {
    let machine = Machine::with("").await;
    let fleet = machine.open();
    let (a, b, c) = tokio::join!(fleet.launch("ff-1-1"), fleet.launch("ff-1-1"), fleet.launch("ff-1-1"));
    assert!(a == b && b == c && a.is_ok(), "{a:?} {b:?} {c:?}");
    fleet.told("ff-1-1", "STOPPED").await;
    until("an empty folder", || machine.left().is_empty().then_some(())).await;

    assert_eq!(fleet.launch("ff-1-1").await, a);
    assert!(machine.left().is_empty(), "it is not started again");
    assert_eq!(machine.register.requests().len(), 1);
    assert_eq!(fleet.steps("ff-1-1").len(), 3);
}

#[tokio::test]
async fn two_runners_share_no_files_and_no_session() {
    let machine = Machine::with(&format!("{BEGIN}{UNTIL_GO}{FINISH}")).await;
    let fleet = machine.open();
    let names = ["ff-1-1", "ff-2-1"];
    for name in names {
        fleet.launch(name).await.unwrap();
        line_of(&machine.runner(name).join("ready")).await;
    }
    let mut listed = fleet.fleet.list().await.unwrap();
    listed.retain(|task| !task.stopping);
    assert_eq!(listed.iter().map(|task| task.runner.as_str()).collect::<Vec<_>>(), names);
    for name in names {
        let agent = i32::try_from(machine.agent_of(name).await).unwrap();
        assert_eq!(getsid(Pid::from_raw(agent)).unwrap().as_raw_pid(), agent);
    }
    fs::write(machine.runner("ff-1-1").join("go"), "").unwrap();
    fleet.told("ff-1-1", "STOPPED").await;
    assert!(fleet.steps("ff-2-1").len() < 3, "the other one goes on");
    fs::write(machine.runner("ff-2-1").join("go"), "").unwrap();
    fleet.told("ff-2-1", "STOPPED").await;
}

#[tokio::test]
async fn secrets_of_the_control_plane_do_not_arrive() {
    let mut machine = Machine::with(&format!("{BEGIN}env | sort\n{FINISH}")).await;
    let secrets = ["GITHUB_TOKEN", "FLEETFOOT_WEBHOOK_SECRET", "SLACK_WEBHOOK_URL", "RUNNER_APP_KEY"];
    for name in secrets {
        machine.settings.environment.push((name.into(), "swordfish".into()));
    }
    machine.settings.environment.push(("RUNNER_ALLOW_RUNASROOT".into(), "1".into()));
    machine.settings.secret_names = vec!["RUNNER_APP_KEY".to_owned()];
    let fleet = machine.open();
    fleet.launch("ff-1-1").await.unwrap();
    fleet.told("ff-1-1", "STOPPED").await;

    let environment = machine.log("ff-1-1");
    assert!(environment.contains("\nRUNNER_ALLOW_RUNASROOT=1\n"), "{environment}");
    assert!(environment.contains("\nPATH=/"));
    // Cargo gives it to this process.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    for name in secrets.into_iter().chain(["CARGO_PKG_NAME"]) {
        assert!(!environment.contains(name), "{environment}");
    }
    assert!(!environment.contains("swordfish") && !environment.contains("FLEETFOOT_"));
}

#[tokio::test]
async fn what_can_never_run_here_is_refused_with_the_reason() {
    let machine = Machine::with("").await;
    let fleet = machine.open();
    let mut foreign = request("ff-1-1");
    foreign.spec.arch = if foreign.spec.arch == Arch::X64 { Arch::Arm64 } else { Arch::X64 };
    let refused = fleet.fleet.launch(&foreign).await;
    assert!(
        matches!(&refused, Err(FleetError::Impossible(why)) if why.contains("this machine is")),
        "{refused:?}"
    );

    fs::remove_file(machine.folder.path().join("runner/run.sh")).unwrap();
    let refused = fleet.launch("ff-1-1").await;
    assert!(matches!(&refused, Err(FleetError::Impossible(why)) if why.contains("run.sh")), "{refused:?}");
    assert!(machine.left().is_empty());

    let reopened = LocalFleet::open(machine.settings.clone());
    assert!(matches!(reopened, Err(OpenError::NoRunner { folder }) if folder == machine.settings.runner_dir));
}

#[tokio::test]
async fn an_agent_that_cannot_be_started_leaves_no_task() {
    let machine = Machine::with("").await.agent(&["/nowhere/agent"]);
    let fleet = machine.open();
    let refused = fleet.launch("ff-1-1").await;
    assert!(
        matches!(&refused, Err(FleetError::Impossible(why)) if why.contains("/nowhere/agent")),
        "{refused:?}"
    );
    until("an empty folder", || machine.left().is_empty().then_some(())).await;
}

#[tokio::test]
async fn an_agent_that_ends_before_it_is_up_is_a_task_that_failed_to_start() {
    let machine = Machine::with("").await.agent(&["sh", "-c", "echo 'no such library' >&2; exit 127"]);
    let fleet = machine.open();
    fleet.launch("ff-1-1").await.unwrap();
    let end = fleet.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.stop_code.as_deref(), Some("TaskFailedToStart"));
    assert!(end.stopped_reason.unwrap().contains("exit status: 127"));
    assert_eq!(machine.log("ff-1-1"), "no such library\n");
    assert_eq!(fleet.steps("ff-1-1"), steps(&[(1, "PENDING"), (2, "STOPPED")]));
}
