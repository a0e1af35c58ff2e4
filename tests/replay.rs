//! Everything is delivered at least once: each function gives the same answer when it is woken twice by the same event.
//!
//! Whatever the template subscribes a function to, it is given twice, in a world in which nothing ever happened and in
//! one that the samples speak of. Nothing of the first answer is published in between: that is how it is when a function
//! dies before its answer is kept.

use std::collections::BTreeSet;

use fleetfoot_local::bus::Outcome;
use fleetfoot_model::base::{Base, BaseState, Resolved};
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, ImageRequested, JobDescription};
use fleetfoot_model::ids::{BaseKey, JobId};
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::image_key::{ImageMode, Recipe};
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::pause::Pause;
use fleetfoot_model::ports::{BaseImage, BuildRequest};
use fleetfoot_model::record::{Image, ImageState, Index};
use fleetfoot_model::spec::Arch;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_tests::samples::{self, Sample};
use fleetfoot_tests::world::{Plan, World, order, text_of};

/// What each sample leads to in the prepared world, by the function that is woken.
const ANSWERS: &[(&str, &str, &[&str])] = &[
    ("foreign/codebuild/failed", "image-build", &["ImageFailed"]),
    ("foreign/codebuild/succeeded", "image-build", &["ImageReady"]),
    ("foreign/ecs/task-running", "task-state", &["RunnerStarted"]),
    ("foreign/ecs/task-spot-interruption", "task-state", &["RunnerInterrupted"]),
    ("foreign/ecs/task-stopped", "task-state", &["RunnerStopped", "JobQueued"]),
    ("image-failed", "launch", &["JobRejected"]),
    ("image-ready", "launch", &["JobQueued"]),
    ("image-requested", "image-build", &["ImageBuildStarted"]),
    ("job-completed", "job-state", &["JobFinished"]),
    ("job-matched", "pool", &["RunnerWanted", "RunnerWanted"]),
    ("job-queued", "launch", &["RunnerLaunched"]),
    ("job-started", "job-state", &["RunnerBusy"]),
    ("launches-paused", "launch", &["JobQueued", "LaunchesPaused"]),
    // A row is all that comes of it.
    ("run-requested", "job-state", &[]),
    ("runner-busy", "pool", &["RunnerWanted", "RunnerWanted"]),
    ("runner-stopped", "launch", &["RunnerLaunched", "RunnerLaunched"]),
    ("runner-stopped", "pool", &["RunnerWanted", "RunnerWanted"]),
    ("runner-wanted", "launch", &["RunnerLaunched"]),
];

/// What is done is not told again, only what is left to do: if the function dies in between, `cleanup` finds the row that
/// nobody was told of. The second answer is a part of the first.
const ONCE: &[(&str, &str)] = &[
    ("foreign/ecs/task-stopped", "task-state"),
    ("image-failed", "launch"),
    ("launches-paused", "launch"),
    ("runner-stopped", "launch"),
];

fn sample(name: &str) -> Sample {
    let found = samples::events().into_iter().find(|sample| sample.name == name);
    found.unwrap_or_else(|| panic!("there is no sample {name}"))
}

fn empty() -> World {
    let pool = "[[pools]]\nname = \"day\"\nlabels = [\"self-hosted\", \"class:large\"]\nsize = 2\n";
    Plan::new(1).with(pool).world()
}

