//! The ledger: whether it is reached, what is stuck in it, and what holds the fleet up.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::base::Base;
use fleetfoot_model::config::Config;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::pause::Pause;
use fleetfoot_model::ports::Clock;
use fleetfoot_model::record::{CleanupMemory, Image, Index, Record};
use fleetfoot_model::runner::{Runner, RunnerState};
use fleetfoot_model::{SignedDuration, Timestamp};

use super::finding::Finding;
use super::{examine, images};
use crate::failure::{Failure, OrFail};
use crate::text::{counted, safe};
use crate::times::span;

const LEDGER: &str = "ledger";
const CLEANUP: &str = "cleanup";
const JOBS: &str = "waiting-jobs";
const RUNNERS: &str = "stuck-runners";
const PAUSED: &str = "paused-launches";
const BREAKER: &str = "replacements";

/// The most rows of an index that are looked through; the oldest come first.
const MOST: usize = 1000;
/// `cleanup` looks at deliveries each minute.
const CLEANUP_IS_LATE: SignedDuration = SignedDuration::from_mins(10);
/// A job that waits for longer for anything but capacity is not waiting its turn.
const JOB_IS_LATE: SignedDuration = SignedDuration::from_mins(15);
/// One that waits for capacity may do so for as long as others run.
const CAPACITY_IS_LATE: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Check {
    ledger: Result<Arc<dyn Ledger>, Failure>,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
}

/// What the ledger says.
#[derive(Default)]
struct Facts {
    jobs: Vec<Job>,
    runners: Vec<Runner>,
    bases: Vec<Base>,
    images: Vec<Image>,
    pause: Pause,
    cleanup: CleanupMemory,
    replacements: u64,
}

impl Check {
    pub(super) fn new(
        ledger: Result<Arc<dyn Ledger>, Failure>,
        config: &Arc<Config>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self { ledger, config: Arc::clone(config), clock: Arc::clone(clock) }
    }
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        LEDGER
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let ledger = match &self.ledger {
            Ok(ledger) => &**ledger,
            Err(failure) => return Ok(vec![Finding::broken(LEDGER, failure.clone())]),
        };
        let now = self.clock.now();
        let facts = facts(ledger, now).await;
        Ok(match facts {
            Ok(facts) => judge(&facts, &self.config, now),
            Err(failure) => vec![Finding::broken(LEDGER, failure)],
        })
    }
}

async fn facts(ledger: &dyn Ledger, now: Timestamp) -> Result<Facts, Failure> {
    let what = "the ledger cannot be read";
    let mut facts = Facts {
        pause: ledger::pause(ledger).await.or_fail(what)?.value,
        cleanup: ledger::cleanup_memory(ledger).await.or_fail(what)?.value,
        replacements: ledger.count(&Counter::replacements_at(now)).await.or_fail(what)?,
        ..Facts::default()
    };
    for index in [Index::Unmatched, Index::Active, Index::Images] {
        for row in ledger.list(index, MOST).await.or_fail(what)? {
            match row.value {
                Record::Job(job) if job.is_open() => facts.jobs.push(Arc::unwrap_or_clone(job)),
                Record::Runner(runner) => facts.runners.push(Arc::unwrap_or_clone(runner)),
                Record::Base(base) => facts.bases.push(base),
                Record::Image(image) => facts.images.push(image),
                _ => {}
            }
        }
    }
    Ok(facts)
}

fn judge(facts: &Facts, config: &Config, now: Timestamp) -> Vec<Finding> {
    let (jobs, runners) = (facts.jobs.len(), facts.runners.len());
    let (jobs, runners) = (counted(jobs, "open job"), counted(runners, "open runner"));
    let mut findings = vec![Finding::ok(LEDGER, format!("it is reached: {jobs}, {runners}"))];
    findings.push(cleanup(&facts.cleanup, now));
    findings.push(waiting(&facts.jobs, now));
    findings.push(stuck(&facts.runners, config, now));
    findings.extend(paused(&facts.pause, now));
    findings.extend(breaker(facts.replacements, config.limits.replacements));
    findings.extend(images::judge(&facts.bases, &facts.images, &config.images, now));
    findings
}

