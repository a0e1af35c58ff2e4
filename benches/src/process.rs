//! A function's process: started on a processor of its own, watched through `/proc`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;
use tokio::sync::oneshot;

use crate::Failure;
use crate::runtime_api::RuntimeApi;
use crate::share::Share;

type Started = io::Result<(Child, Instant)>;
type Order = (Command, oneshot::Sender<Started>);

/// A thread whose children inherit its processor and its share of it: both have to be set before a program begins.
pub(crate) struct Starter {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Starter {
    /// On one processor, with a share of it if one is given.
    pub(crate) fn new(processor: Option<usize>, share: Option<&Share>) -> Result<Self, Failure> {
        let (sender, orders) = mpsc::channel::<Order>();
        let share = share.map(|share| share.tasks().to_owned());
        let (ready, is_ready) = mpsc::channel::<io::Result<()>>();
        let thread = thread::Builder::new().name("starter".to_owned()).spawn(move || {
            let _ = ready.send(settle(processor, share.as_deref()));
            for (mut command, reply) in orders {
                let began = Instant::now();
                let _ = reply.send(command.spawn().map(|child| (child, began)));
            }
            // A control group can be removed when it is empty.
            if share.is_some() {
                let _ = settle(None, Some(Path::new(Share::WHOLE)));
            }
        })?;
        let starter = Self { orders: Some(sender), thread: Some(thread) };
        is_ready.recv()??;
        Ok(starter)
    }

    /// Starts a program; answers when that began, too.
    pub(crate) async fn start(&self, command: Command) -> Result<(Child, Instant), Failure> {
        let (sender, started) = oneshot::channel();
        let orders = self.orders.as_ref().ok_or("the starter has ended")?;
        orders.send((command, sender)).map_err(|_| "the starter has ended")?;
        Ok(started.await??)
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn settle(processor: Option<usize>, share: Option<&Path>) -> io::Result<()> {
    let myself = fs::read_link("/proc/thread-self")?;
    let thread = myself.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(processor) = processor {
        pin(&thread, processor)?;
    }
    share.map_or(Ok(()), |tasks| fs::write(tasks, thread))
}

/// Puts a thread on a processor.
fn pin(thread: &str, processor: usize) -> io::Result<()> {
    let mut taskset = Command::new("taskset");
    taskset.args(["-p", "-c", &processor.to_string(), thread]).stdout(Stdio::null());
    if taskset.status()?.success() { Ok(()) } else { Err(io::Error::other("taskset did not pin a thread")) }
}

/// Puts this thread on a processor.
pub(crate) fn pin_this_thread(processor: usize) -> io::Result<()> {
    settle(Some(processor), None)
}

/// How much memory a process has, in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

/// A running function. It ends when this is dropped.
pub(crate) struct Process {
    child: Child,
    log: NamedTempFile,
    pub(crate) api: RuntimeApi,
    /// From the order to start it to its first poll.
    pub(crate) start: Duration,
}

impl Process {
    /// Starts a program and waits until it asks for an invocation.
    pub(crate) async fn start(
        starter: &Starter,
        program: &Path,
        environment: &[(&str, String)],
    ) -> Result<Self, Failure> {
        let mut api = RuntimeApi::start().await?;
        let log = NamedTempFile::new()?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .stdin(Stdio::null())
            .stdout(log.reopen()?)
            .stderr(File::create("/dev/null")?);
        let (child, began) = starter.start(command).await?;
        let mut process = Self { child, log, start: Duration::ZERO, api: RuntimeApi::start().await? };
        let polled = api.first_poll().await.map_err(|error| {
            let log = fs::read_to_string(process.log.path()).unwrap_or_default();
            format!("{}: {error}\n{log}", program.display())
        })?;
        process.start = polled.duration_since(began);
        process.api = api;
        Ok(process)
    }

    fn file(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.child.id()).into()
    }

    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        let status = fs::read_to_string(self.file("status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let (resident, peak) = (field("VmRSS:"), field("VmHWM:"));
        Ok(Memory { resident: resident.ok_or("no VmRSS")?, peak: peak.ok_or("no VmHWM")? })
    }

    /// How long its threads have been on a processor.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        let mut nanos = 0;
        for thread in fs::read_dir(self.file("task"))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += text.split_whitespace().next().and_then(|it| it.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// How much it has written to its log, in bytes.
    pub(crate) fn logged(&self) -> Result<u64, Failure> {
        Ok(self.log.as_file().metadata()?.len())
    }

    pub(crate) fn log(&self) -> Result<String, Failure> {
        Ok(fs::read_to_string(self.log.path())?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
