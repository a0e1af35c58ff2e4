//! Tasks that are to stop.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ports::Fleet;
use rustix::process::{Pid, Signal, kill_process};

use super::{Machine, UNTIL_GO, steps};
use crate::world::{BEGIN, is_alive, line_of, until};

#[tokio::test]
async fn a_stopped_task_says_why() {
    let machine = Machine::with(UNTIL_GO).await;
    let fleet = machine.open();
    let task = fleet.launch("ff-1-1").await.unwrap();
    let runner = line_of(&machine.runner("ff-1-1").join("ready")).await;
    fleet.fleet.stop(&task, "its job was cancelled").await.unwrap();
    fleet.fleet.stop(&task, "for another reason").await.unwrap();

    let end = fleet.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.stop_code.as_deref(), Some("UserInitiated"));
    assert_eq!(end.stopped_reason.as_deref(), Some("its job was cancelled"));
    assert_eq!(end.containers[0].exit_code, Some(1));
    assert!(!is_alive(&runner));
    fleet.fleet.stop(&task, "again").await.unwrap();
    fleet.fleet.stop(&"local:task/ff-9-9".parse().unwrap(), "unknown").await.unwrap();
    fleet.fleet.stop(&"arn:aws:ecs:eu:1:task/x".parse().unwrap(), "foreign").await.unwrap();
}

#[tokio::test]
async fn an_agent_that_does_not_stop_is_killed_also_by_the_next_fleet() {
    let machine = Machine::with(&format!("{BEGIN}{UNTIL_GO}")).await;
    let first = machine.open();
    let task = first.launch("ff-1-1").await.unwrap();
    let runner = line_of(&machine.runner("ff-1-1").join("ready")).await;
    let agent = Pid::from_raw(machine.agent_of("ff-1-1").await.try_into().unwrap()).unwrap();
    // It does not get to hear of SIGTERM.
    kill_process(agent, Signal::STOP).unwrap();
    first.fleet.stop(&task, "no work for it").await.unwrap();
    let listed = first.fleet.list().await.unwrap();
    assert!(listed[0].stopping);
    first.crash().await;

    machine.clock.advance(SignedDuration::from_secs(60 + 11));
    let next = machine.open();
    let end = next.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.stop_code.as_deref(), Some("UserInitiated"));
    assert_eq!(end.stopped_reason.as_deref(), Some("no work for it"));
    assert_eq!(end.containers[0].exit_code, Some(137));
    until("the runner's end", || (!is_alive(&runner)).then_some(())).await;
}

#[tokio::test]
async fn a_task_that_is_stopped_before_its_agent_is_up_never_runs() {
    let machine = Machine::with("").await.agent(&["sleep", "300"]);
    let fleet = machine.open();
    let task = fleet.launch("ff-1-1").await.unwrap();
    fleet.told("ff-1-1", "PENDING").await;
    fleet.fleet.stop(&task, "its job was cancelled").await.unwrap();
    let end = fleet.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.stop_code.as_deref(), Some("UserInitiated"));
    assert_eq!(fleet.steps("ff-1-1"), steps(&[(1, "PENDING"), (2, "STOPPED")]));
    assert!(machine.register.requests().is_empty());
}
