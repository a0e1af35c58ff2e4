//! What a job finds of the ticket and the JIT configuration, when it looks as its own user.

use std::fs;

use crate::world::{Answer, BEGIN, FINISH, LISTEN, Place, Register, until};

/// Keeps its configuration as the real runner does, and lets its job look around: without the configuration in its
/// environment, which the real runner takes out there.
const RUNNER: &str = "printf %s \"$ACTIONS_RUNNER_INPUT_JITCONFIG\" > .credentials\n\
    env -u ACTIONS_RUNNER_INPUT_JITCONFIG bash job.sh $PPID $$ > found 2> errors\n";

/// Looks through processes, their open files, and files. What it looks for it gets in halves, so as not to find itself.
const JOB: &str = r#"
agent=$1 runner=$2
look() {
    files=()
    for file in /proc/$agent/fd/* /proc/$runner/fd/*; do [ -f "$file" ] && files+=("$file"); done
    grep --text --files-with-matches --fixed-strings --recursive --devices=skip --file=<(printf %s%s "$2" "$3") \
        /proc/[0-9]*/environ /proc/[0-9]*/cmdline "${files[@]}" "$HOME" "$TMPDIR" . |
        sed -e "s,^/proc/$agent/,agent ," -e "s,^/proc/$runner/,run.sh ," -e "s,^,$1: ,"
}
look ticket TICKET
look configuration CONFIGURATION
cat /proc/$agent/environ > /dev/null && echo "the agent's environment can be read"
true < /proc/$agent/mem && echo "the agent's memory can be read"
"#;

/// What its job found, line by line.
async fn found(place: impl FnOnce(Place) -> Place) -> Vec<String> {
    let [ticket, configuration] = [(); 2].map(|()| format!("{:032x}", rand::random::<u128>()));
    let halves = |secret: &str| format!("{} {}", &secret[..16], &secret[16..]);
    let answer = Answer::Body(format!(r#"{{"jitConfiguration":"{configuration}"}}"#));
    let register = Register::answering([answer]).await;

    let place = place(Place::with(&format!("{LISTEN}{BEGIN}{RUNNER}{FINISH}")));
    let job = JOB.replace("TICKET", &halves(&ticket)).replace("CONFIGURATION", &halves(&configuration));
    fs::write(place.path().join("job.sh"), job).unwrap();
    let path = place.path().to_str().unwrap().to_owned();
    let place =
        place.set("FLEETFOOT_TICKET", &ticket).set("HOME", &path).set("TMPDIR", &path).set("DEBUG", "1");
    let mut agent = place.start(&register.url());
    assert_eq!(agent.ends().await, 0, "{}", agent.log());
    assert!(register.requests()[0].1.contains(&ticket));
    let found = fs::read_to_string(place.path().join("found")).unwrap();
    let mut found: Vec<_> = found.lines().map(|line| line.replace(&path, ".")).collect();
    found.sort();
    found.dedup();
    found
}

/// Of the configuration, what the runner keeps: its own file, and the environment that its script was started with.
const KEPT: [&str; 2] = ["configuration: ./.credentials", "configuration: run.sh environ"];

#[tokio::test]
async fn a_job_finds_what_the_runner_keeps_and_nothing_of_the_agents() {
    assert_eq!(found(Place::run_by_stranger).await, KEPT);
}

/// Where tests run as root, so does this job: it may look into the agent, and yet there is no ticket.
#[tokio::test]
async fn the_ticket_is_in_no_environment_even_for_those_who_may_read_it() {
    let found = found(|place| place).await;
    let found: Vec<_> = found.iter().filter(|line| !line.starts_with("the agent's")).collect();
    assert_eq!(found, KEPT);
}

#[tokio::test]
async fn the_same_process_goes_on_with_the_same_arguments() {
    let register = Register::answering([Answer::Never]).await;
    let place = Place::with(LISTEN);
    let mut agent = place.start(&register.url());
    until("the request", || (!register.requests().is_empty()).then_some(())).await;
    let arguments = agent.command_line();
    assert!(arguments[0].ends_with("fleetfoot-agent") && arguments[1..] == ["agent"], "{arguments:?}");
    assert_eq!(place.report().pid, agent.id());
    agent.terminate();
    assert_eq!(agent.ends().await, 1);
}
