//! All that is known of a job, read from its rows.

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::ledger::{self, Ledger, LedgerError};
use fleetfoot_model::record::{Index, WorkflowRun};
use fleetfoot_model::runner::Runner;
use fleetfoot_report::overview;

use super::capacity::{self, Used};
use super::heard::{self, HeardView};
use super::image::{self, ImageView};
use super::phases::{self, Phase};
use super::wait::{self, Wait};
use crate::explain::{Explanation, Origin, explain};
use crate::rows;

/// All that is known.
pub(super) struct Findings {
    pub(super) job: Job,
    pub(super) runner: Option<Runner>,
    pub(super) wait: Option<Wait>,
    pub(super) heard: HeardView,
    /// Where the run's code comes from, if that was told.
    pub(super) run: Option<WorkflowRun>,
    /// How the fleet's configuration reads its labels now; none where there is no configuration to read them with.
    pub(super) reading: Option<Explanation>,
    pub(super) image: Option<ImageView>,
    pub(super) capacity: Vec<Used>,
    pub(super) phases: Vec<Phase>,
}

impl Findings {
    /// What a person could do so that it runs; none for a job that runs, or ran.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        match &self.job.state {
            JobState::Queued { .. } => self.wait.as_ref().map(|wait| wait.wait.remedy),
            // The fleet cannot take a job back from GitHub.
            JobState::Rejected { .. } => Some(
                "mend what the reason names, cancel the run, which GitHub keeps queued for up to 24 hours, and run it \
                 again; `fleetfoot explain LABELS...` tells beforehand what labels would get",
            ),
            JobState::Expired { .. } => {
                Some("run it again at GitHub; the timeline below tells what it waited for")
            }
            JobState::Running { .. } | JobState::Finished { .. } => None,
        }
    }
}

/// Finds a job by its id, or by its page.
pub(super) async fn find_job(
    ledger: &dyn Ledger,
    id: JobId,
    page: Option<&str>,
) -> Result<Option<Job>, LedgerError> {
    match (ledger::job(ledger, id).await?, page) {
        (Some(row), _) => Ok(Some(row.value)),
        (None, Some(page)) => Ok(jobs(ledger, |job| job.description.html_url == page).await?.pop()),
        (None, None) => Ok(None),
    }
}

/// Every job that fits, of those that the fleet remembers.
pub(super) async fn jobs(ledger: &dyn Ledger, fits: impl Fn(&Job) -> bool) -> Result<Vec<Job>, LedgerError> {
    let mut found: Vec<Job> = Vec::new();
    for index in [Index::Unmatched, Index::Active, Index::Ended] {
        for job in rows::of_index(ledger, index, usize::MAX, rows::job).await? {
            if fits(&job) && found.iter().all(|known| known.id() != job.id()) {
                found.push(job);
            }
        }
    }
    Ok(found)
}

/// Reads what belongs to a job.
pub(super) async fn read(
    ledger: &dyn Ledger,
    job: Job,
    config: Option<&Config>,
    now: Timestamp,
) -> Result<Findings, LedgerError> {
    let runner = overview::runner_of(ledger, &job).await?;
    let run = ledger::run(ledger, job.description.run_id).await?.map(|row| row.value);
    let wait = wait::wait(ledger, &job, runner.as_ref(), now).await?;
    let heard = heard::heard(ledger, &job).await?;
    let image = match &job.spec {
        Some(spec) => image::image(ledger, spec).await?,
        None => None,
    };
    let capacity = capacity::used(ledger, &job, runner.as_ref(), config).await?;
    let reading = config.map(|config| {
        let origin = origin(&job, run.as_ref());
        explain(&job.description.labels, Some(&origin), config, now)
    });
    let phases = phases::phases(&job, runner.as_ref(), &heard);
    Ok(Findings { job, runner, wait, heard, run, reading, image, capacity, phases })
}

fn origin(job: &Job, run: Option<&WorkflowRun>) -> Origin {
    let repository = &job.description.repository;
    let is_own = |run: &WorkflowRun| {
        run.head_repository
            .as_ref()
            .is_some_and(|head| head.as_str().eq_ignore_ascii_case(repository.as_str()))
    };
    Origin {
        repository: repository.clone(),
        is_public: job.description.public,
        is_fork: run.is_some_and(|run| !is_own(run)),
    }
}
