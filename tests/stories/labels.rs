//! What a job may ask for, and whose jobs are served.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::JobId;
use fleetfoot_stand_in::github::{Call, Faults};
use fleetfoot_tests::world::{Plan, World, order};

const PUBLIC: &str = "[repositories]\nallow = [\"acme/*\"]\npublic = true\n";

/// GitHub tells of a run before it tells of its jobs.
fn in_order(mut plan: Plan) -> Plan {
    plan.github.times.webhook = SignedDuration::from_secs(1)..=SignedDuration::from_secs(1);
    plan
}

fn push_public(world: &mut World, fork: Option<&str>) -> JobId {
    let mut public = order("self-hosted");
    public.public = true;
    public.head_repository = fork.map(|fork| fork.parse().expect("a repository"));
    world.order(public)
}

/// lesson 15: an unknown class silently became the default; a job that could never run just stayed queued.
#[test]
fn a_job_that_can_never_run_is_rejected_at_once_and_a_person_hears_of_it() {
    for (labels, words) in [
        ("self-hosted class:smal", "did you mean \"small\""),
        ("self-hosted class:small image:alpine", "allowed are ubuntu:*"),
        ("self-hosted class:small disk:5", "20 to 200"),
        ("self-hosted class:small class:large", "contradict"),
    ] {
        let mut world = Plan::new(1).world();
        let job = world.push(labels);
        world.settle();
        let end = world.end_of(job);
        assert!(end.starts_with("rejected: ") && end.contains(words), "{labels}: {end}");
        assert!(world.elapsed() < SignedDuration::from_secs(5), "{labels}: {:#}", world.elapsed());
        assert_eq!((world.launches(), world.slack_says("will get no runner")), (0, 1), "{labels}");
        assert!(world.slack_says(&format!("/job/{job}")) > 0, "the message leads to the job");

        // Nobody can take it out of GitHub's queue but a person. That is no second rejection.
        world.cancel(job);
        world.run_for(SignedDuration::from_mins(10));
        assert_eq!((world.end_of(job).as_str(), world.count("JobRejected")), ("cancelled", 1), "{labels}");
    }
}

/// Labels of somebody else's runners are nobody's mistake.
#[test]
fn a_job_for_somebody_elses_runners_is_left_alone() {
    let mut world = Plan::new(1).world();
    for labels in ["ubuntu-latest", "self-hosted gpu", "self-hosted k8s linux"] {
        world.push(labels);
    }
    world.run_for(SignedDuration::from_mins(15));
    assert_eq!((world.launches(), world.jit_requests(), world.slack.messages().len()), (0, 0, 0));
    assert_eq!(world.count("JobRejected"), 0);
}

#[test]
fn a_job_of_a_repository_that_is_not_allowed_is_rejected() {
    let mut world = Plan::new(1).with("[repositories]\nallow = [\"acme/web-*\"]\n").world();
    let (served, refused) = (world.push_to("acme/web-shop", "self-hosted"), world.push("self-hosted"));
    world.settle();
    assert_eq!(world.end_of(served), "success");
    assert!(world.end_of(refused).contains("acme/app is not allowed"), "{}", world.end_of(refused));
}

#[test]
fn a_public_repositorys_job_is_rejected_unless_that_is_meant() {
    let mut world = Plan::new(1).world();
    let job = push_public(&mut world, None);
    world.settle();
    assert!(world.end_of(job).contains("set public = true"), "{}", world.end_of(job));
}

/// The `workflow_run` webhook tells where the code comes from, so that GitHub need not be asked.
#[test]
fn a_public_repositorys_own_code_is_served_and_a_forks_is_not() {
    let mut world = in_order(Plan::new(1).with(PUBLIC)).world();
    let own = push_public(&mut world, None);
    world.run_until("it is launched", |world| world.launches() == 1);
    let fork = push_public(&mut world, Some("mallory/app"));
    world.settle();
    assert_eq!(world.end_of(own), "success");
    assert!(
        world.end_of(fork).contains("comes from mallory/app, a fork of acme/app"),
        "{}",
        world.end_of(fork)
    );
    assert_eq!((world.launches(), world.github().calls_of(Call::Run)), (1, 0));
}

/// If that webhook has not come, GitHub is asked, once.
#[test]
fn a_forks_code_is_not_served_even_if_nobody_told_of_it() {
    for (head, served) in [(None, true), (Some("mallory/app"), false)] {
        let mut plan = Plan::new(1).with(PUBLIC);
        plan.target = "repositories = [\"acme/app\"]".to_owned();
        let mut world = plan.world();
        world.github().set_faults(Faults { webhook_lost: 1.0, ..Faults::NONE });
        let job = push_public(&mut world, head);
        world.github().set_faults(Faults::NONE);
        world.settle();
        assert_eq!(world.end_of(job) == "success", served, "{}", world.end_of(job));
        assert_eq!((world.launches() == 1, world.github().calls_of(Call::Run)), (served, 1));
    }
}

#[test]
fn forks_are_served_where_that_is_meant() {
    let mut world = Plan::new(1).with(&format!("{PUBLIC}forks = true\n")).world();
    let job = push_public(&mut world, Some("contributor/app"));
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.github().calls_of(Call::Run)), ("success", 0));
}

/// One runner is one job's, however many others wait that it could run.
#[test]
fn a_pinned_job_and_its_runner_are_each_others() {
    let mut plan = Plan::new(1).with("[limits]\nrunners = 20\n");
    plan.github.faults.runner_swapped = 1.0;
    let mut world = plan.world();
    let jobs: Vec<JobId> = (0..8).map(|n| world.push(&format!("self-hosted pin:{n}-build"))).collect();
    world.settle();
    assert!(jobs.iter().all(|job| world.ran_on(*job) == format!("ff-{job}-1")));
}

/// Runners of a repository serve that one only.
#[test]
fn runners_of_repositories_serve_their_own_repository() {
    let mut plan = Plan::new(1);
    plan.target = "repositories = [\"acme/app\", \"acme/lib\"]".to_owned();
    let mut world = plan.world();
    let (app, lib) = (world.push_to("acme/app", "self-hosted"), world.push_to("acme/lib", "self-hosted"));
    let other = world.push_to("acme/other", "self-hosted");
    world.settle();
    assert_eq!((world.ran_on(app), world.ran_on(lib)), (format!("ff-{app}-1"), format!("ff-{lib}-1")));
    assert!(
        world.end_of(other).contains("not listed under [github] repositories"),
        "{}",
        world.end_of(other)
    );
}

/// lesson 4: an unknown error in a batch of 10 acknowledged all 10.
#[test]
fn one_bad_message_of_ten_costs_the_other_nine_nothing() {
    let mut world = Plan::new(1).world();
    let mut bad = serde_json::from_str::<fleetfoot_model::envelope::Envelope>(include_str!(
        "../../events/job-queued.json"
    ))
    .expect("a sample");
    bad.detail["job"]["id"] = serde_json::json!("twelve");
    let jobs: Vec<JobId> = (0..9).map(|_| world.push("self-hosted class:small")).collect();
    let now = world.now();
    world.bus.publish(now, vec![bad]).expect("the bus takes it");
    world.settle();
    assert!(jobs.iter().all(|job| world.end_of(*job) == "success"));
    let dead = world.bus.dead_letters(10).expect("the bus answers");
    assert_eq!((dead.len(), dead[0].queue.as_deref(), world.launches()), (1, Some("UnlaunchedEvents"), 9));
    assert!(dead[0].reason.contains("detail.job.id"), "{}", dead[0].reason);
}
