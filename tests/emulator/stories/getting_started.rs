//! The guide for newcomers, done as it is written: its commands are run by a shell in their order, and print what it says.

use std::fs;
use std::time::{Duration, Instant};

use fleetfoot_model::ids::JobId;
use fleetfoot_stand_in::github::JobOrder;
use fleetfoot_tests::tools::root;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::harness::{Newcomer, Part, Printed, REPOSITORY, STACK, matches, order, parts};

const GUIDE: &str = "docs/getting-started.md";
/// How long a command that only looks is tried again until it sees what the guide says: facts take their time.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(500);
/// Commands that are not run, each with its reason.
const LEFT_OUT: [(&str, &str); 3] = [
    ("git clone", "the checkout is there"),
    ("pip install", "the suite has these tools, in the same versions"),
    ("cargo install", "the suite has built the command"),
];

/// What differs from the guide's own words, each with its reason: the guide's text, and what is run instead.
fn substitutions(newcomer: &Newcomer, job: Option<JobId>) -> Vec<(&'static str, String)> {
    let (github, registry) = (&newcomer.github.address, &newcomer.registry.address);
    vec![
        // GitHub is a stand-in, nobody's browser is to open, the emulator runs functions of this machine's processor and
        // refuses archives in a template.
        (
            "fleetfoot setup --organization acme",
            format!(
                "fleetfoot setup --organization acme --github-url {github} --no-browser --parameter Architecture=x86_64 \
                 --parameter ArchiveDays=0"
            ),
        ),
        // Registries of base images are a stand-in.
        (
            "[limits]",
            format!(
                "[images.mirrors]\n\"docker.io\" = \"{registry}\"\n\"public.ecr.aws\" = \"{registry}\"\n\n[limits]"
            ),
        ),
        // The number of a job.
        ("JOB", job.map(|job| job.to_string()).unwrap_or_default()),
    ]
}

pub(crate) fn as_it_is_written() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(read_and_do());
}

async fn read_and_do() {
    let guide = fs::read_to_string(root().join(GUIDE)).expect("the guide is there");
    let mut newcomer = Newcomer::start().await;
    let (mut job, mut done) = (None, 0);
    for part in parts(&guide) {
        match part {
            Part::Workflow(text) => job = Some(push(&newcomer, &text)),
            Part::Commands { text, printed } => {
                let lines: Vec<_> = text
                    .lines()
                    .filter(|line| !LEFT_OUT.iter().any(|(it, _)| line.starts_with(it)))
                    .collect();
                let mut text = lines.join("\n");
                for (words, instead) in substitutions(&newcomer, job) {
                    text = text.replace(words, &instead);
                }
                let quoted = printed.as_deref().unwrap_or("...");
                run(&newcomer, &text, quoted).await;
                done += 1;
                if text.contains("setup --organization") {
                    newcomer.connect().await;
                }
            }
        }
    }
    assert!(done > 7, "{done} blocks of commands were found in {GUIDE}");
    nothing_is_left(&newcomer).await;
}

/// Runs commands until they print what is quoted; those that change something are run once.
async fn run(newcomer: &Newcomer, text: &str, quoted: &str) {
    let changes = ["setup", "put", "mkdir", "cat "].iter().any(|word| text.contains(word));
    let began = Instant::now();
    let mut ticks = tokio::time::interval(PAUSE);
    loop {
        ticks.tick().await;
        let (sender, lines) = unbounded_channel();
        let (Printed { succeeded, text: printed }, ()) =
            tokio::join!(async { newcomer.run(text, &{ sender }).await }, play(newcomer, lines));
        if succeeded && matches(quoted, &printed) {
            return;
        }
        assert!(
            !changes && began.elapsed() < PATIENCE,
            "{GUIDE} says\n{text}\nprints\n{quoted}\nand it has printed (success: {succeeded})\n{printed}\n\
             against GitHub's description: {:?}",
            newcomer.github.violations()
        );
    }
}

/// The browser's part, and that of whoever pushes what `setup` has written.
async fn play(newcomer: &Newcomer, mut lines: UnboundedReceiver<String>) {
    while let Some(line) = lines.recv().await {
        if let Some((_, page)) = line.split_once("in your browser: ") {
            newcomer.make_app(page).await;
        } else if let Some((_, page)) = line.split_once("it is to serve: ") {
            newcomer.install_app(page).await;
        } else if line.contains("commit and push") {
            let file = newcomer.at().join(".github/workflows/fleetfoot-test.yml");
            push(newcomer, &fs::read_to_string(file).expect("setup has written a workflow"));
        }
    }
}

/// Somebody pushes a workflow: its first job is queued.
fn push(newcomer: &Newcomer, workflow: &str) -> JobId {
    let after =
        |words: &str| workflow.lines().find_map(|line| line.trim().strip_prefix(words)).map(str::trim);
    let labels = after("runs-on:").expect("the workflow has a job").trim_matches(['[', ']']);
    let labels: Vec<_> = labels.split(',').map(str::trim).collect();
    let order = JobOrder { workflow: after("name:").unwrap_or("CI").to_owned(), ..order(&labels) };
    assert_eq!(order.repository.as_str(), REPOSITORY);
    newcomer.github.queue(order)
}

async fn nothing_is_left(newcomer: &Newcomer) {
    assert_eq!(newcomer.cloud.live_runners(), Vec::<String>::new());
    assert!(newcomer.github.state().registrations().is_empty());
    assert!(!newcomer.aws.has_stack(STACK).await);
    assert_eq!(newcomer.aws.parameters_below(&format!("/fleetfoot/{STACK}")).await, Vec::<String>::new());
    let github = newcomer.github.state();
    let apps: Vec<_> = github.registered_apps().collect();
    assert!(apps.len() == 1 && apps[0].hook_url.ends_with(".invalid/webhook"), "{apps:?}");
}
