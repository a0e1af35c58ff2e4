//! What is looked at once, when everything has settled or its time is over.

use std::collections::BTreeMap;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::{JobId, Origin, RunnerName};
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::labels;
use fleetfoot_model::ledger::Ledger as _;

use super::books::Books;
use super::{Found, Violation, costs};
use crate::ports::at_once;
use crate::world::World;

/// Repairs may launch so many runners more than failures explain, and a share of the jobs.
const FEW: u64 = 5;
/// One in so many jobs.
const SHARE: u64 = 10;
/// In fair weather a job starts within this time: a task is up within a minute, and one that is lost to another job is
/// replaced at once.
const SOON: SignedDuration = SignedDuration::from_mins(5);
/// How many of the events are published again.
const MOST_REPLAYED: usize = 2000;
/// How long what comes of them may take.
const AFTER_REPLAY: SignedDuration = SignedDuration::from_mins(30);

pub(super) fn check(world: &World, books: &mut Books) {
    jobs(world, &mut books.found);
    waits(world, books);
    leftovers(world, books);
    fleet(world, books);
    counters(world, books);
    costs::check(world, &mut books.found);
}

fn jobs(world: &World, found: &mut Found) {
    let github = world.github();
    for (id, order, history) in github.jobs() {
        if !labels::is_addressed(&order.labels, &world.config.labels) {
            continue;
        }
        let row = world.ledger.job(id);
        let is_open = row.as_ref().is_none_or(Job::is_open);
        let has_ended = history.completed_at.is_some();
        let is_fine = match (&row, has_ended) {
            (None, _) if world.is_out_of_reach(&order.repository, history.ordered_at) => true,
            // It ended before any word of it came through.
            (None, true) => true,
            (Some(job), _) if !is_open => !has_ended || !matches!(job.state, JobState::Running { .. }),
            _ => false,
        };
        if !is_fine {
            let state = row
                .map_or_else(|| "is unknown to the ledger".to_owned(), |job| format!("is {:?}", job.state));
            let ended = history.conclusion.as_deref().unwrap_or("it is open");
            let what = format!("job {id} {state}; at GitHub: {ended}");
            if let Some(violation) = found.add("every-job-ends", world.now(), what) {
                violation.job = Some(id);
            }
        }
    }
    for id in github.jobs_run_twice() {
        if let Some(violation) = found.add("jobs-run-once", world.now(), format!("job {id} ran twice")) {
            violation.job = Some(id);
        }
    }
}

fn waits(world: &World, books: &mut Books) {
    if !world.is_fair() || books.is_held_up {
        return;
    }
    for (id, _, history) in world.github().jobs() {
        let (Some(queued), Some((started, _))) = (history.queued_at, history.started()) else { continue };
        if started > queued + SOON {
            let what = format!(
                "job {id} started after {:#}, and nothing was in its way",
                started.duration_since(queued)
            );
            if let Some(violation) = books.found.add("jobs-start-soon", world.now(), what) {
                violation.job = Some(id);
            }
        }
    }
}

fn leftovers(world: &World, books: &mut Books) {
    let warm: Vec<RunnerName> =
        books.live.iter().filter(|(_, live)| live.is_warm).map(|(name, _)| name.clone()).collect();
    let now = world.now();
    let mut left = |what: String, runner: Option<RunnerName>| {
        if let Some(violation) = books.found.add("nothing-is-left", now, what) {
            violation.runner = runner;
        }
    };
    for name in world.fargate().live().into_iter().filter(|name| !warm.contains(name)) {
        left(format!("the task of runner {name} is there"), Some(name));
    }
    for view in world.github().registrations() {
        let name = view.name.parse::<RunnerName>().ok();
        if !name.as_ref().is_some_and(|name| warm.contains(name)) {
            left(format!("runner {} is registered at GitHub", view.name), name);
        }
    }
    let live: Vec<RunnerName> = books.live.keys().filter(|name| !warm.contains(name)).cloned().collect();
    for name in live {
        let what = format!("runner {name} is live in the ledger");
        if let Some(violation) = books.found.add("nothing-is-left", now, what) {
            violation.runner = Some(name);
        }
    }
}

