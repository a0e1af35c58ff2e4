//! `fleetfoot up`: the whole fleet in this process, until it is stopped.

mod dismissal;
mod engine;
mod preflight;
mod traces;

use std::net::SocketAddr;
use std::sync::Arc;

use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::ports::Secrets;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{Configuration, RunnerFolder, State};
use crate::dashboard::Beside;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};

pub(crate) use engine::{Engine, Settings};

pub(crate) const EXAMPLES: &str = "\
Examples:
  fleetfoot up --runner-dir ~/actions-runner
  fleetfoot up --config fleet.toml --state /var/lib/fleetfoot --listen 0.0.0.0:8080
  fleetfoot up --dashboard 127.0.0.1:9000

Serves POST /webhook for GitHub, POST /runners/NAME/register for its own runners, and GET /health;
and on another address, which need not be public, the dashboard.
Tells what happens, a line a fact. Killed at any moment and started again it goes on where it was;
its runners do not notice. On SIGTERM or Ctrl-C it lets idle runners go, leaves busy ones to end
their jobs, and ends.

A runner folder is an unpacked release of https://github.com/actions/runner; it is copied for every
job. Jobs run as this user, without isolation: serve only repositories that you trust.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: Configuration,
    #[command(flatten)]
    state: State,
    /// Where to serve the webhook and the runners
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    dashboard: Beside,
    #[command(flatten)]
    runner: RunnerFolder,
}

pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let config = Arc::new(args.config.load()?);
    let secrets: Arc<dyn Secrets> = Arc::new(LocalSecrets::new(args.config.folder()));
    let slack = preflight::secrets(&config, &secrets).await?;
    // From here on a signal ends it cleanly.
    let stop = stop_signal()?;
    let (state, runner_dir) = (args.state.state, args.runner.runner_dir);
    let settings = Settings::new(Arc::clone(&config), secrets, slack, state, args.listen, runner_dir);
    let engine = Engine::start(settings).await?;
    for line in engine.greeting() {
        output::note(&line);
    }
    let dashboard = args.dashboard.serve(engine.ledger.clone(), config).await?;
    engine.tell_everything();
    let left = engine.run(stop).await;
    if let Some(dashboard) = dashboard {
        dashboard.end().await;
    }
    Ok(Answer::default().note(left))
}

pub(crate) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let what = "signals cannot be received";
    let mut terminate = signal(SignalKind::terminate()).or_fail(what)?;
    let mut interrupt = signal(SignalKind::interrupt()).or_fail(what)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
