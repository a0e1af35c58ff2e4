//! Reading, and remembering what ended.

use std::collections::HashMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::ledger::{Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};

use super::rows::Rows;
use super::{
    Counts, Cut, DAY, MOST_ENDED, MOST_OPEN, MOST_SHOWN, Overview, capacity, cost, failures, images, job,
    midnight, pools, runner, starts,
};

/// How many ended rows are looked at first: enough for a page.
const FIRST_ENDED: usize = 2 * MOST_SHOWN;
/// How many of them are looked at by a reader that knows the rest.
const NEWEST_ENDED: usize = 50;

/// Reads a fleet again and again. It remembers what ended, so that each reading but the first asks the ledger only for
/// what is open and what ended since: on AWS rows cost money.
#[derive(Debug, Default)]
pub struct Reader {
    ended: HashMap<Key, Stored<Record>>,
    is_whole: bool,
}

/// What one reading fetched.
struct Fetched {
    open: Vec<Record>,
    images: Vec<Record>,
    cut: Cut,
}

impl Reader {
    /// Reads the fleet as it is now.
    ///
    /// # Errors
    /// Those of the ledger. What was remembered stays.
    pub async fn read(
        &mut self,
        ledger: &dyn Ledger,
        config: &Config,
        now: Timestamp,
    ) -> Result<Overview, LedgerError> {
        let fetched = self.fetch(ledger, now).await?;
        let ended = self.newest_first();
        let rows = Rows::of(&fetched.open, &fetched.images, ended.iter().copied());
        let limits = capacity::read(ledger, config, &rows, now).await?;
        let pause = fetched.open.iter().find_map(|row| capacity::pause(row, now));
        let runners = runner::lines(&rows, &config.prices);
        let jobs = job::lines(&rows, now);
        Ok(Overview {
            at: now,
            fleet: config.fleet.to_string(),
            counts: counts(&rows, now),
            images: images::lines(&rows, config.images.rebuild_after, now),
            capacity: limits.gauges,
            pools: pools::lines(config, &rows, now),
            pause,
            breaker: limits.breaker,
            queue_to_start: starts::read(&rows, now),
            failures: failures::lines(&rows, now),
            cost: cost::today(&rows, &config.prices, now),
            cut: fetched.cut,
            jobs,
            runners,
        })
    }

    async fn fetch(&mut self, ledger: &dyn Ledger, now: Timestamp) -> Result<Fetched, LedgerError> {
        // In the order in which rows move: one that moves on in between is read twice rather than not at all, and its
        // older version is forgotten below.
        let mut open = ledger.list(Index::Unmatched, MOST_OPEN).await?;
        let active = ledger.list(Index::Active, MOST_OPEN).await?;
        self.look_at_ended(ledger, now).await?;
        let images = ledger.list(Index::Images, MOST_OPEN).await?;
        let cut = Cut {
            open: open.len() >= MOST_OPEN || active.len() >= MOST_OPEN,
            images: images.len() >= MOST_OPEN,
            ended_since: self.ended_since(now),
        };
        open.extend(active);
        let mut newest: HashMap<Key, Stored<Record>> = HashMap::new();
        for row in open {
            let key = row.value.key();
            let known = newest.get(&key).or_else(|| self.ended.get(&key));
            if known.is_some_and(|known| known.version >= row.version) {
                continue;
            }
            newest.remove(&key);
            self.ended.remove(&key);
            // A job that ended comes among the ended only when GitHub was told of it: far behind the newest by then.
            let has_ended = matches!(&row.value, Record::Job(job) if !job.is_open());
            let place = if has_ended { &mut self.ended } else { &mut newest };
            place.insert(key, row);
        }
        let open = newest.into_values().map(|row| row.value).collect();
        Ok(Fetched { open, images: images.into_iter().map(|row| row.value).collect(), cut })
    }

    /// Reads what ended, newest first, until it comes to what it knows, or to what ended a day ago.
    async fn look_at_ended(&mut self, ledger: &dyn Ledger, now: Timestamp) -> Result<(), LedgerError> {
        let mut limit = if self.is_whole { NEWEST_ENDED } else { FIRST_ENDED };
        loop {
            let rows = ledger.list(Index::Ended, limit).await?;
            let is_all = rows.len() < limit;
            // Rows come a little late and out of order into an index, so more than the last has to be known.
            let is_known = self.is_whole && rows[rows.len() / 2..].iter().all(|row| self.knows(row));
            let is_far = rows.last().is_some_and(|last| ended_before(&last.value, now - DAY));
            if is_all || is_known || is_far || limit >= MOST_ENDED {
                self.ended.extend(rows.into_iter().map(|row| (row.value.key(), row)));
                self.is_whole = true;
                self.forget_oldest();
                return Ok(());
            }
            limit = (limit * 2).min(MOST_ENDED);
        }
    }

    fn knows(&self, row: &Stored<Record>) -> bool {
        self.ended.get(&row.value.key()).is_some_and(|known| known.version == row.version)
    }

    fn forget_oldest(&mut self) {
        if self.ended.len() > MOST_ENDED {
            let mut times: Vec<Timestamp> = self.ended.values().map(|row| sort_time(&row.value)).collect();
            times.sort_unstable_by(|a, b| b.cmp(a));
            let oldest = times[MOST_ENDED - 1];
            self.ended.retain(|_, row| sort_time(&row.value) >= oldest);
        }
    }

    /// Since when everything that ended is known, if that is less than a day.
    fn ended_since(&self, now: Timestamp) -> Option<Timestamp> {
        let oldest = self.ended.values().map(|row| sort_time(&row.value)).min()?;
        (self.ended.len() >= MOST_ENDED && oldest > now - DAY).then_some(oldest)
    }

    fn newest_first(&self) -> Vec<&Record> {
        let mut rows: Vec<&Record> = self.ended.values().map(|row| &row.value).collect();
        rows.sort_by_cached_key(|row| (std::cmp::Reverse(sort_time(row)), row.key()));
        rows
    }
}

fn sort_time(row: &Record) -> Timestamp {
    match row {
        Record::Job(job) => job.changed_at,
        Record::Runner(runner) => runner.changed_at,
        _ => Timestamp::MIN,
    }
}

fn ended_before(row: &Record, time: Timestamp) -> bool {
    sort_time(row) < time
}

fn counts(rows: &Rows<'_>, now: Timestamp) -> Counts {
    use job::JobPhase as Job;
    use runner::RunnerPhase as Runner;
    let mut counts = Counts::default();
    let today = midnight(now);
    for row in rows.jobs() {
        let is_today = row.ended_at().is_some_and(|at| at >= today);
        match Job::of(row) {
            Job::Waiting => counts.waiting += 1,
            Job::Starting => counts.starting += 1,
            Job::Running => counts.running += 1,
            Job::Rejected | Job::Expired => counts.refused_today += usize::from(is_today),
            Job::Succeeded => {
                counts.finished_today += usize::from(is_today);
                counts.succeeded_today += usize::from(is_today);
            }
            Job::Failed | Job::Ended => counts.finished_today += usize::from(is_today),
        }
    }
    for row in &rows.open_runners {
        match Runner::of(row) {
            Runner::Starting => counts.runners_starting += 1,
            Runner::Idle => counts.runners_idle += 1,
            Runner::Busy => counts.runners_busy += 1,
            Runner::Leaving | Runner::Done | Runner::Failed => {}
        }
    }
    counts
}
