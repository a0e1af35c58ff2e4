//! Everything that a fleet in one process is made of. `up` and `demo` run the same.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_github::GitHubClient;
use fleetfoot_local::assembly::{self, Ports};
use fleetfoot_local::bus::{Bus, Pace};
use fleetfoot_local::database::Database;
use fleetfoot_local::fleet::{LocalFleet, LocalFleetSettings};
use fleetfoot_local::functions::Functions;
use fleetfoot_local::http::{self, Limits};
use fleetfoot_local::images::{Builder, LocalImages, StandIn};
use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_local::registry::UncheckedRegistry;
use fleetfoot_local::runtime::Runtime;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ports::{Clock, GitHub, Secrets, Slack};
use fleetfoot_model::secret::SecretReference;
use fleetfoot_shell::clock::{SystemClock, SystemTickets};
use fleetfoot_shell::traces::Exporter;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::{dismissal, traces};
use crate::arguments::DATABASE;
use crate::failure::{Failure, OrFail};
use crate::{narrate, output, wiring};

/// The first pause before something that failed is tried again on this machine.
const FIRST_RETRY: SignedDuration = SignedDuration::from_millis(500);
/// How long idle runners may take to be let go at the end.
const DISMISSAL: Duration = Duration::from_secs(10);

/// What an engine is made with.
pub(crate) struct Settings {
    pub(crate) config: Arc<Config>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) slack: Option<Arc<dyn Slack>>,
    pub(crate) state: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) runner_dir: PathBuf,
    /// What builds images where no Docker engine answers.
    pub(crate) stand_in: StandIn,
    /// Where the recipe of the runner image is, if images are to be built with Docker.
    pub(crate) recipe: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn new(
        config: Arc<Config>,
        secrets: Arc<dyn Secrets>,
        slack: Option<Arc<dyn Slack>>,
        state: PathBuf,
        listen: SocketAddr,
        runner_dir: PathBuf,
    ) -> Self {
        let stand_in = StandIn { takes: Duration::from_secs(5), fails: Vec::new() };
        let recipe = Some(PathBuf::from("runner")).filter(|folder| folder.join("Dockerfile").is_file());
        Self { config, secrets, slack, state, listen, runner_dir, stand_in, recipe }
    }
}

/// A fleet in this process.
pub(crate) struct Engine {
    pub(crate) bus: Arc<Bus>,
    pub(crate) ledger: Arc<SqliteLedger>,
    pub(crate) fleet: LocalFleet,
    pub(crate) address: SocketAddr,
    pub(crate) config: Arc<Config>,
    github: Arc<dyn GitHub>,
    functions: Arc<Functions>,
    /// Where traces go, if anywhere.
    traces: Option<Arc<Exporter>>,
    images: LocalImages,
    built: mpsc::UnboundedReceiver<Envelope>,
    listener: TcpListener,
    /// Held as long as this process runs the fleet.
    _lock: File,
}

impl Engine {
    /// Opens everything. Nothing is served and nothing handled before [`Self::run`].
    pub(crate) async fn start(settings: Settings) -> Result<Self, Failure> {
        let Settings { config, secrets, slack, state, listen, runner_dir, stand_in, recipe } = settings;
        // Rows and logs are for the one who runs the fleet.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&state)
            .or_fail(format!("the folder {} cannot be made", state.display()))?;
        let lock = lock(&state)?;
        let database = Database::open(&state.join(DATABASE))
            .or_fail(format!("the state of the fleet in {} cannot be opened", state.display()))?;
        let ledger = Arc::new(SqliteLedger::new(database.clone()).or_fail("the ledger cannot be opened")?);
        let wiring = Arc::new(wiring::wiring(&config.fleet)?);
        let bus = Bus::in_database(Arc::clone(&wiring), Pace::From(FIRST_RETRY), database)
            .or_fail("the fleet's bus cannot be opened")?;
        let listener = TcpListener::bind(listen).await.or_fail(format!("{listen} cannot be listened on"));
        let listener = listener.map_err(|failure| failure.hint("--listen names another address"))?;
        let address = listener.local_addr().or_fail("the address that is listened on is not known")?;
        let fleet = open_fleet(&config, &state, &runner_dir, address)?;
        let (events, built) = mpsc::unbounded_channel();
        let builder = Builder::choose(recipe, stand_in).await;
        let longest = config.timeouts.build.unsigned_abs();
        let images = LocalImages::open(state.join("images"), builder, longest, Arc::new(SystemClock), events)
            .or_fail("what is known of image builds cannot be read")?;
        let github: Arc<dyn GitHub> =
            Arc::new(GitHubClient::new(&config.github, Arc::clone(&secrets), Arc::new(SystemClock)));
        let traces = traces::exporter(&config, &secrets)?;
        let ports = Ports {
            ledger: ledger.clone(),
            github: Arc::clone(&github),
            fleet: Arc::new(fleet.clone()),
            registry: Arc::new(UncheckedRegistry),
            images: Arc::new(images.clone()),
            secrets,
            tickets: Arc::new(SystemTickets),
            slack,
        };
        let mut functions =
            assembly::functions(ports, &config, &wiring).or_fail("functions and template do not fit")?;
        if let Some(traces) = &traces {
            functions = functions.traced(traces, &(Arc::new(SystemClock) as Arc<dyn Clock>));
        }
        Ok(Self {
            bus: Arc::new(bus),
            functions: Arc::new(functions),
            traces,
            _lock: lock,
            ledger,
            fleet,
            address,
            config,
            github,
            images,
            built,
            listener,
        })
    }

