//! Running jobs again.

use fleetfoot_model::ports::{GitHubError, RerunAnswer};
use fleetfoot_model::rerun::RerunRequest;
use serde::Deserialize;

use crate::session::Session;
use crate::wire::Call;

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    run_attempt: Option<u32>,
}

/// Looks at the run, then asks. GitHub takes the id of any attempt's job and would run it once more, so a request whose
/// answer was lost must not be repeated blindly.
pub(crate) async fn rerun(session: &Session, request: &RerunRequest) -> Result<RerunAnswer, GitHubError> {
    let RerunRequest { repository, run, attempt, jobs } = request;
    let call = Call::get(format!("repos/{repository}/actions/runs/{run}"));
    let seen: Run = session.ask(&call).await?.read(&call)?;
    if seen.run_attempt.is_some_and(|now| now > *attempt) {
        return Ok(RerunAnswer::Superseded);
    }
    if seen.status.as_deref() != Some("completed") {
        return Ok(RerunAnswer::NotYet);
    }
    let call = match jobs.as_slice() {
        [job] => Call::post(format!("repos/{repository}/actions/jobs/{job}/rerun")),
        _ => Call::post(format!("repos/{repository}/actions/runs/{run}/rerun-failed-jobs")),
    };
    match session.ask(&call).await {
        Ok(_) => Ok(RerunAnswer::Requested),
        Err(GitHubError::Forbidden(reason)) if runs_already(&reason) => Ok(RerunAnswer::NotYet),
        Err(error) => Err(error),
    }
}

/// "The workflow run containing this job is already running", with 403: no prohibition, but a matter of time.
fn runs_already(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("already running")
}
