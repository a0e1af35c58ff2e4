//! Metrics in the dashboard, in alarms and in the guide, against the table in the code: what is shown is told, and what is
//! told is shown.

use std::collections::BTreeSet;

use fleetfoot_aws::metrics::{METRICS, NAMESPACE};
use serde_json::Value;

use crate::code::text;
use crate::deployment::{of_type, properties, shown};

const GUIDE: &str = "docs/observability.md";
/// What a month may cost without any job, in US dollars, beyond what each account has for nothing: ten alarms.
const IDLE_MONTH_USD: f64 = 3.0;
const FREE_ALARMS: usize = 10;
const ALARM_USD: f64 = 0.10;

fn dashboard() -> Value {
    let body = shown(&properties("FleetDashboard")["DashboardBody"]);
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("the dashboard is no JSON: {error}"))
}

/// The metrics of the fleet that widgets show, with `.` and `...` read as what they stand for (Amazon CloudWatch,
/// "Dashboard body structure and syntax").
fn in_dashboard() -> BTreeSet<String> {
    let dashboard = dashboard();
    let mut names = BTreeSet::new();
    for widget in dashboard["widgets"].as_array().expect("widgets") {
        let mut before: Vec<String> = Vec::new();
        for row in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let row = row.as_array().expect("a metric is a list");
            if let Some(expression) = row[0]["expression"].as_str() {
                let name = expression.split("MetricName=\"").nth(1).and_then(|rest| rest.split('"').next());
                names.extend(name.map(str::to_owned));
                continue;
            }
            let parts: Vec<&str> = row.iter().filter_map(Value::as_str).collect();
            let mut whole: Vec<String> = Vec::new();
            for (n, part) in parts.iter().enumerate() {
                match *part {
                    "..." => whole = before[..before.len() - (parts.len() - n - 1)].to_vec(),
                    "." => whole.push(before[n].clone()),
                    part => whole.push(part.to_owned()),
                }
            }
            if whole[0] == NAMESPACE {
                assert_eq!(whole[2..], ["Stack", "${AWS::StackName}"], "{widget}");
                names.insert(whole[1].clone());
            }
            before = whole;
        }
    }
    names
}

fn in_alarms() -> BTreeSet<String> {
    let alarms = of_type("AWS::CloudWatch::Alarm").into_iter();
    let ours = alarms.filter(|(_, alarm)| alarm["Namespace"] == NAMESPACE);
    ours.map(|(_, alarm)| shown(&alarm["MetricName"])).collect()
}

#[test]
fn what_is_shown_is_told_and_what_is_told_is_shown() {
    let told: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    let (dashboard, alarms) = (in_dashboard(), in_alarms());
    assert!(alarms.len() >= 7, "{alarms:?}");
    let shown: BTreeSet<String> = dashboard.union(&alarms).cloned().collect();
    assert_eq!(shown, told);
}

/// A dimension that no document has is an alarm that never goes off.
#[test]
fn alarms_look_at_dimensions_that_are_told() {
    for (id, alarm) in of_type("AWS::CloudWatch::Alarm") {
        if alarm["Namespace"] != NAMESPACE {
            continue;
        }
        let metric = METRICS.iter().find(|it| alarm["MetricName"] == it.name).expect("a metric");
        let dimensions = alarm["Dimensions"].as_array().expect("dimensions");
        assert_eq!(
            (&dimensions[0]["Name"], shown(&dimensions[0]["Value"]).as_str()),
            (&"Stack".into(), "AWS::StackName")
        );
        for dimension in &dimensions[1..] {
            let (name, values) =
                metric.by.unwrap_or_else(|| panic!("{id}: {} has one dimension", metric.name));
            assert_eq!(dimension["Name"], name, "{id}");
            assert!(values.contains(&shown(&dimension["Value"]).as_str()), "{id}: {dimension}");
        }
    }
}

/// Whoever is woken is told what to do.
#[test]
fn every_alarm_names_a_chapter_of_the_guide() {
    let guide = text(GUIDE);
    let anchors: BTreeSet<String> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("### ").or_else(|| line.strip_prefix("## ")))
        .map(|heading| heading.to_lowercase().replace(' ', "-").replace(['`', '\'', ',', '.'], ""))
        .collect();
    for (id, alarm) in of_type("AWS::CloudWatch::Alarm") {
        let description = shown(&alarm["AlarmDescription"]);
        let anchor = description.split(&format!("{GUIDE}#")).nth(1).map(|it| it.trim_end_matches('.'));
        let anchor = anchor.unwrap_or_else(|| panic!("{id} names no chapter: {description}"));
        assert!(anchors.contains(anchor), "{id}: {GUIDE} has no chapter {anchor}");
    }
}

/// What waits in a queue for too long is heard of, whichever queue it is.
#[test]
fn every_queue_that_is_worked_off_is_watched() {
    let worked_off = of_type("AWS::SQS::Queue").into_iter().filter(|(_, it)| !it["RedrivePolicy"].is_null());
    let worked_off: BTreeSet<String> = worked_off.map(|(id, _)| id.to_owned()).collect();
    let alarms = of_type("AWS::CloudWatch::Alarm").into_iter();
    let watched = alarms.filter(|(_, it)| it["MetricName"] == "ApproximateAgeOfOldestMessage");
    let watched = watched.map(|(_, it)| shown(&it["Dimensions"][0]["Value"]).replace(".QueueName", ""));
    assert_eq!(watched.collect::<BTreeSet<_>>(), worked_off);
}

#[test]
fn alarms_cost_little() {
    let alarms = of_type("AWS::CloudWatch::Alarm").len();
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let cost = alarms.saturating_sub(FREE_ALARMS) as f64 * ALARM_USD;
    assert!(cost < IDLE_MONTH_USD - 0.1, "{alarms} alarms are {cost:.2} USD a month");
}

/// The guide's table: a row for each metric with what the code says of it, and what to do.
#[test]
fn the_guide_tells_of_every_metric() {
    let guide = text(GUIDE);
    let (_, rest) = guide.split_once("\n## Metrics\n").expect("a chapter about metrics");
    let chapter = rest.split("\n## ").next().unwrap_or_default();
    let rows: Vec<Vec<&str>> = chapter
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>())
        // The other table of the chapter has three columns.
        .filter(|row| row.len() == 5)
        .collect();
    let names: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let table: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names, table, "in the order of the table");
    for (metric, row) in METRICS.iter().zip(&rows) {
        let unit = if metric.unit.name() == "None" { "US dollars" } else { metric.unit.name() };
        let dimensions = metric.by.map_or("Stack".to_owned(), |(name, _)| format!("Stack; Stack, {name}"));
        assert_eq!(row[1..4], [unit, dimensions.as_str(), metric.meaning], "{}", metric.name);
        assert!(row.get(4).is_some_and(|advice| advice.len() > 10), "{}: what to do", metric.name);
    }
    for (_, values) in METRICS.iter().filter_map(|metric| metric.by) {
        for value in values {
            assert!(chapter.contains(&format!("`{value}`")), "the guide lacks the value {value}");
        }
    }
}
