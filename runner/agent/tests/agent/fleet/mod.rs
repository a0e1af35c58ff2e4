//! The local fleet with the real agent.

mod launches;
mod restarts;
mod stops;

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetfoot_agent::Report;
use fleetfoot_agent::processes::Process;
use fleetfoot_local::fleet::{LocalFleet, LocalFleetSettings};
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::foreign::TaskStateChange;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::ports::{Clock, Fleet, FleetError, LaunchRequest, Tickets};
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_shell::clock::{SystemClock, SystemTickets, VirtualClock};
use tokio::task::JoinHandle;

use crate::world::{Answer, LISTEN, Register, until, write_run_script};

/// A job that takes until it is told to end.
const UNTIL_GO: &str = "echo $$ > ready\nuntil [ -e go ]; do sleep 0.05; done\n";

/// A machine with a state folder and a runner's folder, on which fleets come and go.
struct Machine {
    folder: tempfile::TempDir,
    register: Register,
    settings: LocalFleetSettings,
    /// Moved on by hand.
    clock: VirtualClock,
}

impl Machine {
    async fn with(run_script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runner = folder.path().join("runner");
        fs::create_dir(&runner).unwrap();
        write_run_script(&runner, &format!("{LISTEN}{run_script}"));
        let register = Register::answering([Answer::configuration()]).await;
        let clock = VirtualClock::at(SystemClock.now());
        let agent = vec![env!("CARGO_BIN_EXE_fleetfoot-agent").into()];
        let state = folder.path().join("state");
        let settings = LocalFleetSettings {
            clock: Arc::new(clock.clone()),
            // A story that fails leaves nothing for long.
            idle_within: Duration::from_mins(1),
            stop_within: Duration::from_mins(1),
            ..LocalFleetSettings::new(state, runner, agent, register.base_url())
        };
        Self { folder, register, settings, clock }
    }

    fn agent(mut self, command: &[&str]) -> Self {
        self.settings.agent_command = command.iter().map(Into::into).collect();
        self
    }

    /// A fleet that watches over its tasks.
    fn open(&self) -> Running {
        let fleet = LocalFleet::open(self.settings.clone()).unwrap();
        let told: Arc<Mutex<Vec<Envelope>>> = Arc::default();
        let watch = tokio::spawn({
            let (fleet, told) = (fleet.clone(), Arc::clone(&told));
            async move {
                let take = move |envelope| {
                    told.lock().unwrap().push(envelope);
                    Ok::<(), Infallible>(())
                };
                fleet.watch(take).await;
            }
        });
        Running { fleet, told, watch }
    }

    /// The folder of a runner, as it sees it.
    fn runner(&self, name: &str) -> PathBuf {
        self.settings.state_dir.join("runners").join(name).join("runner")
    }

    fn report(&self, name: &str) -> Option<Report> {
        let path = self.settings.state_dir.join("runners").join(name).join("report.json");
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// The process id of an agent that is up.
    async fn agent_of(&self, name: &str) -> u32 {
        until("the agent", || self.report(name)).await.pid
    }

    /// What is left in the folder of all runners.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.settings.state_dir.join("runners")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".watch").collect()
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.settings.state_dir.join("logs").join(format!("{name}.log"))).unwrap()
    }
}

impl Drop for Machine {
    /// Only a story that fails has something left to end.
    fn drop(&mut self) {
        let sessions: Vec<_> = self.left().iter().filter_map(|name| self.report(name)).collect();
        let of_ours = |process: &Process| {
            sessions.iter().any(|report| u32::try_from(process.session) == Ok(report.pid) && report.pid > 0)
        };
        Process::all().iter().filter(|process| of_ours(process)).for_each(Process::kill);
    }
}

/// A fleet, and what it told.
struct Running {
    fleet: LocalFleet,
    told: Arc<Mutex<Vec<Envelope>>>,
    watch: JoinHandle<()>,
}

impl Running {
    async fn launch(&self, name: &str) -> Result<TaskId, FleetError> {
        self.fleet.launch(&request(name)).await
    }

    fn events(&self) -> Vec<Envelope> {
        self.told.lock().unwrap().clone()
    }

    /// What was told of a runner: version and status.
    fn steps(&self, name: &str) -> Vec<(u64, String)> {
        let changes = self.events().into_iter().map(|event| change(&event));
        let of_it = changes.filter(|change| change.started_by.as_deref() == Some(name));
        of_it.map(|change| (change.version, change.last_status)).collect()
    }

    async fn told(&self, name: &str, status: &str) -> TaskStateChange {
        let is_it = |found: &TaskStateChange| {
            found.started_by.as_deref() == Some(name) && found.last_status == status
        };
        let what = format!("{name} {status}");
        until(&what, || self.events().iter().map(change).find(|found| is_it(found))).await
    }

    /// As if killed: nothing is done any more. Its runners do not notice.
    async fn crash(self) {
        self.watch.abort();
        let _ = self.watch.await;
    }
}

fn change(event: &Envelope) -> TaskStateChange {
    serde_json::from_value(event.detail.clone()).unwrap()
}

fn request(name: &str) -> LaunchRequest {
    let arch = if cfg!(target_arch = "aarch64") { Arch::Arm64 } else { Arch::X64 };
    let runner: RunnerName = name.parse().unwrap();
    let spec = Spec {
        class: "small".parse().unwrap(),
        cpu: 512,
        memory_mib: 1024,
        disk_gib: 20,
        arch,
        capacity: Capacity::OnDemand,
        image: None,
    };
    let ticket = SystemTickets.draw();
    LaunchRequest { runner, capacity: spec.capacity, spec, image: None, ticket, attempt: 0, debug: false }
}

fn steps(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(version, status)| (*version, (*status).to_owned())).collect()
}
