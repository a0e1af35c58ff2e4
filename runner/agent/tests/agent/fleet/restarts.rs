//! A fleet that is killed at any moment, and the next one.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetfoot_local::fleet::LocalFleet;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::ports::Fleet;
use rustix::process::{Pid, Signal, kill_process};

use super::{Machine, UNTIL_GO, steps};
use crate::world::{BEGIN, FINISH, is_alive, line_of, until};

#[tokio::test]
async fn runners_do_not_notice_and_the_next_fleet_tells_the_rest() {
    let machine = Machine::with(&format!("{BEGIN}{UNTIL_GO}{FINISH}")).await;
    let first = machine.open();
    first.launch("ff-1-1").await.unwrap();
    first.told("ff-1-1", "RUNNING").await;
    line_of(&machine.runner("ff-1-1").join("ready")).await;
    first.crash().await;

    let second = machine.open();
    let tasks = second.fleet.list().await.unwrap();
    assert_eq!((tasks.len(), tasks[0].id.as_str()), (1, "local:task/ff-1-1"));
    assert_eq!(second.launch("ff-1-1").await.unwrap(), tasks[0].id);
    second.crash().await;

    // It ends while nobody looks.
    fs::write(machine.runner("ff-1-1").join("go"), "").unwrap();
    until("its end", || machine.report("ff-1-1")?.exit_code).await;
    let third = machine.open();
    let end = third.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.containers[0].exit_code, Some(0));
    assert_eq!(third.steps("ff-1-1"), steps(&[(3, "STOPPED")]), "the version goes on");
    assert_eq!(machine.register.requests().len(), 1);
}

#[tokio::test]
async fn what_the_bus_did_not_take_is_told_again() {
    let machine = Machine::with("").await;
    let fleet = LocalFleet::open(machine.settings.clone()).unwrap();
    fleet.launch(&super::request("ff-1-1")).await.unwrap();
    let refused = Arc::new(AtomicUsize::new(0));
    let watch = tokio::spawn({
        let (fleet, refused) = (fleet.clone(), Arc::clone(&refused));
        let refuse = move |_| {
            refused.fetch_add(1, Ordering::SeqCst);
            Err("the disk is full")
        };
        async move { fleet.watch(refuse).await }
    });
    until("two tries", || (refused.load(Ordering::SeqCst) >= 2).then_some(())).await;
    until("its end", || machine.report("ff-1-1")?.exit_code).await;
    watch.abort();
    let _ = watch.await;

    let next = machine.open();
    next.told("ff-1-1", "STOPPED").await;
    assert_eq!(next.steps("ff-1-1"), steps(&[(1, "PENDING"), (2, "RUNNING"), (3, "STOPPED")]));
}

#[tokio::test]
async fn a_fleet_killed_between_folder_and_agent_launches_when_asked_again() {
    let machine = Machine::with("").await.agent(&["true"]);
    // Nobody watches, so what is left is a folder in which no agent ever was.
    let killed = LocalFleet::open(machine.settings.clone()).unwrap();
    killed.launch(&super::request("ff-1-1")).await.unwrap();
    drop(killed);
    let draft = machine.settings.state_dir.join("runners/.new-ff-1-1-abc");
    fs::create_dir(&draft).unwrap();

    let machine = machine.agent(&[env!("CARGO_BIN_EXE_fleetfoot-agent")]);
    let next = machine.open();
    next.launch("ff-1-1").await.unwrap();
    let end = next.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.containers[0].exit_code, Some(0));
    assert_eq!(machine.register.requests().len(), 1);
    assert!(draft.exists(), "it might be another process's that is at it");
}

#[tokio::test]
async fn a_task_that_nobody_asks_for_again_is_given_up_after_a_while() {
    let machine = Machine::with("").await.agent(&["true"]);
    let killed = LocalFleet::open(machine.settings.clone()).unwrap();
    killed.launch(&super::request("ff-1-1")).await.unwrap();
    drop(killed);

    let next = machine.open();
    next.told("ff-1-1", "PENDING").await;
    machine.clock.advance(SignedDuration::from_secs(30));
    let end = next.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.stop_code.as_deref(), Some("TaskFailedToStart"));
}

#[tokio::test]
async fn a_killed_agent_leaves_no_process_behind() {
    let daemon = "setsid sleep 300 > /dev/null 2>&1 &\necho $! > daemon\n";
    let scrubbed = "env -i sleep 300 &\necho $! > scrubbed\n";
    let machine = Machine::with(&format!("{BEGIN}{daemon}{scrubbed}{UNTIL_GO}")).await;
    let fleet = machine.open();
    fleet.launch("ff-1-1").await.unwrap();
    let mut processes = Vec::new();
    for file in ["ready", "daemon", "scrubbed"] {
        processes.push(line_of(&machine.runner("ff-1-1").join(file)).await);
    }
    let agent = machine.agent_of("ff-1-1").await;
    kill_process(Pid::from_raw(agent.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();

    let end = fleet.told("ff-1-1", "STOPPED").await;
    assert_eq!(end.stop_code.as_deref(), Some("EssentialContainerExited"));
    assert_eq!(end.containers[0].exit_code, Some(137));
    for pid in processes {
        until("its end", || (!is_alive(&pid)).then_some(())).await;
    }
}

#[tokio::test]
async fn one_process_watches_at_a_time() {
    let machine = Machine::with("").await;
    let (first, second) = (machine.open(), machine.open());
    second.launch("ff-1-1").await.unwrap();
    until("the end", || (first.events().len() + second.events().len() >= 3).then_some(())).await;
    assert!(first.events().is_empty() || second.events().is_empty());
    let (watching, waiting) = if first.events().is_empty() { (second, first) } else { (first, second) };
    watching.crash().await;

    waiting.launch("ff-2-1").await.unwrap();
    waiting.told("ff-2-1", "STOPPED").await;
}
