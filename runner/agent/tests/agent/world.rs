//! A register server, a folder with a scripted `run.sh`, and the agent's process between them.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fleetfoot_agent::Report;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

pub(crate) const TICKET: &str = "c0ffee-ticket";
pub(crate) const CONFIGURATION: &str = "eyJqaXQiOiJzZWNyZXQifQ==";

/// The beginning of a `run.sh` that tells what the real one tells.
pub(crate) const LISTEN: &str = "#!/bin/bash\necho '2026-11-21 08:00:00Z: Listening for Jobs'\n";
/// A job begins, as the real runner begins it.
pub(crate) const BEGIN: &str = "bash -e \"$ACTIONS_RUNNER_HOOK_JOB_STARTED\"\n";
/// A job ends.
pub(crate) const FINISH: &str = "bash -e \"$ACTIONS_RUNNER_HOOK_JOB_COMPLETED\"\n";

/// Has no name.
const STRANGER: u32 = 61_234;

/// Longer than anything here takes, so that a mistake fails and does not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer of `register`.
#[derive(Clone)]
pub(crate) enum Answer {
    Status(u16),
    ComeAgain(u16, u32),
    Body(String),
    Never,
}

impl Answer {
    pub(crate) fn configuration() -> Self {
        Self::Body(format!(r#"{{"jitConfiguration":"{CONFIGURATION}"}}"#))
    }
}

struct Script {
    answers: VecDeque<Answer>,
    requests: Vec<(Instant, String)>,
}

/// Answers in turn; the last answer stays.
#[derive(Clone)]
pub(crate) struct Register {
    script: Arc<Mutex<Script>>,
    address: std::net::SocketAddr,
}

impl Register {
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, answers)
    }

    pub(crate) fn on(listener: TcpListener, answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Script { answers: answers.into_iter().collect(), requests: Vec::new() };
        let register = Self { script: Arc::new(Mutex::new(script)), address: listener.local_addr().unwrap() };
        let router =
            Router::new().route("/runners/{name}/register", post(answer)).with_state(register.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        register
    }

    pub(crate) fn url(&self) -> String {
        url(self.address)
    }

    /// Without the path.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// When it was asked, and with what.
    pub(crate) fn requests(&self) -> Vec<(Instant, String)> {
        self.script.lock().unwrap().requests.clone()
    }
}

pub(crate) fn url(address: std::net::SocketAddr) -> String {
    format!("http://{address}/runners/ff-1-1/register")
}

async fn answer(State(register): State<Register>, body: String) -> Response {
    let answer = {
        let mut script = register.script.lock().unwrap();
        script.requests.push((Instant::now(), body));
        let next = script.answers.front().cloned().unwrap();
        if script.answers.len() > 1 {
            script.answers.pop_front();
        }
        next
    };
    let status = |code| StatusCode::from_u16(code).unwrap();
    match answer {
        Answer::Status(code) => status(code).into_response(),
        Answer::ComeAgain(code, seconds) => {
            (status(code), [("retry-after", seconds.to_string())]).into_response()
        }
        Answer::Body(body) => body.into_response(),
        Answer::Never => std::future::pending().await,
    }
}

/// A folder for one agent.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    program: PathBuf,
    user: Option<u32>,
}

impl Place {
    /// With a `run.sh`.
    pub(crate) fn with(run_script: &str) -> Self {
        let place = Self::without_runner();
        write_run_script(place.path(), run_script);
        place
    }

    pub(crate) fn without_runner() -> Self {
        let program = env!("CARGO_BIN_EXE_fleetfoot-agent").into();
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new(), program, user: None }
    }

    /// The agent runs as a user that no `/etc/passwd` knows. Where tests do not run as root, as the same one as they.
    pub(crate) fn run_by_stranger(mut self) -> Self {
        if rustix::process::geteuid().is_root() {
            let program = self.path().join("agent");
            // What it is built as may be in a folder that strangers cannot enter. Not written by this process: a test that
            // forks at this moment would hold it open, and what is open for writing cannot be started (`ETXTBSY`).
            let copied = std::process::Command::new("cp").args([&self.program, &program]).status().unwrap();
            assert!(copied.success());
            std::os::unix::fs::chown(self.path(), Some(STRANGER), Some(STRANGER)).unwrap();
            (self.program, self.user) = (program, Some(STRANGER));
        }
        self
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What a file holds, once it holds a whole line.
    pub(crate) async fn line_of(&self, file: &str) -> String {
        line_of(&self.path().join(file)).await
    }

    pub(crate) fn report(&self) -> Report {
        serde_json::from_slice(&fs::read(self.path().join("report.json")).unwrap()).unwrap()
    }

    pub(crate) fn start(&self, register_url: &str) -> Agent {
        let log = self.path().join("agent.log");
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new(&self.program);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        let child = command
            // As in `fleetfoot agent`.
            .arg("agent")
            .env("FLEETFOOT_REGISTER_URL", register_url)
            .env("FLEETFOOT_TICKET", TICKET)
            .env("FLEETFOOT_RUNNER_DIR", self.path())
            .env("FLEETFOOT_REPORT", self.path().join("report.json"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Agent { child, log }
    }
}

pub(crate) fn write_run_script(folder: &Path, text: &str) {
    let script = folder.join("run.sh");
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The agent's process.
pub(crate) struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// Its exit code.
    pub(crate) async fn ends(&mut self) -> i32 {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(ended.is_ok(), "it does not end: {}", self.log());
        ended.unwrap().unwrap().code().unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// The program and its arguments.
    pub(crate) fn command_line(&self) -> Vec<String> {
        let text = fs::read(format!("/proc/{}/cmdline", self.id())).unwrap();
        let entries = text.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
        entries.map(|entry| String::from_utf8_lossy(entry).into_owned()).collect()
    }

    pub(crate) fn terminate(&self) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.try_into().unwrap())).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }
}

/// What a file holds, once it holds a whole line.
pub(crate) async fn line_of(path: &Path) -> String {
    let whole = || fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'));
    until(&path.display().to_string(), whole).await.trim().to_owned()
}

/// Waits until there is something.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
    }
}

/// Whether a process is there.
pub(crate) fn is_alive(pid: &str) -> bool {
    test_kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap()).is_ok()
}
