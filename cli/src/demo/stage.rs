//! Where the demo plays: a folder that goes with it, a stand-in GitHub on loopback, and the fleet of `up`.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fleetfoot_local::bus::Bus;
use fleetfoot_local::fleet::LocalFleet;
use fleetfoot_local::images::StandIn;
use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::config;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::ledger;
use fleetfoot_model::ports::{Clock as _, Fleet as _, SecretError, Secrets};
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::FaultLevel;
use fleetfoot_stand_in::github::{Faults, JobHistory, Limits, Settings, StandInGitHub, Times};
use fleetfoot_stand_in::github_http;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::cast::{Cast, Role};
use crate::dashboard::{Beside, Served};
use crate::failure::{Failure, OrFail};
use crate::up::{self, Engine};

/// How often the stage is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often an impatient audience lets `cleanup` and `pool` run where things go wrong; on AWS it is every minute.
const HURRY: Duration = Duration::from_secs(1);

/// How long runners have to end when it is stopped before its end.
const LAST_WORDS: Duration = Duration::from_secs(15);

/// A job and what became of it, at GitHub and in the fleet.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) id: JobId,
    pub(crate) role: Role,
    pub(crate) at_github: JobHistory,
    /// None if no word of it came through before it had ended.
    pub(crate) in_fleet: Option<Job>,
}

/// What was played.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) acts: Vec<Act>,
    pub(crate) runners_left: usize,
    pub(crate) registrations_left: usize,
    pub(crate) ran_twice: usize,
    pub(crate) github_calls: u64,
    pub(crate) jit_requests: u64,
    pub(crate) took: Duration,
}

