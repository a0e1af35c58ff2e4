//! `fleetfoot doctor --stack`: what is missing of a stack is found, and what cannot be asked is told.

use serde_json::Value;

use crate::stage::{Stage, event_file};

/// Nobody listens on port 1.
const CONFIGURATION: &str = "[github]\nurl = \"http://127.0.0.1:1\"\norganization = \"acme\"\ntoken = \"ssm:/doctor/token\"\n\
                             webhook_secrets = [\"ssm:/doctor/webhook\"]\n";

fn of<'a>(found: &'a Value, check: &str) -> Vec<(&'a str, &'a str)> {
    let findings = found["findings"].as_array().unwrap().iter().filter(|it| it["check"] == check);
    findings.map(|it| (it["severity"].as_str().unwrap(), it["what"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn what_is_missing_of_a_stack_is_found() {
    let stage = Stage::deployed("examined").await;
    stage.write("fleet.toml", CONFIGURATION);
    assert_eq!(stage.run("config put").await.code, 0);
    let sqs = aws_sdk_sqs::Client::new(&stage.sdk);
    let failed = stage.output("FailedEventsUrl").await;
    sqs.send_message().queue_url(failed).message_body(event_file("job-queued.json")).send().await.unwrap();
    // Where all tests run at once the emulator may be too slow for a check; then that says so, and is made again.
    let mut said = stage.run("doctor --json").await;
    for _ in 0..4 {
        if said.data.contains("was not answered") {
            said = stage.run("doctor --json").await;
        }
    }
    assert_eq!(said.code, 1, "{said:?}");
    let found: Value = serde_json::from_str(&said.data).unwrap();
    let all = found["findings"].as_array().unwrap();
    // What this machine's AWS answers.
    assert_eq!(of(&found, "configuration")[0].0, "ok");
    assert_eq!(of(&found, "aws")[0].0, "ok", "{all:#?}");
    assert!(of(&found, "clock").iter().any(|it| it.1.contains("AWS")), "{all:#?}");
    assert_eq!(of(&found, "stack"), [("ok", "the stack examined is CREATE_COMPLETE")]);
    assert_eq!(of(&found, "ledger")[0].0, "ok", "{all:#?}");
    assert_eq!(
        of(&found, "dead-letters"),
        [("warning", "events that nobody could handle: 1 in FailedEvents")],
        "{all:#?}"
    );
    // What is not there.
    for (check, what) in [
        ("secrets", "ssm:/doctor/token"),
        ("github", "http://127.0.0.1:1 is not reached"),
        ("health", "/health is not answered"),
        ("rules", "the rule CleanupSchedule is missing"),
        ("functions", "the function examined-ingest is gone"),
        ("network", "the subnet subnet-0a does not exist"),
        ("image-builds", "examined-no-repository is gone"),
        ("roles", "the stack examined lacks the roles IngestRole"),
        ("log-groups", "there is no log group /fleetfoot/examined/"),
    ] {
        let found = of(&found, check);
        assert!(
            found.iter().any(|it| it.0 == "error" && it.1.contains(what)),
            "{check}: {found:?} in {all:#?}"
        );
    }
    // Each names the page that explains it.
    let guide = include_str!("../../../docs/troubleshooting.md");
    for finding in all {
        let check = finding["check"].as_str().unwrap();
        assert!(guide.contains(&format!("\n### {check}\n")), "{check}");
    }
    // What depends on GitHub is not passed over in silence.
    for check in ["runners", "webhook", "deliveries", "rate-limit", "runner-release"] {
        assert_eq!(of(&found, check)[0].0, "unknown", "{check}");
    }
}

#[tokio::test]
async fn credentials_that_may_do_nothing_are_told_as_such() {
    let stage = Stage::deployed("blind").await;
    let nobody = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    let said = stage.run_with("doctor", &nobody).await;
    assert_eq!(said.code, 1);
    assert!(said.rest.starts_with("error: the stack blind cannot be looked at\n"), "{said:?}");
}
