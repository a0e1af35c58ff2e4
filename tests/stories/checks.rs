//! What a commit shows of a job that gets no runner, if the fleet's owner wants that.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::check::{Check, Shows};
use fleetfoot_model::cost::spent;
use fleetfoot_model::ids::JobId;
use fleetfoot_simulation::at_once;
use fleetfoot_stand_in::FaultLevel;
use fleetfoot_stand_in::fargate;
use fleetfoot_stand_in::github::{Call, CheckView, Faults};
use fleetfoot_tests::world::{Plan, World, order};

const MISTAKEN: &str = "self-hosted class:mediun";
const SMALL: &str = "self-hosted class:small";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// A fleet that signs in as an App and has commits show such jobs.
fn showing(fleet: &str) -> Plan {
    let mut plan = Plan::new(1).with(fleet);
    plan.credentials = String::from("app = { id = 1, installation = 42, key = \"env:KEY\" }");
    plan.notify = String::from("check_runs = true\n");
    plan
}

fn shown(world: &World) -> Vec<CheckView> {
    world.github().checks().to_vec()
}

fn only(world: &World) -> CheckView {
    let mut shown = shown(world);
    assert_eq!(shown.len(), 1, "{shown:#?}");
    shown.remove(0)
}

fn asked(world: &World) -> [u64; 3] {
    [Call::CreateCheck, Call::ListChecks, Call::ChangeCheck].map(|call| world.github().calls_of(call))
}

fn is_given_up(world: &World, job: JobId) -> bool {
    world.find_job(job).is_some_and(|job| !job.is_open())
}

/// Everything about it comes twice.
#[test]
fn a_rejected_job_shows_on_its_commit_once_with_reason_and_remedy() {
    let mut plan = showing("");
    plan.github.faults.webhook_doubled = 1.0;
    let mut world = plan.world();
    let job = world.push(MISTAKEN);
    world.settle();
    world.redeliver_everything();
    world.run_for(minutes(10));
    let (check, row) = (only(&world), world.job(job));
    assert_eq!(
        (check.name.as_str(), check.conclusion.as_str(), check.title.as_str()),
        ("Fleetfoot: CI / build", "failure", "No runner for this job")
    );
    assert_eq!(Some(&check.commit), row.description.head_sha.as_ref());
    assert_eq!(check.repository, row.description.repository);
    let words = check.summary.replace('\n', " ");
    let reason = world.end_of(job).replace("rejected: ", "");
    assert!(words.contains(&reason) && reason.contains("did you mean"), "{words}");
    assert!(words.contains(&format!("`fleetfoot why {job}`")), "{words}");
    assert!(check.details_url.is_some_and(|page| page.ends_with(&format!("/job/{job}"))));
    assert_eq!(asked(&world), [1, 0, 0]);
    assert_eq!(world.steps(job).matches("its commit shows a failed check").count(), 1);
}

#[test]
fn a_job_that_is_given_up_shows_on_its_commit() {
    let mut world = showing("[limits]\nrunners = 1\n[timeouts]\nqueued_seconds = 600\n").world();
    let mut long = order(SMALL);
    long.run_for = minutes(30);
    let long = world.order(long);
    world.run_until("it runs", |world| world.find_job(long).is_some_and(|job| job.started_at.is_some()));
    let waits = world.push("self-hosted class:large");
    world.run_until("it is given up", |world| is_given_up(world, waits));
    world.settle();
    let check = only(&world);
    assert_eq!((check.title.as_str(), check.conclusion.as_str()), ("This job was given up", "failure"));
    assert!(check.external_id.ends_with(&format!("/{waits}")), "{}", check.external_id);
}

#[test]
fn the_details_lead_to_the_dashboard_where_there_is_one() {
    let mut plan = showing("");
    plan.notify.push_str("dashboard = \"https://fleet.example.com/\"\n");
    let mut world = plan.world();
    let job = world.push(MISTAKEN);
    world.settle();
    assert_eq!(only(&world).details_url, Some(format!("https://fleet.example.com/#job={job}")));
}

#[test]
fn by_default_no_commit_shows_anything_and_nobody_asks() {
    let mut world = Plan::new(1).world();
    let job = world.push(MISTAKEN);
    world.settle();
    world.run_for(minutes(10));
    assert_eq!((asked(&world), world.job(job).check), ([0, 0, 0], None));
}

