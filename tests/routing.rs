//! Who hears of what: every rule of `template.yaml` against every sample, as a table.

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_local::bus::{Delivery, Payload};
use fleetfoot_local::template::{BusName, Route, Target, Wiring};
use fleetfoot_model::SignedDuration;
use fleetfoot_model::events::DETAIL_TYPES;
use fleetfoot_model::pause::TURN;
use fleetfoot_tests::samples::{self, Sample};
use fleetfoot_tests::world::{Plan, World};
use serde_json::json;

/// Each fact and who is woken by it. What wakes nobody is for people, dashboards and whoever subscribes.
const FACTS: &[(&str, &[&str])] = &[
    ("BreakerOpened", &[]),
    // For people.
    ("BudgetReached", &[]),
    // For people, too.
    ("CheckRunsRefused", &[]),
    ("DayReported", &[]),
    ("DeliveryRecovered", &[]),
    ("FleetMeasured", &[]),
    ("ImageBuildStarted", &[]),
    // Its jobs are rejected.
    ("ImageFailed", &["launch"]),
    ("ImageReady", &["launch"]),
    ("ImageRequested", &["image-build"]),
    ("JobCompleted", &["job-state"]),
    ("JobDeferred", &[]),
    ("JobExpired", &[]),
    ("JobFinished", &[]),
    // A warm runner was taken.
    ("JobMatched", &["pool"]),
    ("JobQueued", &["launch"]),
    ("JobRejected", &[]),
    // It comes back as a job of its own.
    ("JobRerunRefused", &[]),
    ("JobRerunRequested", &[]),
    ("JobStarted", &["job-state"]),
    // GitHub queues it when the approval is given.
    ("JobWaiting", &[]),
    ("LaunchFailed", &[]),
    // Through a queue that delays it.
    ("LaunchesPaused", &["launch"]),
    ("RunRequested", &["job-state"]),
    // A warm runner was taken, perhaps before its job was heard of.
    ("RunnerBusy", &["pool"]),
    ("RunnerDismissed", &[]),
    ("RunnerInterrupted", &[]),
    ("RunnerLaunched", &[]),
    ("RunnerReaped", &[]),
    ("RunnerRegistered", &[]),
    ("RunnerReleaseAging", &[]),
    ("RunnerReleased", &[]),
    ("RunnerStarted", &[]),
    // Its capacity is free, and its pool may be short of one.
    ("RunnerStopped", &["launch", "pool"]),
    ("RunnerWanted", &["launch"]),
];

/// The same for what others publish.
const FOREIGN: &[(&str, &[&str])] = &[
    ("foreign/codebuild/failed", &["image-build"]),
    ("foreign/codebuild/in-progress", &[]),
    ("foreign/codebuild/succeeded", &["image-build"]),
    ("foreign/ecs/task-running", &["task-state"]),
    ("foreign/ecs/task-spot-interruption", &["task-state"]),
    ("foreign/ecs/task-stopped", &["task-state"]),
    // Schedules reach their functions without a bus.
    ("foreign/scheduled-event", &[]),
];

fn wiring() -> Wiring {
    Plan::new(1).world().bus.wiring().clone()
}

fn woken_by(world: &World, sample: &Sample) -> BTreeSet<String> {
    let deliveries = world.take_deliveries_of(sample);
    for delivery in &deliveries {
        let carries_it = |delivery: &Delivery| matches!(&delivery.items[..], [item] if matches!(&item.payload, Payload::Event(event) if **event == sample.event));
        assert!(carries_it(delivery), "{} is woken with something else", delivery.function);
    }
    let functions: Vec<String> = deliveries.iter().map(|delivery| delivery.function.clone()).collect();
    let once: BTreeSet<String> = functions.iter().cloned().collect();
    assert_eq!(functions.len(), once.len(), "{}: a function is woken twice: {functions:?}", sample.name);
    once
}

fn names(functions: &[&str]) -> BTreeSet<String> {
    functions.iter().map(ToString::to_string).collect()
}

#[test]
fn every_event_wakes_whom_it_should_and_nobody_else() {
    let table: BTreeMap<&str, &[&str]> = FACTS.iter().copied().collect();
    let foreign: BTreeMap<&str, &[&str]> = FOREIGN.iter().copied().collect();
    let world = Plan::new(1).world();
    let mut seen = BTreeSet::new();
    for sample in samples::events() {
        let expected = match sample.bus {
            BusName::Fleet => table.get(sample.event.detail_type.as_str()),
            BusName::Default => foreign.get(sample.name.as_str()),
        };
        let expected = expected.unwrap_or_else(|| panic!("{} is not in the table", sample.name));
        assert_eq!(woken_by(&world, &sample), names(expected), "{}", sample.name);
        seen.insert(sample.name);
    }
    assert_eq!(seen.len(), FACTS.len() + FOREIGN.len(), "each line of the tables has a sample");
    assert_eq!(FACTS.len(), DETAIL_TYPES.len());
}

