//! `fleetfoot dashboard`, and the dashboard beside `up` and `demo`.

mod beside;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_dashboard::Settings;
use fleetfoot_local::http::{self, Limits};
use fleetfoot_shell::clock::SystemClock;
use tokio::net::TcpListener;

use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use crate::place::Location;
use crate::up;

pub(crate) use beside::{Beside, Served};

/// Where it is served if nothing else is said.
pub(crate) const ADDRESS: &str = "127.0.0.1:8081";
/// How many may look at the same time.
const VIEWERS: usize = 32;
/// How often rows on this machine are read while somebody looks; they cost nothing.
const EVERY_HERE: Duration = Duration::from_secs(1);
/// How often those on AWS are, where they do (docs/dashboard.md).
const EVERY_DEPLOYED: Duration = Duration::from_secs(5);

pub(crate) const EXAMPLES: &str = "\
Examples:
  fleetfoot dashboard
  fleetfoot dashboard --stack ff --region eu-central-1
  fleetfoot dashboard --stack ff --every 15 --listen 127.0.0.1:9000

`fleetfoot up` serves the same page by itself; this is for a fleet on AWS, or one that another
process runs. It reads rows with your own credentials and changes nothing; nothing is added to
the deployment. Nobody is asked who they are: who reaches the address sees the names of
repositories and jobs. Nothing is read while nobody looks. docs/dashboard.md tells more.

JSON: GET /api/overview and GET /api/jobs/ID on the same address.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to serve it
    #[arg(long, value_name = "ADDRESS", default_value = ADDRESS)]
    listen: SocketAddr,
    /// How often rows are read while somebody looks [default: 1 on this machine, 5 on AWS]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: Option<u64>,
    /// A name that leads to it beside `localhost` and addresses, such as a proxy's
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    #[command(flatten)]
    location: Location,
}

pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let Args { listen, every, hosts, location } = args;
    let stack = location.remote.stack.clone();
    let place = location.open().await?;
    let every = every.map(Duration::from_secs);
    let settings = Settings {
        ledger: place.ledger()?,
        config: Arc::new(place.config().await?),
        clock: Arc::new(SystemClock),
        every: every.unwrap_or(if stack.is_some() { EVERY_DEPLOYED } else { EVERY_HERE }),
        place: stack.map_or_else(here, |stack| format!("stack {stack}")),
        hosts,
        viewers: VIEWERS,
    };
    let stop = up::stop_signal()?;
    let listener =
        listen_on(listen).await.map_err(|failure| failure.hint("--listen names another address"))?;
    for line in greeting(&listener)? {
        output::note(&line);
    }
    serve(listener, settings, stop).await;
    Ok(Answer::default())
}

/// The words for a fleet of this machine.
fn here() -> String {
    "this machine".to_owned()
}

async fn listen_on(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.or_fail(format!("the dashboard cannot be served on {address}"))
}

/// Where it is, and who sees it.
fn greeting(listener: &TcpListener) -> Result<Vec<String>, Failure> {
    let address = listener.local_addr().or_fail("the dashboard's address is not known")?;
    let mut lines = vec![format!("the dashboard is at http://{address}/")];
    if !address.ip().is_loopback() {
        lines.push(format!(
            "warning: whoever reaches {address} sees the names of repositories and jobs; nobody is asked who they are"
        ));
    }
    Ok(lines)
}

async fn serve(listener: TcpListener, settings: Settings, stop: impl Future<Output = ()>) {
    // Events go on for as long as somebody looks: there is nothing to wait for at the end.
    let limits =
        Limits { grace: Duration::from_millis(100), connections: 4 * VIEWERS, ..Limits::for_bodies_of(0) };
    http::serve(listener, fleetfoot_dashboard::router(settings), limits, stop).await;
}