/// The stage.
pub(crate) struct Stage {
    github: Arc<Mutex<StandInGitHub>>,
    bus: Arc<Bus>,
    ledger: Arc<SqliteLedger>,
    fleet: LocalFleet,
    engine: Engine,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn build(seed: u64, faults: FaultLevel) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().or_fail("a folder for the demo cannot be made")?;
        let runner_dir = folder.path().join("runner");
        write_runner(&runner_dir).or_fail("the stand-in runner cannot be written")?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.or_fail("loopback cannot be listened on")?;
        let address = listener.local_addr().or_fail("loopback has no address")?;
        let secrets = Arc::new(DrawnSecrets(Uuid::new_v4().to_string()));
        let text = fleet_toml(address);
        let config =
            Arc::new(config::load("the demo's fleet.toml", &text).or_fail("the demo is misconfigured")?);
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let state = folder.path().join("state");
        let mut settings = up::Settings::new(config, secrets.clone(), None, state, any_port, runner_dir);
        settings.stand_in = StandIn { takes: Duration::from_millis(1_500), fails: Vec::new() };
        settings.recipe = None;
        let engine = Engine::start(settings).await?;
        let github = Arc::new(Mutex::new(StandInGitHub::new(github_settings(seed, faults, &secrets.0))));
        let webhook_url = format!("http://{}/webhook", engine.address);
        let serving = github_http::serve(listener, Arc::clone(&github), Arc::new(SystemClock), webhook_url);
        Ok(Self {
            bus: Arc::clone(&engine.bus),
            ledger: Arc::clone(&engine.ledger),
            fleet: engine.fleet.clone(),
            serving: tokio::spawn(serving),
            github,
            engine,
            _folder: folder,
        })
    }

    /// Serves the dashboard of what plays.
    pub(crate) async fn show(&self, beside: &Beside) -> Result<Option<Served>, Failure> {
        beside.serve(self.ledger.clone(), Arc::clone(&self.engine.config)).await
    }

    /// Queues the jobs and waits until all is over, or has taken far too long. None if it was stopped before that.
    pub(crate) async fn play(
        self,
        cast: &Cast,
        faults: FaultLevel,
        aloud: bool,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Option<Played>, Failure> {
        let Self { github, bus, ledger, fleet, engine, serving, _folder } = self;
        if aloud {
            engine.tell_everything();
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(engine.run(async move {
            // Sent or dropped, it is over.
            let _ = stopped.await;
        }));
        let watched = Watched { github, ledger, fleet };
        let played = tokio::select! {
            played = watched.play(cast, faults, &bus) => played.map(Some),
            () = interrupted => Ok(None),
        };
        drop(stop);
        running.await.or_fail("the fleet ended badly")?;
        watched.clear_away().await?;
        serving.abort();
        played
    }
}

/// What is looked at while it plays.
struct Watched {
    github: Arc<Mutex<StandInGitHub>>,
    ledger: Arc<SqliteLedger>,
    fleet: LocalFleet,
}

impl Watched {
    async fn play(&self, cast: &Cast, faults: FaultLevel, bus: &Bus) -> Result<Played, Failure> {
        let began = Instant::now();
        let mut hurried = began;
        let ids = self.queue(cast).await;
        let patience = Duration::from_secs(90 + 2 * cast.0.len() as u64);
        while !self.is_over(&ids).await? && began.elapsed() < patience {
            pause(LOOK).await;
            if faults != FaultLevel::None && hurried.elapsed() > HURRY {
                hurried = Instant::now();
                bus.fire_all(SystemClock.now()).or_fail("the schedules cannot be started")?;
            }
        }
        self.look(cast, &ids, began.elapsed()).await
    }

    /// Ends the runners that are left where it was stopped before its end: nobody would look after them any more.
    async fn clear_away(&self) -> Result<(), Failure> {
        let left = self.tasks().await?;
        if left.is_empty() {
            return Ok(());
        }
        for task in left {
            self.fleet.stop(&task.id, "the demo ends").await.or_fail("a runner cannot be stopped")?;
        }
        let watching = self.fleet.watch(|_| Ok::<(), Infallible>(()));
        let gone = async {
            while !self.tasks().await?.is_empty() {
                pause(LOOK).await;
            }
            Ok::<(), Failure>(())
        };
        tokio::select! {
            () = watching => Ok(()),
            ended = gone => ended,
            () = pause(LAST_WORDS) => Ok(()),
        }
    }

    async fn queue(&self, cast: &Cast) -> Vec<JobId> {
        let mut ids = Vec::new();
        for role in &cast.0 {
            ids.push(self.github(|github| github.queue_job(SystemClock.now(), role.order.clone())));
            pause(role.after.unsigned_abs()).await;
        }
        ids
    }

    fn github<T>(&self, look: impl FnOnce(&mut StandInGitHub) -> T) -> T {
        look(&mut self.github.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, Failure> {
        let row = ledger::job(&*self.ledger, id).await.or_fail("the ledger does not answer")?;
        Ok(row.map(|row| row.value))
    }

    async fn is_over(&self, ids: &[JobId]) -> Result<bool, Failure> {
        let registrations = self.github(|github| github.registrations().len());
        if registrations > 0 || !self.tasks().await?.is_empty() {
            return Ok(false);
        }
        for id in ids {
            let ended_at_github =
                self.github(|github| github.history(*id).is_some_and(|it| it.completed_at.is_some()));
            let job = self.job(*id).await?;
            let is_rejected = matches!(job.as_ref().map(|job| &job.state), Some(JobState::Rejected { .. }));
            // Every word of it may have been lost: then another job's runner ran it, or it was cancelled first.
            let ended_in_fleet = job.is_none_or(|job| !job.is_open());
            if !(ended_in_fleet && (ended_at_github || is_rejected)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn tasks(&self) -> Result<Vec<fleetfoot_model::ports::Task>, Failure> {
        self.fleet.list().await.or_fail("the runners cannot be listed")
    }

    async fn look(&self, cast: &Cast, ids: &[JobId], took: Duration) -> Result<Played, Failure> {
        let mut acts = Vec::new();
        for (role, id) in cast.0.iter().zip(ids) {
            let at_github = self.github(|github| github.history(*id).cloned()).unwrap_or_default();
            acts.push(Act { id: *id, role: role.clone(), at_github, in_fleet: self.job(*id).await? });
        }
        let runners_left = self.tasks().await?.len();
        Ok(self.github(|github| Played {
            acts,
            runners_left,
            registrations_left: github.registrations().len(),
            ran_twice: github.jobs_run_twice().len(),
            github_calls: github.calls().values().sum(),
            jit_requests: github.calls_of(fleetfoot_stand_in::github::Call::Jit),
            took,
        }))
    }
}

/// Every secret of the demo is drawn anew.
struct DrawnSecrets(String);

#[async_trait]
impl Secrets for DrawnSecrets {
    async fn read(&self, _reference: &SecretReference) -> Result<Secret, SecretError> {
        Ok(Secret::new(self.0.clone()))
    }
}

fn github_settings(seed: u64, faults: FaultLevel, secret: &str) -> Settings {
    let mut settings = Settings::new(seed, Secret::new(secret));
    settings.faults = Faults { longest_delay: SignedDuration::from_secs(3), ..faults.into() };
    settings.times = Times::quick();
    // Hours pass in seconds here; rates per minute would only make the audience wait.
    settings.limits = Limits {
        points_per_minute: 1_000_000,
        requests_per_hour: 1_000_000,
        registrations_per_five_minutes: 1_000_000,
    };
    settings
}

/// As in `fleet.toml`, with times for an impatient audience.
fn fleet_toml(github: SocketAddr) -> String {
    format!(
        r#"
        [github]
        url = "http://{github}"
        organization = "acme"
        token = "env:DRAWN"
        webhook_secrets = ["env:DRAWN"]
        [limits]
        runners = 8
        launch_attempts = 20
        replacements = 10000
        [images]
        allow = ["ubuntu:*"]
        [timeouts]
        register_seconds = 20
        idle_seconds = 6
        linger_seconds = 5
        lost_seconds = 3
        backoff_seconds = 1
        grace_seconds = 2
        survey_seconds = 3
        "#
    )
}

/// A folder like that of `actions/runner`, whose runner is this program.
fn write_runner(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder)?;
    let program = std::env::current_exe()?;
    let script = folder.join("run.sh");
    let quoted = program.display().to_string().replace('\'', r"'\''");
    std::fs::write(&script, format!("#!/bin/sh\nexec '{quoted}' stand-in-runner\n"))?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
}

#[expect(clippy::disallowed_methods, reason = "this is a shell that waits")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