/// A job that runs costs no request more.
#[test]
fn jobs_that_get_a_runner_are_nothing_to_show() {
    let mut world = showing("").world();
    let job = world.push(SMALL);
    world.settle();
    assert_eq!((world.end_of(job).as_str(), asked(&world)), ("success", [0, 0, 0]));
}

#[test]
fn while_github_is_down_jobs_go_on_and_then_the_commit_shows_it() {
    let mut world = showing("").world();
    let job = world.push(MISTAKEN);
    world.run_until("it is rejected", |world| is_given_up(world, job));
    let now = world.now();
    world.github().add_outage(now, now + minutes(30));
    world.run_for(minutes(29));
    assert!(shown(&world).is_empty());
    let next = world.push(SMALL);
    world.settle();
    assert_eq!((only(&world).conclusion.as_str(), world.end_of(next).as_str()), ("failure", "success"));
}

/// GitHub makes a second check run for a second request, whatever it carries.
#[test]
fn a_request_whose_answer_is_lost_is_not_repeated() {
    let mut lost = 0;
    for seed in 1..=12 {
        let mut plan = showing("");
        plan.github.seed = seed;
        let mut world = plan.world();
        let job = world.push(MISTAKEN);
        world.run_until("it is rejected", |world| is_given_up(world, job));
        world.github().set_faults(Faults { answer_lost: 0.5, ..Faults::NONE });
        world.run_until("its commit shows it", |world| !shown(world).is_empty());
        world.github().set_faults(Faults::NONE);
        world.settle();
        assert_eq!(only(&world).conclusion, "failure", "seed {seed}");
        let [created, listed, _] = asked(&world);
        lost += usize::from(created == 1 && listed > 0);
    }
    assert!(lost > 0, "a story about this has one");
}

/// Webhooks are lost, doubled and late, tasks fail, requests fail, answers are lost.
#[test]
fn in_heavy_weather_no_commit_shows_a_job_twice() {
    let mut all = 0;
    for seed in 1..=6 {
        let mut plan = showing("");
        (plan.github.seed, plan.fargate.seed) = (seed, seed);
        plan.github.faults = FaultLevel::Heavy.into();
        plan.fargate.faults = FaultLevel::Heavy.into();
        let mut world = plan.world();
        for n in 0..12 {
            world.push(if n % 2 == 0 { MISTAKEN } else { SMALL });
            world.run_for(SignedDuration::from_secs(20));
        }
        world.settle();
        let mut shown: Vec<String> = shown(&world).into_iter().map(|it| it.external_id).collect();
        all += shown.len();
        shown.sort();
        assert!(shown.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}: {shown:?}");
    }
    assert!(all > 24, "a story about this has many: {all}");
}

/// A person is told once, GitHub is asked once an hour, and nothing is lost if the permission comes.
#[test]
fn without_the_permission_a_person_is_told_once_and_jobs_go_on() {
    let mut plan = showing("");
    plan.github.may_check = false;
    let mut world = plan.world();
    let mistaken = [(); 3].map(|()| world.push(MISTAKEN));
    world.run_for(minutes(30));
    let runs = world.push(SMALL);
    world.run_for(minutes(20));
    assert_eq!((world.end_of(runs).as_str(), asked(&world)), ("success", [1, 0, 0]));
    world.run_for(minutes(60));
    assert_eq!((asked(&world), world.count("CheckRunsRefused")), ([2, 0, 0], 1));
    assert_eq!(world.slack_says("GitHub does not let commits show jobs"), 1);
    assert!(world.events("CheckRunsRefused")[0].detail.to_string().contains("Checks: read and write"));

    world.github().grant_checks(true);
    world.settle();
    assert_eq!((shown(&world).len(), asked(&world)[0]), (3, 5));
    assert!(mistaken.iter().all(|job| world.steps(*job).ends_with("its commit shows a failed check")));
}

#[test]
fn a_permission_that_never_comes_is_not_waited_for_for_ever() {
    let mut plan = showing("");
    plan.github.may_check = false;
    let mut world = plan.world();
    let job = world.push(MISTAKEN);
    world.settle();
    assert!(matches!(world.job(job).check, Some(Check::Dropped { .. })), "{:?}", world.job(job).check);
    assert!((20..=25).contains(&asked(&world)[0]), "{:?}", asked(&world));
    assert_eq!((shown(&world).len(), world.count("CheckRunsRefused")), (0, 1));
}

