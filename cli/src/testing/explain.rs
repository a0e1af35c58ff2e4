//! `fleetfoot explain` over a configuration with everything in it.

use insta::assert_snapshot;

use super::World;
use super::commands::assert_documented;
use crate::text::is_harmful;

pub(crate) const CONFIGURATION: &str = r#"
[github]
organization = "acme"
token = "env:T"
webhook_secrets = ["env:S"]
[labels]
plain = ["linux"]
[classes.small]
cpu = 512
memory = 1024
[classes.medium]
cpu = 1024
memory = 2048
runners = 3
role = "arn:aws:iam::123456789012:role/deploy"
[classes.thrifty]
cpu = 4096
memory = 16384
disk = 75
arch = "arm64"
spot = true
[limits]
runners = 20
runners_per_repository = 5
[images]
default = "debian:13"
allow = ["ubuntu:*"]
[images.mirrors]
"docker.io" = "public.ecr.aws/docker"
[[pools]]
name = "office"
labels = ["self-hosted", "linux", "class:small"]
size = 2
schedule = "Mon-Fri 08:00-18:00 Europe/Berlin"
"#;

fn world() -> World {
    let world = World::without_state();
    world.write("fleet.toml", CONFIGURATION);
    world
}

macro_rules! explains {
    ($($test:ident: $line:literal,)*) => {
        $(#[tokio::test]
        async fn $test() {
            assert_snapshot!(world().run($line).await.screen());
        })*
    };
}

explains! {
    every_default_is_told: "explain self-hosted --repository acme/app",
    everything_that_can_be_chosen: "explain [self-hosted, class:medium, image:ubuntu:22.04, disk:100, pin:7] --repository acme/app",
    a_class_on_spot_and_arm: "explain self-hosted,class:thrifty",
    a_class_that_is_not_there: "explain self-hosted class:mediun image:ubuntu:22.04",
    an_image_that_is_not_allowed: "explain self-hosted image:alpine:3",
    a_label_of_somebody_else: "explain self-hosted medium",
    a_runner_of_githubs: "explain ubuntu-latest",
    a_fork_of_a_private_repository: "explain self-hosted class:small --repository acme/app --fork",
    a_public_repository: "explain self-hosted class:small --repository acme/app --public",
    a_repository_of_others: "explain self-hosted class:small --repository evil/app",
    no_label_at_all: "explain ,",
}

#[tokio::test]
async fn a_script_sees_whether_it_would_run() {
    let world = world();
    for (line, runs) in [
        ("explain self-hosted class:small", true),
        ("explain self-hosted class:smal", false),
        ("explain ubuntu-latest", false),
        ("explain self-hosted class:small --repository evil/app", false),
    ] {
        assert_eq!(world.run(line).await.succeeded, runs, "{line}");
    }
}

#[tokio::test]
async fn json_is_as_documented() {
    let world = world();
    let ours = world.run("explain self-hosted linux class:small --repository acme/app --json").await.json();
    assert_eq!(ours["verdict"], "ours");
    assert_eq!(ours["runner"]["pools"][0]["wanted"], 2, "it is a Friday morning in Berlin");
    assert_eq!(ours["runner"]["pulledFrom"], "public.ecr.aws/docker/library/debian:13");
    assert_documented(&ours, &["explain"]);
    let medium = world.run("explain self-hosted class:medium --json").await.json();
    assert_eq!(medium["limits"]["runnersOfClass"], 3);
    assert_eq!(medium["runner"]["role"], "arn:aws:iam::123456789012:role/deploy");
    assert_eq!(medium["runner"]["usdPerHour"], 0.049_37, "1 vCPU and 2 GB");
    let foreign = world.run("explain self-hosted meduim --json").await.json();
    assert_eq!((&foreign["verdict"], &foreign["runner"]), (&"not-ours".into(), &serde_json::Value::Null));
    assert_documented(&foreign, &["explain"]);
}

#[tokio::test]
async fn hostile_labels_are_harmless() {
    let world = world();
    let said = world.run("explain self-hosted \u{9b}31m\u{202e}x class:\u{202e}y").await;
    assert!(!said.succeeded);
    let harmful = format!("{}{}", said.data, said.rest).chars().find(|it| is_harmful(*it) && *it != '\n');
    assert_eq!(harmful, None);
}
