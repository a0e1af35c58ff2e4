//! What GitHub says of a job, in the fleet's words.

use fleetfoot_model::Timestamp;
use fleetfoot_model::foreign::WorkflowJob;
use fleetfoot_model::ids::{InvalidId, Repository};
use fleetfoot_model::ports::{JobReport, JobStatus};

/// Reads a job.
///
/// The REST API's job does not say whether its repository is public; whoever asks for it must know that from elsewhere.
/// A job with a label that cannot be one is refused as a whole: without that label it would be another job.
pub(crate) fn report(
    job: WorkflowJob,
    repository: &Repository,
    public: bool,
    now: Timestamp,
) -> Result<JobReport, InvalidId> {
    let description = job.describe(repository.clone(), public, now)?;
    let (runner, runner_id) =
        job.observed_runner().map_or((None, None), |runner| (Some(runner.name), runner.id));
    let status = match job.status.as_deref() {
        Some("completed") => JobStatus::Completed {
            conclusion: job.conclusion.unwrap_or_default(),
            runner,
            runner_id,
            completed_at: job.completed_at.unwrap_or(now),
        },
        Some("in_progress") => JobStatus::Running {
            runner: runner.unwrap_or_default(),
            runner_id,
            started_at: job.started_at.unwrap_or(description.created_at),
        },
        Some("queued") => JobStatus::Queued,
        // `waiting`, `pending`, `requested`, and whatever GitHub may add: not a reason to launch a runner.
        _ => JobStatus::Blocked,
    };
    Ok(JobReport { description, status })
}

#[cfg(test)]
mod tests {
    use fleetfoot_model::ids::{GithubRunnerId, JobId, RunId};

    use super::*;
    use serde_json::{Value, json};

    const NOW: &str = "2026-11-21T10:00:00Z";

    fn read(change: &Value) -> Result<JobReport, InvalidId> {
        let mut job = json!({
            "id": 5, "run_id": 7, "run_attempt": 2, "workflow_name": "CI", "name": "build",
            "labels": ["self-hosted", "class:small"], "html_url": "https://github.com/acme/app/runs/5",
            "status": "queued", "created_at": "2026-11-21T09:00:00Z", "started_at": "2026-11-21T09:30:00Z",
        });
        job.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        report(
            serde_json::from_value(job).unwrap(),
            &"acme/app".parse().unwrap(),
            false,
            NOW.parse().unwrap(),
        )
    }

    #[test]
    fn a_job_is_described() {
        let JobReport { description, status } = read(&json!({})).unwrap();
        assert_eq!(status, JobStatus::Queued);
        assert_eq!((description.id, description.run_id, description.run_attempt), (JobId(5), RunId(7), 2));
        assert_eq!((description.workflow.as_str(), description.name.as_str()), ("CI", "build"));
        assert_eq!(description.labels[1].as_str(), "class:small");
        assert_eq!(description.created_at, "2026-11-21T09:00:00Z".parse().unwrap());
    }

    #[test]
    fn each_status_is_told_apart() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (change, expected) in [
            (json!({ "status": "waiting" }), JobStatus::Blocked),
            (json!({ "status": "pending" }), JobStatus::Blocked),
            (json!({ "status": "brand-new" }), JobStatus::Blocked),
            (json!({ "status": null }), JobStatus::Blocked),
            (
                json!({ "status": "in_progress", "runner_name": "ff-5-1", "runner_id": 9 }),
                JobStatus::Running {
                    runner: "ff-5-1".to_owned(),
                    runner_id: Some(GithubRunnerId(9)),
                    started_at: at("2026-11-21T09:30:00Z"),
                },
            ),
            (
                // As GitHub tells of a job that was cancelled while it was queued.
                json!({ "status": "completed", "conclusion": "cancelled", "runner_name": "", "runner_id": 0,
                        "completed_at": "2026-11-21T09:45:00Z" }),
                JobStatus::Completed {
                    conclusion: "cancelled".to_owned(),
                    runner: None,
                    runner_id: None,
                    completed_at: at("2026-11-21T09:45:00Z"),
                },
            ),
        ] {
            assert_eq!(read(&change).unwrap().status, expected, "{change}");
        }
    }

    #[test]
    fn a_job_with_an_illegal_label_is_not_reported() {
        for bad in ["", "a\nb", "\u{0}", &"x".repeat(257)] {
            assert!(read(&json!({ "labels": ["self-hosted", bad] })).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_missing_has_a_plain_meaning() {
        let job = serde_json::from_value(json!({ "id": 1, "run_id": 2 })).unwrap();
        let told = report(job, &"acme/app".parse().unwrap(), true, NOW.parse().unwrap()).unwrap();
        assert_eq!(told.description.created_at, NOW.parse().unwrap());
        assert_eq!((told.description.run_attempt, told.description.public), (1, true));
    }
}
