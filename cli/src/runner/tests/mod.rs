//! `runner check` and `runner bump` against a GitHub that remembers.

mod github;

use std::path::PathBuf;

use clap::Parser;
use fleetfoot_model::runner_release::Pin;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::github::{GitHub, release};
use super::{Command, run};
use crate::failure::Exit;
use crate::output::describe;
use crate::testing::assert_documented;
use crate::times::Times;

const BRANCH: &str = "fleetfoot/runner-2.332.0";

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// A checkout, and a GitHub.
struct World {
    folder: TempDir,
    github: GitHub,
}

struct Said {
    data: String,
    rest: String,
    exit: Exit,
}

fn pin() -> String {
    let (x64, arm64) = ("a".repeat(64), "b".repeat(64));
    format!(
        "# Why.\nversion = \"2.330.0\"\npublished = \"2025-11-19\"\n\n[sha256]\nx64 = \"{x64}\"\narm64 = \"{arm64}\"\n"
    )
}

fn releases() -> Vec<Value> {
    // Not in order, as after a fix of an older one.
    vec![release("2.331.0", "2026-01-09"), release("2.332.0", "2026-02-20"), release("2.330.0", "2025-11-19")]
}

impl World {
    async fn new(releases: Vec<Value>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("release.toml"), pin()).unwrap();
        Self { folder, github: GitHub::start(releases, &pin()).await }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("release.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    /// Runs a command line at a time, in a checkout that pins 2.330.0.
    async fn run(&self, line: &str, now: &str) -> Said {
        let mut words: Vec<String> = format!("runner {line}").split(' ').map(str::to_owned).collect();
        words.extend(["--api-url".to_owned(), self.github.address.clone()]);
        if !line.contains("--pull-request") && !line.contains("--file") {
            words.extend(["--file".to_owned(), self.file().display().to_string()]);
        }
        if !line.contains("--github-token") {
            words.extend(["--github-token".to_owned(), String::new()]);
        }
        let Line { command } = Line::try_parse_from(words).unwrap();
        let times = Times { now: now.parse().unwrap(), zone: TimeZone::UTC };
        let plain = |text: &str| {
            let text = anstream::adapter::strip_str(text).to_string();
            let text = text.replace(&self.folder.path().display().to_string(), "[folder]");
            text.replace(&self.github.address, "[github]")
        };
        match run(command, &times).await {
            Ok(answer) => {
                Said { data: plain(&answer.data), rest: plain(&answer.notes.join("\n")), exit: answer.exit }
            }
            Err(failure) => {
                Said { data: String::new(), rest: plain(&describe(&failure)), exit: Exit::Failure }
            }
        }
    }

    async fn propose(&self) -> Said {
        self.run("bump --pull-request acme/fleet --github-token good", "2026-02-21T00:00:00Z").await
    }

    fn writes(&self) -> Vec<String> {
        let asked = self.github.look().asked.clone();
        asked.into_iter().filter(|what| !what.starts_with("GET")).collect()
    }
}

#[tokio::test]
async fn check_tells_how_the_pinned_release_stands_and_scripts_by_the_exit_code() {
    let world = World::new(releases()).await;
    let said = world.run("check", "2026-01-20T12:00:00Z").await;
    assert_eq!(
        said.data,
        "pinned  2.330.0, published 2025-11-19 ([folder]/release.toml)\n\
         newest  2.332.0, published 2026-02-20 12:00:00 (in 31d 0h)\n\
         served  until 2026-02-08 12:00:00 (in 19d 0h)\n"
    );
    assert_eq!((said.rest.as_str(), said.exit), ("", Exit::Success));
    for (now, exit, standing) in [
        ("2026-01-25T11:59:59Z", Exit::Success, "served"),
        ("2026-01-25T12:00:00Z", Exit::Due, "ending"),
        ("2026-02-08T11:59:59Z", Exit::Due, "ending"),
        ("2026-02-08T12:00:00Z", Exit::Due, "ended"),
    ] {
        let said = world.run("check --json", now).await;
        let told: Value = serde_json::from_str(&said.data).unwrap();
        assert_eq!((said.exit, &told["standing"]), (exit, &json!(standing)), "{now}");
    }
}

#[tokio::test]
async fn check_answers_scripts_in_json() {
    let world = World::new(releases()).await;
    let said = world.run("check --json", "2026-01-20T12:00:00Z").await;
    let expected = json!({
        "pinned": "2.330.0", "pinnedAt": "2025-11-19", "file": "[folder]/release.toml",
        "newest": "2.332.0", "newestAt": "2026-02-20T12:00:00Z", "servedUntil": "2026-02-08T12:00:00Z",
        "standing": "served",
    });
    assert_eq!(serde_json::from_str::<Value>(&said.data).unwrap(), expected);
    assert_eq!(
        world.github.look().asked,
        ["GET /repos/actions/runner/releases"],
        "one request, without a token"
    );
}

#[tokio::test]
async fn the_newest_release_is_left_alone() {
    let world = World::new(vec![release("2.330.0", "2025-11-19"), release("2.329.0", "2025-10-14")]).await;
    let said = world.run("check", "2027-01-01T00:00:00Z").await;
    assert!(said.data.ends_with("served  it is the newest\n") && said.exit == Exit::Success, "{}", said.data);
    for said in [world.run("bump", "2027-01-01T00:00:00Z").await, world.propose().await] {
        assert_eq!((said.data.as_str(), said.exit), ("", Exit::Success));
        assert_eq!(said.rest, "2.330.0 is the newest release: nothing is to be done");
    }
    assert_eq!(world.text(), pin());
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn bump_writes_version_day_and_checksums_and_leaves_the_rest() {
    let world = World::new(releases()).await;
    let said = world.run("bump", "2026-02-21T00:00:00Z").await;
    assert_eq!(
        (said.rest.as_str(), said.exit),
        ("[folder]/release.toml: 2.330.0 is now 2.332.0", Exit::Success)
    );
    let text = world.text();
    let pin: Pin = text.parse().unwrap();
    assert_eq!((pin.version.to_string(), pin.published.to_string()), ("2.332.0".into(), "2026-02-20".into()));
    assert_eq!((pin.checksums.x64, pin.checksums.arm64), ("1".repeat(64), "2".repeat(64)));
    assert!(text.starts_with("# Why.\n"), "{text}");
    let again = world.run("bump", "2026-02-21T00:00:00Z").await;
    assert_eq!(again.rest, "2.332.0 is the newest release: nothing is to be done");
    let json: Value =
        serde_json::from_str(&world.run("bump --json", "2026-02-21T00:00:00Z").await.data).unwrap();
    assert_eq!((&json["state"], &json["pinned"]), (&"newest".into(), &"2.332.0".into()));
    assert_documented(&json, &["runner bump"]);
}

#[tokio::test]
async fn a_pull_request_is_opened_once() {
    let world = World::new(releases()).await;
    let said = world.propose().await;
    assert_eq!(said.data, "https://github.test/acme/fleet/pull/1\n");
    assert_eq!(said.rest, "a pull request was opened: 2.330.0 becomes 2.332.0");
    assert!(world.github.look().branches[BRANCH].contains("version = \"2.332.0\""));
    assert_eq!(world.github.look().branches["trunk"], pin(), "nobody but a person merges it");
    assert_eq!(world.text(), pin(), "the checkout is another's");
    let writes = world.writes();
    assert_eq!(writes.len(), 3, "{writes:?}");

    let line = "bump --json --pull-request acme/fleet --github-token good";
    let json: Value = serde_json::from_str(&world.run(line, "2026-02-21T00:00:00Z").await.data).unwrap();
    assert_eq!(json["state"], "open");
    assert_eq!(json["pullRequest"], "https://github.test/acme/fleet/pull/1");
    let again = world.propose().await;
    assert_eq!(again.data, "https://github.test/acme/fleet/pull/1\n");
    assert_eq!((again.rest.as_str(), again.exit), ("its pull request is open already", Exit::Success));
    assert_eq!(world.writes(), writes, "nothing is done twice");
}

#[tokio::test]
async fn a_pull_request_that_broke_off_is_gone_on_with() {
    for done in 0..3 {
        let world = World::new(releases()).await;
        world.github.look().writes_until_trouble = Some(done);
        let said = world.propose().await;
        assert!(said.rest.contains("no pull request can be opened in acme/fleet"), "{}", said.rest);
        assert!(said.rest.contains("was answered 502") && said.exit == Exit::Failure, "{}", said.rest);
        world.github.look().writes_until_trouble = None;
        let said = world.propose().await;
        assert_eq!(
            said.data, "https://github.test/acme/fleet/pull/1\n",
            "after {done} writes: {}",
            said.rest
        );
        assert_eq!(world.github.look().pulls.len(), 1);
        assert!(world.github.look().branches[BRANCH].contains("version = \"2.332.0\""));
    }
}

#[tokio::test]
async fn a_release_without_checksums_is_not_pinned() {
    let mut newest = release("2.332.0", "2026-02-20");
    newest["assets"][1]["digest"] = Value::Null;
    let world = World::new(vec![newest]).await;
    for said in [world.run("bump", "2026-02-21T00:00:00Z").await, world.propose().await] {
        assert_eq!(said.exit, Exit::Failure);
        assert!(
            said.rest.contains("release 2.332.0 tells no checksums that can be trusted"),
            "{}",
            said.rest
        );
    }
    assert_eq!(world.text(), pin());
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn what_goes_wrong_is_told_with_a_remedy() {
    let now = "2026-02-21T00:00:00Z";
    for (trouble, told, hint) in [
        (
            (403, ("x-ratelimit-remaining", "0"), "{\"message\":\"API rate limit exceeded\"}"),
            "rate limit is used up until 2026-02-21T00:01:00Z",
            "hint: try again after 2026-02-21 00:01:00; with GITHUB_TOKEN more",
        ),
        ((500, ("x", "y"), ""), "was answered 500", "--api-url"),
        ((200, ("x", "y"), "<html>"), "is unreadable at line 1", "--api-url"),
        ((200, ("x", "y"), "{}"), "is unreadable", "--api-url"),
        ((200, ("x", "y"), "[]"), "cannot be read", "lists none; is it GitHub's API?"),
        ((301, ("location", "/"), ""), "was answered 301", ""),
    ] {
        let world = World::new(releases()).await;
        let (status, header, body) = trouble;
        world.github.look().trouble = Some((status, header, body.to_owned()));
        for line in ["check", "bump"] {
            let said = world.run(line, now).await;
            assert!(
                said.rest.starts_with("error: the releases of GitHub's runner cannot be read\n"),
                "{}",
                said.rest
            );
            assert!(said.rest.contains(told) && said.rest.contains(hint), "{line} {status}: {}", said.rest);
            assert_eq!((said.data.as_str(), said.exit), ("", Exit::Failure));
        }
        assert_eq!(world.text(), pin());
    }
}

#[tokio::test]
async fn without_network_without_token_and_without_a_pin_it_says_so() {
    let mut world = World::new(releases()).await;
    let now = "2026-02-21T00:00:00Z";
    let refused = world.run("bump --pull-request acme/fleet", now).await;
    assert!(
        refused.rest.contains("a pull request needs a token\nhint: set GITHUB_TOKEN"),
        "{}",
        refused.rest
    );
    let refused = world.run("bump --pull-request acme/fleet --github-token wrong", now).await;
    assert!(refused.rest.contains("Bad credentials") && !refused.rest.contains("wrong"), "{}", refused.rest);

    std::fs::write(world.file(), "version = 2").unwrap();
    let refused = world.run("check", now).await;
    assert!(refused.rest.contains("error: [folder]/release.toml cannot be read"), "{}", refused.rest);
    let refused = world.run("bump --file /nowhere/release.toml", now).await;
    assert!(refused.rest.contains("/nowhere/release.toml cannot be read"), "{}", refused.rest);

    std::fs::write(world.file(), pin()).unwrap();
    // A port that nobody listens on.
    world.github.address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let refused = world.run("check", now).await;
    assert!(refused.rest.contains("hint: is GitHub reached from here?"), "{}", refused.rest);
    assert_eq!(refused.exit, Exit::Failure);
}
