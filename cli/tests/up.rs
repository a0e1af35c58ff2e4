//! The real `fleetfoot up`, with real runner processes, against a stand-in GitHub over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ports::Clock as _;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::github::{Call, Faults, JobOrder, Settings, StandInGitHub, Times};
use fleetfoot_stand_in::github_http;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const FLEETFOOT: &str = env!("CARGO_BIN_EXE_fleetfoot");
const WEBHOOK_SECRET: &str = "the webhook's secret of these tests";
const TOKEN: &str = "the token of these tests";

/// A machine with a runner folder, a configuration and a GitHub.
struct Machine {
    folder: TempDir,
    github: Arc<Mutex<StandInGitHub>>,
    port: u16,
    up: Option<Child>,
}

impl Machine {
    async fn new(faults: Faults, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let port = free_port();
        let mut settings = Settings::new(7, Secret::new(WEBHOOK_SECRET));
        settings.faults = faults;
        settings.times = Times::quick();
        let github = Arc::new(Mutex::new(StandInGitHub::new(settings)));
        let webhook = format!("http://127.0.0.1:{port}/webhook");
        tokio::spawn(github_http::serve(listener, Arc::clone(&github), Arc::new(SystemClock), webhook));
        let toml = format!(
            "[github]\nurl = \"http://{address}\"\norganization = \"acme\"\ntoken = \"env:GITHUB_TOKEN\"\n\
             webhook_secrets = [\"env:FLEETFOOT_WEBHOOK_SECRET\"]\n{more}"
        );
        std::fs::write(folder.path().join("fleet.toml"), toml).unwrap();
        write_runner(&folder.path().join("runner"), folder.path());
        Self { folder, github, port, up: None }
    }

