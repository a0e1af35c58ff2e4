use fleetfoot_local::bus::Bus;
use fleetfoot_local::fleet::LocalFleet;
use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::change;
use fleetfoot_model::ports::LaunchRequest;
use fleetfoot_model::runner::{Registration, Scope};
use fleetfoot_model::spec::Capacity;
use fleetfoot_stand_in::fargate::InProcessFargate;
use fleetfoot_stand_in::github::{InProcessGitHub, JobOrder};
use serde_json::Value;

use super::*;
use crate::testing::fleet::{stand_in_fargate, stand_in_github};
use crate::testing::{World, assert_documented, now, rows};
use crate::wiring;

/// A registered runner, ff-107-1, that is meant for job 107.
struct Story {
    world: World,
    ledger: SqliteLedger,
    github: InProcessGitHub,
    fleet: InProcessFargate,
    bus: Bus,
}

const WORDS: Format = Format { json: false };

fn said(done: Done) -> Answer {
    answer(done, WORDS).unwrap()
}

fn name() -> RunnerName {
    "ff-107-1".parse().unwrap()
}

impl Story {
    async fn begin() -> Self {
        let world = World::new();
        let (github, fleet) = (stand_in_github(), stand_in_fargate());
        let mut runner = rows::registered("ff-107-1", Some(107), rows::at(552));
        let scope = Scope::Organization("acme".parse().unwrap());
        let registered = github.register(&scope, &name(), &runner.labels).await.unwrap();
        github.state().connect(now(), &registered.configuration).unwrap();
        runner.github_id = Some(registered.id);
        runner.registration = Registration::Present;
        let request = LaunchRequest {
            runner: name(),
            spec: rows::spec(),
            capacity: Capacity::OnDemand,
            image: None,
            ticket: fleetfoot_model::ports::Tickets::draw(&fleetfoot_shell::clock::SystemTickets),
            attempt: 0,
            debug: false,
        };
        runner.task = Some(fleet.launch(&request).await.unwrap());
        let mut job = rows::job(107, "deploy", rows::at(550));
        job.assign(&name(), rows::at(552), "capacity is taken");
        world.put(vec![job.into(), runner.into()]).await;
        let ledger = world.ledger();
        let fleet_name = "ff".parse().unwrap();
        let database =
            fleetfoot_local::database::Database::open(&world.path().join(crate::arguments::DATABASE));
        let bus = wiring::bus(&fleet_name, database.unwrap()).unwrap();
        Self { world, ledger, github, fleet, bus }
    }

    async fn terminate(&self) -> Result<Terminated, Failure> {
        let Self { ledger, github, fleet, bus, .. } = self;
        Terminator { ledger, github, fleet, bus }.terminate(&name(), now()).await
    }

    /// GitHub gives it the job, and the fleet has heard of it.
    async fn becomes_busy(&self) {
        let labels = rows::runner("ff-107-1", None, now()).labels;
        self.github.state().queue_job(now(), JobOrder::new("acme/app".parse().unwrap(), labels));
        self.github.state().messages(now() + fleetfoot_model::SignedDuration::from_secs(30));
        let mut row = ledger::runner(&self.ledger, &name()).await.unwrap().unwrap();
        row.value.move_to(RunnerState::Busy(JobId(107)), now(), "runs job 107");
        self.ledger.commit(vec![change(row)]).await.unwrap();
    }

    async fn job(&self) -> Job {
        ledger::job(&self.ledger, JobId(107)).await.unwrap().unwrap().value
    }

    fn told(&self) -> Vec<String> {
        let told = self.bus.history(0, 10).unwrap();
        told.into_iter().map(|published| published.envelope.detail_type.clone()).collect()
    }
}

