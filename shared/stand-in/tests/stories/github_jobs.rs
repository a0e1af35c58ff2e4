//! How jobs, runners and assignments go at the stand-in GitHub.

use crate::support::{acme, after, app, connect, github, labels, order, settings, start, webhooks};
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::{
    ConnectError, Faults, HasJob, JobOrder, Message, SessionGone, SessionId, StandInGitHub, Work,
};

/// Lets time pass until a runner is told something, and answers what and when.
fn told(github: &mut StandInGitHub, until: Timestamp) -> Option<(Timestamp, SessionId, Message)> {
    loop {
        let at = github.next_due().filter(|at| *at <= until)?;
        github.due(at);
        if let Some((session, message)) = github.messages(at).into_iter().next() {
            return Some((at, session, message));
        }
    }
}

fn picked_up(github: &mut StandInGitHub) -> (Timestamp, SessionId, Work) {
    match told(github, after(90)).expect("a runner is told of a job") {
        (at, session, Message::Job(work)) => (at, session, work),
        (_, _, other) => panic!("told {other:?}"),
    }
}

#[test]
fn a_job_is_queued_assigned_started_and_completed_and_its_registration_goes() {
    let mut github = github();
    let job = github.queue_job(start(), order());
    let session = connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
    assert_eq!(github.registrations().len(), 1);

    let (at, told, work) = picked_up(&mut github);
    assert_eq!((told, work.job, work.run_for), (session, job, SignedDuration::from_secs(60)));
    let end = at + work.run_for;
    github.done(end, session, true).unwrap();

    let history = github.history(job).unwrap();
    assert_eq!(history.started(), Some((at, "ff-1-1")));
    assert_eq!((history.completed_at, history.conclusion.as_deref()), (Some(end), Some("success")));
    assert!(github.registrations().is_empty());
    assert_eq!(github.open_jobs(), 0);
    assert_eq!(github.done(end, session, true), Err(SessionGone), "a session has one job");
}

#[test]
fn webhooks_tell_of_each_step() {
    let mut github = github();
    github.queue_job(start(), order());
    let session = connect(&mut github, after(5), "ff-1-1", &["self-hosted", "class:small"]);
    let mut told = webhooks(&mut github, after(30));
    github.messages(after(30));
    github.done(after(90), session, true).unwrap();
    told.extend(webhooks(&mut github, after(120)));
    told.sort();
    assert_eq!(told, ["completed success on ff-1-1", "in_progress on ff-1-1", "queued", "run requested"]);
}

#[test]
fn a_runner_gets_only_jobs_whose_labels_it_covers_and_whose_repository_it_serves() {
    let mut github = github();
    let wanted = [
        (app(), &["self-hosted", "class:large"][..]),
        ("other/app".parse().unwrap(), &["self-hosted"][..]),
        (app(), &["Self-Hosted"][..]),
    ];
    let jobs: Vec<_> = wanted
        .into_iter()
        .map(|(repository, names)| github.queue_job(start(), JobOrder::new(repository, labels(names))))
        .collect();
    connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
    let (_, _, work) = picked_up(&mut github);
    assert_eq!(work.job, jobs[2], "labels are compared without regard to case");
    assert!(told(&mut github, after(80_000)).is_none());
    assert_eq!(github.queued_jobs(), 2);
}

#[test]
fn a_runner_is_not_tied_to_the_job_it_was_launched_for() {
    let mut github = github();
    let first = github.queue_job(start(), order());
    let second = github.queue_job(after(1), order());
    connect(&mut github, after(2), &format!("ff-{second}-1"), &["self-hosted", "class:small"]);
    let (_, _, work) = picked_up(&mut github);
    assert_eq!(work.job, first, "it gets the job that has waited longest");

    let swapped = (0..20).any(|seed| {
        let faults = Faults { runner_swapped: 1.0, ..Faults::NONE };
        let mut github =
            StandInGitHub::new(fleetfoot_stand_in::github::Settings { seed, ..settings(faults) });
        github.queue_job(start(), order());
        let second = github.queue_job(after(1), order());
        connect(&mut github, after(2), "ff-1-1", &["self-hosted", "class:small"]);
        picked_up(&mut github).2.job == second
    });
    assert!(swapped, "under faults it gets any that fits");
}

