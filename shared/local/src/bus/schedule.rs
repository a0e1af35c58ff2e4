//! What happens by time.

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use serde_json::json;
use uuid::Uuid;

use crate::template::Schedule;

/// When a schedule fires next; at once if it never did. However many times were missed, it fires once.
pub(super) fn next(schedule: &Schedule, fired: Option<Timestamp>) -> Timestamp {
    fired.map_or(Timestamp::MIN, |at| at.saturating_add(schedule.every).unwrap_or(Timestamp::MAX))
}

/// The event of a schedule (Amazon EventBridge user guide, "Creating a rule that runs on a schedule").
pub(super) fn event(schedule: &Schedule, now: Timestamp) -> Envelope {
    let name = format!("{}/{now}", schedule.name);
    Envelope {
        version: "0".to_owned(),
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string(),
        detail_type: "Scheduled Event".to_owned(),
        source: "aws.events".to_owned(),
        account: "000000000000".to_owned(),
        time: now,
        region: "local".to_owned(),
        resources: vec![format!("arn:aws:events:local:000000000000:rule/{}", schedule.name)],
        replay_name: None,
        detail: json!({}),
    }
}