#[tokio::test]
async fn a_waiting_runner_is_removed_from_github_then_stopped_and_its_job_queued_again() {
    let story = Story::begin().await;
    let first = story.terminate().await.unwrap();
    assert_eq!(
        first.notes,
        ["runner ff-107-1 was removed from GitHub and told to stop; job 107 gets another"]
    );
    let scope = Scope::Organization("acme".parse().unwrap());
    assert_eq!(story.github.find_runner(&scope, "ff-107-1").await.unwrap(), None);
    assert_eq!(story.fleet.state().stops().len(), 1);
    assert_eq!(story.job().await.runner(), None);
    assert_eq!(story.told(), ["RunnerReleased", "JobQueued"]);

    let again = story.terminate().await.unwrap();
    assert_eq!(again.notes, ["runner ff-107-1 was removed from GitHub and told to stop"]);
    let json = answer(vec![(name(), Ok(first)), (name(), Ok(again))], Format { json: true }).unwrap();
    let found: Value = serde_json::from_str(&json.data).unwrap();
    assert_eq!(json.notes, Vec::<String>::new());
    assert_eq!((&found["runners"][0]["end"], &found["runners"][0]["job"]), (&"released".into(), &107.into()));
    assert_eq!((&found["runners"][1]["job"], &found["runners"][1]["error"]), (&Value::Null, &Value::Null));
    assert_documented(&found, &["runners terminate"]);
    assert_eq!(story.fleet.state().stops_of_busy_runners(&story.github.state()), Vec::<&_>::new());
}

/// Lesson 9: the row does not know yet that GitHub gave it a job; GitHub's refusal is what protects the job.
#[tokio::test]
async fn a_runner_that_github_calls_busy_stays() {
    let story = Story::begin().await;
    let labels = rows::runner("ff-107-1", None, now()).labels;
    story.github.state().queue_job(now(), JobOrder::new("acme/app".parse().unwrap(), labels));
    let later = now() + fleetfoot_model::SignedDuration::from_secs(30);
    story.github.state().messages(later);
    let failure = story.terminate().await.unwrap_err();
    assert_eq!(failure.what, "GitHub says that runner ff-107-1 has just got a job; it stays");
    assert!(story.fleet.state().stops().is_empty());
    assert!(story.told().is_empty(), "nobody was let go");
    let row = ledger::runner(&story.ledger, &name()).await.unwrap().unwrap();
    assert_eq!(row.value.dismissed, None, "it is as available as before");
}

#[tokio::test]
async fn a_busy_runner_is_refused_with_the_way_to_end_its_job() {
    let story = Story::begin().await;
    let mut row = ledger::runner(&story.ledger, &name()).await.unwrap().unwrap();
    row.value.move_to(RunnerState::Busy(JobId(107)), now(), "runs job 107");
    story.ledger.commit(vec![change(row)]).await.unwrap();
    let failure = story.terminate().await.unwrap_err();
    assert_eq!(failure.what, "runner ff-107-1 runs job 107 and is left alone");
    let json = answer(vec![(name(), Err(failure.clone()))], Format { json: true }).unwrap();
    assert_eq!(json.failures.len(), 1, "which makes the exit code");
    let found: Value = serde_json::from_str(&json.data).unwrap();
    assert_documented(&found, &["runners terminate"]);
    assert_eq!(
        failure.hint.unwrap(),
        "to end the job, cancel it at https://github.com/acme/app/actions/runs/7010/job/107; its runner ends with it, or --force kills both"
    );
    assert!(story.fleet.state().stops().is_empty());
}

#[tokio::test]
async fn while_github_is_down_nothing_is_stopped() {
    let story = Story::begin().await;
    let end = now() + fleetfoot_model::SignedDuration::from_mins(5);
    story.github.state().add_outage(now(), end);
    let failure = story.terminate().await.unwrap_err();
    assert_eq!(failure.what, "GitHub cannot be asked to remove runner ff-107-1");
    assert!(story.fleet.state().stops().is_empty());
    let row = ledger::runner(&story.ledger, &name()).await.unwrap().unwrap();
    assert!(row.value.dismissed.is_some(), "`cleanup` asks again");
}

#[tokio::test]
async fn the_fleet_of_this_machine_is_told_through_its_folder() {
    let story = Story::begin().await;
    let state = story.world.path();
    let task = state.join("runners/ff-107-1");
    std::fs::create_dir_all(&task).unwrap();
    let fleet = LocalFleet::open_without_runner(state).unwrap();
    let mut row = ledger::runner(&story.ledger, &name()).await.unwrap().unwrap();
    row.value.task = Some(fleet.list().await.unwrap()[0].id.clone());
    story.ledger.commit(vec![change(row)]).await.unwrap();
    let Story { ledger, github, bus, .. } = &story;
    Terminator { ledger, github, fleet: &fleet, bus }.terminate(&name(), now()).await.unwrap();
    assert!(std::fs::read_to_string(task.join("stop.json")).unwrap().contains(REASON), "`up` does the rest");
}

