//! The stand-in GitHub behind the port, in this process.

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::check::{CheckRun, Shows};
use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository, RunId, RunnerName};
use fleetfoot_model::ports::{
    Delivery, GitHub, GitHubError, Hook, JitRunner, JobReport, JobStatus, ListedRunner, RerunAnswer,
};
use fleetfoot_model::rerun::RerunRequest;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::spec::Label;

use super::{Call, CheckView, RunnerView, StandInGitHub};
use crate::in_process::InProcess;

/// The stand-in GitHub behind the port.
pub type InProcessGitHub = InProcess<StandInGitHub>;

/// The size of a page.
const PAGE: usize = 100;
/// How many pages of deliveries are read at most, as by the adapter that speaks HTTP.
const PAGES: usize = 5;
/// Into how many runs of a status a search looks at most, as that adapter does.
const RUNS: usize = 10;

/// A place that the second scatters: whatever the period of the calls, no run is left out for ever.
fn scatter(now: Timestamp) -> usize {
    let scattered = now.as_second().unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(scattered).unwrap_or_default()
}

fn listed(view: RunnerView) -> ListedRunner {
    ListedRunner { id: view.id, name: view.name, online: view.online, scope: view.scope }
}

#[async_trait]
impl GitHub for InProcess<StandInGitHub> {
    async fn register(
        &self,
        scope: &Scope,
        name: &RunnerName,
        labels: &[Label],
    ) -> Result<JitRunner, GitHubError> {
        self.state().register(self.now(), scope, name.as_str(), labels)
    }

    async fn delete_runner(&self, scope: &Scope, id: GithubRunnerId) -> Result<(), GitHubError> {
        match self.state().delete_runner(self.now(), scope, id) {
            Err(GitHubError::NotFound(_)) => Ok(()),
            answer => answer,
        }
    }

    async fn find_runner(&self, scope: &Scope, name: &str) -> Result<Option<ListedRunner>, GitHubError> {
        let page = self.state().list_runners(self.now(), scope, Some(name), 1, PAGE)?;
        Ok(page.items.into_iter().next().map(listed))
    }

    async fn list_runners(&self, scope: &Scope) -> Result<Vec<ListedRunner>, GitHubError> {
        let mut runners = Vec::new();
        for number in 1.. {
            let page = self.state().list_runners(self.now(), scope, None, number, PAGE)?;
            let last = number * PAGE >= page.total;
            runners.extend(page.items.into_iter().map(listed));
            if last {
                break;
            }
        }
        Ok(runners)
    }

    async fn job(&self, repository: &Repository, job: JobId) -> Result<JobReport, GitHubError> {
        self.state().job(self.now(), repository, job, |_, job| job.report())
    }

    async fn queued_jobs(&self, repository: &Repository) -> Result<Vec<JobReport>, GitHubError> {
        let mut reports = Vec::new();
        for status in ["queued", "in_progress"] {
            let now = self.now();
            let see = |_: &mut _, job: &super::Job| job.run;
            let mut runs = self.state().list_runs(now, repository, Some(status), (1, PAGE), see)?.items;
            let start = scatter(now) % runs.len().max(1);
            runs.rotate_left(start);
            for id in runs.into_iter().take(RUNS) {
                let see = |_: &mut _, job: &super::Job| job.report();
                reports.push(self.state().run(self.now(), repository, id, Call::RunJobs, see)?);
            }
        }
        reports.retain(|report| report.status == JobStatus::Queued);
        Ok(reports)
    }

    async fn head_repository(
        &self,
        repository: &Repository,
        run: RunId,
    ) -> Result<Option<Repository>, GitHubError> {
        self.state().run(self.now(), repository, run, Call::Run, |_, job| {
            Some(job.order.head_repository.clone().unwrap_or_else(|| job.order.repository.clone()))
        })
    }

    async fn deliveries(&self, since: Timestamp) -> Result<Vec<Delivery>, GitHubError> {
        let mut deliveries = Vec::new();
        // Bound first: a guard made in the head of the loop would be held through its body.
        let hooks = self.state().hooks();
        for hook in hooks {
            let mut before = None;
            for _ in 0..PAGES {
                let page = self.state().list_deliveries(self.now(), &hook, before, PAGE)?;
                before = page.items.last().map(|it| it.delivery.id);
                let full = page.items.len() == PAGE;
                let count = deliveries.len();
                let fresh =
                    page.items.into_iter().map(|it| it.delivery).filter(|it| it.delivered_at >= since);
                deliveries.extend(fresh);
                if !full || deliveries.len() - count < PAGE {
                    break;
                }
            }
        }
        deliveries.sort_by_key(|delivery| std::cmp::Reverse((delivery.delivered_at, delivery.id)));
        Ok(deliveries)
    }

    async fn redeliver(&self, delivery: &Delivery) -> Result<(), GitHubError> {
        self.state().redeliver(self.now(), &delivery.hook, delivery.id)
    }

    async fn runner_releases(&self) -> Result<Vec<RunnerRelease>, GitHubError> {
        self.state().runner_releases(self.now())
    }

    async fn rerun(&self, request: &RerunRequest) -> Result<RerunAnswer, GitHubError> {
        let RerunRequest { repository, run, attempt, jobs } = request;
        let (now, end) = (self.now(), self.state().settings().times.run_end);
        let see = |_: &mut _, job: &super::Job| (job.attempt, job.run_status(now, end) == "completed");
        match self.state().run(now, repository, *run, Call::Run, see)? {
            (seen, _) if seen > *attempt => return Ok(RerunAnswer::Superseded),
            (_, false) => return Ok(RerunAnswer::NotYet),
            (_, true) => {}
        }
        match jobs.as_slice() {
            [job] => self.state().rerun(self.now(), repository, *job)?,
            _ => self.state().rerun_failed(self.now(), repository, *run)?,
        }
        Ok(RerunAnswer::Requested)
    }

    async fn show(&self, check: &CheckRun) -> Result<(), GitHubError> {
        let CheckRun { repository, commit, name, title, summary, .. } = check;
        let mut there = Vec::new();
        if check.may_be_there || check.shows == Shows::Recovery {
            there = self.state().list_checks(self.now(), repository, commit, name)?;
        }
        if check.shows == Shows::Recovery {
            there.retain(|it| it.conclusion == "failure" && check.is_of_same_run(&it.external_id));
            for failed in there {
                let words = (title.as_str(), summary.as_str());
                self.state().change_check(self.now(), repository, failed.id, "success", words)?;
            }
        } else if !there.iter().any(|it| it.external_id == check.external_id()) {
            self.state().create_check(self.now(), failed(check))?;
        }
        Ok(())
    }
}

fn failed(check: &CheckRun) -> CheckView {
    let CheckRun { repository, commit, name, title, summary, details_url, .. } = check.clone();
    let (external_id, conclusion) = (check.external_id(), "failure".to_owned());
    CheckView { id: 0, repository, commit, name, external_id, conclusion, title, summary, details_url }
}

impl StandInGitHub {
    /// The webhooks that have anything to list.
    fn hooks(&self) -> Vec<Hook> {
        let mut hooks: Vec<Hook> = Vec::new();
        if self.settings.hook == super::HookKind::App {
            return vec![Hook::App];
        }
        for job in self.jobs.values() {
            let hook = self.settings.hook.of(&job.order.repository);
            hooks.extend(hook.filter(|hook| !hooks.contains(hook)));
        }
        hooks
    }
}
