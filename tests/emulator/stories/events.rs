//! Events that come twice, come again, or cannot be read.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
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
    until("the second of each has come", || {
        let webhooks = system.github.state().webhooks();
        webhooks.sent >= webhooks.told + webhooks.doubled
    })
    .await;
    system.github.state().set_faults(Faults::NONE);
    system.nothing_runs().await;
    let figures = Figures::of(system).since(&before);
    assert_eq!((figures.of_call("ECS.RunTask"), figures.of_call("GitHub.Jit")), (1, 1));
}

/// Everything that was ever told is told again from the archive: nothing changes.
pub(crate) async fn a_replay_of_the_archive(system: &System) {
    system.is_quiet().await;
    let (rows, before) = (rows(system).await, Figures::of(system));
    system.replay_everything().await;
    system.nothing_runs().await;
    let figures = Figures::of(system).since(&before);
    assert_eq!((figures.of_call("ECS.RunTask"), figures.of_call("GitHub.Jit")), (0, 0));
    system.is_quiet().await;
    let after = self::rows(system).await;
    let changed = rows.iter().filter(|(key, row)| after.get(*key) != Some(row));
    let changed: Vec<_> = changed.map(|(key, row)| (key, row, after.get(key))).collect();
    assert!(changed.is_empty() && rows.len() == after.len(), "{changed:#?}");
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

/// What the table holds of jobs, runners and images, and how many of what there are.
async fn rows(system: &System) -> BTreeMap<String, String> {
    let scanned = system.aws.table.scan().table_name(system.stack.resource("Table")).consistent_read(true);
    let items = scanned.send().await.expect("the table is there").items.unwrap_or_default();
    let text = |item: &HashMap<String, AttributeValue>, name: &str| {
        let value = item.get(name)?;
        value.as_s().or(value.as_n()).ok().cloned()
    };
    let content = |item| Some((text(&item, "key")?, text(&item, "record").or_else(|| text(&item, "count"))?));
    let remembered = |key: &str| key.starts_with("cleanup") || key.starts_with("counter#replacements");
    items.into_iter().filter_map(content).filter(|(key, _)| !remembered(key)).collect()
}
