//! The processes of tasks: real agents, each with a stand-in runner.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use fleetfoot_model::ids::TaskId;
use serde_json::Value;

use super::super::role;
use super::ecs::text;

const REGISTER_URL: &str = "FLEETFOOT_REGISTER_URL";

/// Whatever runs now.
#[derive(Clone)]
pub(super) struct Agents {
    folder: PathBuf,
    /// The way to the HTTP API: the address that AWS gives leads nowhere here.
    register: String,
    running: Arc<Mutex<BTreeMap<TaskId, Child>>>,
}

impl Agents {
    pub(super) fn new(folder: PathBuf, register: String) -> Self {
        Self { folder, register, running: Arc::default() }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<TaskId, Child>> {
        self.running.lock().expect("nothing panics while it holds the agents")
    }

    /// Starts the agent of a task with the environment that `RunTask` asked for.
    pub(super) fn start(&self, task: &TaskId, request: &Value) {
        let folder = self.folder.join(task.as_str().rsplit('/').next().unwrap_or_default());
        std::fs::create_dir_all(&folder).expect("a folder for a task can be made");
        role::write_runner(&folder);
        let command = role::agent();
        let mut agent = Command::new(&command[0]);
        agent.args(&command[1..]).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in environment(request) {
            agent.env(name, if name == REGISTER_URL { self.nearer(value) } else { value.to_owned() });
        }
        agent.env("FLEETFOOT_RUNNER_DIR", &folder).stdin(Stdio::null());
        agent.stdout(Stdio::null()).stderr(Stdio::null());
        let child = agent.spawn().unwrap_or_else(|error| panic!("{agent:?}: {error}"));
        self.running().insert(task.clone(), child);
    }

    fn nearer(&self, url: &str) -> String {
        let path = url.split_once("/runners/").map_or(url, |(_, path)| path);
        format!("{}/runners/{path}", self.register)
    }

    /// Sends a signal to an agent.
    pub(super) fn signal(&self, task: &TaskId, signal: &str) {
        if let Some(child) = self.running().get(task) {
            let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
        }
    }

    /// The agents that have ended since the last time, with their exit codes.
    pub(super) fn ended(&self) -> Vec<(TaskId, i32)> {
        let mut ended = Vec::new();
        self.running().retain(|task, child| match child.try_wait() {
            Ok(Some(status)) => {
                ended.push((task.clone(), status.code().unwrap_or(137)));
                false
            }
            _ => true,
        });
        ended
    }
}

/// The variables that a `RunTask` has for its container.
pub(super) fn environment(request: &Value) -> impl Iterator<Item = (&str, &str)> {
    let variables = request["overrides"]["containerOverrides"][0]["environment"].as_array();
    variables.into_iter().flatten().map(|variable| (text(&variable["name"]), text(&variable["value"])))
}

impl Drop for Agents {
    /// An agent that is told to end takes its runner with it.
    fn drop(&mut self) {
        if Arc::strong_count(&self.running) > 1 {
            return;
        }
        let tasks: Vec<TaskId> = self.running().keys().cloned().collect();
        for task in &tasks {
            self.signal(task, "-TERM");
        }
        let patience = Instant::now() + Duration::from_secs(2);
        while !self.running().is_empty() && Instant::now() < patience {
            self.ended();
        }
        for child in self.running().values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
