//! The fleet's nine functions over a set of ports: what `up`, `demo` and the stories run.

use std::sync::Arc;

use fleetfoot_alarm::Alarm;
use fleetfoot_cleanup::Cleanup;
use fleetfoot_image_build::ImageBuild;
use fleetfoot_ingest::Ingest;
use fleetfoot_job_state::JobState;
use fleetfoot_launch::Launch;
use fleetfoot_model::config::Config;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Fleet, GitHub, Images, Registry, Secrets, Slack, Tickets};
use fleetfoot_pool::Pool;
use fleetfoot_register::Register;
use fleetfoot_task_state::TaskState;

use crate::functions::{Functions, Mismatch};
use crate::template::Wiring;

/// Everything that the functions reach the world through.
#[derive(Clone)]
pub struct Ports {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// GitHub.
    pub github: Arc<dyn GitHub>,
    /// Where tasks run.
    pub fleet: Arc<dyn Fleet>,
    /// The registries of base images.
    pub registry: Arc<dyn Registry>,
    /// Who builds images.
    pub images: Arc<dyn Images>,
    /// Where secrets are.
    pub secrets: Arc<dyn Secrets>,
    /// Where tickets come from.
    pub tickets: Arc<dyn Tickets>,
    /// Where people are told, if anywhere.
    pub slack: Option<Arc<dyn Slack>>,
}

/// The nine functions, checked against the template.
pub fn functions(ports: Ports, config: &Arc<Config>, wiring: &Wiring) -> Result<Functions, Mismatch> {
    let Ports { ledger, github, fleet, registry, images, secrets, tickets, slack } = ports;
    let config = || Arc::clone(config);
    let (l, g, f) = (|| Arc::clone(&ledger), || Arc::clone(&github), || Arc::clone(&fleet));
    let functions = Functions::new()
        .http("ingest", Arc::new(Ingest { config: config(), secrets }))
        .http("register", Arc::new(Register { ledger: l(), github: g(), config: config() }))
        .event("launch", Arc::new(Launch { ledger: l(), fleet: f(), github: g(), tickets, config: config() }))
        .event("job-state", Arc::new(JobState { ledger: l(), github: g(), fleet: f(), config: config() }))
        .event("task-state", Arc::new(TaskState { ledger: l(), github: g(), fleet: f(), config: config() }))
        .event(
            "image-build",
            Arc::new(ImageBuild { ledger: l(), registry, images, fleet: f(), github: g(), config: config() }),
        )
        .event("cleanup", Arc::new(Cleanup { ledger: l(), github: g(), fleet: f(), config: config() }))
        .event("pool", Arc::new(Pool { ledger: l(), config: config() }))
        .notification("alarm", Arc::new(Alarm { slack, ledger: l(), config: config(), home: None }));
    functions.check(wiring)?;
    Ok(functions)
}
