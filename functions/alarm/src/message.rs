//! From a message of the topic to a message for Slack.

use fleetfoot_model::Timestamp;
use fleetfoot_model::notice::{AlarmStory, Notice};
use serde_json::Value;

use crate::alarm::{CloudWatchAlarm, in_utc};
use crate::blocks::{code, context, fields, header, line, links, message, section};
use crate::digest::render_digest;
use crate::links::Home;
use crate::text::escape;

/// What is said on the topic.
pub(crate) enum Said {
    Notice(Box<Notice>),
    Alarm(Box<CloudWatchAlarm>),
    /// Neither. Nothing is lost because it looks strange.
    Text(String),
}

impl Said {
    pub(crate) fn read(published: &str) -> Self {
        if let Ok(notice) = serde_json::from_str(published) {
            return Self::Notice(Box::new(notice));
        }
        match serde_json::from_str(published) {
            Ok(alarm) => Self::Alarm(Box::new(alarm)),
            Err(_) => Self::Text(published.to_owned()),
        }
    }

    /// What is collapsed with what, if there is too much of it.
    pub(crate) fn kind(&self) -> String {
        let is_word =
            |word: &str| (1..=40).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphanumeric());
        match self {
            Self::Notice(notice) if is_word(&notice.fact) => notice.fact.clone(),
            _ => "Message".to_owned(),
        }
    }

    /// One line.
    pub(crate) fn title(&self) -> &str {
        match self {
            Self::Notice(notice) => &notice.title,
            Self::Alarm(alarm) => &alarm.alarm_name,
            Self::Text(text) => text,
        }
    }
}

/// What is known beside the message itself.
#[derive(Debug, Default)]
pub(crate) struct Beside<'a> {
    pub(crate) home: Option<&'a Home>,
    pub(crate) dashboard: Option<&'a str>,
    /// The log of the runner that a notice is about.
    pub(crate) runner_log: Option<String>,
}

/// Renders what is said as a payload of Slack's, by itself: as if nothing had been said before.
pub(crate) fn render(said: &Said, beside: &Beside<'_>) -> Value {
    match said {
        Said::Notice(notice) => render_notice(notice, beside),
        Said::Alarm(alarm) => render_alarm(alarm, None, beside),
        Said::Text(text) => message(text, &[section(text)]),
    }
}

/// What stands before a notice of this kind.
pub(crate) fn emoji(kind: &str) -> &'static str {
    match kind {
        "JobRejected" | "JobExpired" | "JobRerunRefused" => "🚫",
        "BudgetReached" => "💸",
        "BreakerOpened" => "🚨",
        _ => "⚠️",
    }
}

fn render_notice(notice: &Notice, beside: &Beside<'_>) -> Value {
    if let Some(digest) = &notice.digest {
        return render_digest(digest);
    }
    let title = format!("{} {}", emoji(&notice.fact), notice.title);
    let place = match notice.fact.as_str() {
        "ImageFailed" => "Log of the build",
        "RunnerReleaseAging" => "Releases",
        _ if notice.job.is_some() => "Job at GitHub",
        _ => "Open",
    };
    let option = beside.home.map(Home::option).unwrap_or_default();
    let command = match (&notice.job, &notice.runner) {
        (Some(job), _) => Some(format!("fleetfoot why {job}{option}")),
        (None, Some(runner)) => Some(format!("fleetfoot runners details {runner}{option}")),
        (None, None) => None,
    };
    let mut blocks = vec![header(&title), section(&notice.text)];
    blocks.extend(command.map(|command| code(&command)));
    blocks.extend(links(&[
        (place, notice.link.as_deref()),
        ("Log of its runner", beside.runner_log.as_deref()),
        ("Dashboard", beside.dashboard),
    ]));
    blocks.push(context(&format!("fleetfoot: {}", notice.fact)));
    message(&title, &blocks)
}

fn state_emoji(state: &str) -> &'static str {
    match state {
        "ALARM" => "🔴",
        "OK" => "✅",
        "INSUFFICIENT_DATA" => "⚪",
        _ => "🔵",
    }
}

/// Renders an alarm, with what is known of it from before.
pub(crate) fn render_alarm(
    alarm: &CloudWatchAlarm,
    story: Option<&AlarmStory>,
    beside: &Beside<'_>,
) -> Value {
    let state = &alarm.new_state_value;
    let title = format!("{} {state}: {}", state_emoji(state), alarm.alarm_name);
    let change = match &alarm.old_state_value {
        Some(old) => format!("{old} → {state}"),
        None => state.clone(),
    };
    let trigger = &alarm.trigger;
    let texts = [alarm.alarm_description.as_deref(), alarm.new_state_reason.as_deref()];
    let facts = fields(vec![
        ("State", Some(change)),
        ("Since", alarm.changed_at()),
        ("Metric", Some(trigger.metric())),
        ("Condition", trigger.condition()),
        ("Dimensions", Some(trigger.dimensions())),
        ("Rule", alarm.alarm_rule.clone()),
        ("Because of", Some(alarm.children())),
    ]);
    let place: Vec<&str> =
        [alarm.region.as_deref(), alarm.account.as_deref()].into_iter().flatten().collect();
    let (page, log) = (alarm.console_link(), alarm.log_link(beside.home));

    let mut blocks = vec![header(&title)];
    blocks.extend(story.and_then(tell).map(|told| line(&told)));
    blocks.extend(texts.into_iter().flatten().filter(|text| !text.trim().is_empty()).map(section));
    blocks.extend(facts);
    blocks.extend(links(&[
        ("Alarm in CloudWatch", page.as_deref()),
        ("Log of the function", log.as_deref()),
        ("Dashboard", beside.dashboard),
    ]));
    blocks.push(context(&place.join(", ")));
    message(&title, &blocks)
}

/// What came before, as Slack's markup: what is over is struck out.
fn tell(story: &AlarmStory) -> Option<String> {
    let alarmed_at = story.alarmed_at?;
    let often = match story.alarms {
        0 | 1 => String::new(),
        times => format!(" It went off {times} times since {}.", in_utc(story.began_at)),
    };
    if story.state == "OK" {
        let lasted = in_words(story.since, alarmed_at);
        return Some(format!("~ALARM since {}~ It is over after {lasted}.{often}", in_utc(alarmed_at)));
    }
    (!often.is_empty()).then(|| often.trim_start().to_owned())
}

/// Says in the thread of an older message that its alarm goes on: nobody sees that a message was changed.
pub(crate) fn render_reminder(story: &AlarmStory) -> Value {
    let alarmed_at = story.alarmed_at.unwrap_or(story.since);
    let text = format!("🔴 It went off again at {} and has not ended.", in_utc(alarmed_at));
    let mut reminder = message(&text, &[line(&escape(&text, 500))]);
    reminder["thread_ts"] =
        story.post.as_ref().and_then(|post| post.place.as_ref()).map(|it| it.ts.clone()).into();
    reminder["reply_broadcast"] = true.into();
    reminder
}

/// The time between two moments, in its two largest units.
fn in_words(end: Timestamp, begin: Timestamp) -> String {
    let seconds = end.duration_since(begin).as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (seconds, words) in
            [(-5, "0 s"), (59, "59 s"), (61, "1 min"), (7_500, "2 h 5 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(in_words(at(seconds), at(0)), words);
        }
    }
}
