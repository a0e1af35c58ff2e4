//! The jobs of the demo.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::Repository;
use fleetfoot_model::spec::Label;
use fleetfoot_stand_in::github::JobOrder;

/// What is to become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It runs and succeeds.
    Runs,
    /// Its labels are refused.
    IsRefused,
    /// Someone cancels it.
    IsCancelled,
}

/// One job.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) part: Part,
    pub(crate) order: JobOrder,
    /// From the job before it.
    pub(crate) after: SignedDuration,
}

/// All jobs, in the order in which they are queued.
#[derive(Debug, Clone)]
pub(crate) struct Cast(pub(crate) Vec<Role>);

const REPOSITORIES: [&str; 3] = ["acme/app", "acme/lib", "acme/site"];
const CLASSES: [&str; 3] = ["class:small", "class:medium", "class:large"];
const NAMES: [&str; 4] = ["build", "test", "lint", "deploy"];
/// Positions of the special jobs. The first with an image has it built, the second waits for the same build, the third
/// finds it there.
const WITH_IMAGE: [usize; 3] = [1, 4, 9];
const REFUSED: usize = 2;
const CANCELLED: usize = 3;

impl Cast {
    /// So many jobs. They differ by their position and the seed alone.
    pub(crate) fn of(jobs: usize, seed: u64) -> Self {
        Self((0..jobs).map(|n| role(n, jobs, seed)).collect())
    }
}

fn role(n: usize, jobs: usize, seed: u64) -> Role {
    let chance = mix(seed, n);
    let third = |shift: u32| usize::try_from((chance >> shift) % 3).unwrap_or(0);
    let class = CLASSES[third(0)];
    let (part, labels) = match n {
        _ if WITH_IMAGE.contains(&n) => (Part::Runs, vec!["self-hosted", class, "image:ubuntu:22.04"]),
        REFUSED => (Part::IsRefused, vec!["self-hosted", "class:mediun"]),
        CANCELLED => (Part::IsCancelled, vec!["self-hosted", class]),
        _ => (Part::Runs, vec!["self-hosted", class]),
    };
    let mut order =
        JobOrder::new(repository(REPOSITORIES[third(8)]), labels.into_iter().filter_map(label).collect());
    order.name = format!("{} {}", NAMES[n % NAMES.len()], n + 1);
    order.run_for = millis(400 + chance % 1_600);
    order.cancel_after = (part == Part::IsCancelled).then(|| millis(40));
    // Many jobs come faster, so that they have to wait for each other.
    let pace = if jobs > 30 { 40 } else { 250 };
    Role { part, order, after: millis(pace / 2 + chance % pace) }
}

fn millis(millis: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// The splitmix64 finalizer: numbers that look like chance and repeat.
fn mix(seed: u64, n: usize) -> u64 {
    let mut z = seed.wrapping_add((n as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[expect(clippy::expect_used, reason = "these are the constants above")]
fn repository(name: &str) -> Repository {
    name.parse().expect("a repository")
}

fn label(text: &str) -> Option<Label> {
    text.parse().ok()
}
