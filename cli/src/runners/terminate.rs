//! `fleetfoot runners terminate`

use std::sync::Arc;

use fleetfoot_github::GitHubClient;
use fleetfoot_local::bus::{Bus, Emission};
use fleetfoot_local::clock::SystemClock;
use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::Timestamp;
use fleetfoot_model::dismiss::{Dismissal, Dismisser};
use fleetfoot_model::events::{Fact, QueueCause, RunnerReleased};
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger;
use fleetfoot_model::ports::{Fleet, GitHub};
use fleetfoot_model::runner::RunnerState;
use uuid::Uuid;

use crate::arguments::{Configuration, State};
use crate::failure::{Failure, OrFail};
use crate::output::Answer;
use crate::times::Times;
use crate::wiring;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot runners terminate ff-289782451-1

A runner that has no job yet is removed from GitHub and then stopped; the job that was meant for it
gets another. GitHub refuses to remove a runner that runs a job: to end that, cancel the job there."#;

/// What its timeline and its task are told.
const REASON: &str = "terminated by hand";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The runner's name
    #[arg(value_name = "NAME")]
    name: RunnerName,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    config: Configuration,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let config = args.config.load()?;
    let database = args.state.database()?;
    let ledger = args.state.ledger_in(database.clone())?;
    let secrets = Arc::new(LocalSecrets::new(args.config.folder()));
    let github = GitHubClient::new(&config.github, secrets, Arc::new(SystemClock));
    let fleet = fleet(&args.state)?;
    let bus = wiring::bus(&config.fleet, database)?;
    Terminator { ledger: &ledger, github: &github, fleet: &*fleet, bus: &bus }
        .terminate(&args.name, times.now)
        .await
}

fn fleet(_state: &State) -> Result<Box<dyn Fleet>, Failure> {
    Err(Failure::new("the fleet of this machine is not built into this binary yet"))
}

/// What letting a runner go by hand needs.
struct Terminator<'a> {
    ledger: &'a SqliteLedger,
    github: &'a dyn GitHub,
    fleet: &'a dyn Fleet,
    bus: &'a Bus,
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
            Dismissal::Released => self.tell(name, queued_again, now),
            Dismissal::Busy => Err(self.busy(name, None).await),
            Dismissal::NotIdle => {
                Err(Failure::new(format!("runner {name} got a job or stopped in this moment"))
                    .hint(format!("`fleetfoot runners details {name}` tells which")))
            }
            Dismissal::Later(reason) => Err(Failure {
                causes: vec![reason],
                hint: Some(
                    "it gets no job any more, and `fleetfoot up` asks GitHub again within minutes".to_owned(),
                ),
                ..Failure::new(format!("GitHub cannot be asked to remove runner {name}"))
            }),
        }
    }

    /// Tells the fleet, so that the job gets another runner at once. If that fails `cleanup` finds the job.
    fn tell(&self, name: &RunnerName, queued_again: Option<Fact>, now: Timestamp) -> Result<Answer, Failure> {
        let gone = format!("runner {name} was removed from GitHub and told to stop");
        let note = match &queued_again {
            Some(Fact::JobQueued(it)) => format!("{gone}; job {} gets another", it.job.id),
            _ => gone,
        };
        let released = RunnerReleased { runner: name.clone(), reason: REASON.to_owned() };
        let facts: Vec<Fact> = std::iter::once(released.into()).chain(queued_again).collect();
        self.bus
            .emit(now, Emission::of(&facts, &Uuid::new_v4().to_string(), now))
            .or_fail(format!("runner {name} was let go, and the fleet could not be told"))?;
        Ok(Answer::default().note(note))
    }

    async fn busy(&self, name: &RunnerName, job: Option<JobId>) -> Failure {
        let Some(id) = job else {
            return Failure::new(format!("GitHub says that runner {name} has just got a job; it stays"))
                .hint("to end the job, cancel it at GitHub; its runner ends with it");
        };
        let page = match ledger::job(self.ledger, id).await {
            Ok(Some(row)) if !row.value.description.html_url.is_empty() => row.value.description.html_url,
            _ => "GitHub".to_owned(),
        };
        Failure::new(format!("runner {name} runs job {id} and is left alone"))
            .hint(format!("to end the job, cancel it at {page}; its runner ends with it"))
    }
}
