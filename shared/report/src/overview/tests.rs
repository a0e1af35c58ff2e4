//! Readings of a ledger in memory.

use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::check::{Check, Shows};
use fleetfoot_model::config::{self, Config};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::{JobId, RunId};
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::ledger::{self, Change, Ledger, Stored};
use fleetfoot_model::ports::Tickets as _;
use fleetfoot_model::record::Record;
use fleetfoot_model::runner::{Arrival, Registration, Reservation, Runner, RunnerState, Scope, StopReason};
use fleetfoot_model::spec::Capacity;
use fleetfoot_model::{SignedDuration, Timestamp, pause};
use fleetfoot_shell::clock::SeededTickets;

use super::*;

/// Seconds after noon.
pub(super) fn at(seconds: i64) -> Timestamp {
    "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(super) fn config() -> Config {
    let text = r#"
        [github]
        organization = "acme"
        token = "env:TOKEN"
        webhook_secrets = ["env:SECRET"]
        [limits]
        runners = 4
        runners_per_repository = 3
        [classes.small]
        cpu = 512
        memory = 1024
        runners = 2
        [[pools]]
        name = "office"
        labels = ["self-hosted", "class:small"]
        size = 2
    "#;
    config::load("fleet.toml", text).unwrap()
}

pub(super) fn job(id: u64, repository: &str, created_at: Timestamp) -> Job {
    let description = JobDescription {
        id: JobId(id),
        run_id: RunId(1),
        run_attempt: 1,
        repository: repository.parse().unwrap(),
        public: false,
        workflow: "CI".to_owned(),
        name: format!("test {id}"),
        labels: vec!["self-hosted".parse().unwrap()],
        html_url: format!("https://github.com/{repository}/actions/runs/1/job/{id}"),
        head_sha: None,
        created_at,
    };
    Job::new(description, created_at)
}

fn runner(name: &str, job: Option<u64>, reserved_at: Timestamp) -> Runner {
    let config = config();
    let class = "small".parse().unwrap();
    let reservation = Reservation {
        name: name.parse().unwrap(),
        pool: name.contains("pool").then(|| "office".parse().unwrap()),
        job: job.map(JobId),
        scope: Scope::Organization("acme".parse().unwrap()),
        spec: config.classes[&class].spec(&class),
        labels: vec!["self-hosted".parse().unwrap()],
        counters: vec![Counter::Runners],
        register_by: reserved_at + SignedDuration::from_mins(10),
    };
    Runner::reserve(reservation, &SeededTickets::new(1).draw(), reserved_at)
}

fn busy(name: &str, job: u64, since: Timestamp) -> Runner {
    let mut runner = runner(name, Some(job), since);
    runner.started_at = Some(since);
    runner.registration = Registration::Present;
    runner.move_to(RunnerState::Busy(JobId(job)), since, "busy");
    runner
}

fn stopped(mut runner: Runner, reason: StopReason, at: Timestamp, cost_micro_usd: u64) -> Runner {
    runner.stop(reason, at);
    runner.registration = Registration::Gone;
    runner.cost_micro_usd = Some(cost_micro_usd);
    runner
}

pub(super) async fn put(ledger: &dyn Ledger, row: impl Into<Record>) {
    let row = row.into();
    let version = ledger.get(&row.key()).await.unwrap().map_or(0, |row| row.version);
    ledger.commit(vec![Change::Put(Stored { value: row, version })]).await.unwrap();
}

async fn acquire(ledger: &dyn Ledger, counter: Counter) {
    ledger.commit(vec![Change::Acquire { counter, limit: 1_000 }]).await.unwrap();
}

#[tokio::test]
async fn a_fleet_without_anything_is_empty_and_has_its_limits() {
    let overview = Overview::read(&MemoryLedger::new(), &config(), at(0)).await.unwrap();
    assert_eq!(overview.counts, Counts::default());
    assert_eq!(overview.cut, Cut::default());
    assert!(overview.jobs.is_empty() && overview.runners.is_empty() && overview.failures.is_empty());
    let gauges: Vec<_> =
        overview.capacity.iter().map(|it| (it.of, it.name.as_str(), it.used, it.limit)).collect();
    assert_eq!(gauges, [(Limited::Fleet, "ff", 0, Some(4)), (Limited::Class, "small", 0, Some(2))]);
    assert_eq!(overview.pools[0].wanted, 2);
    assert_eq!(overview.queue_to_start.iter().map(|it| it.hours).collect::<Vec<_>>(), [1, 24]);
    assert_eq!(overview.queue_to_start[0].p50_millis, None);
}

