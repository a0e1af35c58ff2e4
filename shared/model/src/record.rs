//! The rows of the ledger: their keys, their indexes and how long ended ones are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Base, BaseState};
use crate::cost::{CostHour, CostMemory, KEEP_COSTS};
use crate::ids::{
    BaseKey, BuildId, GithubRunnerId, ImageKey, JobId, NoticeKey, PoolName, Repository, RunId, RunnerName,
};
use crate::image::ImageReference;
use crate::image_key::ImageMode;
use crate::job::{Job, JobState};
use crate::notice::{AlarmStory, NoticeWindow, PendingNotice};
use crate::pause::Pause;
use crate::runner::{Runner, Scope};
use crate::spec::Arch;
use crate::{SignedDuration, Timestamp};

/// Ended rows are kept this long, for `why`, `jobs list` and late or repeated events.
pub const KEEP_ENDED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A job.
    Job(JobId),
    /// A runner.
    Runner(RunnerName),
    /// A base image.
    Base(BaseKey),
    /// A runner image.
    Image(ImageKey),
    /// A workflow run.
    Run(RunId),
    /// A pool.
    Pool(PoolName),
    /// What `cleanup` remembers between its runs.
    Cleanup,
    /// What `image-build` remembers between its runs.
    Images,
    /// The pause of launches.
    Pause,
    /// An alarm that people were told of.
    Alarm(NoticeKey),
    /// Notices of one kind.
    NoticeWindow(NoticeKey),
    /// A notice.
    Notice(NoticeKey),
    /// What was spent in the hour that begins then, and which part of that.
    Cost(Timestamp, u32),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => write!(f, "job#{id}"),
            Self::Runner(name) => write!(f, "runner#{name}"),
            Self::Base(key) => write!(f, "base#{key}"),
            Self::Image(key) => write!(f, "image#{key}"),
            Self::Run(id) => write!(f, "run#{id}"),
            Self::Pool(name) => write!(f, "pool#{name}"),
            Self::Cleanup => f.write_str("cleanup"),
            Self::Images => f.write_str("images"),
            Self::Pause => f.write_str("pause"),
            Self::Alarm(key) => write!(f, "alarm#{key}"),
            Self::NoticeWindow(key) => write!(f, "notices#{key}"),
            Self::Notice(key) => write!(f, "notice#{key}"),
            Self::Cost(hour, part) => write!(f, "cost#{hour}#{part}"),
        }
    }
}

/// An index. A row is in one at most; most rows of a quiet fleet are in none or in `Ended`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Index {
    /// What looks for a partner: queued jobs without a runner, runners without a job. Before them all, while launches
    /// are paused, the pause.
    Unmatched,
    /// Other jobs and runners that may still change; last, the jobs that ended and are not settled.
    Active,
    /// Base images and runner images.
    Images,
    /// What people are still to be told.
    Notices,
    /// Jobs and runners about which nothing more will be done, newest first.
    Ended,
    /// What was spent, by the hour.
    Costs,
}

impl Index {
    /// Its name in a store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unmatched => "unmatched",
            Self::Active => "active",
            Self::Images => "images",
            Self::Notices => "notices",
            Self::Ended => "ended",
            Self::Costs => "costs",
        }
    }
}

/// How far an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum ImageState {
    /// Being built, since a time. A lease: when it has run out another may build.
    Building {
        /// The build, once it is known.
        build: Option<BuildId>,
        /// When the lease runs out.
        until: Timestamp,
    },
    /// There.
    Ready {
        /// Where to pull it.
        uri: String,
        /// Since when.
        since: Timestamp,
    },
    /// Not to be built again before a time.
    Failed {
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// Deleted, or about to be, as nothing used it.
    Removed,
}

