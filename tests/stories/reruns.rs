//! Jobs that fail because their machine is taken away, and are run again if the fleet's owner wants that.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::JobId;
use fleetfoot_stand_in::fargate::Faults;
use fleetfoot_stand_in::github::{self, Call};
use fleetfoot_tests::world::{Plan, World, order};

const SPOT: &str = "self-hosted class:small spot";
const ON: &str = "[recovery]\nrerun_interrupted = true\n";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// Spot takes every task back soon after its start.
fn interrupting(fleet: &str) -> Plan {
    let mut plan = Plan::new(1).with(fleet);
    plan.fargate.faults.spot_interrupted = 1.0;
    plan.fargate.times.until_interruption = SignedDuration::from_secs(20)..=SignedDuration::from_secs(20);
    plan
}

/// A job that is too long for the warning of Spot.
fn push_long(world: &mut World) -> JobId {
    let mut long = order(SPOT);
    long.run_for = minutes(10);
    world.order(long)
}

/// Every job at GitHub in its order, with how it ended.
fn ends(world: &World) -> Vec<String> {
    world.github().jobs().map(|(_, _, history)| history.conclusion.clone().unwrap_or_default()).collect()
}

/// How often GitHub was asked to run something again.
fn requests(world: &World) -> u64 {
    world.github().calls_of(Call::Rerun)
}

fn last_job(world: &World) -> JobId {
    world.github().jobs().last().expect("there is a job").0
}

/// From the first interruption on Spot behaves.
fn interrupt_once(world: &mut World) {
    world.run_until("it is interrupted", |world| world.count("RunnerInterrupted") == 1);
    world.fargate().set_faults(Faults::NONE);
    world.settle();
}

#[test]
fn an_interrupted_job_is_run_again_and_succeeds_once() {
    let mut world = interrupting(ON).world();
    let job = push_long(&mut world);
    interrupt_once(&mut world);
    let again = last_job(&world);
    assert_eq!(ends(&world), ["failure", "success"]);
    assert_eq!((world.end_of(job).as_str(), world.end_of(again).as_str()), ("failure", "success"));
    let (first, second) = (world.job(job).description, world.job(again).description);
    assert_eq!((first.run_id, first.run_attempt), (second.run_id, second.run_attempt - 1));
    assert_eq!(
        (world.count("JobRerunRequested"), world.count("JobRerunRefused"), world.launches()),
        (1, 0, 2)
    );
    assert!(world.steps(job).ends_with("GitHub was asked to run it again"), "{}", world.steps(job));
    world.redeliver_everything();
    world.run_for(minutes(10));
    assert_eq!((requests(&world), ends(&world).len()), (1, 2), "what comes again changes nothing");
}

#[test]
fn an_interrupted_job_stays_failed_by_default_and_says_so() {
    let mut world = interrupting("").world();
    let job = push_long(&mut world);
    world.settle();
    world.redeliver_everything();
    world.run_for(minutes(10));
    assert_eq!(ends(&world), ["failure"]);
    let why =
        "it is not run again: its runner was interrupted by Spot; rerun_interrupted = true under [recovery]";
    assert_eq!(world.steps(job).matches(why).count(), 1, "{}", world.steps(job));
    assert_eq!((requests(&world), world.slack_says("not run again")), (0, 0));
}

/// The end of the task is told first, or that of the job.
#[test]
fn in_whichever_order_the_two_ends_are_told_the_job_is_run_again_once() {
    let slow = SignedDuration::from_secs(90)..=SignedDuration::from_secs(90);
    for task_last in [true, false] {
        let mut plan = interrupting(ON);
        if task_last {
            plan.fargate.times.event = slow.clone();
            plan.github.times.abandonment = SignedDuration::from_secs(1);
        } else {
            plan.github.times.webhook = slow.clone();
        }
        let mut world = plan.world();
        let job = push_long(&mut world);
        interrupt_once(&mut world);
        let (finished, stopped) = (&world.events("JobFinished")[0], &world.events("RunnerStopped")[0]);
        assert_eq!(finished.time < stopped.time, task_last, "a story about this has both");
        assert_eq!((world.count("JobRerunRequested"), ends(&world).len()), (1, 2), "{}", world.steps(job));
    }
}

