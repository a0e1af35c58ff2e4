//! Jobs that go through.

use fleetfoot_model::SignedDuration;

use crate::harness::{Figures, System, order};

/// From the push to the runner's end; nothing is left, and the calls it took are few.
pub(crate) async fn a_job(system: &System) {
    let before = Figures::of(system);
    let job = system.push(&["self-hosted", "class:small"]);
    assert_eq!(system.github.ended(job).await, "success");
    let (_, runner) = system.started(job);
    assert_eq!(runner, format!("ff-{job}-1"));
    system.nothing_runs().await;
    Figures::of(system).since(&before).say("a job");
}

/// More than launch takes in one batch, or one invocation at a time; each gets a runner of its own.
pub(crate) async fn fifty_jobs_at_once(system: &System) {
    let before = Figures::of(system);
    let mut order = order(&["self-hosted", "class:small"]);
    order.run_for = SignedDuration::from_secs(5);
    let jobs: Vec<_> = (0..50).map(|_| system.github.queue(order.clone())).collect();
    for job in &jobs {
        assert_eq!(system.github.ended(*job).await, "success");
    }
    assert_eq!(system.github.state().jobs_run_twice(), []);
    system.nothing_runs().await;
    let figures = Figures::of(system).since(&before);
    figures.say("fifty jobs at once");
    // GitHub gives each job to any of their runners, and still none is launched besides. On a slow machine a runner may
    // have ended before the word of its job was heard; then it is replaced, and the surplus let go.
    let (tasks, registrations) = (figures.of_call("ECS.RunTask"), figures.of_call("GitHub.Jit"));
    assert!((50..=60).contains(&tasks), "{tasks} tasks for 50 jobs");
    assert!((50..=tasks).contains(&registrations), "{registrations} registrations for {tasks} tasks");
}

/// The image is built once for two jobs that ask for it at the same time.
pub(crate) async fn a_job_with_an_image(system: &System) {
    let before = Figures::of(system);
    let labels = ["self-hosted", "class:small", "image:ubuntu:22.04"];
    let jobs = [system.push(&labels), system.push(&labels)];
    for job in jobs {
        assert_eq!(system.github.ended(job).await, "success");
    }
    system.nothing_runs().await;
    assert_eq!(Figures::of(system).since(&before).of_call("CodeBuild.StartBuild"), 1);
}

/// Its registry does not know it: the job is rejected within seconds, and a person hears why.
pub(crate) async fn a_job_whose_image_is_not_there(system: &System) {
    system.registry.remove("library/ubuntu:99.04");
    let job = system.push(&["self-hosted", "class:small", "image:ubuntu:99.04"]);
    system.slack.told(&["ubuntu:99.04", "will get no runner"]).await;
    let (_, why) = system.fleetfoot(&["why", &job.to_string()]).await;
    assert!(why.contains("there is no") && why.contains("library/ubuntu:99.04"), "{why}");
    system.github.cancel(job);
    assert_eq!(system.github.ended(job).await, "cancelled");
    system.nothing_runs().await;
}

/// A label of ours with a value that is none: nobody guesses, and a person hears of it.
pub(crate) async fn a_refused_job(system: &System) {
    let job = system.push(&["self-hosted", "class:smal"]);
    let message = system.slack.told(&["class:smal", "small"]).await;
    assert!(message["blocks"].is_array(), "{message}");
    let (_, why) = system.fleetfoot(&["why", &job.to_string()]).await;
    assert!(why.contains("there is no such class"), "{why}");
    // It stays queued at GitHub, where only a person can take it back.
    system.github.cancel(job);
    assert_eq!(system.github.ended(job).await, "cancelled");
    system.nothing_runs().await;
}

/// The second job of a class for one runner waits until the first has ended.
pub(crate) async fn capacity_reached_and_freed(system: &System) {
    let mut order = order(&["self-hosted", "class:scarce"]);
    order.run_for = SignedDuration::from_secs(2);
    let jobs = [system.github.queue(order.clone()), system.github.queue(order)];
    for job in jobs {
        assert_eq!(system.github.ended(job).await, "success");
    }
    let [first, second] = jobs.map(|job| system.github.history(job));
    let (first, second) = if first.starts < second.starts { (first, second) } else { (second, first) };
    assert!(first.completed_at < second.started().map(|(at, _)| at), "they ran at the same time");
    system.nothing_runs().await;
}
