//! Protections that can be taken out of a world, to see that what they protect from is found.

/// A protection that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// A row is written whatever became of it since it was read.
    WritesWithoutCondition,
    /// Counters grow beyond their limits.
    CapacityWithoutLimit,
    /// GitHub removes a runner that has a job.
    BusyRunnersAreRemoved,
    /// The fleet makes a new task each time that it is asked.
    LaunchesWithoutToken,
    /// Nobody hears that a runner was taken by another job.
    StartsElsewhereUnheard,
    /// Nothing is repaired.
    NoCleanup,
    /// A ticket stays good after it was used.
    TicketsStayGood,
    /// The ticket is written down with the runner.
    TicketsInRows,
    /// Rows in the ledger of jobs that ended are open again when they are told of late.
    NoTurns,
}
