//! All jobs of a workflow run, a line each.

use fleetfoot_model::ids::RunId;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_report::view::JobView;
use serde_json::json;

use super::findings;
use crate::failure::{Failure, OrFail};
use crate::jobs;
use crate::output::{self, Answer};
use crate::times::Times;

/// The jobs of a run that the fleet knows.
pub(super) async fn jobs_of(
    ledger: &dyn Ledger,
    id: RunId,
    as_json: bool,
    times: &Times,
) -> Result<Answer, Failure> {
    let found = findings::jobs(ledger, |job| job.description.run_id == id).await;
    let mut found = found.or_fail(format!("the jobs of run {id} cannot be read"))?;
    if found.is_empty() {
        return Err(Failure::new(format!("no job of run {id} is known to this fleet")).hint(
            "`fleetfoot jobs list --all` lists the jobs of the last 7 days; with the page of one of its jobs GitHub is \
             asked, too",
        ));
    }
    found.sort_by_key(|job| (job.description.run_attempt, job.description.created_at, job.id()));
    if as_json {
        let views: Vec<JobView<'_>> = found.iter().map(JobView::from).collect();
        return Ok(Answer::data(output::json(&json!({ "run": id, "jobs": views }))?));
    }
    let first: Option<&Job> = found.first();
    let note = first
        .map_or_else(String::new, |job| format!("`fleetfoot why {}` tells all of one of them", job.id()));
    Ok(Answer::data(jobs::lines(&found, times)).note(note))
}
