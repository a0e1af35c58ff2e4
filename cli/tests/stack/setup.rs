//! `fleetfoot setup` as far as it goes without a deployment: where secrets are kept, and the way back.

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
