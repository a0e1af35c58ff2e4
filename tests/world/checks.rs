//! What holds in every world, whatever goes wrong in it.

use std::collections::BTreeMap;

use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::Ledger as _;
use fleetfoot_model::record::Index;
use fleetfoot_model::runner::Runner;
use serde::Serialize;

use super::{WEBHOOK_SECRET, World};

/// Nothing legal is as long as this without a space or a sign between; a JIT configuration has thousands.
const LONGEST_WORD: usize = 120;

impl World {
    /// After every step.
    pub(super) fn check_always(&self) {
        let live = self.live_runners();
        self.check_limits(&live);
        let mut meant: BTreeMap<JobId, usize> = BTreeMap::new();
        for job in live.iter().filter_map(|runner| runner.job) {
            *meant.entry(job).or_default() += 1;
        }
        let doubled: Vec<&JobId> =
            meant.iter().filter(|(_, count)| **count > 1).map(|(job, _)| job).collect();
        assert!(doubled.is_empty(), "two live runners are meant for {doubled:?}\n{}", self.describe());
    }

    fn check_limits(&self, live: &[Runner]) {
        let limits = &self.config.limits;
        let mut counts: BTreeMap<&Counter, u64> = BTreeMap::new();
        for counter in live.iter().flat_map(|runner| &runner.counters) {
            *counts.entry(counter).or_default() += 1;
        }
        for (counter, count) in counts {
            let most = match counter {
                Counter::Runners => Some(limits.runners),
                Counter::ClassRunners(class) => self.config.classes[class].runners,
                Counter::RepositoryRunners(_) => limits.runners_per_repository,
                Counter::Replacements(_) | Counter::Launches(_) => None,
            };
            let within = most.is_none_or(|most| count <= most);
            assert!(within, "{count} {counter}, {most:?} are allowed\n{}", self.describe());
        }
    }

    /// At the end of a story.
    pub fn check(&self) {
        let twice = self.github().jobs_run_twice();
        assert!(twice.is_empty(), "these jobs ran twice: {twice:?}");
        let github = self.github();
        let stopped = self.fargate();
        let busy = stopped.stops_of_busy_runners(&github);
        assert!(busy.is_empty(), "busy runners were stopped: {busy:?}");
        let doubled: Vec<_> = stopped.launches().filter(|(_, count)| *count > 1).collect();
        assert!(doubled.is_empty(), "these runners had more than one task: {doubled:?}");
        drop((github, stopped));
        let counted = self.runtime.block_on(self.ledger.inside().count(&Counter::Runners));
        let live = self.live_runners().len() as u64;
        assert_eq!(counted.expect("the ledger answers"), live, "the counter of runners has drifted");
        let rows = [Index::Unmatched, Index::Active, Index::Ended].into_iter().flat_map(|it| self.rows(it));
        self.check_secrets(rows.map(|row| text_of(&row)));
    }

    /// No secret is in any event, in what Slack was sent, or in these texts.
    pub fn check_secrets(&self, texts: impl Iterator<Item = String>) {
        let history = self.bus.history(0, usize::MAX).expect("the bus answers");
        let events = history.iter().map(|event| text_of(&*event.envelope));
        for text in events.chain(self.slack.messages()).chain(texts) {
            assert!(!text.contains(WEBHOOK_SECRET), "the webhook's secret is in {text}");
            for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))) {
                assert!(word.len() < LONGEST_WORD, "a JIT configuration may be in {text}");
                let is_ticket = word.len() == 64 && self.agents.tickets.contains(word);
                assert!(!is_ticket, "a ticket is in {text}");
            }
        }
    }
}

/// As it is written into a store.
pub fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("events and rows are plain structures")
}
