//! How tasks go at the stand-in Fargate.

use fleetfoot_model::foreign::TaskStateChange;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::ports::{FleetError, LaunchRequest};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::fargate::{FargateAction, Faults, Limits, Settings, StandInFargate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Deserialize;

use crate::support::{after, start};

fn request(name: &str) -> LaunchRequest {
    let spec = Spec {
        class: "small".parse().unwrap(),
        cpu: 512,
        memory_mib: 1024,
        disk_gib: 20,
        arch: Arch::X64,
        capacity: Capacity::OnDemand,
        image: None,
    };
    LaunchRequest {
        runner: name.parse().unwrap(),
        spec,
        capacity: Capacity::OnDemand,
        image: None,
        ticket: Ticket::draw(&mut StdRng::seed_from_u64(1)),
        attempt: 0,
        debug: false,
    }
}

fn spot(name: &str) -> LaunchRequest {
    LaunchRequest { capacity: Capacity::Spot, ..request(name) }
}

fn with(faults: Faults) -> StandInFargate {
    StandInFargate::new(Settings { faults, ..Settings::new(1) })
}

fn fargate() -> StandInFargate {
    with(Faults::NONE)
}

/// What happened: the time, and the action in a word or the event's status and stop code.
fn actions(fargate: &mut StandInFargate, until: Timestamp) -> Vec<(Timestamp, String)> {
    let mut seen = Vec::new();
    while let Some(at) = fargate.next_due().filter(|at| *at <= until) {
        seen.extend(fargate.due(at).iter().map(|action| (at, word(action))));
    }
    seen
}

fn word(action: &FargateAction) -> String {
    match action {
        FargateAction::AgentUp { runner, .. } => format!("up {runner}"),
        FargateAction::Terminate { .. } => "terminate".to_owned(),
        FargateAction::Kill { .. } => "kill".to_owned(),
        FargateAction::Event(event) => {
            let change = TaskStateChange::deserialize(&event.detail).unwrap();
            let code = change.stop_code.map(|code| format!(" {code}")).unwrap_or_default();
            format!("{} {}{code}", change.version, change.last_status)
        }
    }
}

fn words(fargate: &mut StandInFargate, until: Timestamp) -> Vec<String> {
    let mut words: Vec<_> = actions(fargate, until).into_iter().map(|(_, word)| word).collect();
    words.sort();
    words
}

/// Starts a task and lets its agent come up.
fn up(fargate: &mut StandInFargate, request: &LaunchRequest) -> TaskId {
    let task = fargate.launch(start(), request).unwrap();
    actions(fargate, after(60));
    assert!(fargate.is_running(&task));
    task
}

#[test]
fn a_task_starts_within_45_seconds_runs_and_stops_with_its_exit_code() {
    let mut fargate = fargate();
    let task = fargate.launch(start(), &request("ff-1-1")).unwrap();
    let seen = actions(&mut fargate, after(60));
    let (at, _) = seen.iter().find(|(_, word)| word == "up ff-1-1").unwrap();
    assert!(*at >= after(20) && *at <= after(45), "{at}");
    let events: Vec<_> = seen.iter().filter(|(_, word)| !word.starts_with("up")).collect();
    assert_eq!(
        events.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>(),
        ["1 PROVISIONING", "2 PENDING", "3 RUNNING"]
    );

    fargate.exit(after(100), &task, 0);
    let mut stopped = None;
    while let Some(at) = fargate.next_due() {
        stopped = fargate.due(at).pop().or(stopped);
    }
    let Some(FargateAction::Event(event)) = stopped else { panic!("{stopped:?}") };
    assert_eq!((event.source.as_str(), event.detail_type.as_str()), ("aws.ecs", "ECS Task State Change"));
    let change = TaskStateChange::deserialize(&event.detail).unwrap();
    assert_eq!(change.last_status, "STOPPED");
    assert_eq!(change.stop_code.as_deref(), Some("EssentialContainerExited"));
    assert_eq!(change.started_by.as_deref(), Some("ff-1-1"));
    assert_eq!(change.task_arn, task.as_str());
    assert_eq!(change.containers[0].exit_code, Some(0));
    assert!(change.pull_started_at < change.started_at && change.started_at < change.stopped_at);
    assert!(fargate.live().is_empty());
}

#[test]
fn the_same_name_twice_is_one_task_until_an_hour_after_its_end() {
    let mut fargate = fargate();
    let task = up(&mut fargate, &request("ff-1-1"));
    assert_eq!(fargate.launch(after(60), &request("ff-1-1")).unwrap(), task);
    fargate.exit(after(100), &task, 0);
    actions(&mut fargate, after(200));
    assert_eq!(fargate.launch(after(3_600), &request("ff-1-1")).unwrap(), task, "stopped, and remembered");
    assert_eq!(fargate.launches().collect::<Vec<_>>(), [(&"ff-1-1".parse().unwrap(), 1)]);
    assert_ne!(fargate.launch(after(3_900), &request("ff-1-1")).unwrap(), task, "forgotten");
}

#[test]
fn limits_say_until_when() {
    let mut fargate = fargate();
    for n in 0..100 {
        fargate.launch(start(), &request(&format!("ff-{n}-1"))).unwrap();
    }
    let refused = fargate.launch(start(), &request("ff-100-1")).unwrap_err();
    let FleetError::Throttled { until, .. } = refused else { panic!("{refused}") };
    assert_eq!(until, start() + SignedDuration::from_millis(25), "RunTask and StopTask: 40 a second");
    let refused = fargate.launch(until, &request("ff-100-1")).unwrap_err();
    let FleetError::Throttled { until, .. } = refused else { panic!("{refused}") };
    assert_eq!(until, start() + SignedDuration::from_millis(50), "launches: 20 a second");
    fargate.launch(until, &spot("ff-200-1")).unwrap();
    assert_eq!(fargate.live().len(), 101, "Spot has a bucket of its own");

    let limits = Limits { on_demand_vcpus: 1, ..Limits::default() };
    let mut fargate = StandInFargate::new(Settings { limits, ..Settings::new(1) });
    let first = fargate.launch(start(), &request("ff-1-1")).unwrap();
    fargate.launch(start(), &request("ff-2-1")).unwrap();
    let full = fargate.launch(start(), &request("ff-3-1"));
    assert!(matches!(full, Err(FleetError::NoCapacity(_))), "1 vCPU holds two of 512 units");
    fargate.stop(after(1), &first, "surplus").unwrap();
    actions(&mut fargate, after(30));
    fargate.launch(after(30), &request("ff-3-1")).unwrap();
}

#[test]
fn a_size_that_fargate_has_not_is_impossible() {
    let mut illegal = request("ff-1-1");
    illegal.spec.memory_mib = 512;
    assert!(matches!(fargate().launch(start(), &illegal), Err(FleetError::Impossible(_))));
    let mut illegal = request("ff-1-1");
    illegal.spec.disk_gib = 201;
    assert!(matches!(fargate().launch(start(), &illegal), Err(FleetError::Impossible(_))));
}

#[test]
fn a_stop_before_the_start_spares_the_agent_and_a_later_one_terminates_it() {
    let mut fargate = fargate();
    let task = fargate.launch(start(), &request("ff-1-1")).unwrap();
    fargate.stop(after(3), &task, "surplus").unwrap();
    assert!(fargate.list(after(3)).unwrap()[0].stopping);
    let seen = words(&mut fargate, after(300));
    assert_eq!(seen, ["1 PROVISIONING", "2 DEPROVISIONING UserInitiated", "3 STOPPED UserInitiated"]);

    let task = fargate.launch(after(300), &request("ff-2-1")).unwrap();
    actions(&mut fargate, after(360));
    fargate.stop(after(360), &task, "idle").unwrap();
    let seen = actions(&mut fargate, after(370));
    assert!(seen.contains(&(after(360), "terminate".to_owned())));
    fargate.exit(after(370), &task, 1);
    let seen = words(&mut fargate, after(600));
    assert_eq!(seen, ["5 DEPROVISIONING UserInitiated", "6 STOPPED UserInitiated"], "no SIGKILL any more");
    assert_eq!(fargate.stops().len(), 2);
    fargate.stop(after(700), &task, "again").unwrap();
    assert_eq!(fargate.stops().len(), 2, "it has stopped");
}

#[test]
fn an_agent_that_does_not_obey_is_killed_after_120_seconds() {
    let mut fargate = fargate();
    let task = up(&mut fargate, &request("ff-1-1"));
    fargate.stop(after(60), &task, "idle").unwrap();
    let seen = actions(&mut fargate, after(400));
    assert!(seen.contains(&(after(180), "kill".to_owned())), "{seen:?}");
    fargate.exit(after(400), &task, 0);
    assert!(fargate.live().is_empty());
}

#[test]
fn spot_warns_two_minutes_ahead_and_on_demand_is_left_alone() {
    let mut fargate = with(Faults { spot_interrupted: 1.0, ..Faults::NONE });
    up(&mut fargate, &request("ff-1-1"));
    assert!(actions(&mut fargate, after(10_000)).is_empty());

    let mut fargate = with(Faults { spot_interrupted: 1.0, ..Faults::NONE });
    fargate.launch(start(), &spot("ff-2-1")).unwrap();
    let seen = actions(&mut fargate, after(10_000));
    let at =
        |wanted: &str| seen.iter().find(|(_, word)| word == wanted).unwrap_or_else(|| panic!("{seen:?}")).0;
    assert!(at("4 RUNNING SpotInterruption") < at("kill"));
    assert_eq!(at("kill").duration_since(at("terminate")), SignedDuration::from_secs(120));
    assert!(at("6 STOPPED SpotInterruption") > at("kill"));
}

#[test]
fn a_task_that_never_starts_says_why() {
    let mut fargate = with(Faults { never_started: 1.0, ..Faults::NONE });
    fargate.launch(start(), &request("ff-1-1")).unwrap();
    let seen = words(&mut fargate, after(600));
    assert!(seen.contains(&"4 STOPPED TaskFailedToStart".to_owned()), "{seen:?}");
    assert!(!seen.iter().any(|word| word.starts_with("up") || word.contains("3 RUNNING")));
}

#[test]
fn a_lost_task_is_killed_without_a_word() {
    let mut fargate = with(Faults { task_lost: 1.0, ..Faults::NONE });
    let task = fargate.launch(start(), &request("ff-1-1")).unwrap();
    let seen = words(&mut fargate, after(10_000));
    assert_eq!(seen, ["1 PROVISIONING", "2 PENDING", "3 RUNNING", "kill", "up ff-1-1"]);
    assert!(fargate.list(after(10_000)).unwrap().is_empty());
    assert!(!fargate.is_running(&task));
}

#[test]
fn events_are_lost_doubled_and_late_under_faults() {
    let mut lossy = with(Faults { event_lost: 1.0, ..Faults::NONE });
    lossy.launch(start(), &request("ff-1-1")).unwrap();
    assert_eq!(words(&mut lossy, after(600)), ["up ff-1-1"]);
    assert_eq!(lossy.counts().events_lost, 3);

    let mut doubling = with(Faults { event_doubled: 1.0, ..Faults::NONE });
    doubling.launch(start(), &request("ff-1-1")).unwrap();
    let mut ids = Vec::new();
    while let Some(at) = doubling.next_due() {
        ids.extend(doubling.due(at).into_iter().filter_map(|action| match action {
            FargateAction::Event(event) => Some(event.id),
            _ => None,
        }));
    }
    assert_eq!(ids.len(), 6);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "a double is the same event");

    let unordered = (0..20).any(|seed| {
        let faults = Faults { event_late: 0.5, ..Faults::NONE };
        let mut fargate = StandInFargate::new(Settings { faults, ..Settings::new(seed) });
        fargate.launch(start(), &request("ff-1-1")).unwrap();
        let seen: Vec<_> = actions(&mut fargate, after(600)).into_iter().map(|(_, word)| word).collect();
        let at = |wanted: &str| seen.iter().position(|word| word == wanted);
        at("3 RUNNING") < at("2 PENDING")
    });
    assert!(unordered);
}