#[test]
fn a_configuration_opens_one_session_only() {
    let mut github = github();
    let runner = github.register(start(), &acme(), "ff-1-1", &labels(&["self-hosted"])).unwrap();
    let blob = &runner.configuration;
    assert!((4_000..7_000).contains(&blob.expose().len()), "{}", blob.expose().len());
    let session = github.connect(start(), blob).unwrap();
    assert_eq!(github.connect(after(1), blob), Err(ConnectError::Used));
    github.disconnect(after(2), session).unwrap();
    assert_eq!(github.connect(after(3), blob), Err(ConnectError::Used));
    github.delete_runner(after(4), &acme(), runner.id).unwrap();
    assert_eq!(github.connect(after(5), blob), Err(ConnectError::Unknown));
    let garbage = fleetfoot_model::secret::Secret::new("e30=");
    assert_eq!(github.connect(after(6), &garbage), Err(ConnectError::Malformed));
}

#[test]
fn a_name_is_taken_until_its_runner_is_gone() {
    let mut github = github();
    let names = labels(&["self-hosted"]);
    let first = github.register(start(), &acme(), "ff-1-1", &names).unwrap();
    let again = github.register(after(1), &acme(), "ff-1-1", &names);
    assert_eq!(again.unwrap_err(), GitHubError::NameTaken);
    let elsewhere = fleetfoot_model::runner::Scope::Repository(app());
    github.register(after(2), &elsewhere, "ff-1-1", &names).unwrap();
    github.delete_runner(after(3), &acme(), first.id).unwrap();
    github.register(after(4), &acme(), "ff-1-1", &names).unwrap();
    assert!(matches!(github.register(after(5), &acme(), "ff-2-1", &[]), Err(GitHubError::Invalid(_))));
}

#[test]
fn a_busy_runner_is_not_deleted_not_even_before_it_knows_of_its_job() {
    let mut github = github();
    let runner = github.register(start(), &acme(), "ff-1-1", &labels(&["self-hosted"])).unwrap();
    let session = github.connect(start(), &runner.configuration).unwrap();
    github.queue_job(after(1), JobOrder::new(app(), labels(&["self-hosted"])));

    let refused = |github: &mut StandInGitHub, at| github.delete_runner(at, &acme(), runner.id);
    assert_eq!(refused(&mut github, after(1)), Err(GitHubError::Busy), "assigned, not told");
    let listed = github.list_runners(after(1), &acme(), None, 1, 100).unwrap();
    assert!(!listed.items[0].busy, "the flag lags behind");
    assert_eq!(github.disconnect(after(1), session), Err(HasJob), "it must take its job");

    let (at, ..) = picked_up(&mut github);
    assert_eq!(refused(&mut github, at), Err(GitHubError::Busy));
    github.done(after(60), session, true).unwrap();
    assert!(matches!(refused(&mut github, after(61)), Err(GitHubError::NotFound(_))));
}

#[test]
fn a_deleted_runner_is_told_unless_it_is_a_ghost() {
    for (ghost_runner, expected) in [(0.0, Some(Message::Gone)), (1.0, None)] {
        let mut github = StandInGitHub::new(settings(Faults { ghost_runner, ..Faults::NONE }));
        let runner = github.register(start(), &acme(), "ff-1-1", &labels(&["self-hosted"])).unwrap();
        let session = github.connect(start(), &runner.configuration).unwrap();
        github.delete_runner(after(1), &acme(), runner.id).unwrap();
        github.queue_job(after(2), JobOrder::new(app(), labels(&["self-hosted"])));
        assert_eq!(github.message(after(30), session), expected);
        assert_eq!(github.queued_jobs(), 1, "it gets no job in either case");
    }
}

#[test]
fn a_runner_that_dies_in_the_middle_of_its_job_fails_it_after_a_while() {
    let mut github = github();
    let job = github.queue_job(start(), order());
    let session = connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
    picked_up(&mut github);
    github.lost(after(10), session);

    assert_eq!(github.jobs_killed(), [job]);
    assert_eq!(github.open_jobs(), 1);
    let runner = github.registrations().remove(0);
    assert!(!runner.online);
    assert_eq!(github.delete_runner(after(20), &acme(), runner.id), Err(GitHubError::Busy));

    let told = webhooks(&mut github, after(10 + 600 + 5));
    assert!(told.contains(&"completed failure on ff-1-1".to_owned()), "{told:?}");
    assert_eq!(github.registrations().len(), 1, "it is left offline");
    github.advance(after(86_400 + 11));
    assert!(github.registrations().is_empty(), "and removed after a day");
    assert_eq!(github.done(after(86_500), session, true), Err(SessionGone));
}

