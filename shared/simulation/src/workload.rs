//! The jobs that come: when, from where, and what they are.

mod arrival;
mod trace;

use std::collections::BTreeSet;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::{Config, Target};
use fleetfoot_model::ids::Repository;
use fleetfoot_model::spec::Label;
use fleetfoot_stand_in::Dice;
use fleetfoot_stand_in::github::JobOrder;

pub use arrival::{Arrival, InvalidArrival, Named};
pub use trace::{InvalidTrace, Trace};

/// How many repositories jobs come from, if the configuration does not name them.
const REPOSITORIES: usize = 20;
/// The shortest and the longest job; drawn evenly on a logarithmic scale, so that half of them take less than three
/// and a quarter minutes.
const RUN_SECONDS: (f64, f64) = (30.0, 1200.0);

/// Later than this nothing comes: time itself must not run out.
const CENTURY: SignedDuration = SignedDuration::from_hours(24 * 36_525);

/// How many jobs are out of the ordinary, as rates from 0.0 to 1.0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Oddities {
    /// Someone cancels it within ten minutes.
    pub cancelled: f64,
    /// It waits for an approval first.
    pub approved: f64,
    /// It asks for an image, if the configuration allows any.
    pub image: f64,
}

impl Oddities {
    /// Every job is ordinary.
    pub const NONE: Self = Self { cancelled: 0.0, approved: 0.0, image: 0.0 };
    /// As in a busy week.
    pub const SOME: Self = Self { cancelled: 0.1, approved: 0.08, image: 0.05 };
}

/// Jobs, one after the other. Each follows from the seed and its number alone, so that some can be left out.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Where chance comes from.
    pub seed: u64,
    /// When they come.
    pub arrival: Arrival,
    /// How many.
    pub jobs: u64,
    /// Which of them are out of the ordinary.
    pub oddities: Oddities,
    /// Only these come, if it is said.
    pub only: Option<BTreeSet<u64>>,
}

/// Where the configuration lets jobs come from, and with which labels.
#[derive(Debug, Clone)]
pub struct Origins {
    repositories: Vec<Repository>,
    labels: Vec<Vec<Label>>,
    images: Vec<Label>,
}

/// A job to come.
#[derive(Debug, Clone)]
pub struct Coming {
    /// When, from the beginning.
    pub after: SignedDuration,
    /// What.
    pub order: JobOrder,
}

impl Origins {
    /// Of a configuration: its repositories, or twenty of its organization, and each of its classes.
    pub fn of(config: &Config) -> Self {
        let repositories = match &config.github.target {
            Target::Repositories(listed) => listed.clone(),
            Target::Organization(owner) => {
                let named = |n: usize| format!("{owner}/repository-{n}").parse().ok();
                (0..REPOSITORIES).filter_map(named).collect()
            }
        };
        let allowed = |repository: &Repository| {
            let allow = &config.repositories.allow;
            allow.is_empty() || allow.iter().any(|pattern| pattern.matcher.is_match(repository.as_str()))
        };
        // Behind a pattern such as acme/web-* there is at least acme/web-1.
        let named = config.repositories.allow.iter().filter_map(|it| it.text.replace('*', "1").parse().ok());
        let mut repositories: Vec<Repository> =
            repositories.into_iter().chain(named).filter(allowed).collect();
        let mut seen = BTreeSet::new();
        repositories.retain(|repository| seen.insert(repository.to_string()));
        repositories.truncate(REPOSITORIES);
        let required = &config.labels.required;
        let of_class = |class: &fleetfoot_model::ids::ClassName| {
            let mut labels = required.clone();
            labels.extend(format!("class:{class}").parse::<Label>().ok());
            labels
        };
        let mut labels: Vec<Vec<Label>> = vec![required.clone()];
        labels.extend(config.classes.keys().map(of_class));
        let images = ["ubuntu:22.04", "ubuntu:24.04"].iter().filter(|image| {
            let full: Option<fleetfoot_model::image::ImageReference> = image.parse().ok();
            full.is_some() && config.images.allow.iter().any(|pattern| pattern.matcher.is_match(image))
        });
        let images = images.filter_map(|image| format!("image:{image}").parse().ok()).collect();
        Self { repositories, labels, images }
    }

    fn pick(&self, dice: &mut Dice) -> Option<(Repository, Vec<Label>)> {
        if self.repositories.is_empty() || self.labels.is_empty() {
            return None;
        }
        // A few repositories bring most of the jobs.
        let (first, second) = (dice.below(self.repositories.len()), dice.below(self.repositories.len()));
        let repository = self.repositories[first.min(second)].clone();
        Some((repository, self.labels[dice.below(self.labels.len())].clone()))
    }
}

impl Workload {
    /// The jobs in the order of their coming.
    pub fn coming(self, origins: Origins) -> impl Iterator<Item = Coming> + Send {
        let Self { seed, arrival, jobs, oddities, only } = self;
        let rows = match &arrival {
            Arrival::Trace(trace) => Some(trace.rows().clone()),
            Arrival::Burst | Arrival::Poisson(_) => None,
        };
        let times = arrival.times(seed, jobs);
        times.enumerate().filter_map(move |(n, after)| {
            let number = n as u64;
            if only.as_ref().is_some_and(|only| !only.contains(&number)) {
                return None;
            }
            let order = match &rows {
                Some(rows) => rows.get(n)?.order.clone(),
                None => invent(seed, number, &oddities, &origins)?,
            };
            Some(Coming { after, order })
        })
    }
}

fn invent(seed: u64, number: u64, oddities: &Oddities, origins: &Origins) -> Option<JobOrder> {
    let mut dice = Dice::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
    let (repository, labels) = origins.pick(&mut dice)?;
    let mut order = JobOrder::new(repository, labels);
    let (least, most) = RUN_SECONDS;
    let seconds = least * (most / least).powf(fraction(&mut dice));
    order.run_for = rounded(seconds);
    let (cancelled, approved, image) =
        (dice.happens(oddities.cancelled), dice.happens(oddities.approved), dice.happens(oddities.image));
    let cancel_after = dice.between(&(SignedDuration::from_secs(1)..=SignedDuration::from_mins(10)));
    order.cancel_after = cancelled.then_some(cancel_after);
    order.needs_approval = approved;
    if image && !origins.images.is_empty() {
        order.labels.push(origins.images[dice.below(origins.images.len())].clone());
    }
    Some(order)
}

/// Evenly from 0 to 1.
fn fraction(dice: &mut Dice) -> f64 {
    let span = SignedDuration::ZERO..=SignedDuration::from_millis(1_000_000);
    dice.between(&span).as_secs_f64() / 1000.0
}

/// Seconds, 0 or more and a century at most, in whole milliseconds: logarithms and powers differ between machines in
/// their last digits, and the same seed gives the same history on all of them.
fn rounded(seconds: f64) -> SignedDuration {
    let seconds = seconds.clamp(0.0, CENTURY.as_secs_f64());
    let nearest = SignedDuration::try_from_secs_f64(seconds + 0.0005).unwrap_or(CENTURY);
    SignedDuration::from_millis_i128(nearest.as_millis())
}

#[cfg(test)]
mod tests;
