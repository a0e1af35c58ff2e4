//! The fleet's configuration: what `fleet.toml` says, checked as a whole when it is loaded.

mod classes;
mod load;
mod mirrors;
mod money;
mod notify;
mod pools;
mod report;
mod text;

use std::collections::BTreeMap;

use globset::GlobMatcher;

use crate::ids::{ClassName, FleetName, Owner, PoolName, Repository, RoleArn};
use crate::image::{ImageReference, Mirrors};
use crate::image_key::ImageMode;
use crate::price::Prices;
use crate::runner::Scope;
use crate::schedule::Schedule;
use crate::secret::SecretReference;
use crate::size::Size;
use crate::spec::{Arch, Capacity, Label, Spec};
use crate::{SignedDuration, Timestamp};

pub use load::{DEFAULT_IMAGE, load, load_for_containers};
pub use notify::{NotifyConfig, SlackConfig};
pub use report::{ConfigError, Problem};

/// A valid configuration. Every default is resolved.
#[derive(Debug, Clone)]
pub struct Config {
    /// What runner names start with. Default `ff`.
    pub fleet: FleetName,
    /// GitHub.
    pub github: GitHubConfig,
    /// Which labels are ours.
    pub labels: LabelsConfig,
    /// Runner sizes by name.
    pub classes: BTreeMap<ClassName, Class>,
    /// How much may run at once.
    pub limits: Limits,
    /// Base images that may be asked for.
    pub images: ImagesConfig,
    /// Whose jobs are served.
    pub repositories: RepositoriesConfig,
    /// Warm runners.
    pub pools: Vec<PoolConfig>,
    /// Where people are told.
    pub notify: NotifyConfig,
    /// What runners cost.
    pub prices: Prices,
    /// How much may be spent before people are told.
    pub budget: BudgetConfig,
    /// What is done about jobs that were lost.
    pub recovery: RecoveryConfig,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Where traces of jobs go.
    pub traces: TracesConfig,
    /// Whether agents and runners are verbose. Default false.
    pub debug: bool,
    /// Every secret that the file refers to, with its key, in the order in which they are read: whoever looks for all of
    /// them forgets none.
    pub secrets: Vec<(String, SecretReference)>,
}

/// `[github]`
#[derive(Debug, Clone)]
pub struct GitHubConfig {
    /// Base address of the API. Default `https://api.github.com`.
    pub url: String,
    /// Where runners register.
    pub target: Target,
    /// How the fleet signs in.
    pub credentials: Credentials,
    /// Secrets of the webhook: current, then previous while rotating. At least one.
    pub webhook_secrets: Vec<SecretReference>,
    /// The runner group that runners register in. Default 1, which every organization and repository has.
    pub runner_group_id: u64,
}

/// Where runners register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// With an organization.
    Organization(Owner),
    /// With each of these repositories.
    Repositories(Vec<Repository>),
}

impl Target {
    /// Where a runner for a repository's job registers.
    pub fn scope_of(&self, repository: &Repository) -> Scope {
        match self {
            Self::Organization(owner) => Scope::Organization(owner.clone()),
            Self::Repositories(_) => Scope::Repository(repository.clone()),
        }
    }

    /// Every place where runners register.
    pub fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::Organization(owner) => vec![Scope::Organization(owner.clone())],
            Self::Repositories(repositories) => repositories.iter().cloned().map(Scope::Repository).collect(),
        }
    }
}

/// How the fleet signs in at GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A GitHub App.
    App {
        /// Its id.
        id: u64,
        /// Its installation.
        installation: u64,
        /// Its private key, in PEM.
        key: SecretReference,
    },
    /// A personal access token.
    Token(SecretReference),
}

/// `[labels]`
#[derive(Debug, Clone)]
pub struct LabelsConfig {
    /// A job is ours only if it has all of these. Default `self-hosted`.
    pub required: Vec<Label>,
    /// Further labels that are understood and choose nothing. Default `linux` and `x64`, which GitHub's own
    /// setup gives every such runner.
    pub plain: Vec<Label>,
    /// The class of a job without a `class:` label. Default `medium` if there is one, else the smallest.
    pub default_class: ClassName,
}

/// `[classes.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Legal CPU and memory.
    pub size: Size,
    /// Ephemeral storage, 20 to 200. Default 20.
    pub disk_gib: u32,
    /// Default x64.
    pub arch: Arch,
    /// Default on demand.
    pub capacity: Capacity,
    /// The most runners of this class. Default: only the fleet's limit.
    pub runners: Option<u64>,
    /// The role that its jobs have on AWS; one of those that the deployment allows. Default: a role without permissions.
    pub role: Option<RoleArn>,
}

