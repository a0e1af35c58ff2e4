//! What holds in every world, whatever goes wrong in it.

use std::collections::BTreeMap;

use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::Ledger as _;
use fleetfoot_model::record::{Index, Record};

use super::World;

impl World {
    /// After every step.
    pub(super) fn check_always(&self) {
        let live = self.live_runners();
        assert!(
            live.len() as u64 <= self.config.limits.runners,
            "the limit of runners is exceeded\n{}",
            self.describe()
        );
        let mut meant: BTreeMap<JobId, usize> = BTreeMap::new();
        for job in live.iter().filter_map(|runner| runner.job) {
            *meant.entry(job).or_default() += 1;
        }
        let doubled: Vec<&JobId> =
            meant.iter().filter(|(_, count)| **count > 1).map(|(job, _)| job).collect();
        assert!(doubled.is_empty(), "two live runners are meant for {doubled:?}\n{}", self.describe());
    }

    /// At the end of a story.
    pub fn check(&self) {
        let twice = self.github().jobs_run_twice();
        assert!(twice.is_empty(), "these jobs ran twice: {twice:?}");
        let github = self.github();
        let stopped = self.fargate();
        let busy = stopped.stops_of_busy_runners(&github);
        assert!(busy.is_empty(), "busy runners were stopped: {busy:?}");
        drop((github, stopped));
        let counted =
            self.runtime.block_on(self.ledger.count(&Counter::Runners)).expect("the ledger answers");
        assert_eq!(counted, self.live_runners().len() as u64, "the counter of runners has drifted");
        self.check_secrets();
    }

    /// No secret is in any event or row.
    fn check_secrets(&self) {
        let history = self.bus.history(0, usize::MAX).expect("the bus answers");
        let events = history.iter().map(|event| event.envelope.detail.to_string());
        let rows =
            [Index::Unmatched, Index::Active, Index::Ended].into_iter().flat_map(|index| self.rows(index));
        let rows = rows.map(|row: Record| serde_json::to_string(&row).expect("a row is a plain structure"));
        for text in events.chain(rows) {
            assert!(!text.contains(super::WEBHOOK_SECRET), "a secret is in {text}");
            assert!(text.len() < 60_000, "something of the size of a JIT configuration may be in {text}");
        }
    }
}
