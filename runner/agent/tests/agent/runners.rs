//! What a runner gets, and what is left of it.

use std::collections::BTreeSet;
use std::fs;

use crate::world::{Answer, BEGIN, CONFIGURATION, FINISH, LISTEN, Place, Register, TICKET, is_alive};

async fn run(place: &Place) -> (i32, String) {
    let register = Register::answering([Answer::configuration()]).await;
    let mut agent = place.start(&register.url());
    (agent.ends().await, agent.log())
}

#[tokio::test]
async fn a_job_is_run_and_told_phase_by_phase() {
    let place = Place::with(&format!("{LISTEN}{BEGIN}echo 'working'\n{FINISH}"));
    let (code, log) = run(&place).await;
    assert_eq!(code, 0, "{log}");
    let report = place.report();
    assert_eq!((report.exit_code, report.ran_job), (Some(0), Some(true)));
    let phases = report.phases;
    let times =
        [phases.up, phases.registered, phases.job_started, phases.job_ended, phases.exit].map(Option::unwrap);
    assert!(times.is_sorted(), "{times:?}");
    assert!(phases.listening.is_some());
    assert!(log.contains("working\n"), "{log}");

    let lines: Vec<_> = log.lines().filter(|line| line.contains("agent.phase=")).collect();
    let value = |line: &str, field: &str| {
        let (_, value) = line.split_once(&format!(" {field}=")).unwrap();
        value.split(' ').next().unwrap().trim_matches('"').to_owned()
    };
    let mut told: Vec<_> = lines.iter().map(|line| value(line, "agent.phase")).collect();
    assert_eq!((told.remove(0).as_str(), told.pop().as_deref()), ("up", Some("exit")), "{log}");
    assert_eq!(
        BTreeSet::from_iter(told),
        ["registered", "listening", "jobStarted", "jobEnded"].map(str::to_owned).into()
    );
    let of = |phase: &str| *lines.iter().find(|line| value(line, "agent.phase") == phase).unwrap();
    assert_eq!(value(of("jobStarted"), "agent.phase_at"), phases.job_started.unwrap().to_string());
    assert_eq!(
        (value(of("up"), "agent.phase_ms"), value(of("up"), "runner.name")),
        ("0".into(), "ff-1-1".into())
    );
    let took = phases.job_ended.unwrap().duration_since(phases.up.unwrap()).as_millis();
    assert_eq!(value(of("jobEnded"), "agent.phase_ms"), took.to_string());
    assert!(
        of("exit").ends_with(" agent.exit_code=0 runner.ran_job=\"true\" agent.reason=\"the runner ended\"")
    );
}

#[tokio::test]
async fn a_release_that_github_does_not_serve_any_more_is_told_with_the_remedy() {
    let place = Place::with(&format!(
        "{LISTEN}[ \"$ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE\" = 1 ] && exit 7\nexit 0\n"
    ));
    let (code, log) = run(&place).await;
    assert_eq!(code, 7);
    let told = log.lines().find(|line| line.contains(" ERROR ")).unwrap();
    assert!(told.contains("GitHub does not serve this runner release any more"), "{told}");
    assert!(told.contains("`fleetfoot runner bump`") && told.contains("agent.exit_code=7"), "{told}");
}

#[tokio::test]
async fn the_configuration_is_in_the_environment_of_run_sh_and_nowhere_else() {
    let script =
        format!("{LISTEN}tr '\\0' '\\n' < /proc/$$/cmdline > arguments\nenv > environment\n{BEGIN}{FINISH}");
    let place = Place::with(&script).set("MY_OWN", "thing").set("DEBUG", "1");
    let (code, log) = run(&place).await;
    assert_eq!(code, 0, "{log}");

    let environment = fs::read_to_string(place.path().join("environment")).unwrap();
    let has = |line: &str| environment.lines().any(|found| found == line);
    assert!(has(&format!("ACTIONS_RUNNER_INPUT_JITCONFIG={CONFIGURATION}")), "{environment}");
    assert!(has("ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1"));
    assert!(has("RUNNER_MANUALLY_TRAP_SIG=1"));
    assert!(has("MY_OWN=thing"));
    assert!(!environment.contains("FLEETFOOT_") && !environment.contains("DEBUG="), "{environment}");
    assert!(!environment.contains(TICKET));

    fs::remove_file(place.path().join("environment")).unwrap();
    for file in files_under(place.path()) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert!(!text.contains(CONFIGURATION) && !text.contains(TICKET), "{}: {text}", file.display());
    }
}