    /// What a person wants to know first.
    pub(crate) fn greeting(&self) -> Vec<String> {
        let limits = &self.config.limits;
        vec![
            format!("fleetfoot {} serves http://{}/webhook", env!("CARGO_PKG_VERSION"), self.address),
            format!("at most {} runners at once; {}", limits.runners, self.images.builder()),
        ]
    }

    /// Prints a line for each fact from now on.
    pub(crate) fn tell_everything(&self) {
        let mut observer = self.bus.observe();
        tokio::spawn(async move {
            loop {
                match observer.recv().await {
                    Ok(envelope) => tell(&envelope),
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => {
                        output::note(&format!("... {missed} facts are not shown"));
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                }
            }
        });
    }

    /// Runs until `stop` ends, then lets idle runners go. Answers what is left, in words.
    pub(crate) async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> String {
        let Self { bus, functions, listener, fleet, built, config, ledger, github, traces, .. } = self;
        let clock = Arc::new(SystemClock);
        // What came to pass while nobody ran the fleet is looked at now, not in a minute.
        if let Err(error) = bus.fire_all(clock.now()) {
            tracing::error!(%error, "the schedules could not be started");
        }
        let (ended, over) = watch::channel(());
        let limits = Limits::for_bodies_of(config.limits.webhook_bytes);
        let router = http::router(Arc::clone(&bus), Arc::clone(&functions), clock.clone(), limits);
        let serving = tokio::spawn(http::serve(listener, router, limits, wait_for(over.clone())));
        let runtime = Runtime::new(Arc::clone(&bus), functions, clock.clone());
        let running = tokio::spawn(async move { runtime.run(wait_for(over)).await });
        let watching = tokio::spawn(watch_over(fleet.clone(), Arc::clone(&bus)));
        let building = tokio::spawn(pass_on(built, Arc::clone(&bus)));
        let tracing = tokio::spawn(traces::send(traces.clone()));
        stop.await;
        // First no more webhooks and no more events, so that nothing is launched behind the dismissal's back.
        drop(ended);
        let _ = serving.await;
        if let Ok(Err(error)) = running.await {
            output::report(&Failure::new("the fleet could not run").because(&error));
        }
        let dismissing = dismissal::dismiss_idle(&*ledger, &*github, &fleet, &bus, clock.now());
        let left = tokio::time::timeout(DISMISSAL, dismissing).await;
        watching.abort();
        building.abort();
        tracing.abort();
        traces::send_rest(traces).await;
        left.unwrap_or_else(|_| "GitHub did not answer in time; some idle runners may be left".to_owned())
    }
}

async fn wait_for(mut over: watch::Receiver<()>) {
    // The sender says nothing; it is dropped.
    let _ = over.changed().await;
}

fn tell(envelope: &Envelope) {
    if let Some(line) = narrate::line(envelope) {
        // A reader that has gone away must not end the fleet.
        let _ = output::data(&format!("{line}\n"));
    }
}

async fn watch_over(fleet: LocalFleet, bus: Arc<Bus>) {
    fleet.watch(move |envelope| bus.publish_default(SystemClock.now(), envelope)).await;
}

/// Image builds that ended. An event that is lost here is made up for by the schedule of `image-build`.
async fn pass_on(mut built: mpsc::UnboundedReceiver<Envelope>, bus: Arc<Bus>) {
    while let Some(envelope) = built.recv().await {
        if let Err(error) = bus.publish_default(SystemClock.now(), envelope) {
            tracing::error!(%error, "the end of an image build could not be told");
        }
    }
}

fn lock(state: &Path) -> Result<File, Failure> {
    let path = state.join("up.lock");
    let what = || format!("the folder {} cannot be locked", state.display());
    let file = File::create(&path).or_fail(what())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Failure::new(format!("another `fleetfoot up` runs the fleet in {}", state.display()))
                .hint("--state names the folder of another fleet"))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(Failure::new(what()).because(&error)),
    }
}

fn open_fleet(
    config: &Config,
    state: &Path,
    runner_dir: &Path,
    address: SocketAddr,
) -> Result<LocalFleet, Failure> {
    let program = std::env::current_exe().or_fail("the path of this program is not known")?;
    let agent: Vec<OsString> = vec![program.into(), "agent".into()];
    let mut settings =
        LocalFleetSettings::new(state, runner_dir, agent, format!("http://{}", reachable(address)));
    settings.register_within = config.timeouts.register.unsigned_abs();
    settings.debug = config.debug;
    settings.secret_names = secret_names(config);
    LocalFleet::open(settings).or_fail("runners cannot be started on this machine").map_err(|failure| {
        failure
            .hint("--runner-dir names the folder of an unpacked release of https://github.com/actions/runner")
    })
}

/// Where runners on this machine reach what is listened on.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
}

/// The environment variables that hold secrets: no runner inherits them.
fn secret_names(config: &Config) -> Vec<String> {
    let name = |reference: &SecretReference| match reference {
        SecretReference::Environment(name) => Some(name.clone()),
        _ => None,
    };
    config.secrets.iter().filter_map(|(_, reference)| name(reference)).collect()
}
