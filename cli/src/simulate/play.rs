//! Plays every seed, on as many processors as there are.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use fleetfoot_simulation::invariants::Violation;
use fleetfoot_simulation::measure::Figures;
use fleetfoot_simulation::plot::Timeline;
use fleetfoot_simulation::run::Scenario;
use fleetfoot_simulation::shrink::{Shortest, shrink};

use super::base::{Base, Seeds};
use crate::failure::Failure;
use crate::output;

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

pub(crate) fn play(base: &Base, seeds: Seeds, tells: bool) -> Result<Played, Failure> {
    let total = seeds.all().count() as u64;
    let next = AtomicU64::new(seeds.first());
    let together = Mutex::new(Together::default());
    let tells = tells && total > 1 && std::io::stderr().is_terminal();
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.all().contains(&seed) {
                return;
            }
            play_one(base, seed, seed == seeds.first(), &together);
            if tells {
                let done = together.lock().unwrap_or_else(PoisonError::into_inner).done;
                output::progress(&format!("{done} of {total} seeds"));
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

fn play_one(base: &Base, seed: u64, is_first: bool, together: &Mutex<Together>) {
    let (outcome, figures, meter) = base.scenario(seed).measure();
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
