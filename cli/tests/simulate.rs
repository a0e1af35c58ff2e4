//! `fleetfoot simulate` as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::path::Path;
use std::process::{Command, Output};

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
}
