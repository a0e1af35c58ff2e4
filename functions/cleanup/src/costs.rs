//! What was spent: counted by the hour, held against the budget, and told in the morning.
//!
//! What was told is remembered with the event in whose handling it was: if telling it failed, that event comes again and
//! gives the same answer, and no other does.

use fleetfoot_model::budget::{Period, periods};
use fleetfoot_model::cost::{self, Sums};
use fleetfoot_model::digest::{Digest, DigestDay};
use fleetfoot_model::events::{BudgetReached, DayReported, Fact};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::price::usd;
use fleetfoot_model::record::{CleanupMemory, Record};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::Cleanup;
use crate::snapshot::Snapshot;

/// How often what is spent is held against the budget. It counts the rows of the hour that is not over.
const JUDGE_EVERY: SignedDuration = SignedDuration::from_mins(10);

impl Cleanup {
    pub(crate) async fn costs(
        &self,
        snapshot: &Snapshot,
        memory: &mut CleanupMemory,
        event: &str,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let runners = snapshot.runners.values().map(|row| &row.value).filter(|runner| !runner.is_live());
        let jobs = snapshot.jobs.values().map(|row| &row.value).filter(|job| !job.is_open());
        let runners = runners.cloned().map(Record::Runner);
        let unsettled: Vec<Record> = runners.chain(jobs.cloned().map(Record::Job)).collect();
        let memory = &mut memory.costs;
        cost::count_due(&*self.ledger, &self.config.fleet, memory, &unsettled, now).await?;
        let mut facts = Vec::new();
        let periods = periods(&self.config.budget, now);
        let is_due = !periods.is_empty() && memory.judged_at.is_none_or(|at| now >= at + JUDGE_EVERY);
        if is_due {
            memory.judged_at = Some(now);
        }
        for period in periods {
            let told = memory.budgets.get(&period.name);
            let is_again = told.is_some_and(|(_, by)| by == event);
            if is_due || is_again {
                let spent = self.spent(&period, now).await?;
                facts.extend(self.judge(&period, spent, memory, event));
            }
        }
        facts.extend(self.digest(memory, event, now).await?);
        Ok(facts)
    }

    /// In a period up to now, in millionths of a USD.
    async fn spent(&self, period: &Period, now: Timestamp) -> Result<u64, FunctionError> {
        let spent = cost::spent(&*self.ledger, &self.config.fleet, period.within.clone(), now).await?;
        Ok(spent.values().map(|sums| sums.total().micro_usd).sum())
    }

    fn judge(
        &self,
        period: &Period,
        micro_usd: u64,
        memory: &mut cost::CostMemory,
        event: &str,
    ) -> Option<Fact> {
        let percent = period.reached(micro_usd, &self.config.budget.alert_percent)?;
        let is_told =
            memory.budgets.get(&period.name).is_some_and(|(told, by)| *told >= percent && by != event);
        if is_told {
            return None;
        }
        // What was told of a month or a day before it is of no use any more.
        let is_same_kind = |name: &str| name.len() == period.name.len();
        memory.budgets.retain(|name, _| *name == period.name || !is_same_kind(name));
        memory.budgets.insert(period.name.clone(), (percent, event.to_owned()));
        let (period, budget_usd) = (period.name.clone(), period.budget_usd);
        Some(BudgetReached { period, percent, budget_usd, spent_usd: usd(micro_usd) }.into())
    }

    async fn digest(
        &self,
        memory: &mut cost::CostMemory,
        event: &str,
        now: Timestamp,
    ) -> Result<Option<Fact>, FunctionError> {
        let Some(day) = self.config.notify.digest.as_ref().and_then(|time| time.due(now)) else {
            return Ok(None);
        };
        if memory.digest.as_ref().is_some_and(|(told, by)| *told >= day.name() && by != event) {
            return Ok(None);
        }
        let digest = self.report(&day, now).await?;
        memory.digest = Some((day.name(), event.to_owned()));
        Ok(Some(DayReported { digest }.into()))
    }

    async fn report(&self, day: &DigestDay, now: Timestamp) -> Result<Digest, FunctionError> {
        let within = day.before.start..day.within.end;
        let spent = cost::spent(&*self.ledger, &self.config.fleet, within, now).await?;
        let mut sums = Sums::default();
        spent.range(day.within.clone()).for_each(|(_, hour)| sums.merge(hour));
        let hint = cost::hints(&sums, &self.config.prices).into_iter().next();
        Ok(Digest::of(day, &spent, hint.map(|hint| hint.text)))
    }
}