/// An event on the other bus, from another source or of another fleet's task is none of ours.
#[test]
fn what_only_looks_like_one_of_ours_wakes_nobody() {
    let world = Plan::new(1).world();
    for sample in samples::events() {
        let other_bus = match sample.bus {
            BusName::Fleet => BusName::Default,
            BusName::Default => BusName::Fleet,
        };
        let mut stranger = Sample { bus: other_bus, ..sample.clone() };
        assert_eq!(woken_by(&world, &stranger), names(&[]), "{} on the other bus", sample.name);
        stranger.bus = sample.bus;
        stranger.event.source = "somebody.else".to_owned();
        assert_eq!(woken_by(&world, &stranger), names(&[]), "{} of another source", sample.name);
    }
    let ecs = samples::events().into_iter().filter(|sample| sample.name.starts_with("foreign/ecs/"));
    for (sample, started_by) in ecs.zip(["gg-17-1", "ecs-svc/9223370500000000000", "ffx-17-1"]) {
        let mut of_another = sample;
        of_another.event.detail["startedBy"] = json!(started_by);
        assert_eq!(woken_by(&world, &of_another), names(&[]), "startedBy {started_by}");
    }
}

/// Five of a task's seven states would each cost an invocation and change nothing.
#[test]
fn states_of_a_task_that_nothing_depends_on_wake_nobody() {
    let world = Plan::new(1).world();
    let running = samples::events().into_iter().find(|sample| sample.name == "foreign/ecs/task-running");
    let running = running.expect("a task that runs is among the samples");
    for status in ["PROVISIONING", "PENDING", "ACTIVATING", "STOPPING", "DEPROVISIONING"] {
        let mut sample = running.clone();
        sample.event.detail["lastStatus"] = json!(status);
        assert_eq!(woken_by(&world, &sample), names(&[]), "{status}");
    }
}

/// A burst waits in the queue, a failed item comes back alone, and what fails for good is kept.
#[test]
fn launch_is_reached_through_its_queue_only() {
    let wiring = wiring();
    let targets = wiring.rules.iter().flat_map(|rule| &rule.targets);
    let direct = targets.clone().filter(|target| **target == Target::Function("launch".to_owned()));
    assert_eq!(direct.count(), 0);
    assert!(targets.clone().any(|target| *target == Target::Queue("LaunchQueue".to_owned())));
    for (mapping, (queue, delay)) in
        wiring.mappings.iter().zip([("LaunchQueue", SignedDuration::ZERO), ("PaceQueue", TURN)])
    {
        assert_eq!((mapping.queue.as_str(), mapping.function.as_str()), (queue, "launch"));
        let redrive = wiring.queues[queue].redrive.as_ref();
        assert_eq!(redrive.map(|redrive| redrive.dead_letters.as_str()), Some("UnlaunchedEvents"));
        assert_eq!(wiring.queues[queue].delay, delay);
    }
    assert_eq!(wiring.mappings.len(), 2);
}

/// lesson 4: what cannot be handled is kept where somebody looks, for every function that nobody waits for.
#[test]
fn every_function_that_nobody_waits_for_keeps_its_failures() {
    let wiring = wiring();
    let targets = wiring.rules.iter().map(|rule| &rule.targets);
    let targets = targets.chain(wiring.schedules.iter().map(|schedule| &schedule.targets)).flatten();
    let invoked = targets.filter_map(|target| match target {
        Target::Function(package) => Some(package),
        Target::Queue(_) => None,
    });
    let invoked: BTreeSet<&String> = invoked.chain(&wiring.subscriptions).collect();
    let expected = ["alarm", "cleanup", "image-build", "job-state", "pool", "task-state"];
    assert_eq!(invoked.iter().map(|package| package.as_str()).collect::<Vec<_>>(), expected);
    for package in invoked {
        let dead_letters = wiring.functions[package].dead_letters.as_deref();
        assert_eq!(dead_letters, Some("FailedEvents"), "{package}");
    }
}

#[test]
fn schedules_topic_and_routes_are_as_designed() {
    let wiring = wiring();
    let minutes = |count| SignedDuration::from_mins(count);
    let mut schedules: Vec<(String, SignedDuration)> = Vec::new();
    for schedule in &wiring.schedules {
        for target in &schedule.targets {
            let Target::Function(package) = target else { panic!("{target:?}") };
            schedules.push((package.clone(), schedule.every));
        }
    }
    schedules.sort();
    let expected =
        [("alarm", minutes(1)), ("cleanup", minutes(1)), ("image-build", minutes(60)), ("pool", minutes(1))];
    assert_eq!(schedules, expected.map(|(package, every)| (package.to_owned(), every)));
    assert_eq!(wiring.subscriptions, ["alarm"]);
    let route = |it: &Route| format!("{} {} {}", it.method, it.path, it.function);
    let routes: BTreeSet<String> = wiring.routes.iter().map(route).collect();
    let expected = ["GET /health ingest", "POST /runners/{name}/register register", "POST /webhook ingest"];
    assert_eq!(routes, names(&expected));
}
