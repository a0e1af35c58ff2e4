//! `fleetfoot setup` as far as it goes without a deployment: where secrets are kept, and the way back.

use std::os::unix::fs::PermissionsExt as _;

use aws_sdk_secretsmanager::Client as Manager;
use aws_sdk_ssm::Client as Parameters;

use crate::stage::{Said, Stage};

const LINE: &str = "setup --organization acme --token-file pat --no-deploy --yes";

/// A folder with a token, and sources to deploy from.
fn stage(name: &str) -> Stage {
    let stage = Stage::bare(name);
    stage.write("pat", "github_pat_first");
    stage.write("template.yaml", "");
    stage
}

/// Runs a line that has to succeed; answers what was told.
async fn done(stage: &Stage, line: &str) -> String {
    let Said { code, data, rest } = stage.run(line).await;
    assert_eq!(code, 0, "{line}: {data}{rest}");
    rest
}

async fn secret(stage: &Stage, name: &str) -> String {
    let id = format!("fleetfoot/{}/{name}", stage.name);
    let found = Manager::new(&stage.sdk).get_secret_value().secret_id(id).send().await.unwrap();
    found.secret_string.unwrap()
}

async fn parameter(stage: &Stage, name: &str) -> Option<String> {
    let name = format!("/fleetfoot/{}/{name}", stage.name);
    let found = Parameters::new(&stage.sdk).get_parameter().name(name).with_decryption(true).send().await;
    found.ok()?.parameter?.value
}

#[tokio::test]
async fn secrets_manager_keeps_them_and_gives_its_names_back_after_a_tear_down() {
    let stage = stage("managed");
    let told = done(&stage, &format!("{LINE} --vault secrets-manager")).await;
    assert_eq!(secret(&stage, "github/token").await, "github_pat_first");
    let webhook = secret(&stage, "webhook/secret").await;
    assert_eq!(webhook.len(), 64, "256 bits");
    for name in ["github/token", "webhook/secret"] {
        assert_eq!(parameter(&stage, name).await, None, "{name} is in one store");
        let reference = format!("\"secretsmanager:fleetfoot/managed/{name}\"");
        assert!(stage.read("fleet.toml").contains(&reference), "{}", stage.read("fleet.toml"));
    }
    assert!(!told.contains("is not there yet"), "the configuration finds them: {told}");
    for text in [&told, &stage.read("fleet.toml"), &stage.read("samconfig.toml")] {
        assert!(!text.contains(&webhook) && !text.contains("github_pat"), "{text}");
    }

    // The configuration says where they are.
    let again = done(&stage, "setup --no-deploy --yes").await;
    for line in [
        "= secret         of the webhook: secretsmanager:fleetfoot/managed/webhook/secret is there",
        "= token          secretsmanager:fleetfoot/managed/github/token is there",
        "= fleet.toml     is as it should be",
    ] {
        assert!(again.contains(line), "{line}: {again}");
    }

    let down = done(&stage, "setup --tear-down --yes").await;
    assert!(down.contains("secretsmanager:fleetfoot/managed/webhook/secret were removed"), "{down}");
    assert!(down.contains("keeps them for 7 days"), "{down}");
    assert_eq!(parameter(&stage, "config").await, None);
    let down = done(&stage, "setup --tear-down --yes").await;
    assert!(down.contains("= secrets        there are none"), "{down}");

    // Within those days nobody can make others of their names.
    stage.write("pat", "github_pat_second");
    let up = done(&stage, &format!("{LINE} --vault secrets-manager")).await;
    assert!(up.contains("+ token          kept as secretsmanager:fleetfoot/managed/github/token"), "{up}");
    assert_eq!(secret(&stage, "github/token").await, "github_pat_second");
    assert_ne!(secret(&stage, "webhook/secret").await, webhook);
}

#[tokio::test]
async fn secrets_move_from_one_store_to_the_other_and_a_tear_down_finds_both() {
    let stage = stage("moved");
    done(&stage, LINE).await;
    let webhook = parameter(&stage, "webhook/secret").await.unwrap();
    assert_eq!(parameter(&stage, "github/token").await.as_deref(), Some("github_pat_first"));
    let told = done(&stage, "setup --vault secrets-manager --no-deploy --yes").await;
    assert_eq!(secret(&stage, "github/token").await, "github_pat_first");
    assert_eq!(secret(&stage, "webhook/secret").await, webhook, "what GitHub signs with stays good");
    assert!(told.contains("aws ssm delete-parameter --name /fleetfoot/moved/github/token"), "{told}");
    assert!(!stage.read("fleet.toml").contains("ssm:"), "{}", stage.read("fleet.toml"));
    assert_eq!(parameter(&stage, "webhook/secret").await, Some(webhook), "functions may still read it");

    let down = done(&stage, "setup --tear-down --yes").await;
    for removed in ["secretsmanager:fleetfoot/moved/github/token", "ssm:/fleetfoot/moved/webhook/secret"] {
        assert!(down.contains(removed), "{removed}: {down}");
    }
    assert_eq!(parameter(&stage, "webhook/secret").await, None);
}

/// A SAM CLI that writes down what it is asked, and whose deployments fail.
const SAM: &str = "#!/bin/sh\necho \"$*\" >> calls\ncase \"$1\" in deploy) exit 3;; esac\n";

/// Runs a line where that SAM CLI is all that there is.
async fn with_sam(stage: &Stage, line: &str) -> Said {
    stage.write("sam", SAM);
    std::fs::set_permissions(stage.path("sam"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let here = stage.path("").display().to_string();
    stage.run_with(line, &[("PATH", &here)]).await
}

#[tokio::test]
async fn a_deployment_that_fails_is_gone_on_with_by_the_same_line() {
    let stage = stage("failing");
    let line = "setup --organization acme --token-file pat --yes";
    let failed = with_sam(&stage, line).await;
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.rest.contains("ended with exit status: 3"), "{failed:?}");
    assert!(failed.rest.contains("run this again: it goes on here"), "{failed:?}");
    let calls = stage.read("calls");
    assert!(calls.lines().count() == 2 && calls.starts_with("build "), "{calls}");
    let again = with_sam(&stage, line).await;
    for step in ["secret", "token", "fleet.toml", "samconfig.toml", "configuration"] {
        assert!(
            again.rest.contains(&format!("\n= {step} ")) || again.rest.starts_with(&format!("= {step} ")),
            "{step}: {again:?}"
        );
    }
    assert_eq!(stage.read("calls").lines().count(), 4);
    for secret in ["github_pat", &parameter(&stage, "webhook/secret").await.unwrap()] {
        assert!(!stage.read("calls").contains(secret), "no command line has a secret");
    }
}

#[tokio::test]
async fn anothers_stack_is_neither_deployed_over_nor_taken_down() {
    let stage = stage("theirs");
    stage.deploy("Resources: { Topic: { Type: AWS::SNS::Topic } }", Vec::new()).await;
    for line in ["setup --organization acme --token-file pat --update --yes", "setup --tear-down --yes"] {
        let refused = with_sam(&stage, line).await;
        assert_eq!(refused.code, 1, "{line}: {refused:?}");
        let refusal = "error: the stack theirs in eu-west-1 is none of Fleetfoot's\n";
        assert!(refused.rest.contains(refusal), "{line}: {refused:?}");
        assert!(!stage.path("calls").exists(), "{line}: {}", stage.read("calls"));
    }
    assert!(parameter(&stage, "github/token").await.is_some(), "nothing was removed");
}
