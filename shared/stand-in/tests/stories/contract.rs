//! One story for the GitHub port, told to the stand-in in process and to the adapter that speaks HTTP: both hear the
//! same.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fleetfoot_github::GitHubClient;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::check::{CheckRun, Shows};
use fleetfoot_model::config::{Credentials, GitHubConfig, Target};
use fleetfoot_model::ids::{GithubRunnerId, JobId, RunnerName};
use fleetfoot_model::ports::{
    Clock, GitHub, GitHubError, Hook, JobStatus, RerunAnswer, SecretError, Secrets,
};
use fleetfoot_model::rerun::RerunRequest;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_stand_in::github::{
    Call, Faults, HookKind, InProcessGitHub, JobOrder, Limits, Message, Settings, StandInGitHub, Times,
};
use fleetfoot_stand_in::github_http::serve;
use tokio::net::TcpListener;

use crate::http::SystemClock;
use crate::support::{acme, app, labels, order, settings};

struct Token;

#[async_trait]
impl Secrets for Token {
    async fn read(&self, _: &SecretReference) -> Result<Secret, SecretError> {
        Ok(Secret::new("ghp_something"))
    }
}

struct World {
    state: Arc<Mutex<StandInGitHub>>,
    port: Box<dyn GitHub>,
}

impl World {
    fn in_process(settings: Settings) -> Self {
        let state = Arc::new(Mutex::new(StandInGitHub::new(settings)));
        let port = InProcessGitHub::new(Arc::clone(&state), Arc::new(SystemClock));
        Self { state, port: Box::new(port) }
    }

    /// Its webhooks go nowhere, and so every delivery fails.
    async fn over_http(settings: Settings) -> Self {
        let state = Arc::new(Mutex::new(StandInGitHub::new(settings)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = GitHubConfig {
            url: format!("http://{}", listener.local_addr().unwrap()),
            target: Target::Organization("acme".parse().unwrap()),
            credentials: Credentials::Token("env:TOKEN".parse().unwrap()),
            webhook_secrets: Vec::new(),
            runner_group_id: 1,
        };
        let nowhere = "http://127.0.0.1:1/".to_owned();
        tokio::spawn(serve(listener, Arc::clone(&state), Arc::new(SystemClock), nowhere));
        let port = GitHubClient::new(&config, Arc::new(Token), Arc::new(SystemClock));
        Self { state, port: Box::new(port) }
    }

    async fn both(settings: Settings) -> [Self; 2] {
        [Self::in_process(settings.clone()), Self::over_http(settings).await]
    }

    fn queue(&self, order: JobOrder) -> JobId {
        self.state.lock().unwrap().queue_job(SystemClock.now(), order)
    }
}

/// A person's token sees the organization's webhook, not an App's.
fn quick() -> Settings {
    Settings { hook: HookKind::Organization, times: Times::quick(), ..settings(Faults::NONE) }
}

fn name(n: usize) -> RunnerName {
    format!("ff-{n}-1").parse().unwrap()
}

#[tokio::test]
async fn runners() {
    for World { state, port } in World::both(quick()).await {
        let names = labels(&["self-hosted", "class:small"]);
        for n in 0..120 {
            port.register(&acme(), &name(n), &names).await.unwrap();
        }
        assert_eq!(port.register(&acme(), &name(7), &names).await.unwrap_err(), GitHubError::NameTaken);
        assert_eq!(port.list_runners(&acme()).await.unwrap().len(), 120);
        assert!(port.list_runners(&Scope::Repository(app())).await.unwrap().is_empty());
        let found = port.find_runner(&acme(), "ff-7-1").await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.online, &found.scope), ("ff-7-1", false, &acme()));
        assert_eq!(port.find_runner(&acme(), "ff-7").await.unwrap(), None);
        port.delete_runner(&acme(), found.id).await.unwrap();
        port.delete_runner(&acme(), found.id).await.unwrap();
        port.delete_runner(&acme(), GithubRunnerId(1)).await.unwrap();

        let busy = port.register(&acme(), &name(500), &names).await.unwrap();
        state.lock().unwrap().connect(SystemClock.now(), &busy.configuration).unwrap();
        state.lock().unwrap().queue_job(SystemClock.now(), order());
        assert_eq!(port.delete_runner(&acme(), busy.id).await, Err(GitHubError::Busy));
        assert!(port.find_runner(&acme(), "ff-500-1").await.unwrap().unwrap().online);
        let none = port.register(&acme(), &name(501), &[]).await.unwrap_err();
        assert!(matches!(none, GitHubError::Invalid(_)), "{none}");
    }
}

