//! A fleet whose rows are moved by hand, behind the real server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_dashboard::Settings;
use fleetfoot_local::http::{self, Limits};
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::config::{self, Config};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::{JobId, RunId};
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::ledger::{self, Change, Ledger, Stored};
use fleetfoot_model::ports::{Clock as _, Tickets as _};
use fleetfoot_model::price::Prices;
use fleetfoot_model::record::{Key, Record};
use fleetfoot_model::runner::{Registration, Reservation, Runner, RunnerState, Scope, StopReason};
use fleetfoot_model::{SignedDuration, Timestamp, labels};
use fleetfoot_shell::clock::{SeededTickets, SystemClock};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::showcase;

/// What is to happen.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "act")]
pub(crate) enum Act {
    /// GitHub tells of a job.
    Queue {
        id: u64,
        name: String,
        #[serde(default)]
        labels: Vec<String>,
        #[serde(default)]
        page: String,
    },
    /// It waits for the fleet's limit.
    Wait { id: u64 },
    /// A runner is launched for it.
    Launch { id: u64 },
    /// It starts on that.
    Start { id: u64 },
    /// It ends.
    Finish { id: u64, conclusion: String },
    /// It is refused.
    Reject { id: u64, reason: String },
    /// So many jobs wait, with ids from 1.
    Crowd { count: u64 },
    /// A day in the life of a fleet.
    Showcase,
    /// The server goes away.
    Stop,
    /// It is back, at the same address.
    Serve,
}

pub(crate) struct World {
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) config: Arc<Config>,
    address: SocketAddr,
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// The fleet's configuration.
const FLEET: &str = r#"
    [github]
    organization = "acme"
    token = "env:TOKEN"
    webhook_secrets = ["env:SECRET"]
    [limits]
    runners = 24
    runners_per_repository = 12
    [images]
    allow = ["**"]
    [classes.small]
    cpu = 512
    memory = 1024
    runners = 20
    [classes.medium]
    cpu = 2048
    memory = 4096
    [classes.large]
    cpu = 4096
    memory = 16384
    arch = "arm64"
    runners = 6
    [[pools]]
    name = "office"
    labels = ["self-hosted", "class:small"]
    size = 2
"#;

impl World {
    pub(crate) async fn begin() -> Self {
        let config = Arc::new(config::load("fleet.toml", FLEET).expect("the fleet's configuration is valid"));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut world = Self { ledger: Arc::new(MemoryLedger::new()), config, address, serving: None };
        world.serve().await;
        world
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) async fn act(&mut self, act: Act) -> Value {
        let now = SystemClock.now();
        match act {
            Act::Queue { id, name, labels, page } => {
                let labels = labels.iter().map(|label| label.parse().expect("a label")).collect();
                self.queue(id, "acme/app", &name, labels, &page, now).await;
            }
            Act::Wait { id } => {
                let waiting = Waiting::capacity(&Counter::Runners, 24);
                self.change(id, |job| job.wait(waiting, now)).await;
            }
            Act::Launch { id } => self.launch(id, now).await,
            Act::Start { id } => self.start(id, now).await,
            Act::Finish { id, conclusion } => self.finish(id, &conclusion, now).await,
            Act::Reject { id, reason } => self.change(id, |job| job.reject(&reason, now)).await,
            Act::Crowd { count } => {
                for id in 1..=count {
                    let labels = vec![
                        "self-hosted".parse().expect("a label"),
                        "class:small".parse().expect("a label"),
                    ];
                    self.queue(id, "acme/app", &format!("shard {id} of {count}"), labels, "", now).await;
                }
            }
            Act::Showcase => showcase::fill(self, now).await,
            Act::Stop => self.stop().await,
            Act::Serve => self.serve().await,
        }
        Value::Null
    }

    pub(crate) async fn queue(
        &self,
        id: u64,
        repository: &str,
        name: &str,
        labels: Vec<fleetfoot_model::spec::Label>,
        page: &str,
        at: Timestamp,
    ) {
        let description = JobDescription {
            id: JobId(id),
            run_id: RunId(id / 10 + 11_000),
            run_attempt: 1,
            repository: repository.parse().expect("a repository"),
            public: false,
            workflow: "CI".to_owned(),
            name: name.to_owned(),
            labels,
            html_url: page.to_owned(),
            head_sha: None,
            created_at: at,
        };
        let rules = labels::LabelRules::from(&*self.config);
        let reading = labels::parse(&description.labels, &rules);
        let mut job = Job::new(description, at);
        job.timeline.note(at, "queued at GitHub");
        job.timeline.note(at + SignedDuration::from_millis(900), "heard of");
        if let labels::Reading::Ours(spec) = reading {
            job.timeline.note(at + SignedDuration::from_millis(950), format!("its labels mean {spec}"));
            job.spec = Some(spec);
        }
        self.put(job).await;
    }

