//! How and when the fleet heard of a job.

use fleetfoot_model::job::{Heard, Job};
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::record::{Key, Record};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde::Serialize;

/// A webhook that takes longer was delivered late, or failed first and was repeated.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// How and when the fleet heard of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeardView {
    /// When.
    pub(super) at: Timestamp,
    /// `webhook`, or `search` if `cleanup` found it at GitHub; null if the row does not tell.
    pub(super) by: Option<&'static str>,
    /// GitHub's GUID of the delivery (`X-GitHub-Delivery`).
    pub(super) delivery: Option<String>,
    /// After GitHub had created the job.
    pub(super) delay_millis: i64,
    /// How often `cleanup` has asked GitHub to repeat the delivery, as far as it remembers.
    pub(super) repeats: u32,
    #[serde(skip)]
    pub(super) is_late: bool,
}

pub(super) async fn heard(ledger: &dyn Ledger, job: &Job) -> Result<HeardView, LedgerError> {
    // Rows of former versions do not tell; such a job was heard of when its timeline began.
    let at = job.heard_at.or(job.timeline.steps().first().map(|step| step.at)).unwrap_or(job.changed_at);
    let delay = at.duration_since(job.description.created_at);
    let (by, delivery) = match &job.heard {
        Some(Heard::Webhook { delivery }) => (Some("webhook"), Some(delivery.clone())),
        Some(Heard::Search) => (Some("search"), None),
        None => (None, None),
    };
    let is_late = delay > LATE;
    // Only what came late can have been repeated.
    let repeats = match &delivery {
        Some(guid) if is_late => repeats(ledger, guid).await?,
        _ => 0,
    };
    let delay_millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    Ok(HeardView { at, by, delivery, delay_millis, repeats, is_late })
}

async fn repeats(ledger: &dyn Ledger, guid: &str) -> Result<u32, LedgerError> {
    let row = ledger.get(&Key::Cleanup).await?.map(|row| row.value);
    Ok(match row {
        Some(Record::Cleanup(memory)) => memory.redelivered.get(guid).copied().unwrap_or(0),
        _ => 0,
    })
}

impl HeardView {
    /// In words.
    pub(super) fn describe(&self) -> String {
        let by = match (self.by, &self.delivery) {
            (Some("search"), _) => "by asking GitHub for queued jobs: its webhook has not arrived".to_owned(),
            (_, Some(guid)) => format!("by delivery {guid} of the webhook"),
            _ => "by an event; its delivery is not on record".to_owned(),
        };
        let late = match (self.is_late && self.by == Some("webhook"), self.repeats) {
            (false, _) => "",
            (true, 0) => "; GitHub delivered it late, or its first delivery failed and was repeated",
            (true, _) => "; its first delivery failed, and `cleanup` asked GitHub to repeat it",
        };
        format!("{by}{late}")
    }
}
