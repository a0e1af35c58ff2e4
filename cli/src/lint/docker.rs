//! What a job has that a task on Fargate cannot do: only what is sure. There is no Docker daemon, and no privileged mode
//! in which one could be started.

use std::path::Path;

use super::finding::{Finding, Severity, finding};
use super::yaml::{self, Node};

/// Commands of `docker` that need its daemon.
const NEED_DAEMON: [&str; 11] =
    ["build", "compose", "create", "exec", "image", "network", "pull", "push", "run", "start", "volume"];
/// Actions that talk to a daemon, whatever they are given.
const ACTIONS: [&str; 3] =
    ["docker/setup-qemu-action", "docker/build-push-action", "docker/setup-buildx-action"];
/// What names a daemon elsewhere.
const ELSEWHERE: [&str; 3] = ["DOCKER_HOST", "DOCKER_CONTEXT", "BUILDKIT_HOST"];

const GUIDE: &str = "docs/images.md, \"Jobs that need Docker\"";

/// What a job needs Docker for. `root` is the repository's folder, where local actions are.
pub(super) fn check(workflow: &Node, job: &Node, root: Option<&Path>, findings: &mut Vec<Finding>) {
    if let Some(container) = job.get("container").filter(|node| !node.is_nothing()) {
        let image = container.text().or_else(|| container.get("image")?.text());
        let instead = image.map_or_else(String::new, |image| format!(": runs-on: [..., \"image:{image}\"]"));
        findings.push(
            cannot(container, "container: needs Docker, which a task on Fargate cannot have")
                .hint(format!("run the job itself in that image{instead}; {GUIDE}")),
        );
    }
    if let Some(services) = job.get("services").filter(|node| !node.is_nothing()) {
        findings.push(
            cannot(services, "services: needs Docker, which a task on Fargate cannot have")
                .hint(format!("put the service into the job's image, and start it in a step; {GUIDE}")),
        );
    }
    let is_elsewhere = names_daemon(workflow) || names_daemon(job);
    for step in job.get("steps").map(|steps| steps.items()).unwrap_or_default() {
        if let Some(uses) = step.get("uses") {
            findings.extend(action(uses, step, root, is_elsewhere));
        }
        if let Some(run) = step.get("run")
            && !is_elsewhere
            && !names_daemon(step)
        {
            findings.extend(commands(run));
        }
    }
}

fn cannot(node: &Node, message: impl Into<String>) -> Finding {
    finding(Severity::Error, "needs-docker", node.at, message)
}

fn may_fail(node: &Node, message: impl Into<String>) -> Finding {
    finding(Severity::Warning, "needs-docker", node.at, message)
        .hint(format!("DOCKER_HOST names a daemon elsewhere; what else works: {GUIDE}"))
}

fn names_daemon(node: &Node) -> bool {
    let Some(env) = node.get("env") else { return false };
    ELSEWHERE.into_iter().any(|name| env.get(name).is_some())
}

fn action(uses: &Node, step: &Node, root: Option<&Path>, is_elsewhere: bool) -> Option<Finding> {
    let name = uses.text()?;
    if name.starts_with("docker://") {
        return Some(
            cannot(uses, format!("the step is a container ({name}), which a task on Fargate cannot start"))
                .hint(format!("the tool itself, in the job's image or installed by a step; {GUIDE}")),
        );
    }
    if let Some(path) = name.strip_prefix("./") {
        return local_action(root?, path).then(|| {
            cannot(uses, format!("the action {name} is a container, which a task on Fargate cannot start"))
                .hint(format!("what it does as steps, or as an action in JavaScript; {GUIDE}"))
        });
    }
    let known = name.split('@').next().unwrap_or_default();
    let is_remote =
        step.get("with").and_then(|with| with.get("driver")).and_then(|it| it.text()) == Some("remote");
    let needs = ACTIONS.iter().any(|action| known.eq_ignore_ascii_case(action));
    (needs && !is_remote && !is_elsewhere).then(|| {
        may_fail(uses, format!("{known} needs a Docker daemon or a BuildKit; a task on Fargate has none"))
    })
}

/// Whether an action in this repository is made of a container.
fn local_action(root: &Path, path: &str) -> bool {
    let is_within = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let read = |name| super::files::read(&root.join(path).join(name)).ok();
    let text = if is_within { read("action.yml").or_else(|| read("action.yaml")) } else { None };
    let Some(root) = text.and_then(|text| yaml::read(&text).ok()) else { return false };
    root.get("runs").and_then(|runs| runs.get("using")).and_then(|using| using.text()) == Some("docker")
}

/// The first command of a script that needs a daemon.
fn commands(run: &Node) -> Option<Finding> {
    let script = run.text()?;
    // Where a script looks for docker, it has thought of doing without.
    if script.contains("command -v docker") || ELSEWHERE.into_iter().any(|name| script.contains(name)) {
        return None;
    }
    let needs = script
        .lines()
        .flat_map(|line| line.split("&&"))
        .flat_map(|part| part.split([';', '|']))
        .find_map(command)?;
    Some(may_fail(run, format!("`{needs}` needs a Docker daemon; a task on Fargate has none")))
}

/// `docker build`, if a command is that or another one that needs a daemon.
fn command(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().skip_while(|word| *word == "sudo");
    match (words.next()?, words.next()) {
        ("docker-compose", _) => Some("docker-compose".to_owned()),
        ("docker", Some(verb)) if NEED_DAEMON.contains(&verb) => Some(format!("docker {verb}")),
        _ => None,
    }
}