#[tokio::test]
async fn jobs() {
    for world in World::both(quick()).await {
        let fork = JobOrder { head_repository: Some("mallory/app".parse().unwrap()), ..order() };
        let queued = world.queue(JobOrder { public: true, ..fork });
        let waiting = world.queue(JobOrder { needs_approval: true, ..order() });
        let ended = world.queue(JobOrder { cancel_after: Some(SignedDuration::ZERO), ..order() });
        let World { state, port } = &world;
        state.lock().unwrap().advance(SystemClock.now());

        let report = port.job(&app(), queued).await.unwrap();
        assert_eq!(report.status, JobStatus::Queued);
        let known = state.lock().unwrap().report(queued).unwrap();
        assert_eq!(report.description.labels, known.description.labels);
        assert_eq!(report.description.created_at, known.description.created_at);
        assert_eq!(report.description.html_url, known.description.html_url);
        assert_eq!(report.description.head_sha, known.description.head_sha);
        assert_eq!(port.job(&app(), waiting).await.unwrap().status, JobStatus::Blocked);
        let known = state.lock().unwrap().report(ended).unwrap().status;
        assert!(matches!(known, JobStatus::Completed { runner: None, .. }));
        assert_eq!(port.job(&app(), ended).await.unwrap().status, known);
        let missing = port.job(&app(), JobId(1)).await.unwrap_err();
        assert!(matches!(missing, GitHubError::NotFound(_)), "{missing}");

        let found = port.queued_jobs(&app()).await.unwrap();
        assert_eq!(found.iter().map(|it| it.description.id).collect::<Vec<_>>(), [queued]);
        assert!(found[0].description.public);
        let head = port.head_repository(&app(), report.description.run_id).await.unwrap();
        assert_eq!(head, Some("mallory/app".parse().unwrap()));
    }
}

#[tokio::test]
async fn a_job_that_runs() {
    for world in World::both(quick()).await {
        let job = world.queue(order());
        let World { state, port } = &world;
        let names = labels(&["self-hosted", "class:small"]);
        let runner = port.register(&acme(), &name(1), &names).await.unwrap();
        let later = SystemClock.now() + SignedDuration::from_secs(1);
        let session = state.lock().unwrap().connect(later, &runner.configuration).unwrap();
        let message = state.lock().unwrap().message(later + SignedDuration::from_secs(1), session);
        assert!(matches!(message, Some(Message::Job(_))));
        let running = port.job(&app(), job).await.unwrap().status;
        let known = state.lock().unwrap().report(job).unwrap().status;
        assert!(matches!(known, JobStatus::Running { .. }));
        assert_eq!(running, known);
        state.lock().unwrap().done(later, session, true).unwrap();
        let ended = port.job(&app(), job).await.unwrap().status;
        assert_eq!(ended, state.lock().unwrap().report(job).unwrap().status);
    }
}

#[tokio::test]
async fn deliveries() {
    for World { state, port } in World::both(quick()).await {
        state.lock().unwrap().set_faults(Faults { webhook_dropped: 1.0, ..Faults::NONE });
        let start = SystemClock.now();
        for n in 0..60 {
            state.lock().unwrap().queue_job(start + SignedDuration::from_secs(n), order());
        }
        state.lock().unwrap().due(start + SignedDuration::from_secs(60));
        let all = port.deliveries(start - SignedDuration::from_secs(1)).await.unwrap();
        assert_eq!(all.len(), 120, "over two pages");
        assert!(all.iter().all(|it| !it.succeeded && it.hook == all[0].hook));
        assert!(matches!(&all[0].hook, Hook::Organization(owner, _) if owner.as_str() == "acme"));
        let late = port.deliveries(start + SignedDuration::from_secs(50)).await.unwrap();
        assert!((16..=22).contains(&late.len()), "{}", late.len());
        port.redeliver(&late[0]).await.unwrap();
        assert_eq!(state.lock().unwrap().webhooks().redelivered, 1);
    }
}

#[tokio::test]
async fn jobs_are_run_again() {
    let mut settings = quick();
    settings.times.run_end = SignedDuration::ZERO;
    for world in World::both(settings).await {
        let (alone, long) = (world.queue(order()), world.queue(order()));
        let World { state, port } = &world;
        let cancel = |job| state.lock().unwrap().cancel_job(SystemClock.now(), job);
        let described = port.job(&app(), alone).await.unwrap().description;
        let (run, attempt, jobs) = (described.run_id, 1, vec![alone]);
        let mut request = RerunRequest { repository: app(), run, attempt, jobs };
        assert_eq!(port.rerun(&request).await, Ok(RerunAnswer::NotYet));
        cancel(alone);
        assert_eq!(port.rerun(&request).await, Ok(RerunAnswer::Requested));
        assert_eq!(port.rerun(&request).await, Ok(RerunAnswer::Superseded));
        let queued = port.queued_jobs(&app()).await.unwrap();
        let again: Vec<_> = queued.into_iter().filter(|it| it.description.id != long).collect();
        assert_eq!((again.len(), again[0].description.run_id, again[0].description.run_attempt), (1, run, 2));
        // By the run, as several jobs are asked for.
        cancel(again[0].description.id);
        (request.attempt, request.jobs) = (2, vec![alone, long]);
        assert_eq!(port.rerun(&request).await, Ok(RerunAnswer::Requested));
        assert_eq!(state.lock().unwrap().calls_of(Call::Rerun), 2);
    }
}

