//! What is too old to be put back in: handling it would launch a runner for a job that is gone, or nothing at all.

use fleetfoot_model::envelope::{Envelope, SOURCE};
use fleetfoot_model::events::Fact;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::failure::{Failure, OrFail};
use crate::times::span;

/// GitHub drops a job that was queued for so long (GitHub docs, "Self-hosted runners reference", usage limits).
pub(crate) const STALE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The remedy of every refusal.
pub(crate) const HINT: &str =
    "--stale does it all the same; `cleanup` repairs from the rows what an old event would have done";

/// Why an event is stale, if it is. Where no rows can be looked at only its age counts.
pub(crate) async fn event(
    ledger: &dyn Ledger,
    event: &Envelope,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    let row = row(ledger, job_of(event)).await?;
    Ok(judge(event, row.as_ref(), now))
}

/// Why the body of a webhook is stale, if it is.
pub(crate) async fn webhook(
    ledger: Option<&dyn Ledger>,
    body: &Value,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    let Some(happened) = TIMES.iter().filter_map(|at| body.pointer(at)?.as_str()?.parse().ok()).max() else {
        return Ok(None);
    };
    let id = body.pointer("/workflow_job/id").and_then(Value::as_u64).map(JobId);
    match row(ledger, id).await? {
        Some(job) if !job.is_open() => Ok(Some(format!("job {} has ended", job.id()))),
        _ => Ok(of_age(happened, now)),
    }
}

/// A job as the fleet knows it, where its rows can be looked at.
async fn row(ledger: Option<&dyn Ledger>, job: Option<JobId>) -> Result<Option<Job>, Failure> {
    let (Some(ledger), Some(job)) = (ledger, job) else { return Ok(None) };
    let row = ledger::job(ledger, job).await.or_fail(format!("job {job} cannot be read"))?;
    Ok(row.map(|row| row.value))
}

/// When that which a webhook tells of happened.
const TIMES: [&str; 5] = [
    "/workflow_job/created_at",
    "/workflow_job/started_at",
    "/workflow_job/completed_at",
    "/workflow_run/created_at",
    "/workflow_run/updated_at",
];

/// The job that a fact of the fleet tells of. Others only mention one.
fn job_of(event: &Envelope) -> Option<JobId> {
    let id = event.detail.pointer("/job/id")?.as_u64();
    id.filter(|_| event.source == SOURCE).map(JobId)
}

fn judge(event: &Envelope, job: Option<&Job>, now: Timestamp) -> Option<String> {
    let state = job.map(|job| &job.state);
    let is_queued = matches!(event.fact(), Ok(Fact::JobQueued(_)));
    match (job, state) {
        (Some(job), Some(JobState::Running { .. })) if is_queued => {
            Some(format!("job {} runs already", job.id()))
        }
        (Some(job), _) if !job.is_open() => Some(format!("job {} has ended", job.id())),
        _ => of_age(event.time, now),
    }
}

/// Why something that happened then is stale, if it is.
pub(crate) fn of_age(happened: Timestamp, now: Timestamp) -> Option<String> {
    let age = now.duration_since(happened);
    (age > STALE_AFTER).then(|| format!("it is of {} ago, and GitHub drops a job after 24 hours", span(age)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{rows, sample};
    use fleetfoot_model::job::Waiting;

    fn queued(hours: i64) -> (Envelope, Timestamp) {
        let event: Envelope = serde_json::from_str(&sample("JobQueued")).unwrap();
        let now = event.time + SignedDuration::from_hours(hours);
        (event, now)
    }

    #[test]
    fn an_event_is_stale_when_its_job_is_beyond_it_or_a_day_has_passed() {
        let (event, now) = queued(1);
        let mut job = rows::job(289_782_451, "test", event.time);
        assert_eq!(judge(&event, None, now), None);
        assert_eq!(judge(&event, Some(&job), now), None);
        job.wait(Waiting::Capacity { limit: "one".to_owned() }, now);
        assert_eq!(judge(&event, Some(&job), now), None, "it may help");
        job.start("ff-1-1", now, now);
        assert_eq!(judge(&event, Some(&job), now).unwrap(), "job 289782451 runs already");
        job.finish("success", None, now, now);
        assert_eq!(judge(&event, Some(&job), now).unwrap(), "job 289782451 has ended");
        let (event, now) = queued(25);
        assert_eq!(
            judge(&event, None, now).unwrap(),
            "it is of 25h 0m ago, and GitHub drops a job after 24 hours"
        );
    }

    #[tokio::test]
    async fn a_webhook_is_as_old_as_what_it_tells_of_last() {
        let world = crate::testing::World::new();
        let ledger = world.ledger();
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let told = async |body: Value| webhook(Some(&ledger), &body, now).await.unwrap();
        let (old, new) = ("2026-11-18T12:00:00Z", "2026-11-20T11:00:00Z");
        let job = |created: &str, completed: Option<&str>| serde_json::json!({ "workflow_job": { "id": 7, "created_at": created, "completed_at": completed } });
        assert_eq!(told(job(new, None)).await, None);
        assert!(told(job(old, None)).await.is_some());
        assert_eq!(told(job(old, Some(new))).await, None, "it has just ended");
        assert_eq!(told(serde_json::json!({ "zen": "Keep it simple." })).await, None, "a ping has no time");
        let mut row = rows::job(7, "test", now);
        row.reject("no such class", now);
        world.put(vec![row.into()]).await;
        assert_eq!(told(job(new, None)).await.unwrap(), "job 7 has ended");
    }

    #[tokio::test]
    async fn the_row_of_the_events_job_is_looked_at() {
        let world = crate::testing::World::new();
        let (event_is, now) = queued(1);
        assert_eq!(job_of(&event_is), Some(JobId(289_782_451)));
        let mut job = rows::job(289_782_451, "test", event_is.time);
        job.reject("no such class", now);
        world.put(vec![job.into()]).await;
        assert_eq!(
            event(Some(&world.ledger()), &event_is, now).await.unwrap().unwrap(),
            "job 289782451 has ended"
        );
    }
}
