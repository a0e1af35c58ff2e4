//! `fleetfoot simulate` as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tempfile::TempDir;

fn simulate(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetfoot"));
    command.current_dir(folder).env_clear().env("NO_COLOR", "1").arg("simulate").args(arguments);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn documents(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_burst_is_launched_at_the_pace_of_the_limit_that_binds() {
    let folder = TempDir::new().unwrap();
    let output = simulate(folder.path(), &["--jobs", "300", "--arrival", "burst", "--json"]);
    let documents = documents(&output);
    let figures = &documents[0];
    assert_eq!(figures["ends"]["success"], 300);
    assert_eq!(figures["boundBy"], "GitHub's 900 points a minute, 180 registrations");
    assert_eq!(figures["broken"], serde_json::json!([]));
    let (took, allowed) = (&figures["lastLaunchSeconds"], &figures["allowedSeconds"]);
    let late = took.as_f64().unwrap() - allowed.as_f64().unwrap();
    // A burst begins with what comes up within the first half minute, whatever its size.
    assert!((0.0..30.0).contains(&late), "{took} s, {allowed} s are possible");
    assert!(figures["launched"].as_u64().unwrap() <= 303, "{figures}");
    let again = simulate(folder.path(), &["--jobs", "300", "--arrival", "burst", "--json"]);
    assert_eq!(again.stdout, output.stdout, "the same seed gives the same figures");
}

#[test]
fn heavy_weather_breaks_nothing_and_is_told_in_words() {
    let folder = TempDir::new().unwrap();
    let output = simulate(folder.path(), &["--jobs", "20", "--seeds", "1..2", "--faults", "heavy"]);
    let (words, notes) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{words}{notes}");
    for expected in ["  seeds           2\n", "  jobs            40: ", "  broken          nothing\n"] {
        assert!(words.contains(expected), "{words}");
    }
    assert!(notes.contains("list prices of"), "{notes}");
    assert!(!notes.contains(['\r', '\u{1b}']), "there is no progress where stderr is no terminal: {notes:?}");
}

#[test]
fn a_changed_configuration_stands_beside_the_one_that_is() {
    let folder = TempDir::new().unwrap();
    let config = "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:S\"]\n[limits]\nrunners = 2\n";
    std::fs::write(folder.path().join("fleet.toml"), config).unwrap();
    let base = ["--config", "fleet.toml", "--jobs", "30", "--arrival", "burst", "--set", "limits.runners=20"];
    let words = text(&simulate(folder.path(), &base).stdout);
    assert!(words.contains("as it is") && words.contains("[limits] runners = 2 "), "{words}");
    let output = simulate(folder.path(), &[&base[..], &["--json", "--plot", "it.svg"]].concat());
    let documents = documents(&output);
    let wait = |n: usize| documents[n]["queueToStartSeconds"]["p99"].as_f64().unwrap();
    assert!(wait(1) < wait(0) / 2.0, "{documents:?}");
    assert_eq!((&documents[0]["peakRunners"], &documents[1]["peakRunners"]), (&2.into(), &20.into()));
    let picture = std::fs::read_to_string(folder.path().join("it.svg")).unwrap();
    assert!(
        picture.starts_with("<svg") && picture.contains("fleetfoot simulate --seeds 1"),
        "{picture:.300}"
    );
}

#[test]
fn a_recorded_day_is_played_as_it_was() {
    let folder = TempDir::new().unwrap();
    let trace = "at,repository,labels,run_seconds\n0,acme/app,self-hosted,60\n120,acme/lib,self-hosted class:small,90\n";
    std::fs::write(folder.path().join("day.csv"), trace).unwrap();
    let documents = documents(&simulate(folder.path(), &["--arrival", "trace:day.csv", "--json"]));
    assert_eq!(documents[0]["jobs"], 2);
    let ran = documents[0]["ranSeconds"].as_f64().unwrap();
    assert!((149.0..153.0).contains(&ran), "{ran}");
}

#[test]
fn mistakes_are_told_with_what_is_allowed() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("faults.toml"), "[github]\nwebhook_lost = 2\n").unwrap();
    for (arguments, code, expected) in [
        (
            vec!["--seeds", "3..1"],
            2,
            "expected a number, or two such as 1..100, the first not above the second",
        ),
        (vec!["--arrival", "poisson:5"], 2, "arrival is burst, poisson:RATE with a rate such as 600/h"),
        (vec!["--set", "limits.runners"], 2, "expected KEY=VALUE, such as limits.runners=50"),
        (vec!["--jobs", "0"], 2, "0 is not in 1..="),
        (vec!["--set", "limits.runners=0"], 1, "limits.runners: found 0"),
        (vec!["--arrival", "trace:none.csv"], 1, "the trace none.csv cannot be read"),
        (vec!["--faults", "faults.toml"], 1, "github.webhook_lost is 2, expected a rate from 0 to 1"),
        (vec!["--config", "none.toml"], 1, "the configuration none.toml cannot be read"),
    ] {
        let output = simulate(folder.path(), &arguments);
        let notes = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {notes}");
        assert!(notes.contains(expected), "{arguments:?}: {notes}");
    }
    // What was played is told, though its picture cannot be drawn.
    let output = simulate(folder.path(), &["--jobs", "5", "--plot", "no/such/folder.svg"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("5 success"), "{output:?}");
    assert!(text(&output.stderr).contains("the picture no/such/folder.svg cannot be written"), "{output:?}");
}

/// A terminal for stderr: what the process sees of it, and what is seen on it.
fn terminal() -> (File, File) {
    let seen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&seen).unwrap();
    unlockpt(&seen).unwrap();
    let name = ptsname(&seen, Vec::new()).unwrap();
    // It is nobody's controlling terminal.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let shown = open(name, flags, Mode::empty()).unwrap();
    (File::from(shown), File::from(seen))
}

