//! Somebody who has nothing yet: an AWS account without a stack, a GitHub without an App, a folder, and a browser.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;

use fleetfoot_model::secret::Secret;
use fleetfoot_tests::tools::{self, Ministack, root};
use reqwest::header::LOCATION;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::spawn_blocking;

use super::aws::Aws;
use super::cloud::Cloud;
use super::deploy::Stack;
use super::gateway::{Gateway, client};
use super::say::say;
use super::system::{timed, variables};
use super::{GitHub, Registry, bridge, build, command};

/// The suite has built the functions by the same command a moment ago; all else is the SAM CLI itself.
const SAM: &str = r#"#!/bin/sh
if [ "$1" = build ]; then
  while [ $# -gt 0 ]; do
    case "$1" in --build-dir) build="$2";; --template-file) template="$2";; --config-file) config="$2";; esac
    shift
  done
  [ -f "$template" ] && [ -f "$config" ] || { echo "no $template or no $config"; exit 1; }
  mkdir -p "$(dirname "$build")" && cp -R '@BUILT@' "$build" && echo "Build Succeeded"
else
  exec '@SAM@' "$@"
fi
"#;

/// What a command has printed, and how it ended.
pub(crate) struct Printed {
    pub(crate) succeeded: bool,
    /// stdout and stderr, as a terminal shows them.
    pub(crate) text: String,
}

/// A newcomer and their surroundings.
pub(crate) struct Newcomer {
    pub(crate) aws: Aws,
    pub(crate) github: GitHub,
    pub(crate) registry: Registry,
    pub(crate) cloud: Cloud,
    pub(crate) folder: TempDir,
    api: Gateway,
    ministack: Ministack,
    http: reqwest::Client,
    /// With the command and the tools that the guide names.
    path: OsString,
    /// What ECS and CodeBuild tell, until somebody listens.
    told: Option<UnboundedReceiver<Value>>,
    /// Where commands are run.
    at: Mutex<PathBuf>,
}

impl Newcomer {
    /// Builds, and starts what is there before anybody deploys.
    pub(crate) async fn start() -> Self {
        let built = timed("build", spawn_blocking(build::build)).await.expect("the functions can be built");
        let command =
            timed("command", spawn_blocking(command::build)).await.expect("the command can be built");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (api, calls) = (Gateway::start().await, Gateway::start().await);
        let tasks = folder.path().join("tasks");
        fs::create_dir(&tasks).expect("a folder can be made");
        let (cloud, told) = Cloud::start(tasks, api.address.clone()).await;
        let variables = variables(&calls, &cloud);
        let starting = spawn_blocking(move || {
            Ministack::start_with(variables.iter().map(|(name, value)| (*name, value.as_str())))
        });
        let ministack = starting.await.expect("the emulator starts");
        calls.lead_to(ministack.endpoint());
        let github = GitHub::start(&Secret::new("of-nobody"), format!("{}/webhook", api.address)).await;

        let programs = folder.path().join("bin");
        fs::create_dir(&programs).expect("a folder can be made");
        symlink(&command, programs.join("fleetfoot")).expect("a link to the command");
        let sam = SAM.replace("@BUILT@", &built.display().to_string());
        let sam = sam.replace("@SAM@", &tools::sam().join("sam").display().to_string());
        fs::write(programs.join("sam"), sam).expect("a script");
        fs::set_permissions(programs.join("sam"), fs::Permissions::from_mode(0o755))
            .expect("a script can be run");
        symlink(root(), folder.path().join("fleetfoot")).expect("a link to the checkout");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [programs, tools::sam()].into_iter().chain(std::env::split_paths(&path));
        Self {
            aws: Aws::new(&ministack.sdk_config()),
            github,
            registry: Registry::start().await,
            cloud,
            at: Mutex::new(folder.path().to_owned()),
            folder,
            api,
            ministack,
            http: client(),
            path: std::env::join_paths(path).expect("no folder has a colon in its name"),
            told: Some(told),
        }
    }

    /// What the emulator does not do by itself, once there is a stack.
    pub(crate) async fn connect(&mut self) {
        let Some(told) = self.told.take() else { return };
        let stack = Stack::of(&self.aws).await;
        let api = stack.resource("Api");
        self.api.lead_to(format!("{}/_aws/execute-api/{api}/$default", self.ministack.endpoint()));
        bridge::carry_facts(&self.aws, stack.resource("FleetBus")).await;
        tokio::spawn(bridge::carry_service_events(self.aws.clone(), told));
    }

    /// Runs commands where the last ones ended, and hands on each line that they print.
    pub(crate) async fn run(&self, text: &str, lines: &UnboundedSender<String>) -> Printed {
        let here = self.at.lock().expect("nothing panics while it looks").clone();
        let end = self.folder.path().join("pwd");
        let script = format!("exec 2>&1\nset -eu\n{text}\npwd > '{}'\n", end.display());
        let mut command = Command::new("bash");
        command.arg("-c").arg(script).current_dir(&here).kill_on_drop(true);
        command.envs(self.ministack.environment()).env("PATH", &self.path).env("NO_COLOR", "1");
        for service in ["ECS", "CODEBUILD", "ECR"] {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), &self.cloud.address);
        }
        command.envs([("SAM_CLI_TELEMETRY", "0"), ("SAM_CLI_POLL_DELAY", "0.2"), ("TERM", "dumb")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell can be started");
        let mut printed = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut text = String::new();
        while let Some(line) = printed.next_line().await.expect("a command prints text") {
            say(&format!("    {line}\n"));
            text.push_str(&line);
            text.push('\n');
            // Nobody may listen.
            let _ = lines.send(line);
        }
        let succeeded = child.wait().await.expect("a command ends").success();
        if let Ok(at) = fs::read_to_string(end) {
            *self.at.lock().expect("nothing panics while it looks") = PathBuf::from(at.trim_end());
        }
        Printed { succeeded, text }
    }

    /// Where the last commands ended.
    pub(crate) fn at(&self) -> PathBuf {
        self.at.lock().expect("nothing panics while it looks").clone()
    }

    /// Opens the page of `setup` and goes on to GitHub, as its form says, and back.
    pub(crate) async fn make_app(&self, page: &str) {
        let form = self.http.get(page).send().await.expect("the page is there").text().await.expect("a page");
        let attribute = |after: &str, name: &str| {
            let rest = form.split_once(after).expect("the page has a form").1;
            let value = rest.split_once(&format!("{name}=\"")).expect("an attribute").1;
            value.split('"').next().unwrap_or_default().replace("&quot;", "\"").replace("&amp;", "&")
        };
        let action = attribute("<form", "action").replace(&self.github.address, &self.github.pages);
        let manifest = attribute("name=\"manifest\"", "value");
        // As in a form: every byte may be written by its number.
        let mut encoded = String::new();
        for byte in manifest.bytes() {
            let _ = write!(encoded, "%{byte:02X}");
        }
        let sent = self.http.post(action).body(format!("manifest={encoded}")).send().await;
        let sent = sent.expect("GitHub answers");
        // The client has followed GitHub back to the page, and the page to where the App is installed.
        assert!(
            sent.url().path().ends_with("/installations/new"),
            "{}: {:?}",
            sent.url(),
            sent.headers().get(LOCATION)
        );
    }

    /// Clicks on "Install".
    pub(crate) async fn install_app(&self, page: &str) {
        let sent = self.http.post(page).send().await.expect("GitHub answers");
        assert!(sent.status().is_success(), "{}: {}", page, sent.status());
    }
}