/// An image's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its key.
    pub key: ImageKey,
    /// The label that first asked for it.
    pub image: ImageReference,
    /// Where precisely its base can be pulled.
    pub base: String,
    /// For which processors.
    pub arch: Arch,
    /// What is made of the base.
    pub mode: ImageMode,
    /// The bases that want it: whoever makes it tells them. Some may want another by now.
    pub wanted_by: BTreeSet<BaseKey>,
    /// Whose job asked for it, if it was a job.
    pub repository: Option<Repository>,
    /// Whether its build is counted as one of that repository's.
    pub is_counted: bool,
    /// Since when no base has wanted it.
    pub unused_since: Option<Timestamp>,
    /// How far it is.
    pub state: ImageState,
    /// Where an older build of it can be pulled while a new one is made.
    pub serving: Option<String>,
    /// How many builds were started for it since it was last there or given up.
    pub builds: u32,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

impl Image {
    /// Whether it is deleted, and nothing more to be done about it.
    pub fn is_gone(&self) -> bool {
        self.state == ImageState::Removed && self.unused_since.is_none()
    }
}

/// A workflow run's row: where its code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowRun {
    /// The run.
    pub id: RunId,
    /// Where it runs.
    pub repository: Repository,
    /// Where its code comes from; none if that repository is gone.
    pub head_repository: Option<Repository>,
    /// When the fleet learned of it.
    pub heard_at: Timestamp,
}

/// A pool's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The pool.
    pub name: PoolName,
    /// The highest number that was given to a runner of it.
    pub sequence: u64,
}

/// What `cleanup` remembers between its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CleanupMemory {
    /// Deliveries up to this time have been looked at.
    pub deliveries_seen_until: Option<Timestamp>,
    /// When GitHub last listed them, whether there was one or none.
    pub deliveries_listed_at: Option<Timestamp>,
    /// How often each failed delivery was asked for again, by GUID.
    pub redelivered: BTreeMap<String, u32>,
    /// When GitHub's runners were last listed.
    pub runners_listed_at: Option<Timestamp>,
    /// Runners at GitHub that carry this fleet's name and are unknown to the ledger, with when they were first seen.
    pub strangers: BTreeMap<GithubRunnerId, Timestamp>,
    /// When GitHub was last asked for queued jobs.
    pub jobs_searched_at: Option<Timestamp>,
    /// Where the last search for queued jobs ended, in the order of repositories.
    pub jobs_searched_up_to: Option<Repository>,
    /// The last place whose runners were listed, if a round through all of them was cut short.
    pub runners_listed_up_to: Option<Scope>,
    /// The last task without a runner that was looked at.
    pub orphans_mended_up_to: Option<RunnerName>,
    /// The last runner that was looked at for repair.
    pub runners_mended_up_to: Option<RunnerName>,
    /// The last job that GitHub was asked about, if more were to be asked about than one run may.
    pub jobs_asked_up_to: Option<JobId>,
    /// When GitHub is to be asked again to show something on a commit, if it forbade that.
    pub checks_refused_until: Option<Timestamp>,
    /// The workflow runs whose commits may show a job without a runner, with when that was last shown.
    pub checks_shown: BTreeMap<RunId, Timestamp>,
    /// How far costs are counted and told.
    pub costs: CostMemory,
}

/// What `image-build` remembers between its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImagesMemory {
    /// When it last looked for what nothing uses any more.
    pub swept_at: Option<Timestamp>,
    /// When GitHub is to be asked again for the releases of its runner.
    pub ask_releases_at: Option<Timestamp>,
}

