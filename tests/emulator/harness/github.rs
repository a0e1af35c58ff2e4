//! The stand-in GitHub, with GitHub's own description between it and the fleet.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ports::Clock;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::github::{JobHistory, JobOrder, Limits, Settings, StandInGitHub, Times};
use fleetfoot_stand_in::github_http::serve;
use fleetfoot_tests::tools::{self, Server};
use tokio::net::TcpListener;

use super::configuration::APP_KEY;
use super::describe::description;
use super::wait::until;

/// The organization whose jobs are served.
pub(crate) const OWNER: &str = "acme";
/// The only repository of most stories.
pub(crate) const REPOSITORY: &str = "acme/app";

/// GitHub answers 404 when a runner that is gone is to be deleted, and does not describe that.
const UNDESCRIBED: &str =
    "Unable to match the returned status code with those defined in the document: 204,422";

/// The stand-in, its face and the proxy before it.
pub(crate) struct GitHub {
    state: Arc<Mutex<StandInGitHub>>,
    /// Where the fleet finds it: a proxy that refuses whatever GitHub's description does not have.
    pub(crate) address: String,
    /// Where a browser finds it: pages are in no description.
    pub(crate) pages: String,
    proxy: Server,
}

impl GitHub {
    /// Starts it. Its webhooks go to an address.
    pub(crate) async fn start(secret: &Secret, webhook_url: String) -> Self {
        // Fifty jobs at once are more than an installation may register in a minute with what else is asked.
        let limits = Limits { points_per_minute: 6_000, ..Limits::default() };
        let app_key = Secret::new(APP_KEY);
        let settings =
            Settings { times: Times::quick(), limits, app_key, ..Settings::new(1, secret.clone()) };
        let state = Arc::new(Mutex::new(StandInGitHub::new(settings)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let stand_in = listener.local_addr().expect("a bound listener has an address");
        tokio::spawn(serve(listener, Arc::clone(&state), Arc::new(SystemClock), webhook_url));

        let packages = tools::node();
        let port = tools::free_port();
        let mut prism = Command::new(tools::node_programs().join("node"));
        prism.arg(packages.join("node_modules/.bin/prism"));
        prism.arg("proxy").arg(description(&packages)).arg(format!("http://{stand_in}"));
        prism.args(["--errors", "--port", &port.to_string()]);
        let proxy = Server::start(&prism);
        proxy.wait_for(port);
        let pages = format!("http://{stand_in}");
        Self { state, address: format!("http://127.0.0.1:{port}"), pages, proxy }
    }

    /// What did not fit GitHub's description so far.
    pub(crate) fn violations(&self) -> Vec<String> {
        let log = fs::read_to_string(self.proxy.log()).expect("prism has a log");
        let told =
            |line: &&str| line.contains("Violation:") || line.contains("Request terminated with error");
        let violations = log.lines().filter(told).filter(|line| !line.contains(UNDESCRIBED));
        violations.map(str::to_owned).collect()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, StandInGitHub> {
        self.state.lock().expect("no story panics while it holds GitHub")
    }

    /// Somebody pushes.
    pub(crate) fn queue(&self, order: JobOrder) -> JobId {
        self.state().queue_job(now(), order)
    }

    /// Somebody takes a job back.
    pub(crate) fn cancel(&self, job: JobId) {
        self.state().cancel_job(now(), job);
    }

    pub(crate) fn history(&self, job: JobId) -> JobHistory {
        self.state().history(job).expect("the job was queued").clone()
    }

    /// Waits for a job's end and answers how it ended.
    pub(crate) async fn ended(&self, job: JobId) -> String {
        until(&format!("job {job} has ended"), || self.history(job).conclusion.is_some()).await;
        self.history(job).conclusion.unwrap_or_default()
    }
}

/// The time.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}
