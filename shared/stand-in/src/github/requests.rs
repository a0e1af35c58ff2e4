//! What the REST API does. Each method is one request: counted, limited, and subject to faults.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{DeliveryId, GithubRunnerId, JobId, Repository, RunId};
use fleetfoot_model::ports::{Delivery, GitHubError, Hook, JitRunner};
use fleetfoot_model::runner::Scope;
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::spec::Label;

use super::job::{Job, seconds};
use super::lifecycle::job_of;
use super::post::Attempt;
use super::registration::{Presence, Registration};
use super::sessions::Note;
use super::settings::{HOOK_ID, HookKind};
use super::{Call, Happening, StandInGitHub};

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: usize,
}

impl<T> Page<T> {
    /// Page `number`, counted from 1, of pages of `size`.
    fn of(all: Vec<T>, number: usize, size: usize) -> Self {
        let total = all.len();
        let items = all.into_iter().skip(number.saturating_sub(1).saturating_mul(size)).take(size).collect();
        Self { items, total }
    }
}

/// A runner as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerView {
    /// Its id.
    pub id: GithubRunnerId,
    /// Its name.
    pub name: String,
    /// What it was registered with.
    pub labels: Vec<Label>,
    /// Where it is registered.
    pub scope: Scope,
    /// Whether it is connected.
    pub online: bool,
    /// Whether it has a job; lags behind.
    pub busy: bool,
}

/// An attempt to deliver a webhook, as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    /// As the port knows it.
    pub delivery: Delivery,
    /// The webhook's action.
    pub action: &'static str,
    /// Whether it was asked for.
    pub redelivery: bool,
    /// The status of the answer; 0 if there was none.
    pub status_code: u16,
}

impl StandInGitHub {
    /// Does what is asked, if the limits and the faults let it.
    pub(super) fn request<T>(
        &mut self,
        now: Timestamp,
        call: Call,
        act: impl FnOnce(&mut Self, Timestamp) -> Result<T, GitHubError>,
    ) -> Result<T, GitHubError> {
        let now = self.advance(now);
        self.meter.admit(now, call)?;
        let failed = self.dice.happens(self.settings.faults.request_failed);
        let lost = self.dice.happens(self.settings.faults.answer_lost);
        if failed {
            return Err(GitHubError::Unavailable("502 Bad Gateway".to_owned()));
        }
        let answer = act(self, now)?;
        if lost {
            return Err(GitHubError::Unavailable(
                "the connection was closed before an answer came".to_owned(),
            ));
        }
        Ok(answer)
    }

    /// An installation token is asked for. The caller makes it up.
    ///
    /// # Errors
    /// As for every request.
    pub fn token(&mut self, now: Timestamp) -> Result<(), GitHubError> {
        self.request(now, Call::Token, |_, _| Ok(()))
    }

    /// How the App is set up is looked at; [`super::Settings::app`] tells.
    ///
    /// # Errors
    /// As for every request.
    pub fn looked_at(&mut self, now: Timestamp) -> Result<(), GitHubError> {
        self.request(now, Call::App, |_, _| Ok(()))
    }

    /// Registers a runner for one job, and gives out its configuration.
    ///
    /// # Errors
    /// [`GitHubError::NameTaken`], [`GitHubError::Invalid`] without labels or with more than 100, and as for every
    /// request.
    pub fn register(
        &mut self,
        now: Timestamp,
        scope: &Scope,
        name: &str,
        labels: &[Label],
    ) -> Result<JitRunner, GitHubError> {
        self.request(now, Call::Jit, |github, now| {
            if labels.is_empty() || labels.len() > 100 {
                return Err(GitHubError::Invalid("labels: 1 to 100 are allowed".to_owned()));
            }
            let key = (scope.clone(), name.to_owned());
            if github.names.contains_key(&key) {
                return Err(GitHubError::NameTaken);
            }
            github.meter.admit_registration(now, scope)?;
            github.latest_runner += 1;
            let id = GithubRunnerId(github.latest_runner);
            let registration = Registration::new(id, name, scope.clone(), labels, &mut github.dice);
            let address = github.settings.address.as_deref().unwrap_or("http://github.invalid");
            let is_brief = github.settings.is_brief;
            let configuration = registration.configuration(address, is_brief, &mut github.dice);
            github.registrations.insert(id, registration);
            github.names.insert(key, id);
            github.agenda.add(now + github.settings.times.offline, Happening::Forgotten(id));
            Ok(JitRunner { id, configuration })
        })
    }