/// The digest of a day tells how many jobs were refused; it does not wait for GitHub.
#[test]
fn what_waits_for_a_permission_is_counted_meanwhile() {
    let mut plan = showing("");
    plan.github.may_check = false;
    let mut world = plan.world();
    let job = world.push(MISTAKEN);
    world.run_for(minutes(125));
    assert!(world.job(job).is_unsettled());
    let (now, hour) = (world.now(), minutes(60));
    let within = world.began() - hour..now + hour;
    let hours = at_once(spent(&*world.ledger.inside(), &world.config.fleet, within, now));
    let hours = hours.expect("the ledger answers");
    assert_eq!(hours.values().map(|sums| sums.total().rejected).sum::<u64>(), 1);
}

/// More than one run of `cleanup` mends wait for the permission.
#[test]
fn what_waits_for_a_permission_holds_up_nothing_that_needs_none() {
    let mut plan = showing("");
    plan.github.may_check = false;
    let mut world = plan.world();
    for _ in 0..60 {
        world.push(MISTAKEN);
    }
    let mut failing = order(SMALL);
    failing.conclusion = "failure".to_owned();
    let job = world.order(failing);
    world.run_for(minutes(20));
    let (now, repository) = (world.now(), world.job(job).description.repository.clone());
    world.github().rerun(now, &repository, job).expect("its run has ended");
    world.run_for(minutes(20));
    let again = world.github().jobs().last().expect("there is a job").0;
    let told = world.job(again).check;
    assert!(matches!(told, Some(Check::Told { shows: Shows::Recovery, .. })), "{told:?}");
}

/// GitHub allows 500 new things an hour.
#[test]
fn many_rejected_jobs_show_a_few_a_minute() {
    let mut world = showing("").world();
    for _ in 0..30 {
        world.push(MISTAKEN);
    }
    for _ in 0..10 {
        let before = asked(&world)[0];
        world.run_for(minutes(1));
        assert!(asked(&world)[0] - before <= 8);
    }
    assert_eq!((shown(&world).len(), asked(&world)), (30, [30, 0, 0]));
}

/// A job that failed by itself is run again: its commit never showed anything of the fleet's, and nobody asks.
#[test]
fn a_later_attempt_of_a_job_that_always_had_a_runner_costs_nothing() {
    let mut world = showing("").world();
    let mut failing = order(SMALL);
    failing.conclusion = "failure".to_owned();
    let job = world.order(failing);
    world.settle();
    world.run_for(minutes(1));
    let (now, repository) = (world.now(), world.job(job).description.repository.clone());
    world.github().rerun(now, &repository, job).expect("its run has ended");
    world.settle();
    assert_eq!(world.github().jobs().count(), 2);
    assert_eq!(asked(&world), [0, 0, 0]);
}

/// Mended and run again, a commit does not stay red.
#[test]
fn what_failed_for_want_of_a_runner_succeeds_when_a_later_attempt_gets_one() {
    let mut world = showing("[limits]\nlaunch_attempts = 1\n").world();
    world.fargate().set_faults(fargate::Faults { never_started: 1.0, ..fargate::Faults::NONE });
    let job = world.push(SMALL);
    let other = world.push(MISTAKEN);
    world.settle();
    assert_eq!(shown(&world).len(), 2);
    world.fargate().set_faults(fargate::Faults::NONE);
    world.cancel(job);
    world.run_for(minutes(1));
    let (now, repository) = (world.now(), world.job(job).description.repository.clone());
    world.github().rerun(now, &repository, job).expect("its run has ended");
    world.settle();
    let ends: Vec<(bool, String, String)> = shown(&world)
        .into_iter()
        .map(|it| (it.external_id.ends_with(&format!("/{job}")), it.conclusion, it.title))
        .collect();
    let red = (false, "failure".to_owned(), "No runner for this job".to_owned());
    let green = (true, "success".to_owned(), "A runner took this job".to_owned());
    assert!(ends.contains(&red) && ends.contains(&green) && ends.len() == 2, "{ends:?} {other}");
    assert_eq!(asked(&world), [2, 1, 1]);
    let again = world.github().jobs().last().expect("there is a job").0;
    let told = world.job(again).check;
    assert!(matches!(told, Some(Check::Told { shows: Shows::Recovery, .. })), "{told:?}");
}
