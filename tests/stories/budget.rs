//! However much there is to repair, one run of `cleanup` asks for no more than its share of GitHub's limits, and the next
//! ones go on where it stopped.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::Job;
use fleetfoot_stand_in::github::{Call, Faults, Limits};
use fleetfoot_tests::world::{Plan, World, order};

const SMALL: &str = "self-hosted class:small";
/// What one run may ask, and the end of a list of 1,200 runners that was begun with the last of it.
const A_MINUTE: u64 = 40 + 12;
/// The search, every five minutes, has a bound of its own: three repositories. Releases are no repair.
const SEARCH: [Call; 3] = [Call::ListRuns, Call::RunJobs, Call::Releases];

/// Requests that repairs have made so far.
fn requests(world: &World) -> u64 {
    let github = world.github();
    github.calls().iter().filter(|(call, _)| !SEARCH.contains(call)).map(|(_, count)| *count).sum()
}

/// Lets minutes pass until `done`, each of them within the budget. Answers how many those were.
fn work_off(world: &mut World, most: u64, done: impl Fn(&World) -> bool) -> u64 {
    for minute in 0..most {
        if done(world) {
            return minute;
        }
        let (before, stops) = (requests(world), world.fargate().stops().len());
        world.run_for(SignedDuration::from_mins(1));
        let asked = requests(world) - before;
        let stopped = world.fargate().stops().len() - stops;
        assert!(asked <= A_MINUTE && stopped <= 50, "minute {minute}: {asked} requests, {stopped} stops");
    }
    panic!("not done after {most} minutes\n{}", world.describe());
}

fn registered(world: &World) -> usize {
    world.github().registrations().len()
}

/// A job that GitHub knows and the fleet believes to run on a runner that is gone.
fn forgotten(world: &mut World) -> JobId {
    let mut forgotten = order("gpu");
    forgotten.cancel_after = Some(SignedDuration::from_secs(1));
    world.order(forgotten)
}

/// The row of such a job.
fn believe_to_run(world: &World, id: JobId) {
    let description = world.github().report(id).expect("GitHub knows it").description;
    let mut job = Job::new(description, world.now());
    job.start("ff-1-1", world.now(), world.now());
    world.keep(job);
}

#[test]
fn thousands_of_oddities_are_worked_off_within_the_budget() {
    let mut plan = Plan::new(1);
    // Those who made this mess had other limits; what `cleanup` asks is counted below.
    plan.github.limits = Limits {
        points_per_minute: 100_000,
        requests_per_hour: 100_000,
        registrations_per_five_minutes: 100_000,
    };
    let mut world = plan.world();
    for n in 0..1200 {
        world.ghost(&format!("ff-{n}-1"), None);
    }
    let jobs: Vec<JobId> = (0..1000).map(|_| forgotten(&mut world)).collect();
    world.run_for(SignedDuration::from_mins(1));
    for job in &jobs {
        believe_to_run(&world, *job);
    }
    let open = |world: &World| jobs.iter().filter(|job| world.job(**job).is_open()).count();
    // Neither waits for the other: both are under way from the beginning.
    let early = work_off(&mut world, 20, |world| registered(world) < 1190 && open(world) < 990);
    assert!(early < 15, "{early} minutes until both have begun");
    let minutes = work_off(&mut world, 300, |world| registered(world) == 0 && open(world) == 0);
    assert!(minutes < 200, "{minutes} minutes");
    assert!(jobs.iter().all(|job| world.end_of(*job) == "cancelled"));
}

/// The ledger is lost while sixty runners are busy and one has lost its job. GitHub refuses to delete the sixty, minute by
/// minute; the one that comes last in every order is reached all the same.
#[test]
fn what_cannot_be_mended_does_not_stand_before_the_rest_for_ever() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 100\n").world();
    for _ in 0..60 {
        let mut long = order(SMALL);
        long.run_for = SignedDuration::from_hours(2);
        world.order(long);
    }
    world.run_until("they run", |world| world.count("RunnerBusy") == 60);
    let cancelled = world.push("self-hosted class:large");
    world.run_until("it is launched", |world| world.launches() == 61);
    world.github().set_faults(Faults { webhook_lost: 1.0, ..Faults::NONE });
    world.cancel(cancelled);
    world.run_until("its runner is registered", |world| world.jit_requests() == 61);
    world.ledger.lose();
    let minutes = work_off(&mut world, 30, |world| registered(world) == 60);
    assert!(minutes < 15, "{minutes} minutes");
    assert_eq!(world.fargate().stops().len(), 1);
    world.run_for(SignedDuration::from_hours(3));
    let succeeded =
        world.github().jobs().filter(|job| job.2.conclusion.as_deref() == Some("success")).count();
    assert_eq!((succeeded, registered(&world)), (60, 0));
}

/// A job of a repository that is gone cannot be asked about. The jobs behind it are.
#[test]
fn a_job_that_cannot_be_asked_about_does_not_hold_up_the_others() {
    let mut world = Plan::new(1).world();
    let (known, behind) = (forgotten(&mut world), forgotten(&mut world));
    world.run_for(SignedDuration::from_mins(1));
    let mut description = world.github().report(known).expect("GitHub knows it").description;
    description.repository = "acme/deleted".parse().expect("a repository");
    let mut gone = Job::new(description, world.now());
    gone.start("ff-1-1", world.now(), world.now());
    world.keep(gone);
    believe_to_run(&world, behind);
    world.run_until("the other is seen to have ended", |world| !world.job(behind).is_open());
    assert!(world.job(known).is_open(), "nobody knows how that one ended");
}