#[tokio::test]
async fn one_that_has_stopped_needs_nothing() {
    let story = Story::begin().await;
    let mut row = ledger::runner(&story.ledger, &name()).await.unwrap().unwrap();
    row.value.stop(fleetfoot_model::runner::StopReason::Done, now());
    story.ledger.commit(vec![change(row)]).await.unwrap();
    assert_eq!(story.terminate().await.unwrap().notes, ["runner ff-107-1 has stopped already: done"]);
}

#[tokio::test]
async fn what_force_kills_is_told_first_and_then_stopped_though_github_refuses() {
    let story = Story::begin().await;
    story.becomes_busy().await;
    let victims = force::victims(&story.ledger, &[name()]).await.unwrap();
    let times = crate::testing::times();
    assert_eq!(
        victims.iter().map(|it| it.line(&times)).collect::<Vec<_>>(),
        ["ff-107-1 runs job 107 (deploy) of acme/app since 2026-11-20 09:10:00 (0ms ago)"]
    );
    let Story { ledger, github, fleet, bus, .. } = &story;
    let terminator = Terminator { ledger, github, fleet, bus };
    let alone = said(terminator.all(&[name()], None, now(), WORDS).await);
    assert_eq!(alone.failures[0].what, "runner ff-107-1 runs job 107 and is left alone");
    assert!(story.fleet.state().stops().is_empty());
    let done = terminator.all(&[name()], Some(&victims), now(), WORDS).await;
    assert_eq!(document(&done[0].0, &done[0].1)["end"], "killed");
    let killed = said(done);
    assert_eq!(killed.failures, []);
    assert_eq!(killed.notes, ["runner ff-107-1 was told to stop, which kills job 107"]);
    assert_eq!(story.fleet.state().stops().len(), 1);
    let row = ledger::runner(&story.ledger, &name()).await.unwrap().unwrap();
    assert!(row.value.timeline.steps().last().unwrap().what.contains("by hand with its job"));
    let job = story.job().await;
    assert_eq!(job.runner(), Some(&name()), "GitHub will say how the job ended");
}

#[tokio::test]
async fn a_runner_whose_job_has_changed_since_is_not_killed() {
    let story = Story::begin().await;
    story.becomes_busy().await;
    let mut victims = force::victims(&story.ledger, &[name()]).await.unwrap();
    victims[0].job = JobId(106);
    let Story { ledger, github, fleet, bus, .. } = &story;
    let terminator = Terminator { ledger, github, fleet, bus };
    let answer = said(terminator.all(&[name()], Some(&victims), now(), WORDS).await);
    assert_eq!(answer.failures[0].what, "runner ff-107-1 does not run job 106 any more");
    assert!(story.fleet.state().stops().is_empty());
}

#[tokio::test]
async fn runners_are_chosen_by_what_they_are() {
    let story = Story::begin().await;
    let mut other = rows::registered("ff-pool-1-1", None, rows::at(500));
    other.spec.class = "large".parse().unwrap();
    let gone = {
        let mut gone = rows::registered("ff-99-1", None, rows::at(1));
        gone.stop(fleetfoot_model::runner::StopReason::Done, rows::at(2));
        gone
    };
    story.world.put(vec![other.into(), gone.into()]).await;
    let chosen = async |line: &str| {
        let choice = choice::Choice::of(line);
        let names = choice.names(&story.ledger).await.unwrap();
        names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(chosen("--all").await, ["ff-pool-1-1", "ff-107-1"], "live ones, oldest first");
    assert_eq!(chosen("--all --class large").await, ["ff-pool-1-1"]);
    assert_eq!(chosen("--all --repository ACME/app").await, ["ff-107-1"]);
    assert_eq!(chosen("--all --idle").await, ["ff-pool-1-1"], "nobody waits for it");
    assert_eq!(chosen("--all --idle --class small").await, Vec::<String>::new());
    assert_eq!(chosen("ff-1-1 ff-2-1 ff-1-1").await, ["ff-1-1", "ff-2-1"]);
}