fn cleanup(memory: &CleanupMemory, now: Timestamp) -> Finding {
    // Not how far it has seen: where GitHub has nothing to tell of, that is long ago.
    let Some(listed) = memory.deliveries_listed_at else {
        return Finding::warning(CLEANUP, "it has not looked after this fleet yet")
            .hint("it does so each minute, while `fleetfoot up` runs; on AWS see functions and rules");
    };
    let late = now.duration_since(listed);
    if late <= CLEANUP_IS_LATE {
        return Finding::ok(CLEANUP, "it looks after the fleet");
    }
    let what = format!(
        "it has not looked through GitHub's deliveries for {}: what is lost is not repaired",
        span(late)
    );
    let hint = "is `fleetfoot up` running? On AWS see functions and rules; its log says whether GitHub refuses the list of deliveries";
    Finding::error(CLEANUP, what).hint(hint)
}

/// The queued jobs that wait for longer than their turn can take.
fn waiting(jobs: &[Job], now: Timestamp) -> Finding {
    let age = |job: &Job| now.duration_since(job.description.created_at);
    let is_late = |job: &&Job| {
        let limit = match job.waiting() {
            Some(Waiting::Capacity { .. }) => CAPACITY_IS_LATE,
            _ => JOB_IS_LATE,
        };
        job.is_queued() && age(job) > limit
    };
    let queued = jobs.iter().filter(|job| job.is_queued()).count();
    let late: Vec<&Job> = jobs.iter().filter(is_late).collect();
    let Some(oldest) = late.iter().max_by_key(|job| age(job)) else {
        return Finding::ok(JOBS, format!("{}, none for long", counted(queued, "queued job")));
    };
    let why = oldest.waiting().map(|it| format!(", {}", oldest.wait_in_words(it))).unwrap_or_default();
    let what = format!(
        "waiting for long: {} of {queued} queued; job {} of {} for {}{}",
        late.len(),
        oldest.id(),
        oldest.description.repository,
        span(age(oldest)),
        safe(&why)
    );
    Finding::warning(JOBS, what).hint(format!("`fleetfoot why {}`", oldest.id()))
}

/// The runners that should have registered or stopped by now. `cleanup` repairs such within minutes.
fn stuck(runners: &[Runner], config: &Config, now: Timestamp) -> Finding {
    let margin = config.timeouts.grace + config.timeouts.lost + SignedDuration::from_mins(5);
    let is_stuck = |runner: &&Runner| match runner.state {
        RunnerState::Reserved | RunnerState::Launched => now > runner.register_by + margin,
        RunnerState::Stopped(_) => now.duration_since(runner.changed_at) > SignedDuration::from_hours(25),
        RunnerState::Registered | RunnerState::Busy(_) => {
            now.duration_since(runner.changed_at) > config.timeouts.running + margin
        }
    };
    let stuck: Vec<&Runner> = runners.iter().filter(is_stuck).collect();
    let Some(oldest) = stuck.iter().min_by_key(|runner| runner.changed_at) else {
        return Finding::ok(RUNNERS, format!("{}, none overdue", counted(runners.len(), "open runner")));
    };
    let (state, since) = (oldest.state.name(), span(now.duration_since(oldest.changed_at)));
    let what =
        format!("{}; {} is {state} since {since}", counted(stuck.len(), "overdue runner"), oldest.name);
    let hint =
        format!("`fleetfoot runners details {0}`; `fleetfoot runners terminate {0}` lets it go", oldest.name);
    Finding::warning(RUNNERS, what).hint(hint)
}

fn paused(pause: &Pause, now: Timestamp) -> Option<Finding> {
    let until = pause.until.filter(|until| *until > now)?;
    let what =
        format!("launches are paused for {}: {}", span(until.duration_since(now)), safe(&pause.reason));
    Some(
        Finding::warning(PAUSED, what)
            .hint("they go on by themselves; see the limits under [limits] and quotas"),
    )
}

