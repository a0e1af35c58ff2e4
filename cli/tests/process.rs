//! What only the process shows: its streams, colours, environment and exit codes.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use fleetfoot_local::ledger::SqliteLedger;
use rustix::process::{Pid, Signal, kill_process};

/// The command, away from whatever this machine's environment says.
fn fleetfoot(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetfoot"));
    command.args(line.split_whitespace()).current_dir(folder);
    for name in [
        "FLEETFOOT_STATE",
        "FLEETFOOT_STACK",
        "FLEETFOOT_CONFIG",
        "FLEETFOOT_LOG",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn empty_fleet() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".fleetfoot")).unwrap();
    SqliteLedger::open(&folder.path().join(".fleetfoot/fleet.db")).unwrap();
    folder
}

#[test]
fn data_goes_to_stdout_and_everything_else_to_stderr() {
    let folder = empty_fleet();
    let (code, data, rest) = run(&mut fleetfoot(folder.path(), "jobs list --json"));
    assert_eq!((code, rest.as_str()), (0, ""));
    let listed: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(listed, serde_json::json!({ "jobs": [], "isCut": false }));

    let (code, data, rest) = run(&mut fleetfoot(folder.path(), "jobs list"));
    assert_eq!((code, data.as_str()), (0, ""));
    assert_eq!(rest, "there are no jobs now; --all lists those that have ended, too\n");

    let (code, data, _) = run(&mut fleetfoot(folder.path(), "--version"));
    assert_eq!((code, data), (0, format!("fleetfoot {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn exit_codes_tell_failures_from_mistakes_of_the_caller() {
    let folder = empty_fleet();
    for (line, expected) in [
        ("jobs list", 0),
        ("why 1", 1),
        ("classes list", 1),
        ("why x", 2),
        ("jobs list --limit 0", 2),
        ("runners details GitHub-Actions-5", 2),
        ("replay", 2),
        ("replay --since 2h", 2),
        ("replay --since 2h --stack ff file.json", 2),
        ("replay --since yesterday --stack ff", 2),
        ("jobs list --stack ff --state .fleetfoot", 2),
        ("classes list --stack ff --config fleet.toml", 2),
        ("jobs list --region eu-west-1", 2),
        ("config put", 2),
        ("replay --url ftp://example file.json", 2),
        ("dance", 2),
        ("", 2),
        ("--help", 0),
    ] {
        let (code, data, rest) = run(&mut fleetfoot(folder.path(), line));
        assert_eq!(code, expected, "{line}: {rest}");
        assert_eq!(data.is_empty(), line != "--help", "{line}");
    }
}

#[test]
fn the_environment_names_state_and_configuration() {
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), empty_fleet());
    let state = elsewhere.path().join(".fleetfoot");
    let (code, ..) = run(fleetfoot(here.path(), "jobs list").env("FLEETFOOT_STATE", &state));
    assert_eq!(code, 0);
    let missing = here.path().join("other.toml");
    let (_, _, rest) = run(fleetfoot(here.path(), "classes list").env("FLEETFOOT_CONFIG", &missing));
    assert!(rest.contains("other.toml"), "{rest}");
}

#[test]
fn the_command_line_wins_over_the_environment() {
    let folder = empty_fleet();
    let here = |variables: &[(&str, &str)], line| {
        run(fleetfoot(folder.path(), line).envs(variables.iter().copied()))
    };
    let (code, ..) = here(&[("FLEETFOOT_STACK", "ff")], "jobs list --state .fleetfoot");
    assert_eq!(code, 0, "the state is meant, not the stack");
    let both = [("FLEETFOOT_STACK", "ff"), ("FLEETFOOT_STATE", ".fleetfoot")];
    let (code, _, rest) = here(&both, "jobs list");
    assert_eq!(code, 2);
    assert!(rest.contains("FLEETFOOT_STACK and FLEETFOOT_STATE are both set"), "{rest}");
    let nowhere = [
        ("FLEETFOOT_STATE", ".fleetfoot"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let mut command = fleetfoot(folder.path(), "jobs list --stack ff");
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"] {
        command.env_remove(name);
    }
    let (code, _, rest) = run(command.envs(nowhere));
    assert_eq!(code, 1);
    assert!(rest.starts_with("error: no AWS region is named"), "the stack is meant, not the state: {rest}");
}

#[test]
fn colours_are_only_for_those_who_see_them() {
    let folder = tempfile::tempdir().unwrap();
    let is_coloured = |variables: &[(&str, &str)]| {
        let (_, _, rest) = run(fleetfoot(folder.path(), "why 1").envs(variables.iter().copied()));
        assert!(rest.contains("error:"), "{rest}");
        rest.contains('\u{1b}')
    };
    assert!(!is_coloured(&[]), "stderr is a pipe");
    assert!(is_coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = empty_fleet();
    let mut command = fleetfoot(folder.path(), "jobs list --json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert!(ended.status.success());
}

/// Ctrl-C, as a terminal sends it to the command.
#[test]
fn a_demo_that_is_stopped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fleetfoot(folder.path(), "demo --jobs 200");
    command.env("TMPDIR", folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = command.spawn().unwrap();
    let mut told = BufReader::new(demo.stdout.take().unwrap()).lines();
    let is_up = |line: &str| line.contains("its task is up");
    assert!(told.by_ref().any(|line| is_up(&line.unwrap())), "no runner came up");
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    told.for_each(drop);
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "its folder is gone, and with it its runners"
    );
}
