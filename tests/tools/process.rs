//! Programs that are run to their end, and servers that end with their test.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::target;

/// Runs the program that follows beside itself until nobody holds its input any more, then ends its whole group. So a
/// server and what it has started end with their test, even if that is killed.
const LEASH: &str = r#""$@" & cat >/dev/null; kill -KILL $!; wait; kill -KILL 0"#;

/// The longest that a server may take until it listens; a busy machine needs seconds.
const START: Duration = Duration::from_mins(1);

/// Runs a program to its end.
///
/// # Panics
/// If it cannot be started or fails; tells what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// A server that ends, with all that it has started, when it is dropped or when this process ends.
pub struct Server {
    leash: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a program; its arguments, variables and folder are those of the command, and what it prints goes to
    /// [`Server::log`].
    pub fn start(command: &Command) -> Self {
        let log = log_of(command.get_program());
        let out = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let err = out.try_clone().expect("an open file can be shared");
        let mut leash = Command::new("sh");
        leash.args(["-c", LEASH, "sh"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => leash.env(name, value),
                None => leash.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            leash.current_dir(folder);
        }
        leash.process_group(0).stdin(Stdio::piped()).stdout(out).stderr(err);
        let leash = leash.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { leash, log }
    }

    /// The file that holds what it prints.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until it takes connections.
    ///
    /// # Panics
    /// If it does not within a minute; tells what it printed.
    pub fn wait_for(&self, port: u16) {
        let began = Instant::now();
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_err() {
            let printed = || std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(began.elapsed() < START, "nobody listens on port {port}:\n{}", printed());
            pause();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.leash.stdin.take());
        let _ = self.leash.wait();
    }
}

/// Where a server's output goes: a file for each that a test binary starts, written anew with each run.
fn log_of(program: &OsStr) -> PathBuf {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let binary = name(&std::env::current_exe().expect("a test has a binary"));
    let folder = target().join("tools").join("logs");
    std::fs::create_dir_all(&folder).expect("target/tools can be made");
    let number = STARTED.fetch_add(1, Ordering::Relaxed) + 1;
    folder.join(format!("{binary}-{}-{number}.log", name(Path::new(program))))
}

#[expect(clippy::disallowed_methods, reason = "a real process is waited for")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
