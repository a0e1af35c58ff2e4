//! A GitHub with state and faults: jobs, runner registrations, assignments, webhooks and rate limits, under virtual
//! time. Everything that happens follows from the seed, the calls and the times they are made at.

mod app;
mod apps;
mod assignment;
mod checks;
mod faults;
mod job;
mod lifecycle;
mod meter;
mod payload;
mod port;
mod post;
mod registration;
mod report;
mod requests;
mod sessions;
mod settings;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository};
use fleetfoot_model::runner::Scope;

use crate::agenda::Agenda;
use crate::dice::Dice;
use apps::Apps;
use assignment::Queues;
use job::Stage;
use meter::Meter;
use post::Post;
use registration::Registration;
use sessions::Session;

pub use app::App;
pub use apps::RegisteredApp;
pub use checks::CheckView;
pub use faults::Faults;
pub use job::{Assignment, JobHistory, JobOrder};
pub(crate) use job::{Job, seconds};
pub use meter::{Allowance, Call, Calls};
pub(crate) use payload::Templates;
pub use port::InProcessGitHub;
pub use post::WebhookCounts;
pub(crate) use registration::Configuration;
pub use registration::SessionId;
pub use requests::{DeliveryView, Page, RunnerView};
pub use sessions::{ConnectError, HasJob, Message, SessionGone, Work};
pub(crate) use settings::HOOK_ID;
pub use settings::{HookKind, Limits, Settings, Times};
pub use webhooks::{OutgoingWebhook, sign};

/// A GitHub. See [`InProcessGitHub`] for its port and `github_http` for its HTTP face.
#[derive(Debug)]
pub struct StandInGitHub {
    settings: Settings,
    dice: Dice,
    /// The latest time it was told.
    now: Timestamp,
    agenda: Agenda<Happening>,
    jobs: BTreeMap<JobId, Job>,
    /// The same, oldest first.
    by_repository: BTreeMap<Repository, Vec<JobId>>,
    queues: Queues,
    registrations: BTreeMap<GithubRunnerId, Registration>,
    names: BTreeMap<(Scope, String), GithubRunnerId>,
    /// Connected runners without a job, with when they became so.
    idle: BTreeSet<(Timestamp, GithubRunnerId)>,
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions that have a message.
    ready: BTreeSet<SessionId>,
    post: Post,
    meter: Meter,
    templates: Templates,
    apps: Apps,
    checks: Vec<CheckView>,
    /// Where webhooks go that somebody has added.
    hook_urls: BTreeMap<Scope, String>,
    latest_job: u64,
    latest_runner: u64,
}

/// What happens by itself when its time comes.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// A waiting job is approved.
    Approved(JobId),
    /// Someone cancels a job.
    Cancelled(JobId),
    /// A job was queued for too long.
    Dropped(JobId),
    /// A runner hears of the job it was assigned.
    Offered(JobId, SessionId),
    /// No runner has picked a job up.
    Unpicked(JobId),
    /// A job's runner died and its time is over.
    Abandoned(JobId),
    /// A runner was offline for too long, if it still is.
    Forgotten(GithubRunnerId),
}

impl StandInGitHub {
    /// A GitHub without jobs and runners.
    pub fn new(settings: Settings) -> Self {
        let mut dice = Dice::new(settings.seed);
        Self {
            now: Timestamp::MIN,
            agenda: Agenda::new(),
            jobs: BTreeMap::new(),
            by_repository: BTreeMap::new(),
            queues: Queues::default(),
            registrations: BTreeMap::new(),
            names: BTreeMap::new(),
            idle: BTreeSet::new(),
            sessions: BTreeMap::new(),
            ready: BTreeSet::new(),
            post: Post::new(),
            meter: Meter::new(settings.limits.clone(), settings.hook),
            templates: Templates::new(settings.is_brief),
            apps: Apps::default(),
            checks: Vec::new(),
            hook_urls: BTreeMap::new(),
            // As large as the real ones, which are beyond 32 bits.
            latest_job: 40_000_000_000 + u64::from(dice.bytes::<1>()[0]) * 1_000_000,
            latest_runner: 100 + u64::from(dice.bytes::<1>()[0]),
            dice,
            settings,
        }
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// Fills in where runners reach it, if the settings did not say.
    pub fn set_address(&mut self, address: &str) {
        self.settings.address.get_or_insert_with(|| address.to_owned());
    }

    /// It is down for a while: requests fail, and webhooks wait for its end.
    pub fn add_outage(&mut self, from: Timestamp, until: Timestamp) {
        self.meter.add_outage(from, until);
    }

    /// When something happens next by itself: a webhook to send, a message to a runner, a time that is over.
    pub fn next_due(&self) -> Option<Timestamp> {
        let message = (!self.ready.is_empty()).then_some(self.now);
        [message, self.agenda.next(), self.post.next_due()].into_iter().flatten().min()
    }

    /// Lets happen what has come due. Time never goes back: an earlier `now` counts as the latest.
    pub fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        while let Some((at, happening)) = self.agenda.pop(self.now) {
            self.happen(at, happening);
        }
        self.now
    }

    fn happen(&mut self, at: Timestamp, happening: Happening) {
        match happening {
            Happening::Approved(job) => self.approve(at, job),
            Happening::Cancelled(job) => self.cancel(at, job),
            Happening::Dropped(job) => self.drop_queued(at, job),
            Happening::Offered(job, session) => self.offer(job, session),
            Happening::Unpicked(job) => self.requeue(at, job),
            Happening::Abandoned(job) => self.abandon(at, job),
            Happening::Forgotten(runner) => self.forget_offline(runner),
        }
    }

    fn stage(&self, job: JobId) -> Option<Stage> {
        self.jobs.get(&job).map(|job| job.stage)
    }
}
