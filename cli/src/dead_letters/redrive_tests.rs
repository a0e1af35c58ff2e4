use fleetfoot_local::bus::{Failure as Failed, Outcome};
use fleetfoot_model::job::Job;

use super::*;
use crate::testing::{World, now, rows, sample, times};
use crate::wiring;

/// A fleet whose `launch` can read none of these events: each is a dead letter now.
fn world(events: &[String]) -> World {
    let world = World::configured();
    world.ledger();
    let database =
        fleetfoot_local::database::Database::open(&world.path().join(crate::arguments::DATABASE)).unwrap();
    let bus = wiring::bus(&"ff".parse().unwrap(), database).unwrap();
    for delivery in bus.take_due(now(), 99).unwrap() {
        bus.complete(now(), &delivery, Outcome::default()).unwrap();
    }
    for event in events {
        bus.publish(now(), vec![serde_json::from_str(event).unwrap()]).unwrap();
    }
    for delivery in bus.take_due(now(), 99).unwrap() {
        let failed = |item| Failed { item, reason: "it was cold".to_owned(), for_good: true };
        let failures = delivery.items.iter().map(|item| failed(item.id)).collect();
        bus.complete(now(), &delivery, Outcome { failures, ..Outcome::default() }).unwrap();
    }
    world
}

fn queued(job: u64, time: &str) -> String {
    sample("JobQueued").replace("289782451", &job.to_string()).replace("2026-11-21T09:04:13Z", time)
}

fn fresh() -> String {
    queued(501, "2026-11-20T08:00:00Z")
}

fn job(id: u64) -> Job {
    rows::job(id, "test", rows::at(0))
}

async fn ids(world: &World) -> Vec<String> {
    let listed = world.run("dead-letters list --json").await.json();
    listed["letters"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_letter_is_listed_shown_and_put_back() {
    let world = world(&[fresh()]);
    let json = world.run("dead-letters list --json").await.json();
    let letter = &json["letters"][0];
    assert_eq!(
        (&letter["kind"], &letter["about"], &letter["reason"], &letter["meantFor"]),
        (&"JobQueued".into(), &"job 501".into(), &"it was cold".into(), &"queue LaunchQueue".into())
    );
    crate::testing::assert_documented(&json, &["dead-letters list"]);
    let id = letter["id"].as_str().unwrap();
    let listed = world.run("dead-letters list").await;
    assert!(listed.data.lines().nth(1).unwrap().starts_with(id), "{}", listed.data);
    let shown = world.run(&format!("dead-letters show {id}")).await;
    assert!(shown.data.contains("\"detail-type\": \"JobQueued\""), "{}", shown.data);
    assert_eq!(
        world.run(&format!("dead-letters show {id} --json")).await.json()["content"]["detail"]["job"]["id"],
        501
    );

    let said = world.run(&format!("dead-letters redrive {id}")).await;
    assert_eq!((said.succeeded, said.rest), (true, format!("{id} went back to queue LaunchQueue\n")));
    assert_eq!(ids(&world).await, Vec::<String>::new());
    let again = world.run(&format!("dead-letters redrive {id}")).await;
    assert!(again.rest.starts_with(&format!("error: there is no dead letter {id}\n")), "{}", again.rest);
    assert_eq!(world.run("dead-letters list").await.rest, "there are no dead letters\n");
}

#[tokio::test]
async fn what_is_stale_stays_unless_it_is_asked_for() {
    let old = queued(502, "2026-11-19T08:00:00Z");
    let ended = queued(503, "2026-11-20T08:00:00Z");
    let world = world(&[fresh(), old, ended]);
    let mut row = job(503);
    row.reject("no such class", now());
    world.put(vec![row.into()]).await;
    let said = world.run("dead-letters redrive --all --json").await;
    assert!(!said.succeeded, "two were refused");
    let json: serde_json::Value = serde_json::from_str(&said.data).unwrap();
    assert_eq!(json["redriven"].as_array().unwrap().len(), 1);
    let refused: Vec<_> =
        json["refused"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert_eq!(
        refused,
        [
            "it is stale: it is of 24h 10m ago, and GitHub drops a job after 24 hours",
            "it is stale: job 503 has ended",
        ]
    );
    assert_eq!(ids(&world).await.len(), 2);
    assert!(world.run("dead-letters redrive --all --stale").await.succeeded);
    assert_eq!(ids(&world).await.len(), 0);
}

#[tokio::test]
async fn nothing_is_dropped_without_a_yes() {
    let world = world(&[fresh(), queued(502, "2026-11-20T08:00:00Z")]);
    let said = world.run("dead-letters drop --all").await;
    assert!(!said.succeeded);
    assert!(said.rest.contains("JobQueued about job 501"), "{}", said.rest);
    assert!(said.rest.contains("hint: --yes"), "{}", said.rest);
    let all = ids(&world).await;
    assert_eq!(all.len(), 2);
    let json = world.run(&format!("dead-letters drop {} --yes --json", all[0])).await.json();
    assert_eq!(json["dropped"], serde_json::json!([all[0]]));
    assert_eq!(ids(&world).await, all[1..]);
    assert_eq!(world.run("dead-letters drop --all --yes").await.rest, "dropped: 1\n");
}

#[tokio::test]
async fn an_id_is_named_by_its_beginning_if_that_is_its_own() {
    let letter = |id: &str| Letter {
        id: id.to_owned(),
        queue: "FailedEvents".to_owned(),
        meant_for: None,
        reason: None,
        attempts: None,
        since: times().now,
        content: Content::Unreadable(String::new()),
    };
    let all = [letter("5fea7756-1"), letter("5fea9999-2"), letter("17")];
    let find = |id: &str| super::super::find(&all, id).map(|it| it.id.clone()).map_err(|it| it.what);
    assert_eq!(find("5fea77").unwrap(), "5fea7756-1");
    assert_eq!(find("17").unwrap(), "17");
    assert_eq!(find("5fea").unwrap_err(), "several dead letters begin with 5fea");
    assert_eq!(find("1").unwrap_err(), "there is no dead letter 1");
}