/// Any row. Jobs and runners are listed far more often than they change: a copy of such a row shares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each variant is the type of its name")]
pub enum Record {
    Job(#[serde(with = "crate::shared")] Arc<Job>),
    Runner(#[serde(with = "crate::shared")] Arc<Runner>),
    Base(Base),
    Image(Image),
    Run(WorkflowRun),
    Pool(Pool),
    Cleanup(CleanupMemory),
    Images(ImagesMemory),
    Pause(Pause),
    Alarm(AlarmStory),
    NoticeWindow(NoticeWindow),
    Notice(PendingNotice),
    Cost(CostHour),
}

macro_rules! into_record {
    ($($row:ty => $variant:ident),*) => {
        $(impl From<$row> for Record {
            fn from(row: $row) -> Record {
                Record::$variant(row.into())
            }
        })*
    };
}
into_record!(Job => Job, Arc<Job> => Job, Runner => Runner, Arc<Runner> => Runner, Base => Base, Image => Image, WorkflowRun => Run, Pool => Pool, CleanupMemory => Cleanup, ImagesMemory => Images, Pause => Pause, AlarmStory => Alarm, NoticeWindow => NoticeWindow, PendingNotice => Notice, CostHour => Cost);

impl Record {
    /// Its key.
    pub fn key(&self) -> Key {
        match self {
            Self::Job(job) => Key::Job(job.id()),
            Self::Runner(runner) => Key::Runner(runner.name.clone()),
            Self::Base(base) => Key::Base(base.key.clone()),
            Self::Image(image) => Key::Image(image.key.clone()),
            Self::Run(run) => Key::Run(run.id),
            Self::Pool(pool) => Key::Pool(pool.name.clone()),
            Self::Cleanup(_) => Key::Cleanup,
            Self::Images(_) => Key::Images,
            Self::Pause(_) => Key::Pause,
            Self::Alarm(story) => Key::Alarm(story.key.clone()),
            Self::NoticeWindow(window) => Key::NoticeWindow(window.key.clone()),
            Self::Notice(notice) => Key::Notice(notice.key.clone()),
            Self::Cost(it) => Key::Cost(it.hour, it.part),
        }
    }

    /// The index it is in, and its sort time there.
    pub fn index(&self) -> Option<(Index, Timestamp)> {
        match self {
            Self::Job(job) => Some(match &job.state {
                JobState::Queued { runner: None, .. } => (Index::Unmatched, job.description.created_at),
                JobState::Queued { .. } | JobState::Running { .. } => {
                    (Index::Active, job.description.created_at)
                }
                // Ended, but GitHub is still to be asked to run it again, or to be told of it. However many there are,
                // they stand behind all that is open, of which no look is to miss anything for their sake.
                _ if job.is_unsettled() => (Index::Active, job.changed_at + KEEP_ENDED),
                _ => (Index::Ended, job.changed_at),
            }),
            Self::Runner(runner) if runner.is_free() => Some((Index::Unmatched, runner.reserved_at)),
            Self::Runner(runner) if !runner.is_settled() => Some((Index::Active, runner.reserved_at)),
            Self::Runner(runner) => Some((Index::Ended, runner.changed_at)),
            Self::Base(base) if base.state != BaseState::Forgotten => Some((Index::Images, base.changed_at)),
            Self::Image(image) if !image.is_gone() => Some((Index::Images, image.changed_at)),
            Self::Pause(pause) if pause.until.is_some() => Some((Index::Unmatched, Timestamp::UNIX_EPOCH)),
            Self::Alarm(story) if story.is_open() => Some((Index::Notices, story.changed_at)),
            Self::NoticeWindow(window) if window.is_open() => Some((Index::Notices, window.changed_at)),
            Self::Notice(notice) if notice.told_at.is_none() => Some((Index::Notices, notice.heard_at)),
            Self::Cost(it) => Some((Index::Costs, it.hour)),
            Self::Base(_)
            | Self::Image(_)
            | Self::Run(_)
            | Self::Pool(_)
            | Self::Cleanup(_)
            | Self::Images(_)
            | Self::Pause(_)
            | Self::Alarm(_)
            | Self::NoticeWindow(_)
            | Self::Notice(_) => None,
        }
    }

    /// When it may be forgotten. Never while something may still be done about it.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Run(run) => Some(run.heard_at + KEEP_ENDED),
            Self::Job(_) | Self::Runner(_) => match self.index() {
                Some((Index::Ended, ended_at)) => Some(ended_at + KEEP_ENDED),
                _ => None,
            },
            Self::Base(base) if base.state == BaseState::Forgotten => Some(base.changed_at + KEEP_ENDED),
            Self::Alarm(story) => story.expires_at(),
            Self::NoticeWindow(window) => window.expires_at(),
            Self::Notice(notice) => notice.expires_at(),
            Self::Image(image) if image.is_gone() => Some(image.changed_at + KEEP_ENDED),
            Self::Cost(it) => Some(it.hour + KEEP_COSTS),
            Self::Base(_)
            | Self::Image(_)
            | Self::Pool(_)
            | Self::Cleanup(_)
            | Self::Images(_)
            | Self::Pause(_) => None,
        }
    }
}
