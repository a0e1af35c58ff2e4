//! Why ECS does not start a task. The same sentences come in `failures` of an answer and as messages of errors.

use fleetfoot_model::ports::FleetError;
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::classify::{Fault, Verdict};

/// Fargate's launches are 20 a second and registrations of task definitions one (AWS documentation, "Fargate throttling
/// quotas" and "Request throttling"): after a second there is another.
const REFILL: SignedDuration = SignedDuration::from_secs(1);

/// What a sentence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    NoCapacity,
    Throttled,
    Impossible,
}

/// Parts of sentences, in lower case (ECS developer guide, "API failure reasons"; issue threads of projects that use
/// it). The first that is found counts.
const SENTENCES: &[(&str, Meaning)] = &[
    ("capacity is unavailable", Meaning::NoCapacity),
    // "You've reached the limit on the number of vCPUs you can run concurrently", before 2022 "of tasks".
    ("reached the limit on the number of", Meaning::NoCapacity),
    ("capacity limit exceeded", Meaning::NoCapacity),
    ("resource:", Meaning::NoCapacity),
    ("insufficient", Meaning::NoCapacity),
    ("no container instances were found", Meaning::NoCapacity),
    ("agent", Meaning::NoCapacity),
    // As the message of an InvalidParameterException: "(ErrorCode: RequestLimitExceeded)".
    ("request limit exceeded", Meaning::Throttled),
    ("requestlimitexceeded", Meaning::Throttled),
    ("rate exceeded", Meaning::Throttled),
    ("too many concurrent attempts", Meaning::Throttled),
    // "The requested CPU configuration is above your limit": the account's whole quota is smaller than this task.
    ("above your limit", Meaning::Impossible),
    ("missing", Meaning::Impossible),
    ("inactive", Meaning::Impossible),
    ("attribute", Meaning::Impossible),
    ("location", Meaning::Impossible),
];

fn meaning_of(text: &str) -> Option<Meaning> {
    let text = text.to_lowercase();
    SENTENCES.iter().find(|(part, _)| text.contains(part)).map(|(_, meaning)| *meaning)
}

fn refuse(meaning: Meaning, text: &str, now: Timestamp) -> FleetError {
    let reason = text.to_owned();
    match meaning {
        Meaning::NoCapacity => FleetError::NoCapacity(reason),
        Meaning::Throttled => FleetError::Throttled { until: now + REFILL, reason },
        Meaning::Impossible => FleetError::Impossible(reason),
    }
}

/// A reason in `failures`. One that nobody knows is taken for want of capacity: no task was started, so the next try may
/// be elsewhere, and it counts, so that a job is given up with this reason instead of being tried for ever.
pub(super) fn of_text(text: &str, now: Timestamp) -> FleetError {
    refuse(meaning_of(text).unwrap_or(Meaning::NoCapacity), text, now)
}

/// An error. The name decides, unless it is one of those that ECS uses for anything.
pub(super) fn of_fault(fault: Fault, now: Timestamp) -> FleetError {
    let says_little = ["ClientException", "InvalidParameterException", "ServerException"];
    if says_little.iter().any(|name| fault.is(name))
        && let Some(meaning) = meaning_of(&fault.text)
    {
        return refuse(meaning, &fault.text, now);
    }
    match fault.verdict {
        Verdict::RetryNow | Verdict::AlreadyDone => FleetError::Unavailable(fault.text),
        Verdict::RetryAfter(wait) => FleetError::Throttled { until: now + wait, reason: fault.text },
        Verdict::Never => FleetError::Impossible(fault.text),
    }
}

/// Whether a task was refused because its definition was deregistered (`TaskDefinition is inactive`, `TaskDefinition not
/// found.`). There can be a new one.
pub(super) fn is_of_definition(refused: &FleetError) -> bool {
    matches!(refused, FleetError::Impossible(reason) if {
        let reason = reason.to_lowercase();
        reason.contains("taskdefinition is inactive") || reason.contains("taskdefinition not found")
    })
}