#[tokio::test]
async fn jobs_are_told_with_what_they_wait_for_and_their_turn() {
    let ledger = MemoryLedger::new();
    for (id, repository, second) in [(1, "acme/app", 0), (2, "acme/app", 1), (3, "acme/site", 2)] {
        let mut job = job(id, repository, at(second));
        job.wait(Waiting::capacity(&Counter::Runners, 4), at(5));
        put(&ledger, job).await;
    }
    let mut next = job(4, "acme/app", at(3));
    let coming = runner("ff-4-1", Some(4), at(4));
    next.assign(&coming.name, at(4), "launched");
    put(&ledger, next).await;
    put(&ledger, coming).await;
    let overview = Overview::read(&ledger, &config(), at(10)).await.unwrap();
    assert_eq!(
        (overview.counts.waiting, overview.counts.starting, overview.counts.runners_starting),
        (3, 1, 1)
    );
    let told: Vec<_> = overview
        .jobs
        .iter()
        .map(|job| (job.id.0, job.phase, job.wait.as_ref().unwrap().kind, job.turn))
        .collect();
    // A runner of acme/app is on its way, so acme/site is served before it.
    assert_eq!(
        told,
        [
            (1, JobPhase::Waiting, "capacity", Some(2)),
            (2, JobPhase::Waiting, "capacity", Some(3)),
            (3, JobPhase::Waiting, "capacity", Some(1)),
            (4, JobPhase::Starting, "runner", None),
        ]
    );
    assert!(overview.jobs[0].wait.as_ref().unwrap().remedy.contains("[limits]"));
    assert!(overview.jobs[3].wait.as_ref().unwrap().on.contains("task to be accepted"));
}

#[tokio::test]
async fn times_costs_and_failures_are_those_of_the_day() {
    let ledger = MemoryLedger::new();
    for (id, wait) in [(1, 10), (2, 20), (3, 30)] {
        let mut ended = job(id, "acme/app", at(id.cast_signed() * 100));
        let started = ended.description.created_at + SignedDuration::from_secs(wait);
        ended.start(&format!("ff-{id}-1"), started, started);
        let (conclusion, end) = if id == 3 { ("failure", 700) } else { ("success", 600) };
        ended.finish(conclusion, Some(&format!("ff-{id}-1")), at(end), at(end));
        put(&ledger, ended).await;
        let ran = busy(&format!("ff-{id}-1"), id, started);
        put(&ledger, stopped(ran, StopReason::Done, at(710), 1_500)).await;
    }
    let mut refused = job(4, "acme/site", at(0));
    refused.reject("class:mediun is not known", at(1));
    put(&ledger, refused).await;
    let yesterday = stopped(busy("ff-9-1", 9, at(-90_000)), StopReason::Lost, at(-87_000), 9_000_000);
    put(&ledger, yesterday).await;
    for (n, task) in [(5, "0123456789abcdef0"), (6, "fedcba98765432100")] {
        let reason = StopReason::NeverStarted { reason: format!("no route for eni-{task}") };
        let failed = stopped(runner(&format!("ff-{n}-1"), Some(n), at(50)), reason, at(n.cast_signed()), 0);
        put(&ledger, failed).await;
    }
    put(&ledger, busy("ff-7-1", 7, at(720))).await;

    let overview = Overview::read(&ledger, &config(), at(720 + 3_600)).await.unwrap();
    let [hour, day] = &overview.queue_to_start[..] else { panic!("two spans") };
    assert_eq!((day.jobs, day.p50_millis, day.p99_millis), (3, Some(20_000), Some(30_000)));
    assert_eq!(hour.jobs, 0, "they started more than an hour ago");
    let failures: Vec<_> =
        overview.failures.iter().map(|it| (it.what, it.reason.as_str(), it.count)).collect();
    assert_eq!(
        failures,
        [
            (Failed::Runner, "its task never started: no route for …", 2),
            (Failed::Rejected, "class:mediun is not known", 1),
            (Failed::Steps, "failure", 1),
        ]
    );
    assert_eq!(overview.failures[0].job, Some(JobId(6)), "the last of them");
    assert!((overview.cost.ended_usd - 0.0045).abs() < 1e-9, "{:?}", overview.cost);
    let hour = overview.runners.iter().find(|it| it.name.as_str() == "ff-7-1").unwrap().usd_per_hour;
    assert!((overview.cost.running_usd - hour).abs() < 1e-9 && hour > 0.02, "{:?}", overview.cost);
    let repositories: Vec<_> = overview
        .cost
        .by_repository
        .iter()
        .map(|it| (it.repository.as_ref().map(fleetfoot_model::ids::Repository::as_str), it.runners))
        .collect();
    assert_eq!(repositories, [(None, 3), (Some("acme/app"), 3)], "the rows of jobs 5 to 7 are not there");
    assert_eq!(
        (overview.counts.finished_today, overview.counts.succeeded_today, overview.counts.refused_today),
        (3, 2, 1)
    );
    let first = overview.jobs.iter().find(|job| job.id == JobId(1)).unwrap();
    assert_eq!(first.cost_usd, Some(0.0015));
}

