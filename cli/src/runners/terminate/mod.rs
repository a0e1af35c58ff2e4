//! `fleetfoot runners terminate`

mod choice;
mod force;

use fleetfoot_model::Timestamp;
use fleetfoot_model::dismiss::{Dismissal, Dismisser};
use fleetfoot_model::events::{Fact, QueueCause, RunnerReleased};
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::ports::{Fleet, GitHub};
use fleetfoot_model::runner::RunnerState;
use fleetfoot_shell::Emission;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::arguments::Format;
use crate::confirm::confirm;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use crate::place::{EventBus, Location};
use crate::progress::Progress;
use crate::times::Times;
use force::Victim;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot runners terminate ff-289782451-1
  fleetfoot runners terminate --all --idle --class large
  fleetfoot runners terminate --force ff-289782451-1

A runner that has no job yet is removed from GitHub and then stopped; the job that was meant for it
gets another. GitHub refuses to remove a runner that runs a job, and such a runner is left alone: to
end it, cancel the job there.

--force stops a runner that runs a job, too. It says which job that kills, and asks. GitHub takes up
to ten minutes to see that the job's runner is gone, and fails the job then.

JSON:
  { "runners": [ { "runner": its name, "end": released | killed | hadStopped, null if it was left alone,
      "job": that gets another runner or is killed, "notes": [ what was done, in words ],
      "error": null or { "what", "causes", "hint" } } ] }"#;

/// What its timeline and its task are told.
const REASON: &str = "terminated by hand";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    choice: choice::Choice,
    /// Stop those, too, that run a job: the job fails
    #[arg(long)]
    force: bool,
    /// With --force: do not ask
    #[arg(long, short, requires = "force")]
    yes: bool,
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let config = place.config().await?;
    let (ledger, fleet) = (place.ledger()?, place.tasks()?);
    let (github, bus) = (place.github(&config), place.bus(&config.fleet)?);
    let terminator = Terminator { ledger: &*ledger, github: &*github, fleet: &*fleet, bus: &*bus };
    let names = args.choice.names(&*ledger).await?;
    if args.force {
        let victims = force::victims(&*ledger, &names).await?;
        if !victims.is_empty() && !args.yes {
            let lines: Vec<_> = victims.iter().map(|victim| victim.line(times)).collect();
            confirm("jobs that run are killed with their runners", &lines)?;
        }
        let done = terminator.all(&names, Some(&victims), times.now, args.format).await;
        return answer(done, args.format);
    }
    answer(terminator.all(&names, None, times.now, args.format).await, args.format)
}

/// What became of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum End {
    /// It is gone from GitHub and was told to stop.
    Released,
    /// It was told to stop while it ran a job.
    Killed,
    /// There was nothing to do.
    HadStopped,
}

/// What was done about a runner.
#[derive(Debug)]
struct Terminated {
    end: End,
    /// The job that gets another runner, or is killed.
    job: Option<JobId>,
    /// In words.
    notes: Vec<String>,
}

/// Each runner, and what was done about it or why nothing was.
type Done = Vec<(RunnerName, Result<Terminated, Failure>)>;

fn answer(done: Done, format: Format) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    if format.json {
        let runners: Vec<_> = done.iter().map(|(name, done)| document(name, done)).collect();
        answer.data = output::json(&json!({ "runners": runners }))?;
    } else if done.is_empty() {
        answer.notes.push("there are no such runners now".to_owned());
    }
    for (_, done) in done {
        match done {
            Ok(done) if !format.json => answer.notes.extend(done.notes),
            Ok(_) => {}
            Err(failure) => answer.failures.push(failure),
        }
    }
    Ok(answer)
}

fn document(name: &RunnerName, done: &Result<Terminated, Failure>) -> serde_json::Value {
    let (error, done) = (done.as_ref().err(), done.as_ref().ok());
    json!({
        "runner": name,
        "end": done.map(|it| it.end),
        "job": done.and_then(|it| it.job),
        "notes": done.map(|it| it.notes.as_slice()).unwrap_or_default(),
        "error": error,
    })
}

/// What letting a runner go by hand needs.
struct Terminator<'a> {
    ledger: &'a dyn Ledger,
    github: &'a dyn GitHub,
    fleet: &'a dyn Fleet,
    bus: &'a dyn EventBus,
}

impl Terminator<'_> {
    /// Lets each go, and those victims that were agreed to with their jobs. One that cannot be let go keeps no other.
    async fn all(
        &self,
        names: &[RunnerName],
        victims: Option<&[Victim]>,
        now: Timestamp,
        format: Format,
    ) -> Done {
        let progress = Progress::steps(names.len(), "runners were looked after", format);
        let mut all = Vec::new();
        for name in names {
            let victim = victims.and_then(|victims| victims.iter().find(|it| it.runner == *name));
            let done = match victim {
                Some(victim) => self.kill(victim, now).await,
                None => self.terminate(name, now).await,
            };
            all.push((name.clone(), done));
            progress.step();
        }
        all
    }

    async fn terminate(&self, name: &RunnerName, now: Timestamp) -> Result<Terminated, Failure> {
        match super::find(self.ledger, name).await?.state {
            RunnerState::Busy(job) => return Err(self.busy(name, Some(job)).await),
            RunnerState::Stopped(reason) => {
                let notes = vec![format!("runner {name} has stopped already: {reason}")];
                return Ok(Terminated { end: End::HadStopped, job: None, notes });
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
    ) -> Result<Terminated, Failure> {
        let gone = format!("runner {name} was removed from GitHub and told to stop");
        let (job, note) = match &queued_again {
            Some(Fact::JobQueued(it)) => (Some(it.job.id), format!("{gone}; job {} gets another", it.job.id)),
            _ => (None, gone),
        };
        let released = RunnerReleased { runner: name.clone(), reason: REASON.to_owned() };
        let facts: Vec<Fact> = std::iter::once(released.into()).chain(queued_again).collect();
        let told = self.bus.emit(now, Emission::of(&facts, &Uuid::new_v4().to_string(), now)).await;
        told.map_err(|failure| Failure {
            what: format!("runner {name} was let go, and the fleet could not be told"),
            ..failure
        })?;
        Ok(Terminated { end: End::Released, job, notes: vec![note] })
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
        Failure::new(format!("runner {name} runs job {id} and is left alone")).hint(format!(
            "to end the job, cancel it at {page}; its runner ends with it, or --force kills both"
        ))
    }
}

#[cfg(test)]
mod tests;
