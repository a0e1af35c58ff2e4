//! What a job's log shows where a container is asked for, and the image as a Docker engine builds it.

use std::process::Command;

use fleetfoot_model::image_key::RUNNER_VERSION;
use fleetfoot_tests::tools::{root, run};

use crate::sandbox::Sandbox;

#[test]
fn a_call_of_docker_tells_why_it_cannot_be_and_what_can() {
    let sandbox = Sandbox::new();
    for arguments in [&["version", "--format", "'{{.Server.APIVersion}}'"][..], &["build", "."], &[]] {
        let ran = sandbox.run(root().join("runner/docker"), arguments, &[]);
        // GitHub's runner reads the version from what is printed to stdout, and shows both.
        assert!(!ran.succeeded() && ran.out().is_empty(), "{arguments:?}: {}", ran.out());
        for told in ["AWS Fargate", "`container:`", "`services:`", "docker build", "docs/images.md"] {
            assert!(ran.err().contains(told), "{arguments:?} lacks {told}: {}", ran.err());
        }
    }
}

/// The guide has what the shim refers to, and the same ways.
#[test]
fn the_guide_has_the_page_that_it_names() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a file of the project");
    let shim = read("runner/docker");
    let (_, rest) = shim.split_once("docs/images.md of Fleetfoot, \"").expect("it names a page");
    let heading = rest.split('"').next().unwrap_or_default();
    let guide = read("docs/images.md");
    let (_, page) = guide.split_once(&format!("\n## {heading}\n")).expect("the guide has it");
    for way in ["container:", "services:", "docker build", "ubuntu-latest", "CodeBuild"] {
        assert!(page.contains(way), "docs/images.md, {heading} lacks {way}");
    }
}

fn docker() -> Command {
    Command::new("docker")
}

/// The engine's processors as the recipe names them; none without an engine.
fn engine() -> Option<&'static str> {
    let asked = docker().args(["info", "--format", "{{.Architecture}}"]).output().ok()?;
    let said = String::from_utf8_lossy(&asked.stdout);
    match said.trim() {
        "x86_64" if asked.status.success() => Some("x64"),
        "aarch64" if asked.status.success() => Some("arm64"),
        _ => None,
    }
}

/// Tells what this run did not show. To the process's own stderr: what a test prints is shown only if it fails.
fn not_shown(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "not shown here: {what}");
}

/// Builds both targets on the default base and starts what was built. It needs an engine, and GitHub's releases and a
/// registry of images to be reached. Both are looked for, and what is missing is told.
#[test]
fn the_images_are_built_and_start_where_there_is_docker() {
    let Some(arch) = engine() else {
        return not_shown("runner images, built and started: there is no Docker engine");
    };
    let asked = Command::new("curl")
        .args(["--silent", "--head", "--max-time", "10", "https://github.com/actions/runner/releases"])
        .output();
    if !asked.is_ok_and(|asked| asked.status.success()) {
        return not_shown("runner images, built and started: github.com is not reached");
    }
    let context = tempfile::tempdir().expect("a temporary folder can be made");
    let copy = |name: &str| std::fs::copy(root().join("runner").join(name), context.path().join(name));
    for name in ["Dockerfile", "docker", "install.sh", "release.toml"] {
        copy(name).expect("a file of the recipe can be copied");
    }
    // The agent has tests of its own; here something stands for it that shows what it would find.
    let agent = "#!/bin/bash\nid --user --name\ncd \"$FLEETFOOT_RUNNER_DIR\" && bin/Runner.Listener --version\n\
                 git --version && curl --version && jq --version && unzip -v >/dev/null && sudo id --user --name\n";
    let agents = context.path().join("agents");
    std::fs::create_dir(&agents).expect("a folder can be made");
    std::fs::write(agents.join(format!("fleetfoot-agent-{arch}")), agent).expect("a file can be written");
    let build = |target: &str| {
        let tag = format!("fleetfoot-recipe-test:{target}");
        let arch = format!("ARCH={arch}");
        let mut build = docker();
        build.args(["build", "--quiet", "--target", target, "--build-arg", &arch, "--tag", &tag]);
        run(build.env("DOCKER_BUILDKIT", "1").arg(context.path()));
        tag
    };

    let said = run(docker().args(["run", "--rm", &build("runner")]));
    assert!(said.starts_with("runner\n"), "not root: {said}");
    assert!(said.contains(RUNNER_VERSION) && said.ends_with("root\n"), "{said}");

    let volume = "fleetfoot-recipe-test";
    let mount = format!("{volume}:/fleetfoot");
    run(docker().args(["run", "--rm", "--volume", &mount, &build("inject")]));
    let script = "test -x /fleetfoot/fleetfoot-agent && test -w /fleetfoot/actions-runner && cat /fleetfoot/actions-runner/run.sh";
    let base = "public.ecr.aws/docker/library/ubuntu:24.04";
    run(docker().args(["run", "--rm", "--user", "4242", "--volume", &mount, base, "sh", "-c", script]));
    run(docker().args(["volume", "rm", volume]));
}