    /// Removes a runner, unless it has a job or was assigned one.
    ///
    /// # Errors
    /// [`GitHubError::Busy`], [`GitHubError::NotFound`], and as for every request.
    pub fn delete_runner(
        &mut self,
        now: Timestamp,
        scope: &Scope,
        id: GithubRunnerId,
    ) -> Result<(), GitHubError> {
        self.request(now, Call::DeleteRunner, |github, _| {
            let registration = github.registrations.get(&id).filter(|it| it.scope == *scope);
            let registration = registration.ok_or_else(|| GitHubError::NotFound(format!("runner {id}")))?;
            if registration.job.is_some() {
                return Err(GitHubError::Busy);
            }
            let session = registration.session();
            github.unregister(id);
            let ghost = github.dice.happens(github.settings.faults.ghost_runner);
            if let (Some(session), false) = (session, ghost) {
                github.send(session, Note::Gone);
            }
            Ok(())
        })
    }

    /// A page of the runners at a scope, of all or of those with a name.
    ///
    /// # Errors
    /// As for every request.
    pub fn list_runners(
        &mut self,
        now: Timestamp,
        scope: &Scope,
        name: Option<&str>,
        page: usize,
        size: usize,
    ) -> Result<Page<RunnerView>, GitHubError> {
        self.request(now, Call::ListRunners, |github, now| {
            let wanted = |it: &&Registration| it.scope == *scope && name.is_none_or(|name| it.name == name);
            let found = github.registrations.values().filter(wanted).map(|it| github.view(now, it)).collect();
            Ok(Page::of(found, page, size))
        })
    }

    pub(super) fn view(&self, now: Timestamp, registration: &Registration) -> RunnerView {
        RunnerView {
            id: registration.id,
            name: registration.name.clone(),
            labels: registration.labels.clone(),
            scope: registration.scope.clone(),
            online: matches!(registration.presence, Presence::Online(_)),
            busy: registration.job.is_some_and(|(_, since)| since + self.settings.times.busy_lag <= now),
        }
    }

    /// A job of a repository, seen through `see`.
    pub(crate) fn job<T>(
        &mut self,
        now: Timestamp,
        repository: &Repository,
        id: JobId,
        see: impl FnOnce(&mut super::Templates, &Job) -> T,
    ) -> Result<T, GitHubError> {
        self.request(now, Call::Job, |github, _| {
            let job = github.jobs.get(&id).filter(|job| job.order.repository == *repository);
            let job = job.ok_or_else(|| GitHubError::NotFound(format!("job {id}")))?;
            Ok(see(&mut github.templates, job))
        })
    }

    /// A page of a repository's runs, all or those of a status, each seen through `see`.
    ///
    /// # Errors
    /// As for every request.
    pub(crate) fn list_runs<T>(
        &mut self,
        now: Timestamp,
        repository: &Repository,
        status: Option<&str>,
        (page, size): (usize, usize),
        see: impl Fn(&mut super::Templates, &Job) -> T,
    ) -> Result<Page<T>, GitHubError> {
        self.request(now, Call::ListRuns, |github, _| {
            let ids = github.by_repository.get(repository).into_iter().flatten();
            let wanted =
                |job: &&Job| job.rerun_as.is_none() && status.is_none_or(|status| status == job.status());
            // Newest first, as GitHub lists them.
            let jobs = ids.rev().filter_map(|id| github.jobs.get(id)).filter(wanted).collect();
            let Page { items, total } = Page::of(jobs, page, size);
            let items = items.into_iter().map(|job| see(&mut github.templates, job)).collect();
            Ok(Page { items, total })
        })
    }

    /// A run of a repository, seen through `see`.
    pub(crate) fn run<T>(
        &mut self,
        now: Timestamp,
        repository: &Repository,
        id: RunId,
        call: Call,
        see: impl FnOnce(&mut super::Templates, &Job) -> T,
    ) -> Result<T, GitHubError> {
        self.request(now, call, |github, _| {
            let job = github
                .jobs
                .get(&github.latest_of(job_of(id)))
                .filter(|job| job.order.repository == *repository);
            let job = job.ok_or_else(|| GitHubError::NotFound(format!("run {id}")))?;
            Ok(see(&mut github.templates, job))
        })
    }

    /// Runs a job once more.
    ///
    /// # Errors
    /// [`GitHubError::Forbidden`] without the permission and while its run goes on, [`GitHubError::NotFound`], and as for
    /// every request.
    pub fn rerun(&mut self, now: Timestamp, repository: &Repository, id: JobId) -> Result<(), GitHubError> {
        self.request(now, Call::Rerun, |github, now| {
            if !github.settings.may_rerun {
                return Err(GitHubError::Forbidden("Resource not accessible by integration".to_owned()));
            }
            let latest = github.latest_of(id);
            let job = github.jobs.get(&latest).filter(|job| job.order.repository == *repository);
            let job = job.ok_or_else(|| GitHubError::NotFound(format!("job {id}")))?;
            if job.run_status(now, github.settings.times.run_end) != "completed" {
                let words = "The workflow run containing this job is already running";
                return Err(GitHubError::Forbidden(words.to_owned()));
            }
            github.queue_again(now, latest);
            Ok(())
        })
    }