#[tokio::test]
async fn spot_that_fell_back_costs_what_on_demand_costs() {
    let hour = async |provider: Option<&str>| {
        let mut runner = busy("ff-7-1", 7, at(0));
        runner.spec.capacity = Capacity::Spot;
        runner.arrival = Some(Arrival { provider: provider.map(str::to_owned), ..Arrival::default() });
        let ledger = MemoryLedger::new();
        put(&ledger, runner).await;
        let overview = Overview::read(&ledger, &config(), at(3_600)).await.unwrap();
        let hour = overview.runners[0].usd_per_hour;
        assert!((overview.cost.running_usd - hour).abs() < 1e-6, "{overview:?}");
        hour
    };
    let (asked, spot, fell_back) =
        (hour(None).await, hour(Some("FARGATE_SPOT")).await, hour(Some("FARGATE")).await);
    assert!((asked - spot).abs() < 1e-9 && fell_back > 3.0 * spot, "{asked} {spot} {fell_back}");
}

#[tokio::test]
async fn limits_are_told_as_launch_counts_them() {
    let ledger = MemoryLedger::new();
    for counter in [Counter::Runners, Counter::Runners, Counter::ClassRunners("small".parse().unwrap())] {
        acquire(&ledger, counter).await;
    }
    for _ in 0..100 {
        acquire(&ledger, Counter::replacements_at(at(0))).await;
    }
    acquire(&ledger, Counter::RepositoryRunners("acme/app".parse().unwrap())).await;
    put(&ledger, job(1, "acme/app", at(0))).await;
    put(&ledger, busy("ff-1-1", 1, at(0))).await;
    pause::begin(&ledger, at(60), "RunTask is throttled", at(0)).await.unwrap();
    let mut warm = runner("ff-pool-office-1", None, at(0));
    warm.move_to(RunnerState::Registered, at(1), "registered");
    put(&ledger, warm).await;

    let overview = Overview::read(&ledger, &config(), at(2)).await.unwrap();
    let gauges: Vec<_> =
        overview.capacity.iter().map(|it| (it.of, it.name.as_str(), it.used, it.limit)).collect();
    assert_eq!(
        gauges,
        [
            (Limited::Fleet, "ff", 2, Some(4)),
            (Limited::Class, "small", 1, Some(2)),
            (Limited::Repository, "acme/app", 1, Some(3)),
        ]
    );
    assert_eq!(overview.breaker, Breaker { used: 100, limit: 100, is_open: true, until: at(600) });
    assert_eq!(overview.pause, Some(PauseLine { until: at(60), reason: "RunTask is throttled".to_owned() }));
    assert_eq!((overview.pools[0].idle, overview.pools[0].starting), (1, 0));
    assert_eq!((overview.counts.runners_idle, overview.counts.runners_busy), (1, 1));
    let later = Overview::read(&ledger, &config(), at(600)).await.unwrap();
    assert_eq!((later.breaker.used, later.pause), (0, None));
}

