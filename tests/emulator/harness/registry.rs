//! The registries of base images, one of which stands in for all.

use std::sync::{Arc, Mutex};

use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::registry::{Settings, StandInRegistry};
use fleetfoot_stand_in::registry_http::serve;
use tokio::net::TcpListener;

/// A registry that knows every image.
pub(crate) struct Registry {
    state: Arc<Mutex<StandInRegistry>>,
    /// `127.0.0.1:port`, which is its name in references.
    pub(crate) address: String,
}

impl Registry {
    /// Starts it.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address").to_string();
        let state = Arc::new(Mutex::new(StandInRegistry::new(Settings::new(1))));
        tokio::spawn(serve(listener, Arc::clone(&state), Arc::new(SystemClock)));
        Self { state, address }
    }

    /// There is no such image from now on.
    pub(crate) fn remove(&self, image: &str) {
        let mirrored = format!("{}/{image}", self.address).parse().expect("a reference");
        self.state.lock().expect("no story panics here").remove(&mirrored);
    }
}
