//! What can be seen of a world while it runs.

use fleetfoot_local::bus::Published;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{GithubRunnerId, JobId, RunnerName, TaskId};
use fleetfoot_model::ledger::Stored;
use fleetfoot_model::ports::{FleetError, GitHubError};
use fleetfoot_model::record::Record;
use fleetfoot_model::secret::{Secret, Ticket};

/// Something that happened in a world.
#[derive(Debug)]
pub enum Happening<'a> {
    /// Rows were written, all at once.
    Written(&'a [Stored<Record>]),
    /// Every row was lost.
    Lost,
    /// An event was published, on either bus.
    Published(&'a Published),
    /// The fleet was asked for a task.
    Launched(&'a RunnerName, &'a Result<TaskId, FleetError>),
    /// The fleet was asked to stop a task, while its runner had this job at GitHub.
    Stopped(&'a RunnerName, Option<JobId>),
    /// GitHub was asked to register a runner.
    Registered(&'a RunnerName, Result<GithubRunnerId, &'a GitHubError>),
    /// A ticket was drawn.
    TicketDrawn(&'a Ticket),
    /// A task is up.
    AgentUp(&'a RunnerName),
    /// A task was given its configuration.
    ConfigurationGiven(&'a RunnerName, &'a Secret),
    /// A function died in the middle of its work.
    Died,
    /// A message was sent to people.
    Messaged(&'a str),
}

/// Somebody who looks on. Is told of everything, in order, at once.
pub trait Watch: Send {
    /// Something happened.
    fn happened(&mut self, now: Timestamp, what: &Happening<'_>);
}
