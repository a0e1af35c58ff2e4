//! What is asked of GitHub: counted, limited, and refused while it is down.

use std::collections::BTreeMap;

use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::settings::{HookKind, Limits};
use crate::bucket::TokenBucket;

/// A kind of request to the REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// An installation token.
    Token,
    /// A just-in-time registration.
    Jit,
    /// The removal of a runner.
    DeleteRunner,
    /// A page of runners, all or by name.
    ListRunners,
    /// One job.
    Job,
    /// A page of a repository's runs.
    ListRuns,
    /// One run.
    Run,
    /// The jobs of a run.
    RunJobs,
    /// The webhooks of an organization or a repository.
    Hooks,
    /// A webhook that is added or changed.
    SetHook,
    /// A page of deliveries.
    Deliveries,
    /// A delivery once more.
    Redeliver,
    /// A job, or those of a run that failed, once more.
    Rerun,
    /// A new check run.
    CreateCheck,
    /// The check runs of a commit.
    ListChecks,
    /// A check run that is changed.
    ChangeCheck,
    /// Releases of the runner.
    Releases,
    /// How the App is set up.
    App,
}

impl Call {
    /// GitHub's price of a request: 1 point for a GET, 5 for anything else.
    pub fn points(self) -> u64 {
        match self {
            Self::Jit
            | Self::DeleteRunner
            | Self::Redeliver
            | Self::Rerun
            | Self::SetHook
            | Self::CreateCheck
            | Self::ChangeCheck
            | Self::Token => 5,
            Self::ListRunners
            | Self::Job
            | Self::ListRuns
            | Self::Run
            | Self::RunJobs
            | Self::Hooks
            | Self::Deliveries
            | Self::ListChecks
            | Self::App
            | Self::Releases => 1,
        }
    }

    /// Requests that an App makes as itself, with its JWT, do not count against an installation's limits.
    fn is_limited(self, hook: HookKind) -> bool {
        let of_its_webhook = matches!(self, Self::Deliveries | Self::Redeliver) && hook == HookKind::App;
        // Releases are public, and asked for without credentials.
        !matches!(self, Self::App | Self::Token | Self::Releases) && !of_its_webhook
    }
}

/// What was asked, by kind; refused requests included.
pub type Calls = BTreeMap<Call, u64>;

/// How the hourly limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests an hour.
    pub limit: u64,
    /// Requests of this hour.
    pub used: u64,
    /// When the next hour begins.
    pub resets_at: Timestamp,
}

/// Counts and limits requests.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    hook: HookKind,
    pub(crate) calls: Calls,
    points: TokenBucket,
    used: u64,
    resets_at: Timestamp,
    registrations: BTreeMap<Scope, TokenBucket>,
    outages: Vec<(Timestamp, Timestamp)>,
}

impl Meter {
    pub(crate) fn new(limits: Limits, hook: HookKind) -> Self {
        let per_minute = limits.points_per_minute;
        Self {
            calls: Calls::new(),
            points: TokenBucket::new(u64::from(per_minute), per_minute, SignedDuration::from_mins(1)),
            used: 0,
            resets_at: Timestamp::MIN,
            registrations: BTreeMap::new(),
            outages: Vec::new(),
            limits,
            hook,
        }
    }

    pub(crate) fn add_outage(&mut self, from: Timestamp, until: Timestamp) {
        self.outages.push((from, until));
    }

    /// When it is up again, if it is down.
    pub(crate) fn down_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.outages
            .iter()
            .filter(|(from, until)| *from <= now && now < *until)
            .map(|(_, until)| *until)
            .max()
    }

    /// Counts a request, and refuses it if it has to.
    pub(crate) fn admit(&mut self, now: Timestamp, call: Call) -> Result<(), GitHubError> {
        *self.calls.entry(call).or_default() += 1;
        if self.down_until(now).is_some() {
            return Err(GitHubError::Unavailable("503 Service Unavailable".to_owned()));
        }
        if !call.is_limited(self.hook) {
            return Ok(());
        }
        let allowance = self.allowance(now);
        if allowance.used >= allowance.limit {
            return Err(GitHubError::RateLimited { until: allowance.resets_at });
        }
        self.points.take(now, call.points()).map_err(|until| GitHubError::RateLimited { until })?;
        self.used += 1;
        Ok(())
    }

    /// Counts a registration with an organization or a repository.
    pub(crate) fn admit_registration(&mut self, now: Timestamp, scope: &Scope) -> Result<(), GitHubError> {
        let most = self.limits.registrations_per_five_minutes;
        self.registrations
            .entry(scope.clone())
            .or_insert_with(|| TokenBucket::new(u64::from(most), most, SignedDuration::from_mins(5)))
            .take(now, 1)
            .map_err(|until| GitHubError::RateLimited { until })
    }

    /// How many requests counted against the installation's limits, registrations excepted.
    pub(crate) fn others(&self) -> u64 {
        let is_other = |call: &Call| call.is_limited(self.hook) && *call != Call::Jit;
        self.calls.iter().filter(|(call, _)| is_other(call)).map(|(_, count)| count).sum()
    }

    /// How the hourly limit stands. Its hour begins with the first request after the last one's end.
    pub(crate) fn allowance(&mut self, now: Timestamp) -> Allowance {
        if now >= self.resets_at {
            self.resets_at = now + SignedDuration::from_hours(1);
            self.used = 0;
        }
        Allowance { limit: self.limits.requests_per_hour, used: self.used, resets_at: self.resets_at }
    }
}
