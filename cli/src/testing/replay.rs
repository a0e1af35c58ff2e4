//! Recorded events and webhooks, put back in.

use insta::assert_snapshot;

use super::commands::assert_documented;
use super::{World, event_file, sample};

fn recorded(world: &World, name: &str) -> String {
    world.write(name, event_file(&format!("foreign/github/{name}")))
}

#[tokio::test]
async fn recorded_webhooks_are_signed_and_sent_and_what_follows_is_told() {
    let world = World::configured();
    let fleet = world.up().await;
    for name in ["ping-event-0.json", "workflow-job-completed-0.json", "workflow-job-queued-1.json"] {
        recorded(&world, name);
    }
    // Told by its shape.
    world.write("body.json", event_file("foreign/github/workflow-run-requested-0.json"));
    let folder = world.path().display();
    let files = ["ping-event-0", "workflow-job-completed-0", "workflow-job-queued-1", "body"]
        .map(|name| format!("{folder}/{name}.json"))
        .join(" ");
    let said = world.run(&format!("replay --stale {files} --url {}/", fleet.url)).await;
    assert_snapshot!(said.screen());

    let json = world.run(&format!("replay --stale {files} --url {} --json", fleet.url)).await.json();
    assert_eq!(json["isAtRest"], true);
    let queued = &json["replayed"][2];
    assert_eq!((&queued["event"], &queued["status"]), (&"workflow_job".into(), &202.into()));
    assert_eq!(queued["facts"][0]["detail"]["meta"]["causationId"], queued["id"]);
    assert_eq!(json["replayed"][0]["facts"], serde_json::json!([]));
    let mut shape = json.clone();
    for file in shape["replayed"].as_array_mut().unwrap() {
        file["facts"] = serde_json::json!([]);
    }
    assert_documented(&shape, &["replay"]);
}

#[tokio::test]
async fn what_is_stale_is_refused_and_the_rest_goes_on() {
    let world = World::configured();
    let fleet = world.up().await;
    let queued = recorded(&world, "workflow-job-queued-1.json");
    let ping = recorded(&world, "ping-event-0.json");
    let said = world.run(&format!("replay {queued} {ping} --url {}", fleet.url)).await;
    assert!(!said.succeeded);
    assert!(said.data.contains("webhook ping answered 200"), "{}", said.data);
    assert!(said.rest.contains("workflow-job-queued-1.json: it is stale: it is of "), "{}", said.rest);
    assert!(said.rest.contains("hint: --stale does it all the same"), "{}", said.rest);
}

#[tokio::test]
async fn an_envelope_goes_on_the_bus_of_its_source() {
    let world = World::configured();
    let _fleet = world.up().await;
    let queued = world.write("job-queued.json", sample("JobQueued").replace("class:medium", "class:mediun"));
    let task = world.write("task.json", event_file("foreign/ecs/task-stopped.json"));
    let broken = event_file("foreign/ecs/task-stopped.json").replace("\"taskArn\"", "\"taskAarn\"");
    let broken = broken.replace("\"id\": \"", "\"id\": \"another-");
    let broken = world.write("broken.json", broken);
    assert_snapshot!(world.run(&format!("replay {queued} {task} {broken}")).await.screen());
}

#[tokio::test]
async fn without_up_an_envelope_waits_on_the_bus() {
    let world = World::configured();
    world.ledger();
    let queued = world.write("job-queued.json", sample("JobQueued"));
    let said = world.run(&format!("replay {queued} --wait 0")).await;
    assert!(said.succeeded);
    assert_snapshot!(said.screen());
    let json = world.run(&format!("replay {queued} --wait 0 --json")).await;
    assert!(json.data.contains("\"isAtRest\": false"), "{}", json.data);
}

#[tokio::test]
async fn bad_files_are_told_and_the_others_go_on() {
    let world = World::configured();
    let fleet = world.up().await;
    let files = [
        world.write("text.json", "certainly not JSON"),
        world.write("neither.json", "{\"Type\": \"Notification\"}"),
        world.write("array.json", "[1, 2]"),
        world.write("half.json", "{\"detail-type\": \"JobQueued\"}"),
        world.write("unknown.json", sample("JobQueued").replace("\"JobQueued\"", "\"JobQueueued\"")),
        world.write("misfit.json", sample("JobQueued").replace("289782451,", "\"many\",")),
        world.write("workflow-job-empty.json", "{}"),
        format!("{}/missing.json", world.path().display()),
        recorded(&world, "ping-event-0.json"),
    ];
    let said = world.run(&format!("replay {} --url {}", files.join(" "), fleet.url)).await;
    assert!(!said.succeeded);
    assert_snapshot!(said.screen().replace(&fleet.url, "[url]"));
}

#[tokio::test]
async fn what_a_webhook_needs_is_named_when_it_is_missing() {
    let world = World::configured();
    let ping = recorded(&world, "ping-event-0.json");
    // Nothing listens on port 1.
    let nobody = world.run(&format!("replay {ping} --url http://127.0.0.1:1")).await;
    world.write("webhook-secret", "");
    let no_secret = world.run(&format!("replay {ping}")).await;
    world.write("fleet.toml", "");
    let no_configuration = world.run(&format!("replay {ping}")).await;
    assert_snapshot!([nobody, no_secret, no_configuration].map(|said| said.screen()).join("---\n"));
}

#[tokio::test]
async fn a_wrong_secret_is_told_as_the_fleet_answers_it() {
    let world = World::configured();
    let fleet = world.up().await;
    let ping = recorded(&world, "ping-event-0.json");
    world.write("other-secret", "another");
    let other = super::fleet::CONFIGURATION.replace("file:missing", "file:other-secret");
    let config = world.write("other.toml", other);
    let said = world.run(&format!("replay {ping} --url {} --config {config}", fleet.url)).await;
    assert!(!said.succeeded);
    assert_snapshot!(said.screen().replace(&fleet.url, "[url]"));
}