#[tokio::test]
async fn check_runs() {
    for world in World::both(quick()).await {
        let job = world.queue(order());
        let World { state, port } = &world;
        let described = port.job(&app(), job).await.unwrap().description;
        let failure = CheckRun {
            repository: app(),
            commit: described.head_sha.unwrap(),
            run: described.run_id,
            job,
            name: "Fleetfoot: CI / build".to_owned(),
            shows: Shows::Failure,
            title: "No runner for this job".to_owned(),
            summary: "because".to_owned(),
            details_url: Some(described.html_url),
            completed_at: SystemClock.now(),
            may_be_there: false,
        };
        port.show(&failure).await.unwrap();
        port.show(&CheckRun { may_be_there: true, ..failure.clone() }).await.unwrap();
        let shown = state.lock().unwrap().checks().to_vec();
        assert_eq!(
            (shown.len(), shown[0].conclusion.as_str(), shown[0].summary.as_str()),
            (1, "failure", "because")
        );
        assert_eq!(
            (&shown[0].external_id, &shown[0].details_url),
            (&failure.external_id(), &failure.details_url)
        );
        port.show(&failure).await.unwrap();
        assert_eq!(state.lock().unwrap().checks().len(), 2, "GitHub makes one for each request");

        let title = "A runner took this job".to_owned();
        let recovery = CheckRun { shows: Shows::Recovery, title, job: JobId(1), ..failure.clone() };
        port.show(&recovery).await.unwrap();
        let shown = state.lock().unwrap().checks().to_vec();
        assert!(shown.iter().all(|it| it.conclusion == "success" && it.title == recovery.title), "{shown:?}");
        let nowhere = CheckRun { commit: "0".repeat(64).parse().unwrap(), ..failure.clone() };
        assert!(matches!(port.show(&nowhere).await, Err(GitHubError::Invalid(_))));
        state.lock().unwrap().grant_checks(false);
        assert!(matches!(port.show(&failure).await, Err(GitHubError::Forbidden(_))));
        let calls = [Call::CreateCheck, Call::ListChecks, Call::ChangeCheck];
        assert_eq!(calls.map(|call| state.lock().unwrap().calls_of(call)), [4, 2, 2]);
    }
}

#[tokio::test]
async fn releases_of_the_runner() {
    let published_at = "2026-02-20T12:00:00Z".parse().unwrap();
    let release = RunnerRelease { version: "2.332.0".parse().unwrap(), published_at, checksums: None };
    for World { state, port } in
        World::both(Settings { runner_releases: vec![release.clone()], ..quick() }).await
    {
        assert_eq!(port.runner_releases().await, Ok(vec![release.clone()]));
        assert_eq!(state.lock().unwrap().calls_of(Call::Releases), 1);
    }
}

#[tokio::test]
async fn limits_and_outages() {
    let limits = Limits { requests_per_hour: 1, ..Limits::default() };
    for World { state, port } in World::both(Settings { limits, ..quick() }).await {
        port.list_runners(&acme()).await.unwrap();
        let GitHubError::RateLimited { until } = port.list_runners(&acme()).await.unwrap_err() else {
            panic!("the second request of an hour is refused");
        };
        let wait = until.duration_since(SystemClock.now()).as_secs();
        assert!((3_500..=3_661).contains(&wait), "{wait}");
        let now = SystemClock.now();
        state.lock().unwrap().add_outage(now, now + SignedDuration::from_hours(1));
        let down = port.list_runners(&acme()).await.unwrap_err();
        assert!(matches!(down, GitHubError::Unavailable(_)), "{down}");
    }
    let limits = Limits { points_per_minute: 5, ..Limits::default() };
    for World { port, .. } in World::both(Settings { limits, ..quick() }).await {
        port.register(&acme(), &name(1), &labels(&["self-hosted"])).await.unwrap();
        let GitHubError::RateLimited { until } = port.list_runners(&acme()).await.unwrap_err() else {
            panic!("the points of this minute are used up");
        };
        let wait = until.duration_since(SystemClock.now()).as_secs();
        assert!((0..=13).contains(&wait), "{wait}");
    }
}