    fn github(&self) -> MutexGuard<'_, StandInGitHub> {
        self.github.lock().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it and waits until it serves: GitHub never repeats by itself what nobody took.
    async fn start(&mut self) {
        let up = Command::new(FLEETFOOT)
            .args(["up", "--config", "fleet.toml", "--state", "state", "--runner-dir", "runner", "--listen"])
            .arg(format!("127.0.0.1:{}", self.port))
            .current_dir(self.folder.path())
            .env("FLEETFOOT_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("GITHUB_TOKEN", TOKEN)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.up = Some(up);
        let serves = |it: &Self| TcpStream::connect((Ipv4Addr::LOCALHOST, it.port)).is_ok();
        self.wait_until("it serves", serves).await;
    }

    fn kill(&mut self) {
        let mut up = self.up.take().unwrap();
        up.kill().unwrap();
        up.wait().unwrap();
    }

    /// SIGTERM. Answers the exit code.
    async fn stop(&mut self) -> Option<i32> {
        let mut up = self.up.take().unwrap();
        kill_process(Pid::from_child(&up), Signal::TERM).unwrap();
        let status = tokio::task::spawn_blocking(move || up.wait().unwrap()).await.unwrap();
        status.code()
    }

    fn push(&self, labels: &[&str], run_for: SignedDuration) {
        let labels = labels.iter().map(|label| label.parse().unwrap()).collect();
        let mut order = JobOrder::new("acme/app".parse().unwrap(), labels);
        order.run_for = run_for;
        self.github().queue_job(SystemClock.now(), order);
    }

    /// Whether the fleet itself has heard that a runner is busy.
    fn knows_of_a_busy_runner(&self) -> bool {
        let list =
            Command::new(FLEETFOOT).args(["runners", "list", "--state"]).arg(self.path("state")).output();
        String::from_utf8(list.unwrap().stdout).unwrap().contains(" busy ")
    }

    /// Folders of runners whose agent has not ended, or whose end was not told yet.
    fn runners_left(&self) -> usize {
        let entries = std::fs::read_dir(self.path("state/runners"));
        entries.map_or(0, |entries| {
            entries.filter(|entry| entry.as_ref().is_ok_and(|it| it.path().is_dir())).count()
        })
    }

    fn is_over(&self) -> bool {
        let github = self.github();
        github.open_jobs() == 0 && github.registrations().is_empty() && self.runners_left() == 0
    }

    /// Longer than a minute: what nobody was woken for, a schedule sees to in its next one.
    async fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < Duration::from_mins(2), "it never was so: {what}");
            pause(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.up.is_some() {
            self.kill();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// One that stays free while `up` is started again: below those that systems give to whoever asks for any, and to
/// connections.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let candidates = std::iter::repeat_with(|| std::process::id() * 8 + NEXT.fetch_add(1, Ordering::Relaxed));
    candidates
        .map(|n| 20_000 + u16::try_from(n % 12_000).unwrap())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}

/// A folder like that of `actions/runner`. Its `run.sh` notes what it finds in its environment.
fn write_runner(folder: &Path, notes: &Path) {
    std::fs::create_dir(folder).unwrap();
    let script = folder.join("run.sh");
    let notes = notes.join("environments");
    std::fs::write(
        &script,
        format!("#!/bin/sh\nenv >> '{}'\nexec '{FLEETFOOT}' stand-in-runner\n", notes.display()),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_once_though_webhooks_are_lost_and_up_is_killed_again_and_again() {
    let faults = Faults {
        webhook_dropped: 0.2,
        webhook_doubled: 0.2,
        webhook_delayed: 0.2,
        longest_delay: SignedDuration::from_secs(2),
        runner_swapped: 0.3,
        ..Faults::NONE
    };
    let mut machine =
        Machine::new(faults, "[timeouts]\ngrace_seconds = 2\nlost_seconds = 3\nsurvey_seconds = 2\n").await;
    machine.start().await;
    let jobs = 12;
    for n in 0..jobs {
        machine.push(&["self-hosted", "class:small"], SignedDuration::from_millis(300 + 100 * n));
    }
    let (began, mut kills) = (Instant::now(), 0);
    while !machine.is_over() {
        assert!(began.elapsed() < Duration::from_secs(90), "open jobs: {}", machine.github().open_jobs());
        pause(Duration::from_millis(1500)).await;
        machine.kill();
        kills += 1;
        machine.start().await;
    }
    let github = machine.github();
    let succeeded =
        github.jobs().filter(|(.., history)| history.conclusion.as_deref() == Some("success")).count();
    assert_eq!(succeeded, usize::try_from(jobs).unwrap());
    assert!(github.jobs_run_twice().is_empty() && github.jobs_killed().is_empty());
    let registrations = github.calls_of(Call::Jit);
    let most = u64::try_from(jobs).unwrap() + kills;
    assert!(registrations <= most, "{registrations} registrations for {jobs} jobs and {kills} kills");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_its_end_up_lets_idle_runners_go_and_leaves_busy_ones_to_end_their_jobs() {
    let mut machine =
        Machine::new(Faults::NONE, "[[pools]]\nlabels = [\"self-hosted\", \"class:large\"]\nsize = 2\n")
            .await;
    machine.start().await;
    machine.push(&["self-hosted", "class:small"], SignedDuration::from_secs(10));
    machine
        .wait_until("one runner is busy and two are warm", |machine| {
            let runners = machine.github().registrations();
            runners.len() == 3
                && runners.iter().filter(|runner| runner.online).count() == 3
                && machine.github().queued_jobs() == 0
                && machine.knows_of_a_busy_runner()
        })
        .await;
    assert_eq!(machine.stop().await, Some(0));
    assert_eq!(machine.github().registrations().len(), 1, "the idle ones are gone");
    machine.wait_until("the busy one has ended its job", |machine| machine.github().open_jobs() == 0).await;
    let ended = machine.github().jobs().all(|(.., history)| history.conclusion.as_deref() == Some("success"));
    assert!(ended && machine.github().jobs_killed().is_empty());
    machine.start().await;
    machine
        .wait_until("the fleet is warm again", |machine| {
            machine.github().registrations().len() == 2 && machine.runners_left() == 2
        })
        .await;
    assert_eq!(machine.stop().await, Some(0));
    assert!(machine.github().registrations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_finds_nothing_secret_in_its_environment() {
    let mut machine = Machine::new(Faults::NONE, "").await;
    machine.start().await;
    machine.push(&["self-hosted"], SignedDuration::from_millis(100));
    machine
        .wait_until("the job has ended", |machine| machine.is_over() && machine.github().jobs().count() == 1)
        .await;
    let environment = std::fs::read_to_string(machine.path("environments")).unwrap();
    assert!(environment.contains("ACTIONS_RUNNER_INPUT_JITCONFIG="), "the runner got its configuration");
    for secret in [WEBHOOK_SECRET, TOKEN, "FLEETFOOT_TICKET", "FLEETFOOT_WEBHOOK_SECRET", "GITHUB_TOKEN"] {
        assert!(!environment.contains(secret), "{secret} reached the job");
    }
    assert_eq!(machine.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_up_on_the_same_state_is_refused() {
    let mut machine = Machine::new(Faults::NONE, "").await;
    machine.start().await;
    machine.wait_until("it is up", |machine| machine.path("state/fleet.db").is_file()).await;
    let second = Command::new(FLEETFOOT)
        .args([
            "up",
            "--config",
            "fleet.toml",
            "--state",
            "state",
            "--runner-dir",
            "runner",
            "--listen",
            "127.0.0.1:0",
        ])
        .current_dir(machine.folder.path())
        .env("FLEETFOOT_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .env("GITHUB_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let words = String::from_utf8(second.stderr).unwrap();
    assert!(words.contains("another `fleetfoot up`") && words.contains("hint: --state"), "{words}");
}
