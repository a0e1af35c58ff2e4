//! A fleet that runs over a world's state: the real functions and bus, with a stand-in GitHub and Fargate, on a loopback
//! port. Its clock stands still.

use std::sync::{Arc, Mutex};

use fleetfoot_local::assembly::{self, Ports};
use fleetfoot_local::bus::{Bus, Pace};
use fleetfoot_local::database::Database;
use fleetfoot_local::http::{self, Limits};
use fleetfoot_local::registry::UncheckedRegistry;
use fleetfoot_local::runtime::Runtime;
use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::config;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::{SystemTickets, VirtualClock};
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::fargate::{self, InProcessFargate, StandInFargate};
use fleetfoot_stand_in::github::{self, InProcessGitHub, StandInGitHub};
use fleetfoot_stand_in::images::{self, StandInImages};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{World, now};
use crate::wiring;

pub(crate) const CONFIGURATION: &str = r#"
[github]
organization = "acme"
token = "file:token"
webhook_secrets = ["file:missing", "file:webhook-secret"]
[labels]
plain = ["k8s"]
[classes.small]
cpu = 512
memory = 1024
[repositories]
allow = ["**"]
public = true
"#;

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// Ends when it is dropped.
pub(crate) struct Fleet {
    /// Where it is reached.
    pub(crate) url: String,
    _tasks: JoinSet<()>,
}

pub(crate) fn stand_in_github() -> InProcessGitHub {
    let github = StandInGitHub::new(github::Settings::new(1, Secret::new(SECRET)));
    InProcess::new(Arc::new(Mutex::new(github)), Arc::new(VirtualClock::at(now())))
}

pub(crate) fn stand_in_fargate() -> InProcessFargate {
    let fargate = StandInFargate::new(fargate::Settings::new(1));
    InProcess::new(Arc::new(Mutex::new(fargate)), Arc::new(VirtualClock::at(now())))
}

impl World {
    /// A fleet that was never up, and is configured.
    pub(crate) fn configured() -> Self {
        let world = Self::without_state();
        world.write("fleet.toml", CONFIGURATION);
        world.write("webhook-secret", SECRET);
        world
    }

    /// Runs the fleet until what is answered is dropped.
    pub(crate) async fn up(&self) -> Fleet {
        let config = Arc::new(config::load("fleet.toml", CONFIGURATION).unwrap());
        let clock = Arc::new(VirtualClock::at(now()));
        let database = Database::open(&self.path().join(crate::arguments::DATABASE)).unwrap();
        let wiring = Arc::new(wiring::wiring(&config.fleet).unwrap());
        let images = StandInImages::new(images::Settings::new(1));
        let ports = Ports {
            ledger: Arc::new(self.ledger()),
            github: Arc::new(stand_in_github()),
            fleet: Arc::new(stand_in_fargate()),
            registry: Arc::new(UncheckedRegistry),
            images: Arc::new(InProcess::new(Arc::new(Mutex::new(images)), clock.clone())),
            secrets: Arc::new(LocalSecrets::new(self.path())),
            tickets: Arc::new(SystemTickets),
            slack: None,
        };
        let functions = Arc::new(assembly::functions(ports, &config, &wiring).unwrap());
        let bus = Arc::new(Bus::in_database(wiring, Pace::Aws, database).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let limits = Limits::for_bodies_of(config.limits.webhook_bytes);
        let router = http::router(bus.clone(), functions.clone(), clock.clone(), limits);
        let runtime = Runtime::new(bus, functions, clock);
        let mut tasks = JoinSet::new();
        tasks.spawn(http::serve(listener, router, limits, std::future::pending()));
        tasks.spawn(async move { runtime.run(std::future::pending()).await.unwrap() });
        Fleet { url, _tasks: tasks }
    }
}
