//! `fleetfoot dead-letters --stack`: looked at, put back, dropped.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::{Value, json};

use crate::stage::{Stage, event_file};

struct Queues<'a> {
    stage: &'a Stage,
    client: Client,
}

impl<'a> Queues<'a> {
    fn of(stage: &'a Stage) -> Self {
        Self { stage, client: Client::new(&stage.sdk) }
    }

    async fn send(&self, output: &str, body: &str, target: Option<&str>) {
        let url = self.stage.output(output).await;
        let text = |value: &str| {
            MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
        };
        let mut request = self.client.send_message().queue_url(url).message_body(body);
        if let Some(target) = target {
            request = request
                .message_attributes("TARGET_ARN", text(target))
                .message_attributes("ERROR_CODE", text("NO_PERMISSIONS"));
        }
        request.send().await.unwrap();
    }

    async fn receive(&self, output: &str) -> Option<Value> {
        let url = self.stage.output(output).await;
        let taken = self.client.receive_message().queue_url(url).wait_time_seconds(2).send().await.unwrap();
        let body = taken.messages.unwrap_or_default().into_iter().next()?.body?;
        Some(serde_json::from_str(&body).unwrap())
    }
}

async fn letters(stage: &Stage) -> Vec<Value> {
    stage.run("dead-letters list --json").await.json()["letters"].as_array().unwrap().clone()
}

fn failed_pool(function: &str) -> String {
    let event: Value = serde_json::from_str(&event_file("runner-stopped.json")).unwrap();
    json!({
        "version": "1.0",
        "timestamp": "2026-11-21T09:00:00Z",
        "requestContext": {
            "condition": "RetriesExhausted", "approximateInvokeCount": 3,
            "functionArn": format!("arn:aws:lambda:eu-west-1:000000000000:function:{function}:$LATEST"),
        },
        "requestPayload": event,
        "responsePayload": { "errorType": "Unavailable", "errorMessage": "the ledger did not answer" },
    })
    .to_string()
}

#[tokio::test]
async fn letters_are_looked_at_without_loss_and_put_back_where_they_came_from() {
    let stage = Stage::deployed("letters").await;
    let queues = Queues::of(&stage);
    let event = event_file("job-queued.json");
    let launch_queue = stage.output("LaunchQueueArn").await;
    queues.send("UndeliveredEventsUrl", &event, Some(&launch_queue)).await;
    queues.send("UnlaunchedEventsUrl", &event, None).await;
    queues.send("FailedEventsUrl", &failed_pool("elsewhere"), None).await;
    for _ in 0..2 {
        let listed = letters(&stage).await;
        assert_eq!(listed.len(), 3, "looking takes none away: {listed:?}");
    }
    let listed = letters(&stage).await;
    let of = |queue: &str| listed.iter().find(|it| it["queue"] == queue).unwrap();
    let failed = of("FailedEvents");
    assert_eq!(
        (&failed["meantFor"], &failed["reason"], &failed["attempts"]),
        (&"elsewhere".into(), &"the ledger did not answer".into(), &3.into())
    );
    assert_eq!(of("UndeliveredEvents")["reason"], "NO_PERMISSIONS");
    let id = |queue: &str| of(queue)["id"].as_str().unwrap()[..8].to_owned();
    let shown = stage.run(&format!("dead-letters show {}", id("FailedEvents"))).await;
    assert!(shown.data.contains("\"detail-type\": \"RunnerStopped\""), "{shown:?}");

    let said = stage.run(&format!("dead-letters redrive --stale {}", id("UndeliveredEvents"))).await;
    assert!(said.code == 0 && said.rest.contains("went back to the queue"), "{said:?}");
    assert_eq!(queues.receive("LaunchQueueUrl").await.unwrap()["detail-type"], "JobQueued");
    let said = stage.run(&format!("dead-letters redrive --stale {}", id("UnlaunchedEvents"))).await;
    assert!(said.code == 0 && said.rest.contains("went back to the fleet's bus"), "{said:?}");
    assert_eq!(stage.seen().await.unwrap()["detail-type"], "JobQueued");
    let said = stage.run("dead-letters redrive --stale --all").await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.rest.contains("elsewhere is none of the stack's functions"), "{said:?}");
    assert_eq!(letters(&stage).await.len(), 1, "what is not accepted stays");

    let said = stage.run("dead-letters drop --all").await;
    assert!(said.code == 1 && said.rest.contains("RunnerStopped"), "{said:?}");
    assert_eq!(stage.run("dead-letters drop --all --yes").await.code, 0);
    assert_eq!(stage.run("dead-letters list").await.rest, "there are no dead letters\n");
}