/// A world in which the job of the samples has a runner on its way, one job waits for capacity and one for the image of
/// the samples, which has just been built, and one whose turn after a pause has come.
fn prepared() -> World {
    let world = empty();
    let now = world.now();
    let requested = sample("image-requested").event.fact();
    let Ok(Fact::ImageRequested(requested)) = requested else { panic!("{requested:?}") };
    let ImageRequested { key, image, arch, .. } = requested;
    let built = image_being_built(&key, image.clone(), arch, now);
    let Image { key: image_key, base: uri, mode, .. } = built.clone();
    let request =
        BuildRequest { key: image_key.clone(), image: image.clone(), base: uri.clone(), arch, mode };
    world.images().build(now, &request).expect("the builder starts it");
    world.images().due(now + SignedDuration::from_mins(10));
    let base = BaseImage { digest: format!("sha256:{key}").parse().expect("a digest"), uri };
    let resolved = Resolved { base, image: image_key, recipe: Recipe::current(mode), at: now };
    let base = Base { state: BaseState::Making, resolved: Some(resolved), ..Base::new(image, arch, now) };
    assert_eq!(base.key, key, "the sample has the key of its image");
    world.keep(base);
    world.keep(built);
    for delivery in world.take_deliveries_of(&sample("job-queued")) {
        assert_eq!(facts(&world.invoke(&delivery)), ["RunnerLaunched"]);
    }
    world.keep(waiting_job(77, "self-hosted image:ubuntu:22.04", Waiting::Image { key }, now));
    world.keep(waiting_job(78, "self-hosted", Waiting::Capacity { limit: "two".to_owned() }, now));
    let (until, reason) = (now - SignedDuration::from_mins(1), "task launches a second".to_owned());
    world.keep(waiting_job(79, "self-hosted", Waiting::Throttled { until, reason: reason.clone() }, now));
    world.keep(Pause { until: Some(until), reason, turn: 1, turned_at: None, called: Vec::new() });
    world
}

/// The image of the builder's samples.
fn image_being_built(base: &BaseKey, image: ImageReference, arch: Arch, now: Timestamp) -> Image {
    let detail = sample("foreign/codebuild/failed").event.detail;
    let variables = &detail["additional-information"]["environment"]["environment-variables"];
    let key = variables.as_array().and_then(|all| all.iter().find(|it| it["name"] == "IMAGE_KEY"));
    let key = key.and_then(|key| key["value"].as_str()).expect("a sample names its image");
    let build = detail["build-id"].as_str().expect("a sample names its build").parse().ok();
    Image {
        key: key.parse().expect("a key"),
        base: image.normalized(),
        image,
        arch,
        mode: ImageMode::Build,
        wanted_by: BTreeSet::from([base.clone()]),
        repository: None,
        is_counted: false,
        unused_since: None,
        state: ImageState::Building { build, until: now + SignedDuration::from_hours(1) },
        serving: None,
        builds: 1,
        changed_at: now,
    }
}

fn waiting_job(id: u64, labels: &str, waiting: Waiting, now: Timestamp) -> Job {
    let queued = sample("job-queued").event.fact();
    let Ok(Fact::JobQueued(queued)) = queued else { panic!("{queued:?}") };
    let labels = order(labels).labels;
    let mut job = Job::new(JobDescription { id: JobId(id), labels, created_at: now, ..queued.job }, now);
    job.wait(waiting, now);
    job
}

fn facts(outcome: &Outcome) -> Vec<&str> {
    assert_eq!(outcome.failures, [], "it was handled");
    outcome.emission.facts.iter().map(|fact| fact.detail_type.as_str()).collect()
}

/// What waits and what runs, as it is written.
fn rows(world: &World) -> BTreeSet<String> {
    let indexes = [Index::Unmatched, Index::Active, Index::Images, Index::Ended];
    indexes.into_iter().flat_map(|index| world.rows(index)).map(|row| text_of(&row)).collect()
}

/// Whether the second answer may be less than the first. It is never more.
fn is_done_once(sample: &str, function: &str) -> bool {
    ONCE.iter().any(|(of, by)| (*of, *by) == (sample, function))
}

/// The facts of an answer, as they are told.
fn told(outcome: &Outcome) -> BTreeSet<String> {
    outcome.emission.facts.iter().map(|fact| format!("{} {}", fact.detail_type, without_meta(fact))).collect()
}

fn without_meta(event: &Envelope) -> String {
    let mut detail = event.detail.clone();
    detail.as_object_mut().expect("a detail is an object").remove("meta");
    detail.to_string()
}

