//! The dashboard of a fleet that runs in this process, on an address of its own: the webhook's is often public.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use fleetfoot_dashboard::Settings;
use fleetfoot_model::config::Config;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_shell::clock::SystemClock;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{ADDRESS, EVERY_HERE, VIEWERS, greeting, here, listen_on, serve};
use crate::failure::{Failure, OrFail};
use crate::output;

/// `--dashboard` and `--dashboard-host`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Beside {
    /// Where to serve the dashboard, or `off` [default: 127.0.0.1:8081, if that is free]
    #[arg(long, value_name = "ADDRESS")]
    dashboard: Option<Choice>,
    /// A name that leads to the dashboard beside `localhost` and addresses, such as a proxy's
    #[arg(long, value_name = "NAME")]
    dashboard_host: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Off,
    At(SocketAddr),
}

impl FromStr for Choice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" | "none" => Ok(Self::Off),
            text => text
                .parse()
                .map(Self::At)
                .map_err(|_| format!("an address with a port, such as {ADDRESS}, or `off` is allowed")),
        }
    }
}

/// A dashboard that is served until this is stopped.
#[derive(Debug)]
pub(crate) struct Served {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Beside {
    /// Serves it where that was asked for or where nothing else was said, and says where.
    ///
    /// # Errors
    /// If an address was named that cannot be listened on. Without one the fleet runs without a dashboard then.
    pub(crate) async fn serve(
        &self,
        ledger: Arc<dyn Ledger>,
        config: Arc<Config>,
    ) -> Result<Option<Served>, Failure> {
        let listener = match self.dashboard {
            Some(Choice::Off) => return Ok(None),
            Some(Choice::At(address)) => listen_on(address).await.map_err(|failure| {
                failure.hint("--dashboard names another address, `--dashboard off` does without")
            })?,
            None => {
                let address = ADDRESS.parse().or_fail("the dashboard has no address")?;
                match listen_on(address).await {
                    Ok(listener) => listener,
                    Err(failure) => {
                        let why = failure.causes.first().map(String::as_str).unwrap_or_default();
                        output::note(&format!(
                            "warning: there is no dashboard: {ADDRESS} cannot be listened on ({why}); --dashboard names \
                             another address"
                        ));
                        return Ok(None);
                    }
                }
            }
        };
        for line in greeting(&listener)? {
            output::note(&line);
        }
        let settings = Settings {
            ledger,
            config,
            clock: Arc::new(SystemClock),
            every: EVERY_HERE,
            place: here(),
            hosts: self.dashboard_host.clone(),
            viewers: VIEWERS,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            serve(listener, settings, async {
                // Sent or dropped, it is over.
                let _ = stopped.await;
            })
            .await;
        });
        Ok(Some(Served { stop, serving }))
    }

    /// Whether one was asked for by address.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self.dashboard, Some(Choice::At(_)))
    }
}

impl Served {
    /// Ends it.
    pub(crate) async fn end(self) {
        drop(self.stop);
        let _ = self.serving.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_is_at_an_address_or_off() {
        assert_eq!("off".parse(), Ok(Choice::Off));
        assert_eq!("none".parse(), Ok(Choice::Off));
        assert_eq!("[::1]:9000".parse(), Ok(Choice::At("[::1]:9000".parse().unwrap())));
        assert!("8081".parse::<Choice>().unwrap_err().contains("127.0.0.1:8081"));
    }
}