fn fleet(world: &World, books: &mut Books) {
    let (fargate, now) = (world.fargate(), world.now());
    let (mut launched, mut for_pools): (u64, u64) = (0, 0);
    for (name, tasks) in fargate.launches() {
        launched += u64::from(tasks);
        // A pool's runners are launched for no job.
        for_pools += u64::from(matches!(name.origin(), Origin::Pool { .. }));
        if tasks > 1 {
            let what = format!("runner {name} had {tasks} tasks");
            if let Some(violation) = books.found.add("one-task-per-runner", now, what) {
                violation.runner = Some(name.clone());
            }
        }
    }
    let github = world.github();
    let jobs = github.jobs().filter(|(_, _, history)| history.queued_at.is_some()).count() as u64;
    let unpicked: usize =
        github.jobs().map(|(_, _, it)| it.assignments.len().saturating_sub(it.starts.len())).sum();
    let failed = fargate.counts().failed() + unpicked as u64;
    let explained = jobs + failed + books.replaced + books.died + books.unanswered + for_pools;
    if launched > explained + FEW + jobs / SHARE {
        let what = format!(
            "{launched} runners were launched for {jobs} jobs; {failed} failed, {} were taken by other jobs, {} calls \
             were not answered",
            books.replaced,
            books.died + books.unanswered
        );
        books.found.add("repairs-are-bounded", now, what);
    }
    if books.registered > books.agents_up + books.died + books.unanswered {
        let what = format!(
            "GitHub registered {} runners; {} tasks came up, {} functions died, {} answers were lost",
            books.registered, books.agents_up, books.died, books.unanswered
        );
        books.found.add("one-configuration-per-task", now, what);
    }
}

fn counters(world: &World, books: &mut Books) {
    let mut counts: BTreeMap<Counter, u64> = BTreeMap::from([(Counter::Runners, 0)]);
    for counter in books.live.values().flat_map(|live| &live.counters) {
        *counts.entry(counter.clone()).or_default() += 1;
    }
    for (counter, live) in counts {
        let counted = at_once(world.ledger.inside().count(&counter)).unwrap_or_default();
        if counted != live {
            let what = format!("the ledger counts {counted} {counter}, there are {live}");
            books.found.add("counters-count", world.now(), what);
        }
    }
}

/// Publishes a prefix of the history again, and sees that nothing comes of it.
///
/// # Panics
/// Never: a bus in memory answers.
pub fn replay_changes_nothing(world: &mut World, seed: u64) -> Option<Violation> {
    let history = world.bus.history(0, MOST_REPLAYED).expect("a bus in memory answers");
    let most = usize::try_from(seed % 7 + 1).unwrap_or(1) * history.len() / 7;
    let (known, unheard) = jobs_by_knowledge(world);
    let before = summary(world, &known);
    for event in history.into_iter().take(most) {
        world.publish(event.bus, (*event.envelope).clone());
    }
    let until = world.now() + AFTER_REPLAY;
    while world.step(until) {}
    let after = summary(world, &known);
    // A job whose events never came through the first time may be heard of now.
    let is_same = before == after || unheard && before.2 == after.2;
    (!is_same).then(|| Violation {
        invariant: "replay-changes-nothing",
        at: world.now(),
        what: format!(
            "{most} events came again: (tasks, registrations, job states) were {before:?}, are {after:?}"
        ),
        job: None,
        runner: None,
    })
}

/// The jobs that the ledger knows, and whether there are others. One that was given up, and whose end comes for the first
/// time when it comes again, may end by that.
fn jobs_by_knowledge(world: &World) -> (Vec<JobId>, bool) {
    let ids: Vec<JobId> = world.github().jobs().map(|(id, ..)| id).collect();
    let (mut known, unheard): (Vec<JobId>, Vec<JobId>) =
        ids.into_iter().partition(|id| world.ledger.job(*id).is_some());
    known.retain(|id| !world.ended_unheard(*id));
    (known, !unheard.is_empty())
}

/// Tasks and registrations that there ever were, and how the jobs stand.
fn summary(world: &World, known: &[JobId]) -> (u32, u64, BTreeMap<&'static str, usize>) {
    let launches = world.fargate().launches().map(|(_, tasks)| tasks).sum();
    let registrations = world.github().calls_of(fleetfoot_stand_in::github::Call::Jit);
    let mut states = BTreeMap::new();
    for id in known {
        let state = match world.ledger.job(*id).map(|job| job.state) {
            None => "unknown",
            Some(JobState::Queued { .. }) => "queued",
            Some(JobState::Running { .. }) => "running",
            Some(JobState::Finished { .. }) => "finished",
            Some(JobState::Rejected { .. }) => "rejected",
            Some(JobState::Expired { .. }) => "expired",
        };
        *states.entry(state).or_default() += 1;
    }
    (launches, registrations, states)
}