#[test]
fn an_answer_can_be_lost_after_a_task_was_started() {
    let mut fargate = with(Faults { answer_lost: 1.0, ..Faults::NONE });
    let lost = fargate.launch(start(), &request("ff-1-1"));
    assert!(matches!(lost, Err(FleetError::Unavailable(_))));
    fargate.set_faults(Faults { no_capacity: 1.0, ..Faults::NONE });
    let found = fargate.launch(after(1), &request("ff-1-1")).unwrap();
    assert_eq!(fargate.task_of(&"ff-1-1".parse::<RunnerName>().unwrap()), Some(&found));
    assert_eq!(fargate.live().len(), 1, "found again even where there is no capacity any more");
    assert!(matches!(fargate.launch(after(1), &request("ff-2-1")), Err(FleetError::NoCapacity(_))));
}

#[test]
fn the_same_seed_and_the_same_calls_are_the_same_story() {
    let story = |seed| {
        let faults: Faults = "heavy".parse().unwrap();
        let mut fargate = StandInFargate::new(Settings { faults, ..Settings::new(seed) });
        for n in 0..50 {
            let _refused = fargate.launch(after(n), &spot(&format!("ff-{n}-1")));
        }
        let mut seen = Vec::new();
        while let Some(at) = fargate.next_due() {
            seen.extend(fargate.due(at).into_iter().map(|action| (at, action)));
        }
        seen
    };
    assert_eq!(story(3), story(3));
    assert_ne!(story(3), story(4));
}
