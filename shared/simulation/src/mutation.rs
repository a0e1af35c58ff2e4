//! Protections that can be taken out of a world, to see that what they protect from is found.

/// A protection that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// A row is written whatever became of it since it was read.
    WritesWithoutCondition,
    /// A transaction may be done in part.
    WritesInParts,
    /// Counters grow beyond their limits.
    CapacityWithoutLimit,
    /// Counters do not count down.
    CapacityIsKept,
    /// A runner that GitHub refuses to remove, because it has a job, is taken for removed.
    BusyRunnersAreRemoved,
    /// Runners are stopped without being removed at GitHub.
    StopsWithoutDeleting,
    /// The fleet makes a new task each time that it is asked.
    LaunchesWithoutToken,
    /// Nobody hears that a job started on another runner than the one that was meant for it.
    StartsElsewhereUnheard,
    /// Nothing is repaired.
    NoCleanup,
    /// That a ticket was used is not written down.
    TicketsStayGood,
    /// The ticket is written down with the runner.
    TicketsInRows,
    /// Jobs that ended are not remembered: what is told of them late brings them back.
    EndedJobsAreForgotten,
    /// An hour's sums are added to what was counted of it before.
    CostsAreAdded,
    /// Jobs that a limit holds up get no turns when it has passed.
    NoTurns,
}