impl Class {
    /// What a runner of this class is, before labels change it.
    pub fn spec(&self, name: &ClassName) -> Spec {
        Spec {
            class: name.clone(),
            cpu: self.size.cpu,
            memory_mib: self.size.memory_mib,
            disk_gib: self.disk_gib,
            arch: self.arch,
            capacity: self.capacity,
            image: None,
        }
    }
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most live runners. Default 10.
    pub runners: u64,
    /// The most live runners launched for one repository's jobs. Default: only the fleet's limit.
    pub runners_per_repository: Option<u64>,
    /// The most image builds that run at once for one repository's jobs. Default 5.
    pub builds_per_repository: u64,
    /// The most runners that may be launched for one job because those before it failed. Default 5.
    pub launch_attempts: u32,
    /// The most replacements (for runners that were taken or that failed) in ten minutes, over the fleet. Default 100.
    pub replacements: u64,
    /// How many tasks the fleet's account can launch a second, for a long time. Default 20, as ECS and Fargate allow.
    pub launches_per_second: u32,
    /// How many runners GitHub can be asked to register a minute, for a long time. Default 175: GitHub's 900 points a
    /// minute are 180 registrations, and something is left for other requests.
    pub registrations_per_minute: u32,
    /// The largest webhook that is read, in bytes. Default and maximum 26,214,400 (25 MiB, GitHub's own cap).
    pub webhook_bytes: usize,
}

/// `[images]`
#[derive(Debug, Clone)]
pub struct ImagesConfig {
    /// The base image of a job without an `image:` label. Default: none on one machine, where runners are processes;
    /// [`DEFAULT_IMAGE`] on AWS. It need not be allowed to labels.
    pub default: Option<ImageReference>,
    /// Patterns of base images that an `image:` label may name. Default: none may.
    pub allow: Vec<Pattern>,
    /// What is asked and pulled instead of what images' names say. Default: nothing else.
    pub mirrors: Mirrors,
    /// How agent and runner come onto a base image. Default: an image is built on each.
    pub mode: ImageMode,
    /// How long a failed build is not tried again. Default 10 minutes.
    pub retry_after: SignedDuration,
    /// When an image is built anew, the old one serving meanwhile. Default 7 days.
    pub rebuild_after: SignedDuration,
}

/// `[repositories]`
#[derive(Debug, Clone)]
pub struct RepositoriesConfig {
    /// Patterns of repositories that are served. Default: the organization's, or those that are listed.
    pub allow: Vec<Pattern>,
    /// Whether public repositories are served. Default false.
    pub public: bool,
    /// Whether runs whose code comes from a fork are served. Default false.
    pub forks: bool,
}

/// A glob, with the text it was made from. `*` stays within one part of a path, `**` crosses parts, case is ignored.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    /// Compiled.
    pub matcher: GlobMatcher,
}

/// `[[pools]]`
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Default: its position, from 1.
    pub name: PoolName,
    /// What its runners register with.
    pub labels: Vec<Label>,
    /// What they are: read from the labels.
    pub spec: Spec,
    /// Where they register.
    pub scope: Scope,
    /// How many are kept idle while the schedule is on.
    pub size: u64,
    /// When. Default: always.
    pub schedule: Option<Schedule>,
}

impl PoolConfig {
    /// How many of its runners are to be idle at a moment.
    pub fn wanted(&self, now: Timestamp) -> u64 {
        if self.schedule.as_ref().is_none_or(|schedule| schedule.is_on(now)) { self.size } else { 0 }
    }
}

/// `[budget]`
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetConfig {
    /// For a month of UTC, in USD. Default none.
    pub monthly_usd: Option<f64>,
    /// For a day of UTC, in USD. Default none.
    pub daily_usd: Option<f64>,
    /// People are told when so many percent are spent, in ascending order. Default 50, 80 and 100.
    pub alert_percent: Vec<u32>,
}

/// `[traces]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TracesConfig {
    /// Base address of a collector of OTLP over HTTP; `/v1/traces` is added. Default none: there are no traces.
    pub endpoint: Option<String>,
    /// A header that the collector wants, as `Name: value`. Default none.
    pub header: Option<SecretReference>,
}

/// `[recovery]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryConfig {
    /// Whether GitHub is asked to run a failed job again whose runner lost its machine. Default false: a job that runs
    /// twice must be able to bear it, and the App needs the permission to write Actions.
    pub rerun_interrupted: bool,
}

/// `[timeouts]`, each in whole seconds in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From the reservation to the registration. Default 600: a Fargate task is up within a minute, a large image takes
    /// some more.
    pub register: SignedDuration,
    /// How long a registered runner may wait for a job before it is let go (pools excepted). Default 300.
    pub idle: SignedDuration,
    /// How long after its job ended a runner may live. Default 300.
    pub linger: SignedDuration,
    /// How long the fleet may be silent about a task before it is looked for. Default 120.
    pub lost: SignedDuration,
    /// How long a job may be queued. Default 86,400: GitHub drops it then.
    pub queued: SignedDuration,
    /// How long a job may run. Default 432,000: GitHub ends it then.
    pub running: SignedDuration,
    /// How long an image build may take. Default 1,800.
    pub build: SignedDuration,
    /// The wait after the second failed launch of a job; doubled with each further one. Default 30.
    pub backoff: SignedDuration,
    /// How long `cleanup` leaves something alone that may be under way. Default 60.
    pub grace: SignedDuration,
    /// How often GitHub is asked for its runners and for queued jobs. Default 300.
    pub survey: SignedDuration,
}

impl Timeouts {
    /// How long a job waits after its n-th runner failed it: not at all after the first, then ever longer.
    pub fn backoff_after(&self, failures: u32) -> SignedDuration {
        match failures {
            0 | 1 => SignedDuration::ZERO,
            more => self.backoff * 2_i32.saturating_pow((more - 2).min(8)),
        }
    }
}