    pub(crate) async fn change<T>(&self, id: u64, change: impl FnOnce(&mut Job) -> T) {
        let row = ledger::job(&*self.ledger, JobId(id)).await.expect("the ledger answers");
        let mut job = row.unwrap_or_else(|| panic!("there is no job {id}")).value;
        change(&mut job);
        self.put(job).await;
    }

    pub(crate) async fn launch(&self, id: u64, at: Timestamp) {
        let row = ledger::job(&*self.ledger, JobId(id)).await.expect("the ledger answers");
        let job = row.unwrap_or_else(|| panic!("there is no job {id}")).value;
        let class = "small".parse().expect("a class");
        let counter = Counter::RepositoryRunners(job.description.repository.clone());
        let reservation = Reservation {
            name: format!("ff-{id}-1").parse().expect("a runner's name"),
            pool: None,
            job: Some(JobId(id)),
            scope: Scope::Organization("acme".parse().expect("an owner")),
            spec: job.spec.clone().unwrap_or_else(|| self.config.classes[&class].spec(&class)),
            labels: job.description.labels.clone(),
            counters: vec![Counter::Runners, counter],
            register_by: at + SignedDuration::from_mins(10),
        };
        let mut runner = Runner::reserve(reservation, &SeededTickets::new(id).draw(), at);
        runner.counters.push(Counter::ClassRunners(runner.spec.class.clone()));
        for counter in runner.counters.clone() {
            let acquire = Change::Acquire { counter, limit: 10_000 };
            self.ledger.commit(vec![acquire]).await.expect("the limit is far");
        }
        runner.task = Some(format!("{id:032x}").parse().expect("a task's id"));
        runner.move_to(RunnerState::Launched, at + SignedDuration::from_millis(400), "its task was accepted");
        let name = runner.name.clone();
        self.put(runner).await;
        self.change(id, |job| job.assign(&name, at, "launched")).await;
    }

    pub(crate) async fn start(&self, id: u64, at: Timestamp) {
        let mut runner = self.runner(id).await;
        runner.started_at = Some(at - SignedDuration::from_secs(5));
        runner.registration = Registration::Present;
        runner.move_to(RunnerState::Registered, at - SignedDuration::from_secs(2), "registered at GitHub");
        runner.move_to(RunnerState::Busy(JobId(id)), at, format!("busy with job {id}"));
        self.put(runner).await;
        self.change(id, |job| job.start(&format!("ff-{id}-1"), at, at)).await;
    }

    pub(crate) async fn finish(&self, id: u64, conclusion: &str, at: Timestamp) {
        self.change(id, |job| job.finish(conclusion, Some(&format!("ff-{id}-1")), at, at)).await;
        self.stop_runner(id, StopReason::Done, at).await;
    }

    pub(crate) async fn stop_runner(&self, id: u64, reason: StopReason, at: Timestamp) {
        let mut runner = self.runner(id).await;
        let began = runner.started_at.unwrap_or(at);
        runner.price(&Prices::default(), Some(began), at);
        runner.registration = Registration::Gone;
        for counter in runner.stop(reason, at) {
            self.ledger.commit(vec![Change::Release(counter)]).await.expect("the ledger answers");
        }
        self.put(runner).await;
    }

    pub(crate) async fn runner(&self, id: u64) -> Runner {
        let name = format!("ff-{id}-1").parse().expect("a runner's name");
        let row = ledger::runner(&*self.ledger, &name).await.expect("the ledger answers");
        row.unwrap_or_else(|| panic!("job {id} has no runner")).value
    }

    /// Writes a row, whatever its version.
    pub(crate) async fn put(&self, row: impl Into<Record>) {
        let row = row.into();
        let key: Key = row.key();
        let version = self.ledger.get(&key).await.expect("the ledger answers").map_or(0, |row| row.version);
        self.ledger
            .commit(vec![Change::Put(Stored { value: row, version })])
            .await
            .expect("nobody else writes");
    }

    async fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the address is free");
        self.address = listener.local_addr().expect("a bound listener has an address");
        let router = fleetfoot_dashboard::router(Settings {
            ledger: self.ledger.clone(),
            config: Arc::clone(&self.config),
            clock: Arc::new(SystemClock),
            every: Duration::from_millis(100),
            place: "this machine".to_owned(),
            hosts: Vec::new(),
            viewers: 8,
        });
        let limits = Limits { grace: Duration::from_millis(1), ..Limits::for_bodies_of(0) };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            http::serve(listener, router, limits, async {
                // Dropped, it is over.
                let _ = stopped.await;
            })
            .await;
        });
        self.serving = Some((stop, serving));
    }

    async fn stop(&mut self) {
        if let Some((stop, serving)) = self.serving.take() {
            drop(stop);
            serving.await.expect("the server ends well");
        }
    }
}