#[test]
fn every_function_answers_an_event_that_comes_twice_as_it_did_the_first_time() {
    let mut answered = Vec::new();
    for sample in samples::events() {
        for (world, is_prepared) in [(empty(), false), (prepared(), true)] {
            for delivery in world.take_deliveries_of(&sample) {
                let (first, after_first) = (world.invoke(&delivery), rows(&world));
                let (second, after_second) = (world.invoke(&delivery), rows(&world));
                let what = format!("{} by {}", sample.name, delivery.function);
                assert_eq!(after_first, after_second, "{what}: the second time changes no row");
                if is_prepared && is_done_once(&sample.name, &delivery.function) {
                    assert!(told(&second).is_subset(&told(&first)) && first != second, "{what}");
                } else {
                    assert_eq!(first, second, "{what}");
                }
                if is_prepared {
                    answered.push(format!("{what}: {:?}", facts(&first)));
                }
            }
        }
    }
    let expected: Vec<String> = ANSWERS
        .iter()
        .map(|(sample, function, facts)| format!("{sample} by {function}: {facts:?}"))
        .collect();
    answered.sort();
    assert_eq!(answered, expected);
}

/// What a schedule wakes looks at everything. When it has mended what it can, it says the same again and again: what
/// others have yet to do.
#[test]
fn every_function_answers_a_schedule_that_fires_again_with_nothing_new() {
    for (world, mends_within) in [(empty(), 1), (prepared(), 3)] {
        world.clock.advance(SignedDuration::from_hours(1));
        let deliveries = world.take_deliveries();
        let scheduled = deliveries.iter().filter(|delivery| delivery.function != "launch");
        let mut woken = BTreeSet::new();
        for delivery in scheduled {
            let answers: Vec<Outcome> = (0..mends_within).map(|_| world.invoke(delivery)).collect();
            let rows_before = rows(&world);
            assert_eq!(answers.last(), Some(&world.invoke(delivery)), "{}", delivery.function);
            assert_eq!(rows_before, rows(&world), "{}", delivery.function);
            woken.insert(delivery.function.as_str());
        }
        assert_eq!(woken, BTreeSet::from(["alarm", "cleanup", "image-build", "pool"]));
    }
}

/// GitHub's deliveries, signed, in a fleet that serves their repositories.
#[test]
fn a_webhook_that_comes_twice_is_answered_twice_with_the_same_facts() {
    let mut plan = Plan::new(1).with("[repositories]\nallow = [\"*/*\"]\n");
    plan.target = "organization = \"octo-org\"".to_owned();
    let world = plan.world();
    let mut accepted = 0;
    for (name, body) in samples::texts("foreign/github") {
        let event = name.trim_start_matches("foreign/github/").replace('-', "_");
        let event = ["workflow_job", "workflow_run", "ping"].into_iter().find(|it| event.starts_with(it));
        let event = event.unwrap_or_else(|| panic!("{name} is of no known event"));
        let told_before = published(&world).len();
        let first = world.post_signed(event, body.as_bytes());
        let told_first = published(&world).split_off(told_before);
        let second = world.post_signed(event, body.as_bytes());
        let told_second = published(&world).split_off(told_before + told_first.len());
        assert_eq!((first.status, &first.body), (second.status, &second.body), "{name}");
        assert_eq!(told_first, told_second, "{name}");
        accepted += usize::from(first.status == 202 && !told_first.is_empty());
    }
    assert!(accepted >= 3, "only {accepted} of the samples mean anything to a fleet");
}

/// Everything on the fleet's bus, without the ids: a person's request has no id of its own.
fn published(world: &World) -> Vec<String> {
    let history = world.bus.history(0, usize::MAX).expect("the bus answers");
    history.iter().map(|it| format!("{} {}", it.envelope.detail_type, without_meta(&it.envelope))).collect()
}

/// The topic: what comes twice is posted once.
#[test]
fn a_message_of_the_topic_that_comes_twice_is_posted_once() {
    let world = empty();
    world.take_deliveries();
    for (name, text) in samples::texts("foreign/sns") {
        world.bus.notify(world.now(), text).expect("the bus takes it");
        let deliveries = world.take_deliveries();
        let [delivery] = &deliveries[..] else { panic!("{name}: {deliveries:?}") };
        assert_eq!(delivery.function, "alarm");
        let first = world.invoke(delivery);
        let messages = world.slack.messages();
        assert_eq!(world.invoke(delivery), first, "{name}");
        assert_eq!(world.slack.messages(), messages, "{name}");
    }
    assert!(world.slack.messages().len() >= 5);
}