#[tokio::test]
async fn hostile_text_is_bounded_and_no_page_but_an_https_one_is_told() {
    let ledger = MemoryLedger::new();
    let mut description = JobDescription::clone(&job(1, "acme/app", at(0)).description);
    description.name = "é".repeat(10_000);
    description.labels = (0..100).map(|n| format!("{n}-{}", "x".repeat(250)).parse().unwrap()).collect();
    description.html_url = "javascript:alert(1)".to_owned();
    put(&ledger, Job::new(description, at(0))).await;
    let overview = Overview::read(&ledger, &config(), at(1)).await.unwrap();
    let job = &overview.jobs[0];
    assert_eq!((job.name.chars().count(), job.labels.len(), job.page.as_deref()), (201, 16, None));
    assert!(serde_json::to_string(&overview).unwrap().len() < 8_000);
}

#[tokio::test]
async fn a_job_is_told_with_its_runner_step_by_step() {
    let ledger = MemoryLedger::new();
    assert_eq!(job_timeline(&ledger, JobId(1)).await.unwrap(), None);
    let mut job = job(1, "acme/app", at(0));
    let coming = runner("ff-1-1", Some(1), at(1));
    job.assign(&coming.name, at(1), "launched");
    put(&ledger, job).await;
    put(&ledger, coming).await;
    let found = job_timeline(&ledger, JobId(1)).await.unwrap().unwrap();
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["phase"], "starting");
    assert_eq!(json["timeline"][0]["what"], "launched: runner ff-1-1");
    assert_eq!(json["runner"]["timeline"][0]["what"], "reserved for job 1");
    assert_eq!(json["wait"]["kind"], "runner");
    assert!(!json.to_string().contains("ticket"), "tickets are nobody's business");
}

pub(super) async fn end(ledger: &dyn Ledger, id: u64, second: i64) {
    let mut ended = job(id, "acme/app", at(0));
    ended.reject("no", at(second));
    put(ledger, ended).await;
}

/// However long GitHub is still to be told something of it.
#[tokio::test]
async fn a_job_that_ended_stands_with_the_ended() {
    let ledger = MemoryLedger::new();
    put(&ledger, job(1, "acme/app", at(0))).await;
    end(&ledger, 2, 10).await;
    let mut unsettled = job(3, "acme/app", at(-5));
    unsettled.reject("no", at(20));
    let (since, ask_at) = (at(20), at(20));
    unsettled.check = Some(Check::Wanted { shows: Shows::Failure, since, ask_at, is_asked: false });
    put(&ledger, unsettled).await;
    end(&ledger, 4, 30).await;
    let overview = Overview::read(&ledger, &config(), at(40)).await.unwrap();
    assert_eq!(overview.jobs.iter().map(|job| job.id.0).collect::<Vec<_>>(), [1, 4, 3, 2]);
}

#[tokio::test]
async fn a_wait_is_told_with_its_image_and_its_end_beside_it() {
    let ledger = MemoryLedger::new();
    let mut image = job(1, "acme/app", at(0));
    image.spec = Some(fleetfoot_model::spec::Spec {
        image: Some("ubuntu:22.04".parse().unwrap()),
        ..runner("ff-1-1", None, at(0)).spec
    });
    image.wait(Waiting::Image { key: "ab".repeat(32).parse().unwrap() }, at(1));
    let mut later = job(2, "acme/app", at(2));
    later.wait(Waiting::Backoff { until: at(60), reason: "it failed".to_owned() }, at(3));
    put(&ledger, image).await;
    put(&ledger, later).await;
    let overview = Overview::read(&ledger, &config(), at(5)).await.unwrap();
    let waits: Vec<_> = overview.jobs.iter().map(|it| it.wait.as_ref().unwrap()).collect();
    assert_eq!(waits[0].on, "waits for its image to be made (ubuntu:22.04)");
    assert_eq!((waits[1].on.as_str(), waits[1].until), ("waits to try again (it failed)", Some(at(60))));
}

#[tokio::test]
async fn what_is_left_out_is_told() {
    let ledger = MemoryLedger::new();
    for id in 0..(MOST_ENDED as u64 + 10) {
        end(&ledger, id, id.cast_signed()).await;
    }
    let overview = Overview::read(&ledger, &config(), at(5_000)).await.unwrap();
    assert_eq!(overview.cut.ended_since, Some(at(10)));
    assert!(!overview.cut.open);
    for id in 10_000..(10_000 + MOST_OPEN as u64) {
        ledger::put(&ledger, Stored::new(job(id, "acme/app", at(0)))).await.unwrap();
    }
    assert!(Overview::read(&ledger, &config(), at(5_000)).await.unwrap().cut.open);
}
