//! The bus driven in real time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_local::bus::{Bus, Pace};
use fleetfoot_local::database::Database;
use fleetfoot_local::functions::Functions;
use fleetfoot_local::runtime::Runtime;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, RunnerWanted};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::clock::SystemClock;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::support::{fact, history, wiring};

/// A function that waits for leave and counts what it handles.
struct Gate {
    leave: Arc<Semaphore>,
    handled: Mutex<BTreeMap<String, usize>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gate {
    fn new(leave: usize) -> Arc<Self> {
        let (handled, now, most) = (Mutex::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { leave: Arc::new(Semaphore::new(leave)), handled, now, most })
    }

    fn handled(&self) -> usize {
        self.handled.lock().unwrap().len()
    }
}

#[async_trait]
impl EventFunction for Gate {
    async fn handle(&self, event: &Envelope, _: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        if event.source != "fleetfoot" {
            return Ok(Vec::new());
        }
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        self.leave.acquire().await.unwrap().forget();
        self.now.fetch_sub(1, Ordering::Relaxed);
        *self.handled.lock().unwrap().entry(event.id.clone()).or_default() += 1;
        match event.detail_type.as_str() {
            "JobStarted" => Ok(vec![RunnerWanted { pool: "office".parse().unwrap(), sequence: 1 }.into()]),
            _ => Ok(Vec::new()),
        }
    }
}

struct Life {
    bus: Arc<Bus>,
    stop: Option<oneshot::Sender<()>>,
    run: JoinHandle<()>,
}

fn start(path: &Path, gate: &Arc<Gate>, grace: Duration) -> Life {
    let database = Database::open(path).unwrap();
    let pace = Pace::From(SignedDuration::from_millis(20));
    let bus = Arc::new(Bus::in_database(wiring(), pace, database).unwrap());
    let packages = ["alarm", "launch", "job-state", "task-state", "image-build", "cleanup", "pool"];
    let functions = packages.into_iter().fold(Functions::new(), |all, it| all.event(it, gate.clone()));
    let mut runtime = Runtime::new(bus.clone(), Arc::new(functions), Arc::new(SystemClock));
    runtime.grace = grace;
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        runtime.run(shutdown).await.unwrap();
    });
    Life { bus, stop: Some(stop), run }
}

impl Life {
    fn publish(&self, detail_type: &str, ids: std::ops::Range<u32>) {
        let facts = ids.map(|n| fact(detail_type, &format!("event-{n}"))).collect();
        self.bus.publish(SystemClock.now(), facts).unwrap();
    }

    async fn end(mut self) {
        drop(self.stop.take());
        self.run.await.unwrap();
    }
}

/// Waits until something is so; the test's own time limit ends what never is.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never came to be so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_handled_as_they_come_and_so_are_their_facts() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::new(usize::MAX >> 4);
    let life = start(&folder.path().join("fleet.db"), &gate, Duration::from_secs(5));
    life.publish("JobStarted", 0..20);
    // Each of them, and the RunnerWanted that it leads to.
    until(|| gate.handled() == 40).await;
    until(|| life.bus.pending().unwrap() == 0).await;
    assert!(gate.handled.lock().unwrap().values().all(|times| *times == 1));
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_invocations_run_at_once_and_not_more() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::new(0);
    let life = start(&folder.path().join("fleet.db"), &gate, Duration::from_secs(5));
    life.publish("JobStarted", 0..30);
    until(|| gate.now.load(Ordering::Relaxed) == 8).await;
    gate.leave.add_permits(1000);
    until(|| gate.handled() == 60).await;
    assert_eq!(gate.most.load(Ordering::Relaxed), 8);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_processs_events_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let gate = Gate::new(1000);
    let life = start(&path, &gate, Duration::from_secs(5));
    let other = Bus::in_database(wiring(), Pace::Aws, Database::open(&path).unwrap()).unwrap();
    other.publish(SystemClock.now(), vec![fact("JobQueued", "from-outside")]).unwrap();
    until(|| gate.handled() == 1).await;
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_waits_for_what_is_under_way_and_leaves_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let gate = Gate::new(0);
    let mut life = start(&path, &gate, Duration::from_secs(10));
    life.publish("JobStarted", 0..9);
    until(|| gate.now.load(Ordering::Relaxed) == 8).await;
    drop(life.stop.take());
    gate.leave.add_permits(1000);
    life.run.await.unwrap();
    assert_eq!(gate.handled(), 8);
    // The ninth, and the facts of the eight.
    assert_eq!(history(&life.bus).len(), 17);
    let next = start(&path, &gate, Duration::from_secs(5));
    until(|| gate.handled() == 18).await;
    next.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_does_not_keep_the_process_from_ending_and_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let gate = Gate::new(0);
    let life = start(&path, &gate, Duration::from_millis(10));
    life.publish("RunRequested", 0..3);
    until(|| gate.now.load(Ordering::Relaxed) == 3).await;
    life.end().await;
    let gate = Gate::new(1000);
    let next = start(&path, &gate, Duration::from_secs(5));
    until(|| gate.handled() == 3).await;
    next.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_again_and_again_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let gate = Gate::new(0);
    for life in 0..10 {
        let process = start(&path, &gate, Duration::from_secs(5));
        process.publish("RunRequested", life * 10..(life + 1) * 10);
        until(|| gate.now.load(Ordering::Relaxed) > 0).await;
        gate.leave.add_permits(4);
        until(|| gate.leave.available_permits() == 0).await;
        process.run.abort();
        let _ = process.run.await;
        gate.now.store(0, Ordering::Relaxed);
    }
    gate.leave.add_permits(1000);
    let last = start(&path, &gate, Duration::from_secs(5));
    until(|| gate.handled() == 100).await;
    until(|| last.bus.pending().unwrap() == 0).await;
    assert_eq!(last.bus.dead_letters(9).unwrap(), []);
    last.end().await;
}
