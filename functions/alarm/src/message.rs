//! From a message of the topic to a message for Slack.

use fleetfoot_model::notice::Notice;
use serde_json::Value;

use crate::alarm::CloudWatchAlarm;
use crate::blocks::{context, fields, header, message, section};
use crate::digest::render_digest;

/// Renders a message of the notice topic as a payload of Slack's incoming webhooks.
pub fn render(published: &str) -> Value {
    if let Ok(notice) = serde_json::from_str::<Notice>(published) {
        return render_notice(&notice);
    }
    match serde_json::from_str::<CloudWatchAlarm>(published) {
        Ok(alarm) => render_alarm(&alarm),
        Err(_) => message(published, &[section(published)]),
    }
}

fn render_notice(notice: &Notice) -> Value {
    if let Some(digest) = &notice.digest {
        return render_digest(digest);
    }
    let emoji = match notice.fact.as_str() {
        "JobRejected" | "JobExpired" | "JobRerunRefused" => "🚫",
        "BudgetReached" => "💸",
        "BreakerOpened" => "🚨",
        _ => "⚠️",
    };
    let title = format!("{emoji} {}", notice.title);
    let small = format!("fleetfoot: {}", notice.fact);
    let link = notice.link.as_deref().map(|link| ("Open", link));
    message(&title, &[header(&title), section(&notice.text), context(&small, link)])
}

fn render_alarm(alarm: &CloudWatchAlarm) -> Value {
    let emoji = match alarm.new_state_value.as_str() {
        "ALARM" => "🔴",
        "OK" => "✅",
        "INSUFFICIENT_DATA" => "⚪",
        _ => "🔵",
    };
    let title = format!("{emoji} {}: {}", alarm.new_state_value, alarm.alarm_name);
    let state = match &alarm.old_state_value {
        Some(old) => format!("{old} → {}", alarm.new_state_value),
        None => alarm.new_state_value.clone(),
    };
    let trigger = &alarm.trigger;
    let texts = [alarm.alarm_description.as_deref(), alarm.new_state_reason.as_deref()];
    let facts = fields(vec![
        ("State", Some(state)),
        ("Since", alarm.changed_at()),
        ("Metric", Some(trigger.metric())),
        ("Condition", trigger.condition()),
        ("Dimensions", Some(trigger.dimensions())),
        ("Rule", alarm.alarm_rule.clone()),
        ("Because of", Some(alarm.children())),
    ]);
    let place: Vec<&str> =
        [alarm.region.as_deref(), alarm.account.as_deref()].into_iter().flatten().collect();
    let link = alarm.console_link();
    let link = link.as_deref().map(|link| ("Open in CloudWatch", link));

    let mut blocks = vec![header(&title)];
    blocks.extend(texts.into_iter().flatten().filter(|text| !text.trim().is_empty()).map(section));
    blocks.extend(facts);
    blocks.push(context(&place.join(", "), link));
    message(&title, &blocks)
}
