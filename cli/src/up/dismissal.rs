//! The end of `up`: nobody is left to look after idle runners, so they are let go. Busy ones end their jobs by themselves.

use std::time::Duration;

use fleetfoot_local::bus::{Bus, Emission};
use fleetfoot_model::Timestamp;
use fleetfoot_model::dismiss::{Dismissal, Dismisser};
use fleetfoot_model::events::{QueueCause, RunnerReleased};
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Fleet, GitHub};
use fleetfoot_model::runner::RunnerState;
use uuid::Uuid;

use crate::rows;
use crate::text::counted;

/// Why they are let go.
const REASON: &str = "fleetfoot up was stopped";

/// Lets every idle runner go and answers what is left, in words.
pub(super) async fn dismiss_idle(
    ledger: &dyn Ledger,
    github: &dyn GitHub,
    fleet: &dyn Fleet,
    bus: &Bus,
    now: Timestamp,
) -> String {
    let dismisser = Dismisser { ledger, github, fleet };
    let mut facts = Vec::new();
    let (mut released, mut busy, mut unclear) = (Vec::new(), 0, 0);
    let live = rows::live_runners(ledger).await.unwrap_or_else(|error| {
        tracing::error!(%error, "idle runners cannot be looked for");
        Vec::new()
    });
    for runner in live {
        if matches!(runner.state, RunnerState::Busy(_)) {
            busy += 1;
            continue;
        }
        // Its job waits in the ledger; when the fleet is started again it gets another runner.
        let requeue = |job: &mut Job| {
            job.unassign(None, now, REASON);
            job.queued_again(QueueCause::RunnerStopped)
        };
        let detached = dismisser.detach(&runner.name, requeue).await;
        match (detached, dismisser.dismiss(&runner.name, REASON, now).await) {
            (Ok(queued), Ok(Dismissal::Released)) => {
                facts.extend(queued);
                released.push(runner.name.clone());
                facts.push(RunnerReleased { runner: runner.name, reason: REASON.to_owned() }.into());
            }
            (Ok(_), Ok(Dismissal::Busy)) => busy += 1,
            (Ok(_), Ok(Dismissal::NotIdle)) => {}
            _ => unclear += 1,
        }
    }
    // Handled when the fleet is started again. If this is lost, `cleanup` finds the jobs then.
    if let Err(error) = bus.emit(now, Emission::of(&facts, &Uuid::new_v4().to_string(), now)) {
        tracing::error!(%error, "what was let go could not be told");
    }
    wait_for_end(fleet, &released).await;
    let mut words = vec!["stopped".to_owned()];
    if !released.is_empty() {
        words.push(format!("{} let go", counted(released.len(), "idle runner")));
    }
    if busy > 0 {
        words.push(format!("{busy} busy ones end their jobs by themselves"));
    }
    if unclear > 0 {
        words.push(format!("{unclear} could not be and are looked after when the fleet is started again"));
    }
    words.join(", ")
}

/// Their processes are to be gone before this one is. The caller bounds the wait.
#[expect(clippy::disallowed_methods, reason = "this is a shell that waits")]
async fn wait_for_end(fleet: &dyn Fleet, released: &[RunnerName]) {
    while fleet.list().await.is_ok_and(|tasks| tasks.iter().any(|task| released.contains(&task.runner))) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
