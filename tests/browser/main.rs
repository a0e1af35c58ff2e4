//! The dashboard, driven in a real Chromium: each test is a story of `stories/`, told in JavaScript to Playwright, against
//! a real server over a ledger in memory. A story asks for what is to happen in the fleet by a line of JSON.
//!
//! `FLEETFOOT_SCREENSHOTS=1 cargo test -p fleetfoot-browser-tests pictures` makes the pictures in `docs/` anew.

mod chromium;
mod showcase;
mod world;

use std::path::Path;
use std::process::Stdio;

use fleetfoot_tests::tools;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use world::World;

macro_rules! stories {
    ($($story:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $story() {
            play(stringify!($story)).await;
        })*
    };
}

stories! {
    a_job_appears_moves_and_ends_without_reload
    a_job_has_a_timeline_that_a_link_leads_to
    a_lost_connection_is_shown_and_recovers
    a_thousand_jobs_stay_smooth
    everything_works_with_the_keyboard
    hostile_names_and_labels_are_harmless
    it_fits_a_phone
    it_is_legible_in_light_and_dark_and_with_a_screen_reader
    only_what_is_searched_for_is_shown
    pictures
}

/// Plays one story: its lines of JSON are done to the world, everything else is printed.
#[expect(clippy::print_stdout, reason = "a story tells its figures")]
async fn play(story: &str) {
    let (programs, packages) = (tools::node_programs(), tools::node());
    let chromium = chromium::path();
    let mut world = World::begin().await;
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("stories/main.mjs");
    let mut node = Command::new(programs.join("node"))
        .arg(main)
        .arg(story)
        .env("CHROMIUM", chromium)
        .env("PACKAGES", packages)
        .env("ADDRESS", world.address())
        .env("DOCS", tools::root().join("docs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node can be started");
    let mut to = node.stdin.take().expect("it has an input");
    let mut lines = BufReader::new(node.stdout.take().expect("it has an output")).lines();
    while let Some(line) = lines.next_line().await.expect("it prints text") {
        match serde_json::from_str(&line) {
            Ok(act) => {
                let answer = world.act(act).await;
                to.write_all(format!("{}\n", json!({ "done": answer })).as_bytes())
                    .await
                    .expect("it listens");
            }
            Err(_) => println!("{line}"),
        }
    }
    let ended = node.wait().await.expect("it ends");
    assert!(ended.success(), "{story}: {ended}");
}
