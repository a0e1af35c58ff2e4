//! A day in the life of a fleet, for pictures: everything that the page can show.

use std::collections::BTreeSet;

use fleetfoot_model::base::{Base, BaseState, Resolved, Serving};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::image_key::{ImageMode, Recipe};
use fleetfoot_model::job::Waiting;
use fleetfoot_model::ports::{BaseImage, TaskImage, Tickets as _};
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::runner::{Registration, Reservation, Runner, RunnerState, Scope, StopReason};
use fleetfoot_model::spec::{Arch, Label};
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_shell::clock::SeededTickets;

use crate::world::World;

const REPOSITORIES: [&str; 5] =
    ["acme/storefront", "acme/payments-api", "acme/infra", "acme/mobile", "acme/search"];
const NAMES: [&str; 7] = [
    "test (3.12, ubuntu-22.04)",
    "lint",
    "build / linux-arm64",
    "integration tests",
    "deploy preview",
    "e2e / checkout flow",
    "docs",
];
const LABELS: [&[&str]; 5] = [
    &["self-hosted", "class:medium"],
    &["self-hosted", "class:small", "spot"],
    &["self-hosted", "class:large"],
    &["self-hosted", "class:medium", "image:ubuntu:22.04"],
    &["self-hosted"],
];
/// Ids of jobs as GitHub gives them.
const FIRST: u64 = 48_213_370_100;

fn labels(n: u64) -> Vec<Label> {
    pick(&LABELS, n).iter().map(|label| label.parse().expect("a label")).collect()
}

fn pick<T: Copy>(of: &[T], n: u64) -> T {
    of[usize::try_from(n).expect("a small number") % of.len()]
}

fn seconds(n: u64) -> SignedDuration {
    SignedDuration::from_secs(n.cast_signed())
}

async fn queue(world: &World, n: u64, at: Timestamp) -> u64 {
    let (id, repository) = (FIRST + 7 * n, pick(&REPOSITORIES, n * n + n / 3));
    let page = format!("https://github.com/{repository}/actions/runs/1/job/{id}");
    world.queue(id, repository, pick(&NAMES, n), labels(n), &page, at).await;
    id
}

pub(crate) async fn fill(world: &World, now: Timestamp) {
    for n in 0..90 {
        let queued = now - seconds(420 + 37 * n);
        let id = queue(world, n, queued).await;
        world.launch(id, queued + seconds(1)).await;
        let wait = 18 + (n * 7) % 19 + if n % 23 == 5 { 70 } else { 0 };
        world.start(id, queued + seconds(wait)).await;
        let conclusion = match n % 18 {
            3 => "failure",
            11 => "cancelled",
            _ => "success",
        };
        world.finish(id, conclusion, queued + seconds(wait + 150 + (n * 31) % 220)).await;
    }
    for n in 100..119 {
        let queued = now - seconds(40 + (n - 100) * 33);
        let id = queue(world, n, queued).await;
        world.launch(id, queued + seconds(1)).await;
        world.start(id, queued + seconds(22 + n % 9)).await;
    }
    for n in 120..124 {
        let id = queue(world, n, now - seconds((n - 119) * 6)).await;
        world.launch(id, now - seconds((n - 119) * 6 - 1)).await;
    }
    for n in 130..136 {
        let id = queue(world, n, now - seconds(150 - (n - 130) * 17)).await;
        let waiting = Waiting::capacity(&Counter::Runners, 24);
        world.change(id, |job| job.wait(waiting, now - seconds(100))).await;
    }
    trouble(world, now).await;
    images(world, now).await;
    warm(world, now).await;
}

async fn trouble(world: &World, now: Timestamp) {
    for n in 140..142 {
        let id = queue(world, n, now - seconds(500 + n)).await;
        let reason =
            "class:mediun is no class of this fleet: large, medium and small are; did you mean class:medium?";
        world.change(id, |job| job.reject(reason, now - seconds(480 - n))).await;
    }
    for n in 150..153 {
        let id = queue(world, n, now - seconds(2_000 + n)).await;
        world.launch(id, now - seconds(1_998 + n)).await;
        let reason = StopReason::NeverStarted {
            reason: "CannotPullContainerError: the image manifest could not be pulled after 5 tries"
                .to_owned(),
        };
        world.stop_runner(id, reason, now - seconds(1_800 + n)).await;
        world
            .change(id, |job| job.finish("cancelled", None, now - seconds(1_700), now - seconds(1_700)))
            .await;
    }
}

async fn images(world: &World, now: Timestamp) {
    let states = [
        ("ubuntu:22.04", BaseState::Making, ImageState::Building { build: None, until: now + seconds(900) }),
        ("node:22-bookworm", BaseState::Served, ready(now)),
        ("registry.acme.example/ci/ruby:3.3", BaseState::Making, failed(now)),
    ];
    for (n, (name, state, made)) in states.into_iter().enumerate() {
        let digits = n.to_string().repeat(64);
        let base_image =
            BaseImage { digest: format!("sha256:{digits}").parse().expect("a digest"), uri: name.to_owned() };
        let image_key = digits.parse().expect("a key");
        let served = TaskImage { uri: name.to_owned(), injector: None };
        let mut base = Base::new(name.parse().expect("a reference"), Arch::X64, now - seconds(86_400));
        let recipe = Recipe::current(ImageMode::Build);
        base.resolved =
            Some(Resolved { base: base_image, image: digits.parse().expect("a key"), recipe, at: now });
        base.serving =
            (n > 0).then(|| Serving { by: image_key, image: served, since: now - seconds(86_400) });
        base.state = state;
        base.changed_at = now - seconds(80);
        if n == 0 {
            let id = queue(world, 160, now - seconds(75)).await;
            let key = base.key.clone();
            world.change(id, |job| job.wait(Waiting::Image { key }, now - seconds(74))).await;
        }
        let image = Image {
            key: digits.parse().expect("a key"),
            image: base.image.clone(),
            base: name.to_owned(),
            arch: Arch::X64,
            mode: ImageMode::Build,
            wanted_by: BTreeSet::from([base.key.clone()]),
            repository: None,
            is_counted: false,
            unused_since: None,
            state: made,
            serving: None,
            builds: 1,
            changed_at: now - seconds(80),
        };
        world.put(base).await;
        world.put(image).await;
    }
}

fn ready(now: Timestamp) -> ImageState {
    ImageState::Ready { uri: "an image".to_owned(), since: now - seconds(86_400) }
}

fn failed(now: Timestamp) -> ImageState {
    let reason = "step 3 of 9: Unable to locate package libpq5-dev".to_owned();
    ImageState::Failed { reason, until: now + seconds(600) }
}

/// One warm runner is there.
async fn warm(world: &World, now: Timestamp) {
    let class = "small".parse().expect("a class");
    let reservation = Reservation {
        name: "ff-pool-office-31".parse().expect("a runner's name"),
        pool: Some("office".parse().expect("a pool's name")),
        job: None,
        scope: Scope::Organization("acme".parse().expect("an owner")),
        spec: world.config.classes[&class].spec(&class),
        labels: vec!["self-hosted".parse().expect("a label")],
        counters: Vec::new(),
        register_by: now,
    };
    let mut runner = Runner::reserve(reservation, &SeededTickets::new(1).draw(), now - seconds(1_500));
    runner.started_at = Some(now - seconds(1_490));
    runner.registration = Registration::Present;
    runner.move_to(RunnerState::Registered, now - seconds(1_470), "registered at GitHub");
    world.put(runner).await;
}