/// A simulation whose stderr is a terminal, and what is seen on that.
fn simulating(arguments: &[&str]) -> (Child, File) {
    let (shown, seen) = terminal();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetfoot"));
    command.env_clear().env("TERM", "xterm").env("NO_COLOR", "1").arg("simulate").args(arguments);
    // The terminal is closed with the process: nobody else has it open once the command is forgotten.
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(shown).spawn().unwrap();
    (child, seen)
}

/// What a simulation writes to a terminal, until it has ended.
fn on_a_terminal(arguments: &[&str]) -> String {
    let (mut child, mut seen) = simulating(arguments);
    let mut bytes = Vec::new();
    // A terminal that nobody has open any more is an error to read from.
    let _ = seen.read_to_end(&mut bytes);
    assert!(child.wait().unwrap().success());
    text(&bytes)
}

#[test]
fn a_terminal_shows_how_far_it_is_and_keeps_nothing_of_it() {
    // As long as it takes until there is something to tell of: how fast this machine is nobody knows.
    let enough = [40, 200, 1000, 5000].into_iter().find_map(|seeds| {
        let seen = on_a_terminal(&["--seeds", &format!("1..{seeds}"), "--jobs", "20"]);
        seen.contains(&format!(" of {seeds} seeds were played")).then_some(seen)
    });
    let seen = enough.expect("a thousand runs take their time");
    let (_, after) = seen.rsplit_once(" seeds were played").unwrap();
    let gone = after.find("\u{1b}[2K").expect("the line is taken away");
    assert!(after[gone..].contains("list prices of"), "{after:?}");
    assert!(!seen.contains("\u{1b}[3"), "no colours: {seen:?}");
    let quiet = on_a_terminal(&["--seeds", "1..40", "--jobs", "20", "--json"]);
    assert_eq!(quiet, "");
}

#[test]
fn ctrl_c_leaves_nothing_on_the_terminal() {
    let (mut child, mut seen) = simulating(&["--seeds", "1..1000000", "--jobs", "20"]);
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    while !text(&bytes).contains(" seeds were played") {
        let length = seen.read(&mut part).unwrap();
        bytes.extend_from_slice(&part[..length]);
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let _ = seen.read_to_end(&mut bytes);
    assert_eq!(child.wait().unwrap().code(), Some(130), "as a shell knows it");
    let bytes = text(&bytes);
    let (_, after) = bytes.rsplit_once(" seeds were played").unwrap();
    assert!(after.trim().ends_with("\u{1b}[2K"), "{after:?}");
}
