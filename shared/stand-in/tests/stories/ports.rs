//! The stand-ins behind their ports, as handlers see them.

use std::sync::{Arc, Mutex};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{GithubRunnerId, RunId, RunnerName};
use fleetfoot_model::ports::{Clock, GitHub, GitHubError, JobStatus};
use fleetfoot_model::secret::Secret;
use fleetfoot_stand_in::github::{Call, Faults, InProcessGitHub, JobOrder, Settings, StandInGitHub};

use crate::support::{SECRET, acme, after, app, labels, order, settings};

/// A clock that is set by hand.
struct Noon(Mutex<Timestamp>);

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct World {
    clock: Arc<Noon>,
    github: InProcessGitHub,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(Noon(Mutex::new(after(0))));
        let state = Arc::new(Mutex::new(StandInGitHub::new(settings(Faults::NONE))));
        Self { github: InProcessGitHub::new(state, Arc::clone(&clock) as Arc<dyn Clock>), clock }
    }

    fn at(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() = after(seconds);
    }
}

#[tokio::test]
async fn runners_are_registered_found_listed_and_removed() {
    let world = World::new();
    let names = labels(&["self-hosted"]);
    for n in 0..150 {
        let name: RunnerName = format!("ff-{n}-1").parse().unwrap();
        world.github.register(&acme(), &name, &names).await.unwrap();
    }
    world.at(60);
    assert_eq!(world.github.list_runners(&acme()).await.unwrap().len(), 150);
    assert_eq!(world.github.state().calls_of(Call::ListRunners), 2, "a hundred a page");
    let found = world.github.find_runner(&acme(), "ff-7-1").await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.online), ("ff-7-1", false));
    world.github.delete_runner(&acme(), found.id).await.unwrap();
    world.github.delete_runner(&acme(), found.id).await.unwrap();
    world.github.delete_runner(&acme(), GithubRunnerId(1)).await.unwrap();
    assert_eq!(world.github.find_runner(&acme(), "ff-7-1").await.unwrap(), None);
}

#[tokio::test]
async fn jobs_are_reported_as_they_stand() {
    let world = World::new();
    let job = world.github.state().queue_job(after(0), order());
    let fork =
        JobOrder { head_repository: Some("mallory/app".parse().unwrap()), needs_approval: true, ..order() };
    let waiting = world.github.state().queue_job(after(0), fork);
    let report = world.github.job(&app(), job).await.unwrap();
    assert_eq!((report.status, report.description.id), (JobStatus::Queued, job));
    let blocked = world.github.job(&app(), waiting).await.unwrap();
    assert_eq!(blocked.status, JobStatus::Blocked);
    let head = world.github.head_repository(&app(), blocked.description.run_id).await.unwrap();
    assert_eq!(head, Some("mallory/app".parse().unwrap()));
    let missing = world.github.head_repository(&app(), RunId(1)).await;
    assert!(matches!(missing, Err(GitHubError::NotFound(_))));
    let elsewhere = world.github.job(&"acme/lib".parse().unwrap(), job).await;
    assert!(matches!(elsewhere, Err(GitHubError::NotFound(_))));

    let queued = world.github.queued_jobs(&app()).await.unwrap();
    assert_eq!(queued.iter().map(|it| it.description.id).collect::<Vec<_>>(), [job]);
    world.github.state().cancel_job(after(10), job);
    let ended = world.github.job(&app(), job).await.unwrap().status;
    let cancelled = JobStatus::Completed {
        conclusion: "cancelled".to_owned(),
        runner: None,
        runner_id: None,
        completed_at: after(10),
    };
    assert_eq!(ended, cancelled);
}

#[tokio::test]
async fn deliveries_are_read_over_pages_back_to_a_time() {
    let world = World::new();
    world.github.state().set_faults(Faults { webhook_dropped: 1.0, ..Faults::NONE });
    for n in 0..150 {
        world.github.state().queue_job(after(n * 10), order());
    }
    world.at(1_600);
    world.github.state().due(after(1_600));
    let all = world.github.deliveries(after(0)).await.unwrap();
    assert_eq!(all.len(), 300);
    assert!(all.windows(2).all(|pair| pair[0].delivered_at >= pair[1].delivered_at), "newest first");
    let calls = world.github.state().calls_of(Call::Deliveries);
    let late = world.github.deliveries(after(1_400)).await.unwrap();
    assert!((18..=22).contains(&late.len()), "{}", late.len());
    assert_eq!(world.github.state().calls_of(Call::Deliveries), calls + 1, "one page is enough");

    world.github.state().set_faults(Faults::NONE);
    world.github.redeliver(&late[0]).await.unwrap();
    let again = world.github.state().due(after(1_610));
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].guid, late[0].guid);
}

#[test]
fn nothing_secret_is_in_the_debug_output() {
    let mut github = StandInGitHub::new(Settings::new(1, Secret::new(SECRET)));
    let runner = github.register(after(0), &acme(), "ff-1-1", &labels(&["self-hosted"])).unwrap();
    let printed = format!("{github:?} {runner:?}");
    assert!(printed.contains("ff-1-1"));
    assert!(!printed.contains(SECRET));
    assert!(!printed.contains(&runner.configuration.expose()[..100]));
}
