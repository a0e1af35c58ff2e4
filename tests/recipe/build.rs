//! The commands of `runner/buildspec.yml`, run by bash with programs that only note how they were called.

use fleetfoot_tests::tools::root;
use serde_json::Value;

use crate::sandbox::{Ran, Sandbox};

/// What a build is told, by its project and with its start.
const ORDINARY: [(&str, &str); 7] = [
    ("IMAGE_KEY", "0123abcd"),
    ("TARGET", "runner"),
    ("BASE_IMAGE", "docker.io/library/ubuntu@sha256:0123"),
    ("RUNNER_VERSION", "2.330.0"),
    ("ARCH", "arm64"),
    ("REPOSITORY_URI", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ff"),
    ("RECIPE", "arn:aws:lambda:eu-west-1:123456789012:layer:recipe:7"),
];

/// Values that a shell would act on, were they part of a command's text.
const HOSTILE: [&str; 7] = [
    "$(touch owned)",
    "`touch owned`",
    "a; touch owned",
    "a\" --build-arg \"B=c",
    "a' b  c",
    "--privileged",
    "* ~ \\ $HOME ${PATH}",
];

fn specification() -> Value {
    let text = std::fs::read_to_string(root().join("runner/buildspec.yml")).expect("the buildspec is there");
    serde_yaml_ng::from_str(&text).expect("the buildspec is YAML")
}

/// Runs all commands in one shell, as `env: shell: bash` of version 0.2 does, up to the first that fails.
fn build(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Ran {
    sandbox.program(
        "aws",
        "case \"$1\" in lambda) echo \"https://layer.example/?a=1&b=2\" ;; ecr) echo password ;; esac",
    );
    sandbox.program("docker", "[ \"$1\" = login ] && cat >/dev/null\ntrue");
    sandbox.program("unzip", "true");
    std::fs::remove_file(sandbox.path("bin/curl")).expect("the real one is there");
    sandbox.program("curl", "true");
    let specification = specification();
    let commands = ["pre_build", "build"].into_iter().flat_map(|phase| {
        let commands = specification["phases"][phase]["commands"].as_array().expect("a phase has commands");
        commands.iter().map(|command| command.as_str().expect("a command is text").to_owned())
    });
    let script = std::iter::once("set -e".to_owned()).chain(commands).collect::<Vec<_>>().join("\n");
    sandbox.run(sandbox.path("bin/bash"), &["-c", &script], variables)
}

#[test]
fn a_build_makes_the_image_that_it_was_asked_for() {
    let sandbox = Sandbox::new();
    let ran = build(&sandbox, &ORDINARY);
    assert!(ran.succeeded(), "{}", ran.err());
    let docker: Vec<_> = sandbox.calls().into_iter().filter(|call| call[0] == "docker").collect();
    let [login, built, pushed] = docker.as_slice() else { panic!("{docker:?}") };
    assert_eq!(login.last().map(String::as_str), Some("123456789012.dkr.ecr.eu-west-1.amazonaws.com"));
    let expected = [
        "docker",
        "build",
        "--pull",
        "--target",
        "runner",
        "--build-arg",
        "BASE_IMAGE=docker.io/library/ubuntu@sha256:0123",
        "--build-arg",
        "RUNNER_VERSION=2.330.0",
        "--build-arg",
        "ARCH=arm64",
        "--tag",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ff:0123abcd",
        "recipe",
    ];
    assert_eq!(*built, expected);
    assert_eq!(*pushed, ["docker", "push", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ff:0123abcd"]);
    let fetched = sandbox.call("curl");
    assert_eq!(fetched.last().map(String::as_str), Some("https://layer.example/?a=1&b=2"));
}

/// Whoever may edit a workflow chooses the base; the others are here for good measure.
#[test]
fn what_a_build_is_told_is_data_and_never_part_of_a_command() {
    let ordinary = Sandbox::new();
    assert!(build(&ordinary, &ORDINARY).succeeded());
    for hostile in HOSTILE {
        for (name, value) in ORDINARY {
            let sandbox = Sandbox::new();
            let variables = ORDINARY.map(|(each, value)| (each, if each == name { hostile } else { value }));
            let ran = build(&sandbox, &variables);
            assert!(ran.succeeded(), "{name}={hostile}: {}", ran.err());
            assert!(!sandbox.path("work/owned").exists(), "{name}={hostile} was run");
            let ordinary = ordinary.calls().into_iter();
            let put = |call: Vec<String>| call.iter().map(|word| put(word, name, value, hostile)).collect();
            let mut expected: Vec<Vec<String>> = ordinary.map(put).collect();
            let mut calls = sandbox.calls();
            // The ends of a pipe come in either order.
            expected.sort();
            calls.sort();
            assert_eq!(calls, expected, "{name}={hostile}");
        }
    }
}

/// A word of an ordinary call, as it is with another value of one variable.
fn put(word: &str, name: &str, value: &str, hostile: &str) -> String {
    let registry = |uri: &str| uri.split('/').next().unwrap_or_default().to_owned();
    // What is before the first slash is where to log in.
    if name == "REPOSITORY_URI" && word == registry(value) {
        registry(hostile)
    } else {
        word.replace(value, hostile)
    }
}

/// The build gets no secret of the fleet: only what ECR gives to log in, through a pipe, and nothing is left in a layer.
#[test]
fn no_secret_reaches_a_build() {
    let sandbox = Sandbox::new();
    assert!(build(&sandbox, &ORDINARY).succeeded());
    let words: Vec<String> = sandbox.calls().concat();
    assert!(
        !words.iter().any(|word| word.contains("password")
            && word != "--password-stdin"
            && word != "get-login-password")
    );
    let environment = specification()["env"].clone();
    for kind in ["parameter-store", "secrets-manager", "exported-variables"] {
        assert!(environment.get(kind).is_none(), "{kind}");
    }
    assert_eq!(environment["variables"].as_object().map(serde_json::Map::len), Some(1), "{environment}");
}

#[test]
fn a_build_ends_where_a_phase_fails() {
    for phase in ["pre_build", "build"] {
        assert_eq!(specification()["phases"][phase]["on-failure"], "ABORT", "{phase}");
    }
}
