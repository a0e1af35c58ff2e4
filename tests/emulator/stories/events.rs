//! Events that come twice, come again, or cannot be read.

use std::collections::BTreeMap;

use fleetfoot_stand_in::github::Faults;
use serde_json::json;

use crate::harness::wait::{eventually, until};
use crate::harness::{Figures, System};

/// Each webhook comes twice: one runner.
pub(crate) async fn deliveries_that_come_twice(system: &System) {
    let before = Figures::of(system);
    system.github.state().set_faults(Faults { webhook_doubled: 1.0, ..Faults::NONE });
    let job = system.push(&["self-hosted", "class:small"]);
    assert_eq!(system.github.ended(job).await, "success");
    until("the second of each has come", || system.github.state().next_due().is_none()).await;
    system.github.state().set_faults(Faults::NONE);
    system.nothing_runs().await;
    let figures = Figures::of(system).since(&before);
    assert_eq!((figures.of_call("ECS.RunTask"), figures.of_call("GitHub.Jit")), (1, 1));
}

/// Everything that was ever told is told again from the archive: nothing changes.
pub(crate) async fn a_replay_of_the_archive(system: &System) {
    let (rows, before) = (rows(system).await, Figures::of(system));
    system.replay_everything().await;
    system.nothing_runs().await;
    let figures = Figures::of(system).since(&before);
    assert_eq!((figures.of_call("ECS.RunTask"), figures.of_call("GitHub.Jit")), (0, 0));
    assert_eq!(rows, self::rows(system).await, "a row has changed");
}

/// One fact goes through the queue, the other to a function directly. Both end in a dead-letter queue, with the reason.
pub(crate) async fn malformed_facts(system: &System) {
    for (detail_type, queue) in [("JobQueued", "UnlaunchedEvents"), ("JobStarted", "FailedEvents")] {
        system.tell(detail_type, &json!({ "job": { "id": "none" } })).await;
        let queue = system.stack.resource(queue);
        let letters = eventually(&format!("a dead letter of {detail_type}"), async || {
            Some(system.aws.take(queue).await).filter(|letters| !letters.is_empty())
        })
        .await;
        assert_eq!(letters.len(), 1, "{letters:#?}");
        let reason = format!("{detail_type}: detail.job");
        assert!(letters[0].contains(&reason), "{reason:?} is not in {}", letters[0]);
    }
}

/// What the table holds, but for what `cleanup` remembers of its own work.
async fn rows(system: &System) -> BTreeMap<String, String> {
    let scanned = system.aws.table.scan().table_name(system.stack.resource("Table")).consistent_read(true);
    let items = scanned.send().await.expect("the table is there").items.unwrap_or_default();
    let named = items.into_iter().map(|item| {
        let key = item.get("key").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
        let fields: BTreeMap<_, _> = item.into_iter().collect();
        (key, format!("{fields:?}"))
    });
    named.filter(|(key, _)| !key.contains("cleanup")).collect()
}