fn files_under(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn nothing_survives_the_runner() {
    let daemon = "setsid sleep 300 > /dev/null 2>&1 &\necho $! > daemon\n(sleep 300 & echo $! > orphan)\n";
    let place = Place::with(&format!("{LISTEN}{BEGIN}{daemon}{FINISH}"));
    let (code, log) = run(&place).await;
    assert_eq!(code, 0, "{log}");
    for file in ["daemon", "orphan"] {
        assert!(!is_alive(&place.line_of(file).await), "{file} lives on: {log}");
    }
    assert!(log.contains("processes.ended=2"), "{log}");
}

#[tokio::test]
async fn the_runners_own_ways_to_fail_are_told_apart() {
    let cases = [
        ("exit 5", 5, "GitHub has a session for this runner already"),
        (
            "echo 'Runner listener exit with Session Conflict error, stop the service, no retry needed.'",
            5,
            "GitHub has a session for this runner already",
        ),
        (
            "echo 'Runner listener exit with terminated error, stop the service, no retry needed.'",
            8,
            "the runner's listener gave up; its log says why",
        ),
        (
            "echo 'Exiting with unknown error code: 134'",
            8,
            "the runner's listener could not run; its log says why",
        ),
        ("exit 1", 8, "run.sh ended with exit code 1"),
        ("kill -9 $$", 137, "run.sh was killed"),
    ];
    for (script, exit_code, reason) in cases {
        let place = Place::with(&format!("{LISTEN}{script}\n"));
        assert_eq!(run(&place).await.0, exit_code, "{script}");
        assert_eq!(place.report().reason.as_deref(), Some(reason), "{script}");
        assert_eq!(place.report().ran_job, Some(false), "{script}");
    }
}

#[tokio::test]
async fn hooks_of_the_users_own_are_left_alone() {
    let mine = "/opt/my-hook.sh";
    let script = "#!/bin/bash\necho \"$ACTIONS_RUNNER_HOOK_JOB_STARTED\" > hook\n";
    let place = Place::with(script).set("ACTIONS_RUNNER_HOOK_JOB_STARTED", mine);
    assert_eq!(run(&place).await.0, 0);
    assert_eq!(place.line_of("hook").await, mine);
    assert_eq!(place.report().ran_job, None, "nobody told");

    let place = Place::with(script);
    fs::write(place.path().join(".env"), format!("ACTIONS_RUNNER_HOOK_JOB_STARTED={mine}\n")).unwrap();
    run(&place).await;
    assert_eq!(fs::read_to_string(place.path().join("hook")).unwrap(), "\n", "the runner reads .env itself");
}

#[tokio::test]
async fn without_a_runner_it_does_not_even_ask() {
    let register = Register::answering([Answer::configuration()]).await;
    let place = Place::without_runner();
    let mut agent = place.start(&register.url());
    assert_eq!(agent.ends().await, 2);
    assert!(agent.log().contains("there is no "), "{}", agent.log());
    assert!(register.requests().is_empty());
}

#[tokio::test]
async fn a_folder_is_used_once() {
    let register = Register::answering([Answer::configuration()]).await;
    let place = Place::with(&format!("{LISTEN}echo $$ > runner\nread < forever\n"));
    let lock = place.path().join("lock");
    fs::write(&lock, "").unwrap();
    let place = place.set("FLEETFOOT_LOCK", lock.to_str().unwrap());
    let fifo = std::process::Command::new("mkfifo").arg(place.path().join("forever")).status().unwrap();
    assert!(fifo.success());
    let mut first = place.start(&register.url());
    place.line_of("runner").await;

    assert_eq!(place.start(&register.url()).ends().await, 9, "the first one lives");
    fs::write(place.path().join("forever"), "\n").unwrap();
    assert_eq!(first.ends().await, 0);
    let report = place.report();
    assert_eq!(place.start(&register.url()).ends().await, 9, "the first one has been here");
    assert_eq!(place.report(), report);
    assert_eq!(register.requests().len(), 1);
}
