//! Jobs and runners in every state.

use std::sync::Arc;

use fleetfoot_model::counter::Counter;
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::{GithubRunnerId, JobId, RunId};
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::ports::Tickets;
use fleetfoot_model::record::Record;
use fleetfoot_model::runner::{Registration, Reservation, Runner, RunnerState, Scope, StopReason};
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_shell::clock::SeededTickets;

/// So many seconds after eight o'clock; the command lines run ten minutes past it.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn spec() -> Spec {
    Spec {
        class: "small".parse().unwrap(),
        cpu: 512,
        memory_mib: 1024,
        disk_gib: 20,
        arch: Arch::X64,
        capacity: Capacity::OnDemand,
        image: None,
    }
}

/// A job that was heard of.
pub(crate) fn job(id: u64, name: &str, created_at: Timestamp) -> Job {
    let description = JobDescription {
        id: JobId(id),
        run_id: RunId(id / 10 + 7000),
        run_attempt: 1,
        repository: "acme/app".parse().unwrap(),
        public: false,
        workflow: "CI".to_owned(),
        name: name.to_owned(),
        labels: vec!["self-hosted".parse().unwrap(), "class:small".parse().unwrap()],
        html_url: format!("https://github.com/acme/app/actions/runs/{}/job/{id}", id / 10 + 7000),
        head_sha: None,
        created_at,
    };
    let heard = created_at + SignedDuration::from_millis(1300);
    let mut job = Job::new(description, heard);
    job.timeline.note(created_at, "queued at GitHub");
    job.timeline.note(heard, "heard of");
    job.spec = Some(spec());
    job
}

/// A runner that was reserved.
pub(crate) fn runner(name: &str, job: Option<u64>, reserved_at: Timestamp) -> Runner {
    let pool = name.contains("-pool-").then(|| "office".parse().unwrap());
    let reservation = Reservation {
        name: name.parse().unwrap(),
        pool,
        job: job.map(JobId),
        scope: Scope::Organization("acme".parse().unwrap()),
        spec: spec(),
        labels: vec!["self-hosted".parse().unwrap(), "class:small".parse().unwrap()],
        counters: vec![Counter::Runners],
        register_by: reserved_at + SignedDuration::from_mins(10),
    };
    Runner::reserve(reservation, &SeededTickets::new(1).draw(), reserved_at)
}

/// A runner whose task was accepted.
pub(crate) fn launched(name: &str, job: Option<u64>, reserved_at: Timestamp) -> Runner {
    let mut runner = runner(name, job, reserved_at);
    runner.task = Some(format!("task-{name}").parse().unwrap());
    runner.move_to(
        RunnerState::Launched,
        reserved_at + SignedDuration::from_millis(400),
        "its task was accepted",
    );
    runner
}

/// A runner that is registered.
pub(crate) fn registered(name: &str, job: Option<u64>, reserved_at: Timestamp) -> Runner {
    let mut runner = launched(name, job, reserved_at);
    let registered_at = reserved_at + SignedDuration::from_secs(31);
    runner.tickets.clear();
    runner.registration = Registration::Present;
    runner.github_id = Some(GithubRunnerId(42));
    runner.started_at = Some(reserved_at + SignedDuration::from_secs(29));
    runner.registered_at = Some(registered_at);
    runner.move_to(RunnerState::Registered, registered_at, "registered at GitHub");
    runner
}

fn stopped(mut runner: Runner, reason: StopReason, at: Timestamp, micro_usd: u64) -> Runner {
    runner.registration = Registration::Gone;
    runner.cost_micro_usd = Some(micro_usd);
    runner.stop(reason, at);
    runner
}

/// Every kind of row.
pub(crate) fn all() -> Vec<Record> {
    [running(), waiting(), on_its_way(), ended()].concat()
}

fn running() -> Vec<Record> {
    let mut job = job(101, "test (1.94, 日本)", at(0));
    let mut runner = registered("ff-101-1", Some(101), at(2));
    job.assign(&runner.name, at(2), "capacity is taken");
    job.launches = 1;
    job.start("ff-101-1", at(35), at(36));
    runner.move_to(RunnerState::Busy(job.id()), at(36), "runs job 101");
    vec![job.into(), runner.into()]
}

fn waiting() -> Vec<Record> {
    let mut first = job(102, "lint", at(300));
    first.wait(Waiting::capacity(&Counter::Runners, 3), at(302));
    let mut second = job(103, "build", at(347));
    second.wait(Waiting::capacity(&Counter::Runners, 3), at(349));
    let mut failed = job(104, "flaky", at(200));
    failed.launches = 2;
    failed.failures = 2;
    let reason = "failed with exit code 2: GitHub could not be reached".to_owned();
    failed.wait(Waiting::Backoff { until: at(660), reason }, at(590));
    let mut image = job(105, "in ubuntu", at(580));
    let key = "ab".repeat(32).parse().unwrap();
    image.wait(Waiting::Image { key }, at(581));
    let unseen = job(106, "just now", at(598));
    [first, second, failed, image, unseen].map(Record::from).into()
}

fn on_its_way() -> Vec<Record> {
    let mut job = job(107, "deploy", at(550));
    let runner = launched("ff-107-1", Some(107), at(552));
    job.assign(&runner.name, at(552), "capacity is taken");
    job.launches = 1;
    vec![job.into(), runner.into(), registered("ff-pool-office-7", None, at(60)).into()]
}

fn ended() -> Vec<Record> {
    let mut done = job(108, "test", at(-600));
    let runner = registered("ff-108-1", Some(108), at(-598));
    done.assign(&runner.name, at(-598), "capacity is taken");
    done.start("ff-108-1", at(-560), at(-559));
    done.finish("success", Some("ff-108-1"), at(-300), at(-299));
    let mut rejected = job(109, "oops", at(-500));
    rejected.reject(
        "label class:mediun: found \"mediun\"; allowed: small, medium. Did you mean medium?",
        at(-499),
    );
    let mut expired = job(110, "old", at(-90_000));
    expired.expire("it was queued for more than 24 hours; GitHub gives such jobs up", at(-3600));
    let failed = stopped(
        registered("ff-104-2", Some(104), at(500)),
        StopReason::Failed { exit_code: Some(2), reason: "GitHub could not be reached".to_owned() },
        at(590),
        411,
    );
    let done_runner = stopped(runner, StopReason::Done, at(-290), 2_054);
    vec![done.into(), rejected.into(), expired.into(), failed.into(), done_runner.into()]
}

/// What somebody with a workflow file and bad intentions can send.
pub(crate) const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\nerror: fake\u{202e}\u{7f}";

/// A job whose every text is hostile, and very long.
pub(crate) fn hostile() -> Vec<Record> {
    let text = format!("{HOSTILE}{}", "x".repeat(5000));
    let mut it = job(666, &text, at(0));
    let description = Arc::make_mut(&mut it.description);
    description.workflow.clone_from(&text);
    description.html_url.clone_from(&text);
    description.labels = vec!["self-hosted".parse().unwrap(), "\u{202e}x:llams".parse().unwrap()];
    it.reject(&text, at(1));
    let mut running = job(667, "ran elsewhere", at(0));
    running.start(&text, at(1), at(2));
    running.finish(&text, Some(&text), at(3), at(4));
    let mut backoff = job(668, "failed", at(0));
    backoff.wait(Waiting::Backoff { until: at(700), reason: text.clone() }, at(3));
    let stopped =
        stopped(registered("ff-668-1", Some(668), at(1)), StopReason::Other { reason: text }, at(9), 1);
    vec![it.into(), running.into(), backoff.into(), stopped.into()]
}
