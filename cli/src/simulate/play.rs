//! Plays every seed, on as many processors as there are.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::record::Record;
use fleetfoot_simulation::invariants::Violation;
use fleetfoot_simulation::measure::Figures;
use fleetfoot_simulation::plot::Timeline;
use fleetfoot_simulation::run::Scenario;
use fleetfoot_simulation::shrink::{Shortest, shrink};
use fleetfoot_simulation::watch::{Happening, Watch};

use super::base::{Base, Seeds};
use crate::arguments::Format;
use crate::failure::Failure;
use crate::progress::{Counter, Progress};

/// What every seed came to.
pub(crate) struct Played {
    pub(crate) figures: Figures,
    /// Of the first seed.
    pub(crate) timeline: Timeline,
    /// Seeds that broke an invariant, with the first that each broke.
    pub(crate) broken: Vec<(u64, Violation)>,
    /// The first of them, as short as it can be.
    pub(crate) shortest: Option<Shortest>,
}

#[derive(Default)]
struct Together {
    figures: Figures,
    timeline: Option<Timeline>,
    broken: Vec<(u64, Violation)>,
    done: u64,
}

/// Counts jobs as they end.
struct Ends {
    seen: HashSet<JobId>,
    counter: Counter,
}

impl Watch for Ends {
    fn happened(&mut self, _: Timestamp, what: &Happening<'_>) {
        let Happening::Written(rows) = what else { return };
        for row in *rows {
            if let Record::Job(job) = &row.value
                && !job.is_open()
                && self.seen.insert(job.description.id)
            {
                self.counter.step();
            }
        }
    }
}

pub(crate) fn play(base: &Base, seeds: Seeds, format: Format) -> Result<Played, Failure> {
    let total = seeds.all().count() as u64;
    let next = AtomicU64::new(seeds.first());
    let together = Mutex::new(Together::default());
    let (steps, what) =
        if total == 1 { (base.jobs(), "jobs have ended") } else { (total, "seeds were played") };
    let progress = Progress::steps(usize::try_from(steps).unwrap_or(usize::MAX), what, format);
    // Jobs are counted where there is one run only.
    let ends = || (total == 1).then(|| Ends { seen: HashSet::new(), counter: progress.counter() });
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.all().contains(&seed) {
                return;
            }
            play_one(base, seed, seed == seeds.first(), ends(), &together);
            if total > 1 {
                progress.step();
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        (0..workers).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut together = together.into_inner().unwrap_or_else(PoisonError::into_inner);
    if together.done < total {
        return Err(Failure::new(format!("{} of {total} seeds could not be played", total - together.done))
            .hint("the lines above say what happened; it is a mistake of the simulator"));
    }
    together.broken.sort_by_key(|(seed, _)| *seed);
    let shortest = together.broken.first().map(|(seed, _)| {
        progress.says("were played; looking for the shortest way to what is broken");
        let scenario: Scenario = base.scenario(*seed);
        let outcome = scenario.play();
        shrink(&scenario, outcome)
    });
    Ok(Played {
        figures: together.figures,
        timeline: together.timeline.unwrap_or_default(),
        broken: together.broken,
        shortest,
    })
}

fn play_one(base: &Base, seed: u64, is_first: bool, ends: Option<Ends>, together: &Mutex<Together>) {
    let ends = ends.map(|ends| Arc::new(Mutex::new(ends)) as Arc<Mutex<dyn Watch>>);
    let (outcome, figures, meter) = base.scenario(seed).measure(ends);
    let mut told = BTreeSet::new();
    let broken = outcome.violations.into_iter().filter(|it| told.insert(it.invariant));
    let mut together = together.lock().unwrap_or_else(PoisonError::into_inner);
    together.broken.extend(broken.map(|violation| (seed, violation)));
    together.figures.add(figures);
    together.done += 1;
    if is_first {
        together.timeline = Some(meter.timeline);
    }
}