#[test]
fn a_job_that_is_not_picked_up_is_queued_again_and_runs_once() {
    let mut github = StandInGitHub::new(settings(Faults { assignment_lost: 1.0, ..Faults::NONE }));
    let job = github.queue_job(start(), order());
    let deaf = connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
    github.advance(after(59));
    assert_eq!(github.history(job).unwrap().assignments.len(), 1);
    github.set_faults(Faults::NONE);
    github.advance(after(60));
    assert_eq!(github.history(job).unwrap().assignments.len(), 2);
    assert!(github.history(job).unwrap().was_on("ff-1-1", after(59)));

    let (at, session, _) = picked_up(&mut github);
    assert!(at > after(60));
    assert_eq!(session, deaf, "the same runner gets it, having been idle all the time");
    github.done(after(200), session, true).unwrap();
    assert!(github.jobs_run_twice().is_empty());
    assert!(github.registrations().is_empty());
}

#[test]
fn a_queued_job_is_dropped_after_a_day_and_a_running_one_is_not() {
    let mut github = github();
    let dropped = github.queue_job(start(), JobOrder::new(app(), labels(&["nobody-has-this"])));
    let running = github.queue_job(start(), order());
    let session = connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
    picked_up(&mut github);
    github.advance(after(86_399));
    assert_eq!(github.open_jobs(), 2);
    github.advance(after(86_400));
    assert_eq!(github.history(dropped).unwrap().conclusion.as_deref(), Some("cancelled"));
    assert_eq!(github.history(running).unwrap().conclusion, None);
    github.done(after(90_000), session, true).unwrap();
    assert_eq!(github.history(running).unwrap().conclusion.as_deref(), Some("success"));
}

#[test]
fn a_cancelled_job_ends_at_once_or_when_its_runner_has_ended_it() {
    let cancelled = |seconds| JobOrder { cancel_after: Some(SignedDuration::from_secs(seconds)), ..order() };
    let mut github = github();
    let queued = github.queue_job(start(), cancelled(5));
    assert_eq!(webhooks(&mut github, after(10)), ["run requested", "queued", "completed cancelled"]);
    assert_eq!(github.history(queued).unwrap().started(), None);

    let running = github.queue_job(after(20), cancelled(30));
    let session = connect(&mut github, after(20), "ff-2-1", &["self-hosted", "class:small"]);
    let (at, ..) = picked_up(&mut github);
    assert!(at < after(50));
    let (at, _, message) = told(&mut github, after(60)).unwrap();
    assert_eq!((at, message), (after(50), Message::Cancelled));
    github.done(after(51), session, true).unwrap();
    assert_eq!(github.history(running).unwrap().conclusion.as_deref(), Some("cancelled"));
}

#[test]
fn a_job_cancelled_between_assignment_and_start_leaves_its_runner_idle() {
    let mut github = github();
    connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
    let job = github.queue_job(start(), order());
    github.cancel_job(start(), job);
    let next = github.queue_job(after(10), order());
    let (_, _, work) = picked_up(&mut github);
    assert_eq!(work.job, next);
    assert_eq!(github.history(job).unwrap().started(), None);
}

#[test]
fn an_approval_comes_before_the_queue_and_sometimes_queues_twice() {
    for (approval_doubled, queued) in [(0.0, 1), (1.0, 2)] {
        let faults = Faults { approval_doubled, ..Faults::NONE };
        let mut github = StandInGitHub::new(settings(faults));
        let job = github.queue_job(start(), JobOrder { needs_approval: true, ..order() });
        connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
        assert_eq!(github.history(job).unwrap().queued_at, None);
        let told = webhooks(&mut github, after(70));
        let first: Vec<_> = told.iter().filter(|it| !it.starts_with("run")).take(1).collect();
        assert_eq!(first, ["waiting"]);
        assert!(github.history(job).unwrap().queued_at >= Some(after(10)));
        github.messages(after(70));
        let told: Vec<_> = told.into_iter().chain(webhooks(&mut github, after(80))).collect();
        assert_eq!(told.iter().filter(|it| *it == "queued").count(), queued);
    }
}
