//! Runners under virtual time.

use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::{Faults, JobOrder, Settings, StandInGitHub};
use fleetfoot_stand_in::runner::{RunnerExit, SimulatedRunners};

use crate::support::{acme, after, github, labels, order, settings, start};

/// A GitHub and its runners.
struct World {
    github: StandInGitHub,
    runners: SimulatedRunners,
    exits: Vec<(Timestamp, RunnerExit)>,
}

impl World {
    fn new(github: StandInGitHub) -> Self {
        Self { github, runners: SimulatedRunners::new(1), exits: Vec::new() }
    }

    fn launch(&mut self, now: Timestamp, name: &str) -> RunnerName {
        let labels = labels(&["self-hosted", "class:small"]);
        let registered = self.github.register(now, &acme(), name, &labels).unwrap();
        let name: RunnerName = name.parse().unwrap();
        self.runners.start(now, &name, registered.configuration);
        name
    }

    fn run_until(&mut self, until: Timestamp) {
        let next =
            |world: &Self| [world.github.next_due(), world.runners.next_due()].into_iter().flatten().min();
        while let Some(at) = next(self).filter(|at| *at <= until) {
            for webhook in self.github.due(at) {
                self.github.delivered(at, webhook.delivery_id, 202);
            }
            let exits = self.runners.due(&mut self.github, at);
            self.exits.extend(exits.into_iter().map(|exit| (at, exit)));
        }
    }

    fn codes(&self) -> Vec<i32> {
        self.exits.iter().map(|(_, exit)| exit.code).collect()
    }

    fn conclusion(&self, job: JobId) -> Option<&str> {
        self.github.history(job).and_then(|it| it.conclusion.as_deref())
    }
}

#[test]
fn a_runner_takes_a_job_runs_it_for_its_time_and_ends_with_0() {
    let mut world = World::new(github());
    let job = world.github.queue_job(start(), order());
    let runner = world.launch(after(1), "ff-1-1");
    world.run_until(after(120));
    let history = world.github.history(job).unwrap();
    let (started, _) = history.started().unwrap();
    assert_eq!(history.completed_at, Some(started + SignedDuration::from_secs(60)));
    assert_eq!(world.codes(), [0]);
    assert!(!world.runners.is_running(&runner));
    assert!(world.github.registrations().is_empty());
}

#[test]
fn sigterm_ends_an_idle_runner_and_lets_a_busy_one_finish() {
    let mut world = World::new(github());
    let idle = world.launch(start(), "ff-1-1");
    world.run_until(after(10));
    world.runners.terminate(&mut world.github, after(10), &idle);
    world.run_until(after(12));
    assert_eq!(world.codes(), [1]);

    let job = world.github.queue_job(after(20), order());
    let busy = world.launch(after(20), "ff-2-1");
    world.run_until(after(30));
    world.runners.terminate(&mut world.github, after(30), &busy);
    world.run_until(after(60));
    assert!(world.runners.is_running(&busy));
    world.run_until(after(120));
    assert_eq!(world.codes(), [1, 0]);
    assert_eq!(world.conclusion(job), Some("success"));
}

#[test]
fn a_killed_runner_is_known_for_the_job_it_had() {
    let mut world = World::new(github());
    let job = world.github.queue_job(start(), order());
    let runner = world.launch(start(), "ff-1-1");
    world.run_until(after(30));
    assert_eq!(world.github.job_on("ff-1-1", after(29)), Some(job));
    world.runners.kill(&mut world.github, after(30), &runner);
    world.run_until(after(700));
    assert_eq!(world.github.jobs_killed(), [job]);
    assert_eq!(world.conclusion(job), Some("failure"));
    assert!(world.exits.is_empty(), "whoever kills a process need not be told");
}

#[test]
fn a_deleted_runner_ends_with_1_and_a_ghost_lives_on() {
    for (ghost_runner, codes) in [(0.0, vec![1]), (1.0, vec![])] {
        let mut world = World::new(StandInGitHub::new(settings(Faults { ghost_runner, ..Faults::NONE })));
        let runner = world.launch(start(), "ff-1-1");
        world.run_until(after(5));
        let id = world.github.registrations()[0].id;
        world.github.delete_runner(after(5), &acme(), id).unwrap();
        world.run_until(after(3600));
        assert_eq!(world.codes(), codes);
        assert_eq!(world.runners.is_running(&runner), codes.is_empty());
    }
}

#[test]
fn a_cancelled_job_ends_its_runner_with_0() {
    let mut world = World::new(github());
    let cancelled = JobOrder { cancel_after: Some(SignedDuration::from_secs(20)), ..order() };
    let job = world.github.queue_job(start(), cancelled);
    world.launch(start(), "ff-1-1");
    world.run_until(after(30));
    assert_eq!(world.conclusion(job), Some("cancelled"));
    assert_eq!(world.codes(), [0]);
}

#[test]
fn a_runner_that_starts_while_github_is_down_connects_later() {
    let mut world = World::new(github());
    let job = world.github.queue_job(start(), order());
    world.launch(after(1), "ff-1-1");
    world.github.add_outage(after(1), after(120));
    world.run_until(after(300));
    let (started, _) = world.github.history(job).unwrap().started().unwrap();
    assert!(started > after(120) && started < after(130), "{started}");
}

#[test]
fn under_heavy_faults_every_job_ends_and_none_runs_twice() {
    let faults = "heavy".parse::<Faults>().unwrap();
    let mut world = World::new(StandInGitHub::new(Settings { seed: 3, ..settings(faults) }));
    for n in 0..100 {
        world.github.queue_job(after(n), order());
    }
    // As many runners as it takes: some requests fail, some runners die.
    for n in 0..400 {
        let labels = labels(&["self-hosted", "class:small"]);
        let registered = world.github.register(after(n), &acme(), &format!("ff-{n}-1"), &labels);
        let Ok(registered) = registered else { continue };
        world.runners.start(after(n), &format!("ff-{n}-1").parse().unwrap(), registered.configuration);
    }
    world.run_until(after(3600));
    assert_eq!(world.github.open_jobs(), 0);
    assert!(world.github.jobs_run_twice().is_empty());
    let killed = world.github.jobs_killed();
    assert_eq!(killed.len(), world.runners.died().len());
    assert!(!killed.is_empty(), "the fault is on");
    let failed = world.github.jobs().filter(|(.., it)| it.conclusion.as_deref() == Some("failure")).count();
    assert_eq!(failed, killed.len());
}
