//! Traces of a fleet in this process.

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::config::Config;
use fleetfoot_model::ports::{Clock, Secrets};
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_shell::traces::{Exporter, ReqwestSender, Resource};

use crate::failure::{Failure, OrFail};

/// How often spans are sent.
const PACE: Duration = Duration::from_secs(2);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where traces go, if the configuration says so.
pub(super) fn exporter(
    config: &Config,
    secrets: &Arc<dyn Secrets>,
) -> Result<Option<Arc<Exporter>>, Failure> {
    let Some(endpoint) = &config.traces.endpoint else { return Ok(None) };
    let sender = ReqwestSender::new(endpoint).or_fail("traces cannot be sent")?;
    let resource = Resource { namespace: config.fleet.to_string(), region: String::new() };
    let header = config.traces.header.clone();
    Ok(Some(Arc::new(Exporter::new(header, resource, Arc::clone(secrets), Arc::new(sender)))))
}

/// Sends what there is, over and over.
pub(super) async fn send(traces: Option<Arc<Exporter>>) {
    let Some(traces) = traces else { return };
    let mut turns = tokio::time::interval(PACE);
    loop {
        turns.tick().await;
        traces.export(PATIENCE, SystemClock.now()).await;
    }
}

/// Sends what is left at the end.
pub(super) async fn send_rest(traces: Option<Arc<Exporter>>) {
    if let Some(traces) = traces {
        traces.export(PATIENCE, SystemClock.now()).await;
    }
}
