//! What a stand-in GitHub is made with. Every limit and time of the real one is a value here.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::{Owner, Repository};
use fleetfoot_model::ports::Hook;
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::secret::Secret;

use super::app::App;
use super::faults::Faults;
use crate::dice::{Span, millis};

/// What a stand-in GitHub is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What chance is drawn from.
    pub seed: u64,
    /// Where runners reach it: written into their configurations, as the real one does. The HTTP face fills it in.
    pub address: Option<String>,
    /// What webhooks are signed with.
    pub webhook_secret: Secret,
    /// The private key, in PEM, that is given to every App that is made. Default: empty, which signs nothing.
    pub app_key: Secret,
    /// Whose webhook it is. Default: the App's.
    pub hook: HookKind,
    /// Whether those who ask have the permission to write Actions. Default true.
    pub may_rerun: bool,
    /// Whether those who ask have the permission to write Checks. Default true.
    pub may_check: bool,
    /// Whether webhooks and runners' configurations are as brief as can be: without the parts that nobody reads, and no
    /// webhooks for runs of private code. For simulations of very many jobs. Default false.
    pub is_brief: bool,
    /// The App that a fleet signs in as. Default: what a fleet of the organization acme needs.
    pub app: App,
    /// The published releases of the runner. Default: none.
    pub runner_releases: Vec<RunnerRelease>,
    /// What goes wrong. Default: nothing.
    pub faults: Faults,
    /// How much may be asked of it.
    pub limits: Limits,
    /// How long things take.
    pub times: Times,
}

impl Settings {
    /// A GitHub without faults, with the real one's limits and times.
    pub fn new(seed: u64, webhook_secret: Secret) -> Self {
        Self {
            seed,
            address: None,
            webhook_secret,
            app_key: Secret::new(""),
            hook: HookKind::App,
            may_rerun: true,
            may_check: true,
            is_brief: false,
            app: App::default(),
            runner_releases: Vec::new(),
            faults: Faults::NONE,
            limits: Limits::default(),
            times: Times::default(),
        }
    }
}

/// The id of every webhook that belongs to an organization or a repository.
pub(crate) const HOOK_ID: u64 = 109_948_940;

/// Whose webhook sends the deliveries, and lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookKind {
    /// The GitHub App's: one for all.
    App,
    /// Each organization's.
    Organization,
    /// Each repository's.
    Repository,
}

impl HookKind {
    /// The webhook that tells of a repository; `None` if its owner cannot have one.
    pub(crate) fn of(self, repository: &Repository) -> Option<Hook> {
        match self {
            Self::App => Some(Hook::App),
            Self::Organization => {
                repository.owner().parse::<Owner>().ok().map(|owner| Hook::Organization(owner, HOOK_ID))
            }
            Self::Repository => Some(Hook::Repository(repository.clone(), HOOK_ID)),
        }
    }
}

/// How much may be asked of it (GitHub documentation, "Rate limits for the REST API", read November 2026).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Points a minute, of which a GET costs 1 and any other request 5. Default 900.
    pub points_per_minute: u32,
    /// Requests an hour. Default 5,000, an installation's least.
    pub requests_per_hour: u64,
    /// Runner registrations in five minutes, for each organization or repository. Default 1,500.
    pub registrations_per_five_minutes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { points_per_minute: 900, requests_per_hour: 5000, registrations_per_five_minutes: 1500 }
    }
}

/// How long things take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// From a happening to its webhook. Default 0.2 to 2 s.
    pub webhook: Span,
    /// From the assignment of a job until its runner has it. Default 0.2 to 1.5 s.
    pub pickup: Span,
    /// From a request for approval to its being given. Default 10 to 60 s.
    pub approval: Span,
    /// From the assignment of a job until it is queued again because no runner picked it up. Default 60 s.
    pub requeue: SignedDuration,
    /// How long a job may be queued. Default 24 h.
    pub queued: SignedDuration,
    /// How long a silent runner counts as connected. Default 30 s; only the HTTP face has silent runners.
    pub silence: SignedDuration,
    /// From the death of a runner in the middle of its job to that job's failure. Default 10 min.
    pub abandonment: SignedDuration,
    /// How long an offline runner's registration is kept. Default 24 h.
    pub offline: SignedDuration,
    /// How far the `busy` flag of listings lags. Default 60 s.
    pub busy_lag: SignedDuration,
    /// From the end of a run's last job to the end of the run. Default 2 s.
    pub run_end: SignedDuration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            webhook: millis(200, 2_000),
            pickup: millis(200, 1_500),
            approval: millis(10_000, 60_000),
            requeue: SignedDuration::from_secs(60),
            queued: SignedDuration::from_hours(24),
            silence: SignedDuration::from_secs(30),
            abandonment: SignedDuration::from_mins(10),
            offline: SignedDuration::from_hours(24),
            busy_lag: SignedDuration::from_secs(60),
            run_end: SignedDuration::from_secs(2),
        }
    }
}

impl Times {
    /// For a demonstration before an impatient audience: nothing takes longer than a few seconds.
    pub fn quick() -> Self {
        Self {
            webhook: millis(5, 50),
            pickup: millis(5, 50),
            approval: millis(300, 1_500),
            requeue: SignedDuration::from_secs(5),
            silence: SignedDuration::from_secs(10),
            abandonment: SignedDuration::from_secs(5),
            ..Self::default()
        }
    }
}