/// GitHub runs nothing of a run again while another part of it goes on.
#[test]
fn a_job_whose_run_goes_on_is_run_again_when_that_has_ended() {
    let mut plan = interrupting(ON);
    plan.github.times.run_end = minutes(30);
    let mut world = plan.world();
    push_long(&mut world);
    interrupt_once(&mut world);
    assert_eq!(
        (ends(&world), world.count("JobRerunRequested")),
        (vec!["failure".to_owned(), "success".to_owned()], 1)
    );
    assert!(world.elapsed() > minutes(30) && requests(&world) == 1);
}

/// The request is carried out and its answer is lost: to GitHub another one would be for a third attempt.
#[test]
fn a_request_whose_answer_is_lost_is_not_repeated() {
    let mut lost = 0;
    for seed in 1..=12 {
        let mut plan = interrupting(ON);
        plan.github.seed = seed;
        let mut world = plan.world();
        let job = push_long(&mut world);
        world.run_until("it failed", |world| world.find_job(job).is_some_and(|job| job.rerun.is_some()));
        world.fargate().set_faults(Faults::NONE);
        world.github().set_faults(github::Faults { answer_lost: 0.5, ..github::Faults::NONE });
        world.run_until("it is run again", |world| ends(world).len() == 2);
        let at = world.now();
        world.github().set_faults(github::Faults::NONE);
        world.settle();
        assert_eq!((ends(&world).len(), world.count("JobRerunRequested")), (2, 1), "seed {seed}");
        assert_eq!(world.end_of(last_job(&world)), "success");
        lost += usize::from(world.events("JobRerunRequested")[0].time > at + SignedDuration::from_secs(30));
    }
    assert!(lost > 0, "a story about this has one");
}

#[test]
fn without_the_permission_a_person_is_told_what_to_do_and_other_jobs_run() {
    let mut plan = interrupting(ON);
    plan.github.may_rerun = false;
    let mut world = plan.world();
    let job = push_long(&mut world);
    interrupt_once(&mut world);
    let next = world.push("self-hosted class:small");
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.end_of(next).as_str()), ("failure", "success"));
    assert!(world.steps(job).contains("permission Actions: read and write"), "{}", world.steps(job));
    assert_eq!((world.slack_says("lost its machine and is not run again"), requests(&world)), (1, 1));
}

#[test]
fn a_job_that_is_interrupted_again_and_again_has_three_attempts() {
    let mut world = interrupting(ON).world();
    push_long(&mut world);
    world.settle();
    assert_eq!((ends(&world), world.count("JobRerunRequested")), (vec!["failure".to_owned(); 3], 2));
    let steps = world.steps(last_job(&world));
    assert!(steps.contains("attempt 3 of its workflow run is the last"), "{steps}");
}

/// Its machine is gone without a word. `cleanup` misses it, GitHub waits for it in vain.
#[test]
fn a_job_whose_machine_is_lost_is_run_again() {
    let mut world = Plan::new(1).with(ON).world();
    world.fargate().set_faults(Faults { task_lost: 1.0, ..Faults::NONE });
    let mut longer = order(SPOT);
    longer.run_for = minutes(120);
    let job = world.order(longer);
    world.run_until("its runner is missed", |world| world.count("RunnerStopped") == 1);
    world.fargate().set_faults(Faults::NONE);
    world.settle();
    assert_eq!(ends(&world), ["failure", "success"], "{}", world.steps(job));
}

/// A job that fails or is cancelled on a machine that stays is nobody's to repeat.
#[test]
fn a_job_that_fails_by_itself_or_is_cancelled_is_not_run_again() {
    let mut world = Plan::new(1).with(ON).world();
    let mut failing = order(SPOT);
    failing.conclusion = "failure".to_owned();
    world.order(failing);
    let mut cancelled = order(SPOT);
    (cancelled.run_for, cancelled.cancel_after) = (minutes(10), Some(minutes(3)));
    world.order(cancelled);
    world.github().set_faults(github::Faults { runner_died: 1.0, ..github::Faults::NONE });
    world.order({
        let mut dies = order(SPOT);
        dies.run_for = minutes(10);
        dies
    });
    world.settle();
    assert_eq!((ends(&world).len(), requests(&world)), (3, 0), "{:?}", ends(&world));
}
