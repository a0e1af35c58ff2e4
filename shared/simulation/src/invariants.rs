//! What holds in every world, whatever goes wrong in it. Each has a name, which a broken one is told by.

mod books;
mod costs;
mod end;
mod secrets;

use std::sync::{Arc, Mutex};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{JobId, RunnerName};

use crate::ports::lock;
use crate::world::World;
use books::Books;
use secrets::Secrets;

pub use end::replay_changes_nothing;

/// Every invariant: its name, and what it says.
pub const ALL: &[(&str, &str)] = &[
    (
        "every-job-ends",
        "every job of ours is started, finished, rejected with a reason or expired, within its time",
    ),
    (
        "jobs-start-soon",
        "as long as nothing fails and no limit is reached, each job starts within five minutes",
    ),
    ("one-runner-per-job", "no job has two live runners that are meant for it"),
    ("limits-hold", "no limit of runners is exceeded: the fleet's, a class's, a repository's"),
    ("busy-runners-live", "no runner is stopped while GitHub has given it a job"),
    ("nothing-is-left", "after the last job nothing is left in the fleet and at GitHub, warm pools excepted"),
    ("repairs-are-bounded", "no more runners are launched than jobs and failures explain, but for a few"),
    ("one-task-per-runner", "no runner has two tasks"),
    (
        "one-configuration-per-task",
        "no task gets two configurations, and GitHub is asked once for each task that is up",
    ),
    ("jobs-run-once", "no job runs twice"),
    ("states-move-forward", "no job and no runner goes back to a state before the one it is in"),
    ("counters-count", "counters count what they count: the live runners"),
    ("costs-are-counted-once", "what each runner cost is in the sums of the hours, once"),
    ("no-secrets", "no secret is in an event, a message or a row"),
    ("replay-changes-nothing", "events that come again after the end change nothing"),
];

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// When that was found.
    pub at: Timestamp,
    /// What was found.
    pub what: String,
    /// The job that it is about.
    pub job: Option<JobId>,
    /// The runner that it is about.
    pub runner: Option<RunnerName>,
}

/// More of them tell nothing new.
const MOST: usize = 20;

/// Collects what does not hold.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, invariant: &'static str, at: Timestamp, what: String) -> Option<&mut Violation> {
        debug_assert!(ALL.iter().any(|(name, _)| *name == invariant), "{invariant} is not in the list");
        if self.0.len() >= MOST {
            return None;
        }
        self.0.push(Violation { invariant, at, what, job: None, runner: None });
        self.0.last_mut()
    }
}

/// Everybody who watches a world for what must hold.
pub struct Inspection {
    books: Arc<Mutex<Books>>,
    secrets: Option<Arc<Mutex<Secrets>>>,
}

impl Inspection {
    /// Watches a world from its beginning. To look for secrets in everything that is written takes as long as the rest.
    pub fn of(world: &World, looks_for_secrets: bool) -> Self {
        let books = Arc::new(Mutex::new(Books::new(world.config.clone())));
        world.watch(books.clone());
        let secrets = looks_for_secrets.then(|| Arc::new(Mutex::new(Secrets::default())));
        if let Some(secrets) = &secrets {
            world.watch(secrets.clone());
        }
        Self { books, secrets }
    }

    /// Whether anything is broken so far.
    pub fn is_broken(&self) -> bool {
        !lock(&self.books).found.0.is_empty()
    }

    /// Everything that did not hold, the end included.
    pub fn at_the_end(&self, world: &World) -> Vec<Violation> {
        let mut books = lock(&self.books);
        // A world that was left in the middle has no end to look at.
        if books.found.0.is_empty() {
            end::check(world, &mut books);
        }
        let mut all = std::mem::take(&mut books.found.0);
        if let Some(secrets) = &self.secrets {
            all.append(&mut lock(secrets).found.0);
        }
        all
    }

    /// Whether every job has ended and nothing is left over but warm runners. The cheap questions come first.
    pub fn is_settled(&self, world: &World) -> bool {
        let books = lock(&self.books);
        if !books.open_jobs.is_empty() || !books.unsettled.is_empty() || !world.is_quiet() {
            return false;
        }
        let warm = books.warm();
        books.live.len() == warm
            && world.jobs_that_may_run() == 0
            && world.fargate().live().len() == warm
            && world.github().registrations().len() <= warm
    }

    /// How many runners wait for a job in their pools.
    pub fn warm(&self) -> usize {
        lock(&self.books).warm()
    }
}
