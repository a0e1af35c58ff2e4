//! `fleetfoot config`, and `classes list` of what it has put.

use aws_sdk_ssm::types::ParameterType;

use crate::stage::Stage;

fn fleet(name: &str, webhook: &str, more: &str) -> String {
    format!(
        "[github]\norganization = \"acme\"\ntoken = \"ssm:/fleetfoot/before/github/token\"\n\
         webhook_secrets = [\"{webhook}\"]\n[fleet]\nname = \"{name}\"\n{more}"
    )
}

const LARGE: &str = "[classes.large]\ncpu = 4096\nmemory = 16384\n";
const WEBHOOK: &str = "secretsmanager:fleetfoot/before/webhook#secret";

#[tokio::test]
async fn a_configuration_is_put_before_the_stack_is_there_and_shown() {
    let stage = Stage::bare("before");
    let none = stage.run("config show").await;
    assert_eq!(none.code, 1);
    assert!(none.rest.contains("there is no parameter /fleetfoot/before/config"), "{none:?}");

    let text = fleet("ff", WEBHOOK, LARGE);
    stage.write("fleet.toml", &text);
    let ssm = aws_sdk_ssm::Client::new(&stage.sdk);
    let token = ssm.put_parameter().name("/fleetfoot/before/github/token").value("t");
    token.r#type(ParameterType::SecureString).overwrite(true).send().await.unwrap();
    let put = stage.run("config put").await;
    assert_eq!((put.code, put.data.as_str()), (0, ""));
    assert_eq!(
        put.rest,
        "fleet ff with 1 class and 0 pools written to /fleetfoot/before/config, version 1\n\
         warning: github.webhook_secrets: secretsmanager:fleetfoot/before/webhook#secret is not there yet; the fleet needs it\n"
    );
    let again = stage.run("config put --json").await.json();
    assert_eq!((&again["version"], &again["written"]), (&1.into(), &false.into()));
    assert_eq!(stage.run("config show").await.data, text);

    stage.write("fleet.toml", format!("{text}memory = 5\n"));
    let mistaken = stage.run("config put").await;
    assert!(mistaken.rest.starts_with("error: the configuration fleet.toml has a mistake\n"), "{mistaken:?}");
    assert_eq!(stage.run("config show --json").await.json()["version"], 1, "the good one stays");
}

#[tokio::test]
async fn what_means_nothing_on_aws_is_refused() {
    let stage = Stage::bare("refused");
    for (text, refusal, hint) in [
        (
            fleet("ff", "env:SECRET", ""),
            "error: fleet.toml refers to secrets of this machine, which a function on AWS does not have\n  \
             cause: github.webhook_secrets: env:SECRET\n",
            "ssm:/fleetfoot/STACK/",
        ),
        (
            fleet("ff", WEBHOOK, &format!("# {}\n", "x".repeat(8192))),
            "error: fleet.toml has 8",
            "leave out comments",
        ),
    ] {
        stage.write("fleet.toml", text);
        let refused = stage.run("config put").await;
        assert_eq!(refused.code, 1);
        assert!(refused.rest.starts_with(refusal), "{refused:?}");
        assert!(refused.rest.contains(hint), "{refused:?}");
    }
    assert_eq!(stage.run("config show").await.code, 1, "nothing was written");
}

#[tokio::test]
async fn a_deployed_fleet_keeps_its_name_and_tells_its_classes() {
    let stage = Stage::deployed("named").await;
    stage.write("fleet.toml", fleet("other", WEBHOOK, ""));
    let other = stage.run("config put").await;
    assert_eq!(other.code, 1);
    let refusal = "error: fleet.toml: fleet.name is other, and the stack was deployed with FleetName ff\n";
    assert!(other.rest.starts_with(refusal), "{other:?}");

    let none = stage.run("classes list").await;
    assert!(none.rest.contains("hint: `fleetfoot config put --stack named` writes another"), "{none:?}");
    stage.write("fleet.toml", fleet("ff", WEBHOOK, LARGE));
    let put = stage.run("config put").await;
    assert_eq!(put.code, 0);
    let misplaced = "github.token: ssm:/fleetfoot/before/github/token can be read by no function: their roles allow \
                     names that begin with /fleetfoot/named/github/\n";
    assert!(put.rest.contains(misplaced), "{put:?}");
    let classes = stage.run("classes list --json").await.json();
    assert_eq!(classes["classes"][0]["name"], "large");
}
