//! A first job: a workflow to commit, and what the fleet does when it runs.

use std::path::Path;

use fleetfoot_github::run_workflow;
use fleetfoot_model::config::Config;
use fleetfoot_model::ids::Repository;
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::record::Index;
use fleetfoot_model::{SignedDuration, Timestamp};
use tokio::time::{interval, timeout};

use super::Setup;
use super::files;
use super::people::call;
use super::report::Outcome;
use crate::arguments;
use crate::aws::stack::Stack;
use crate::failure::{Failure, OrFail};
use crate::place::{Deployed, Here, Place};
use crate::rows;

/// The workflow's file, and the name by which its jobs are known again.
const FILE: &str = "fleetfoot-test.yml";
const FOLDER: &str = ".github/workflows";
const NAME: &str = "fleetfoot test";
/// GitHub's clock and this one may differ.
const EARLIER: SignedDuration = SignedDuration::from_mins(1);
/// How many jobs that have ended are looked through, newest first.
const MOST: usize = 200;

impl Setup<'_> {
    /// Runs a job and follows it, if somebody wants that.
    pub(super) async fn test_job(&self, address: Option<&str>) -> Result<Outcome, Failure> {
        let Some(repository) = self.test_repository(address)? else {
            return Ok(Outcome::skipped("--test-job OWNER/NAME runs one and follows it"));
        };
        let place = self.place().await?;
        let config = place.config().await?;
        let since = self.clock.now() - EARLIER;
        let started = run_workflow(
            &config.github,
            place.secrets(),
            std::sync::Arc::clone(&self.clock),
            &repository,
            FILE,
        );
        if let Err(error) = started.await {
            tracing::debug!(%error, "the workflow cannot be started");
            let file = Path::new(FOLDER).join(FILE);
            files::write(self.people, &file, &workflow(&config))?;
            call(self.people, &format!("commit and push {} to {repository}", file.display()));
        }
        let ledger = place.ledger()?;
        let waiting = self.waiting(&format!("waiting for a job of {NAME:?} to end"));
        let following = self.follow(&*ledger, &repository, since);
        let followed = timeout(self.patience.job, following).await.map_err(|_| {
            Failure::new(format!("no job of {NAME:?} in {repository} has come to its end yet"))
                .hint("`fleetfoot doctor` looks for what is in the way; --test-job waits again")
        });
        drop(waiting);
        let job = followed??;
        let about = format!("job {} of {repository}: {}", job.description.id, ending(&job.state));
        match job.state {
            JobState::Finished { conclusion, .. } if conclusion == "success" => Ok(Outcome::done(about)),
            _ => Err(Failure::new(about)
                .hint(format!("`fleetfoot why {}` tells its whole way", job.description.id))),
        }
    }

    fn test_repository(&self, address: Option<&str>) -> Result<Option<Repository>, Failure> {
        // Nobody is asked for a job that nobody would run.
        let is_served = address.is_some() && (self.answers.stack().is_some() || self.args.state.is_up());
        if self.args.test_job.is_some() || !self.people.is_interactive() || !is_served {
            return Ok(self.args.test_job.clone());
        }
        let question = "A repository for a test job (OWNER/NAME, or - for none)";
        self.people.ask_until(question, Some("-"), |name| match name {
            "" | "-" => Ok(None),
            name => name.parse::<Repository>().map(Some).map_err(|_| {
                Failure::new(format!("{name:?} is no repository")).hint("OWNER/NAME, such as acme/app")
            }),
        })
    }

    /// The fleet that was set up.
    pub(super) async fn place(&self) -> Result<Box<dyn Place>, Failure> {
        if let (Some(sdk), Some(stack)) = (self.sdk(), self.answers.stack()) {
            let stack = Stack::deployed(sdk, stack).await?;
            return Ok(Box::new(Deployed { sdk: sdk.clone(), stack }));
        }
        let config = arguments::Configuration { config: self.answers.config.clone() };
        Ok(Box::new(Here { state: self.args.state.clone(), config }))
    }

    /// Tells each step of the job's way, until it has ended.
    async fn follow(
        &self,
        ledger: &dyn Ledger,
        repository: &Repository,
        since: Timestamp,
    ) -> Result<Job, Failure> {
        let mut ticks = interval(self.patience.pause);
        let mut told = 0;
        loop {
            ticks.tick().await;
            let Some(job) = newest(ledger, repository, since).await? else { continue };
            for step in job.timeline.steps().iter().skip(told) {
                call(self.people, &format!("{:>4} s  {}", seconds(&job, step.at), step.what));
            }
            told = job.timeline.steps().len();
            if is_over(&job.state) {
                return Ok(job);
            }
        }
    }
}

fn seconds(job: &Job, at: Timestamp) -> i64 {
    at.duration_since(job.description.created_at).as_secs().max(0)
}

fn is_over(state: &JobState) -> bool {
    matches!(state, JobState::Finished { .. } | JobState::Rejected { .. } | JobState::Expired { .. })
}

fn ending(state: &JobState) -> String {
    match state {
        JobState::Finished { conclusion, .. } => format!("ended with {conclusion}"),
        JobState::Rejected { reason, .. } => format!("was rejected: {reason}"),
        JobState::Expired { reason, .. } => format!("was given up: {reason}"),
        JobState::Queued { .. } => "waits".to_owned(),
        JobState::Running { .. } => "runs".to_owned(),
    }
}

/// The newest job of the test workflow since then.
async fn newest(
    ledger: &dyn Ledger,
    repository: &Repository,
    since: Timestamp,
) -> Result<Option<Job>, Failure> {
    let mut found: Option<Job> = None;
    for index in [Index::Unmatched, Index::Active, Index::Ended] {
        let rows = ledger.list(index, MOST).await.or_fail("the fleet's jobs cannot be read")?;
        let jobs = rows.into_iter().filter_map(|row| rows::job(row.value));
        let ours = jobs.filter(|job| {
            let it = &job.description;
            it.workflow == NAME && it.repository == *repository && it.created_at >= since
        });
        found = found.into_iter().chain(ours).max_by_key(|job| job.description.created_at);
    }
    Ok(found)
}

/// A workflow whose job this fleet serves.
fn workflow(config: &Config) -> String {
    let mut labels: Vec<String> = config.labels.required.iter().map(ToString::to_string).collect();
    labels.push(format!("class:{}", config.labels.default_class));
    format!(
        "# A job to see whether the fleet works. It can go once that was seen.\n\
         name: {NAME}\n\
         on:\n  workflow_dispatch:\n  push:\n    paths: [{FOLDER}/{FILE}]\n\
         permissions: {{}}\n\
         jobs:\n  test:\n    runs-on: [{}]\n    timeout-minutes: 10\n    steps:\n      \
         - run: echo \"Hello from $RUNNER_NAME\"\n",
        labels.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use fleetfoot_model::config::load;

    use super::*;

    #[test]
    fn the_workflow_names_labels_that_the_fleet_understands() {
        let text = "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:S\"]\n\
                    [labels]\nrequired = [\"self-hosted\", \"acme\"]\nplain = [\"acme\"]\ndefault_class = \"large\"\n\
                    [classes.large]\ncpu = 4096\nmemory = 8192\n";
        let config = load("fleet.toml", text).unwrap();
        let workflow = workflow(&config);
        assert!(workflow.contains("runs-on: [self-hosted, acme, class:large]"), "{workflow}");
        assert!(workflow.starts_with("# A job"), "{workflow}");
    }
}