    /// Runs the jobs of a run once more that failed.
    ///
    /// # Errors
    /// As [`Self::rerun`].
    pub fn rerun_failed(
        &mut self,
        now: Timestamp,
        repository: &Repository,
        run: RunId,
    ) -> Result<(), GitHubError> {
        self.rerun(now, repository, job_of(run))
    }

    /// The published releases of the runner.
    ///
    /// # Errors
    /// As for every request.
    pub fn runner_releases(&mut self, now: Timestamp) -> Result<Vec<RunnerRelease>, GitHubError> {
        self.request(now, Call::Releases, |github, _| Ok(github.settings.runner_releases.clone()))
    }

    /// Whether an organization or a repository has this webhook.
    ///
    /// # Errors
    /// As for every request.
    pub fn has_hook(&mut self, now: Timestamp, hook: &Hook) -> Result<bool, GitHubError> {
        self.request(now, Call::Hooks, |github, _| Ok(github.own(hook).is_ok()))
    }

    /// Where a webhook goes that somebody has added.
    pub fn hook_url(&self, scope: &Scope) -> Option<&str> {
        self.hook_urls.get(scope).map(String::as_str)
    }

    /// Somebody adds a webhook to an organization or a repository, or changes the one that is there.
    pub(crate) fn set_hook(
        &mut self,
        now: Timestamp,
        scope: &Scope,
        url: &str,
        secret: &str,
    ) -> Result<(), GitHubError> {
        self.request(now, Call::SetHook, |github, _| {
            github.settings.hook = match scope {
                Scope::Organization(_) => HookKind::Organization,
                Scope::Repository(_) => HookKind::Repository,
            };
            github.settings.webhook_secret = Secret::new(secret);
            github.hook_urls.insert(scope.clone(), url.to_owned());
            Ok(())
        })
    }

    /// The attempted deliveries of a webhook, newest first, from the first that is older than `before` on.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] if that is not its webhook, and as for every request.
    pub fn list_deliveries(
        &mut self,
        now: Timestamp,
        hook: &Hook,
        before: Option<DeliveryId>,
        size: usize,
    ) -> Result<Page<DeliveryView>, GitHubError> {
        self.request(now, Call::Deliveries, |github, _| {
            github.own(hook)?;
            let views = github.post.log(before).filter_map(|attempt| github.delivery(attempt));
            // One more than fits tells whether there is another page; GitHub does not say how many there are in all.
            let mut items: Vec<_> = views.filter(|it| it.delivery.hook == *hook).take(size + 1).collect();
            let total = items.len();
            items.truncate(size);
            Ok(Page { items, total })
        })
    }

    /// Delivers a webhook again, under the same GUID.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`], and as for every request.
    pub fn redeliver(&mut self, now: Timestamp, hook: &Hook, id: DeliveryId) -> Result<(), GitHubError> {
        self.request(now, Call::Redeliver, |github, now| {
            github.own(hook)?;
            let Self { post, dice, settings, .. } = github;
            post.redeliver(now, id, &settings.times.webhook, &settings.faults, dice)
                .ok_or_else(|| GitHubError::NotFound(format!("delivery {id}")))
        })
    }

    fn own(&self, hook: &Hook) -> Result<(), GitHubError> {
        let own = match (hook, self.settings.hook) {
            (Hook::App, HookKind::App) => true,
            (Hook::Organization(_, id), HookKind::Organization)
            | (Hook::Repository(_, id), HookKind::Repository) => *id == HOOK_ID,
            _ => false,
        };
        own.then_some(()).ok_or_else(|| GitHubError::NotFound("webhook".to_owned()))
    }

    fn delivery(&self, attempt: &Attempt) -> Option<DeliveryView> {
        let (delivered_at, status_code) = attempt.over()?;
        let repository = &self.jobs.get(&attempt.moment.job)?.order.repository;
        let delivery = Delivery {
            id: attempt.id,
            guid: attempt.guid.clone(),
            event: attempt.moment.kind.event().to_owned(),
            delivered_at: seconds(delivered_at),
            succeeded: (200..300).contains(&status_code),
            hook: self.settings.hook.of(repository)?,
        };
        let action = attempt.moment.kind.action();
        Some(DeliveryView { delivery, action, redelivery: attempt.redelivery, status_code })
    }
}