/// How many runners were replaced in these ten minutes.
fn breaker(replacements: u64, most: u64) -> Option<Finding> {
    let what = format!("{replacements} runners had to be replaced in these ten minutes, of {most} at most");
    let hint = "`fleetfoot runners list --all` tells what ended them";
    if replacements >= most && most > 0 {
        return Some(Finding::error(BREAKER, format!("{what}: no more are")).hint(hint));
    }
    (replacements * 2 >= most && replacements > 0).then(|| Finding::warning(BREAKER, what).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use crate::doctor::testing::config;
    use crate::testing::rows;

    fn now() -> Timestamp {
        crate::testing::now()
    }

    fn bad(facts: &Facts) -> Vec<(&'static str, Severity, String)> {
        let found = judge(facts, &config(""), now()).into_iter().filter(|it| it.severity != Severity::Ok);
        found.map(|it| (it.check, it.severity, it.what)).collect()
    }

    fn well() -> Facts {
        let deliveries_listed_at = Some(now() - SignedDuration::from_mins(1));
        Facts {
            cleanup: CleanupMemory { deliveries_listed_at, ..CleanupMemory::default() },
            ..Facts::default()
        }
    }

    #[test]
    fn a_fleet_that_is_looked_after_is_well() {
        assert_eq!(bad(&well()), []);
        assert_eq!(bad(&Facts::default())[0].0, CLEANUP);
        let mut late = well();
        late.cleanup.deliveries_listed_at = Some(now() - SignedDuration::from_mins(11));
        assert_eq!(bad(&late)[0].1, Severity::Error);
        let mut quiet = well();
        quiet.cleanup.deliveries_seen_until = Some(now() - SignedDuration::from_hours(40));
        assert_eq!(bad(&quiet), [], "on a weekend GitHub has nothing to tell of");
    }

    #[test]
    fn jobs_that_wait_for_longer_than_their_turn_are_told() {
        let mut job = rows::job(7, "test", now() - SignedDuration::from_mins(20));
        let facts = |job: &Job| Facts { jobs: vec![job.clone()], ..well() };
        assert!(
            bad(&facts(&job))[0]
                .2
                .starts_with("waiting for long: 1 of 1 queued; job 7 of acme/app for 20m 0s")
        );
        let image = Waiting::Image { key: "0".repeat(64).parse().unwrap() };
        if let Some(spec) = &mut job.spec {
            spec.image = Some("ubuntu:24.04".parse().unwrap());
        }
        job.wait(image, now());
        let told = bad(&facts(&job))[0].2.clone();
        assert!(told.ends_with(", waits for its image to be made (ubuntu:24.04)"), "{told}");
        job.wait(Waiting::Capacity { limit: "runners of the fleet: 1 at most".to_owned() }, now());
        assert_eq!(bad(&facts(&job)), [], "others run");
    }

    #[test]
    fn a_runner_that_should_be_there_by_now_is_told() {
        let runner = rows::runner("ff-7-1", Some(7), now() - SignedDuration::from_mins(30));
        let facts = Facts { runners: vec![runner], ..well() };
        assert!(bad(&facts)[0].2.starts_with("1 overdue runner; ff-7-1 is "), "{:?}", bad(&facts));
    }

    #[test]
    fn what_holds_launches_up_is_told() {
        let until = Some(now() + SignedDuration::from_mins(2));
        let pause = Pause { until, reason: "RunTask is throttled".to_owned(), ..Pause::default() };
        let paused = Facts { pause, ..well() };
        assert_eq!(bad(&paused)[0].2, "launches are paused for 2m 0s: RunTask is throttled");
        for (replacements, severity) in
            [(49, None), (50, Some(Severity::Warning)), (100, Some(Severity::Error))]
        {
            let found = bad(&Facts { replacements, ..well() });
            assert_eq!(found.first().map(|it| it.1), severity, "{replacements}");
        }
    }
}
