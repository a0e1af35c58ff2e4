//! `fleetfoot runners terminate`

use fleetfoot_model::Timestamp;
use fleetfoot_model::dismiss::{Dismissal, Dismisser};
use fleetfoot_model::events::{Fact, QueueCause, RunnerReleased};
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::ports::{Fleet, GitHub};
use fleetfoot_model::runner::RunnerState;
use fleetfoot_shell::Emission;
use uuid::Uuid;

use crate::failure::{Failure, OrFail};
use crate::output::Answer;
use crate::place::{EventBus, Location};
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r"Examples:
  fleetfoot runners terminate ff-289782451-1

A runner that has no job yet is removed from GitHub and then stopped; the job that was meant for it
gets another. GitHub refuses to remove a runner that runs a job: to end that, cancel the job there.";

/// What its timeline and its task are told.
const REASON: &str = "terminated by hand";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The runner's name
    #[arg(value_name = "NAME")]
    name: RunnerName,
    #[command(flatten)]
    place: Location,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let config = place.config().await?;
    let (ledger, fleet) = (place.ledger()?, place.tasks()?);
    let (github, bus) = (place.github(&config), place.bus(&config.fleet)?);
    Terminator { ledger: &*ledger, github: &*github, fleet: &*fleet, bus: &*bus }
        .terminate(&args.name, times.now)
        .await
}

/// What letting a runner go by hand needs.
struct Terminator<'a> {
    ledger: &'a dyn Ledger,
    github: &'a dyn GitHub,
    fleet: &'a dyn Fleet,
    bus: &'a dyn EventBus,
}

impl Terminator<'_> {
    async fn terminate(&self, name: &RunnerName, now: Timestamp) -> Result<Answer, Failure> {
        match super::find(self.ledger, name).await?.state {
            RunnerState::Busy(job) => return Err(self.busy(name, Some(job)).await),
            RunnerState::Stopped(reason) => {
                return Ok(Answer::default().note(format!("runner {name} has stopped already: {reason}")));
            }
            RunnerState::Reserved | RunnerState::Launched | RunnerState::Registered => {}
        }
        let dismisser = Dismisser { ledger: self.ledger, github: self.github, fleet: self.fleet };
        let unassign = |job: &mut Job| {
            job.unassign(None, now, &format!("its runner {name} was {REASON}"));
            job.queued_again(QueueCause::RunnerStopped)
        };
        let queued_again = dismisser.detach(name, unassign).await.map_err(|error| {
            Failure::new(format!("runner {name} cannot be taken from its job"))
                .because(&error)
                .hint("try again")
        })?;
        let dismissal = dismisser.dismiss(name, REASON, now).await;
        match dismissal.or_fail(format!("runner {name} cannot be stopped"))? {
            Dismissal::Released => self.tell(name, queued_again, now).await,
            Dismissal::Busy => Err(self.busy(name, None).await),
            Dismissal::NotIdle => {
                Err(Failure::new(format!("runner {name} got a job or stopped in this moment"))
                    .hint(format!("`fleetfoot runners details {name}` tells which")))
            }
            Dismissal::Later(reason) => Err(Failure {
                causes: vec![reason],
                hint: Some(
                    "it gets no job any more, and `cleanup` asks GitHub again within minutes".to_owned(),
                ),
                ..Failure::new(format!("GitHub cannot be asked to remove runner {name}"))
            }),
        }
    }

    /// Tells the fleet, so that the job gets another runner at once. If that fails `cleanup` finds the job.
    async fn tell(
        &self,
        name: &RunnerName,
        queued_again: Option<Fact>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let gone = format!("runner {name} was removed from GitHub and told to stop");
        let note = match &queued_again {
            Some(Fact::JobQueued(it)) => format!("{gone}; job {} gets another", it.job.id),
            _ => gone,
        };
        let released = RunnerReleased { runner: name.clone(), reason: REASON.to_owned() };
        let facts: Vec<Fact> = std::iter::once(released.into()).chain(queued_again).collect();
        let told = self.bus.emit(now, Emission::of(&facts, &Uuid::new_v4().to_string(), now)).await;
        told.map_err(|failure| Failure {
            what: format!("runner {name} was let go, and the fleet could not be told"),
            ..failure
        })?;
        Ok(Answer::default().note(note))
    }

    async fn busy(&self, name: &RunnerName, job: Option<JobId>) -> Failure {
        let Some(id) = job else {
            return Failure::new(format!("GitHub says that runner {name} has just got a job; it stays"))
                .hint("to end the job, cancel it at GitHub; its runner ends with it");
        };
        let page = match ledger::job(self.ledger, id).await {
            Ok(Some(row)) if !row.value.description.html_url.is_empty() => {
                row.value.description.html_url.clone()
            }
            _ => "GitHub".to_owned(),
        };
        Failure::new(format!("runner {name} runs job {id} and is left alone"))
            .hint(format!("to end the job, cancel it at {page}; its runner ends with it"))
    }
}

#[cfg(test)]
mod tests {
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

    use super::*;
    use crate::testing::fleet::{stand_in_fargate, stand_in_github};
    use crate::testing::{World, now, rows};
    use crate::wiring;

    /// A registered runner, ff-107-1, that is meant for job 107.
    struct Story {
        world: World,
        ledger: SqliteLedger,
        github: InProcessGitHub,
        fleet: InProcessFargate,
        bus: Bus,
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

        async fn terminate(&self) -> Result<Answer, Failure> {
            let Self { ledger, github, fleet, bus, .. } = self;
            Terminator { ledger, github, fleet, bus }.terminate(&name(), now()).await
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
        let answer = story.terminate().await.unwrap();
        assert_eq!(
            answer.notes,
            ["runner ff-107-1 was removed from GitHub and told to stop; job 107 gets another"]
        );
        let scope = Scope::Organization("acme".parse().unwrap());
        assert_eq!(story.github.find_runner(&scope, "ff-107-1").await.unwrap(), None);
        assert_eq!(story.fleet.state().stops().len(), 1);
        assert_eq!(story.job().await.runner(), None);
        assert_eq!(story.told(), ["RunnerReleased", "JobQueued"]);

        let again = story.terminate().await.unwrap();
        assert_eq!(again.notes, ["runner ff-107-1 was removed from GitHub and told to stop"]);
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
        assert_eq!(
            failure.hint.unwrap(),
            "to end the job, cancel it at https://github.com/acme/app/actions/runs/7010/job/107; its runner ends with it"
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
        assert!(
            std::fs::read_to_string(task.join("stop.json")).unwrap().contains(REASON),
            "`up` does the rest"
        );
    }

    #[tokio::test]
    async fn one_that_has_stopped_needs_nothing() {
        let story = Story::begin().await;
        let mut row = ledger::runner(&story.ledger, &name()).await.unwrap().unwrap();
        row.value.stop(fleetfoot_model::runner::StopReason::Done, now());
        story.ledger.commit(vec![change(row)]).await.unwrap();
        assert_eq!(story.terminate().await.unwrap().notes, ["runner ff-107-1 has stopped already: done"]);
    }
}
