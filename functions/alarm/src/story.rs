//! What an alarm's change means for the one message that tells of it.

use fleetfoot_model::ids::NoticeKey;
use fleetfoot_model::notice::{AlarmStory, Rest};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::alarm::CloudWatchAlarm;

/// Nobody sees that a message was changed. An alarm that went off again, and then goes on for so long, is said aloud.
const REMIND_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The story with what has changed, and whether its message is to tell of it. None if this is old: told before, or late.
pub(crate) fn hear(
    story: Option<&AlarmStory>,
    alarm: &CloudWatchAlarm,
    window: SignedDuration,
    now: Timestamp,
) -> Option<(AlarmStory, bool)> {
    let since = alarm.since().unwrap_or(now);
    // Messages of a topic are unordered and may come twice: CloudWatch's own time says which is the newest.
    if story.is_some_and(|story| since <= story.since) {
        return None;
    }
    let has_message = |story: &&AlarmStory| story.post.is_some();
    let next = match (alarm.new_state_value.as_str(), story.filter(has_message)) {
        ("OK", Some(before)) => over(before, since),
        // A new alarm is found to be well, which is no news, unless its going off was missed.
        ("OK", None) => {
            let was_missed = alarm.old_state_value.as_deref() == Some("ALARM");
            (anew(alarm, since, story, now), was_missed)
        }
        (state, Some(before)) if is_same(before, since, window) => (on(before, state, since, now), true),
        _ => (anew(alarm, since, story, now), true),
    };
    let (next, speaks) = next;
    Some((AlarmStory { state: alarm.new_state_value.clone(), since, changed_at: now, ..next }, speaks))
}

/// Whether what happens belongs to the message that is there.
fn is_same(before: &AlarmStory, since: Timestamp, window: SignedDuration) -> bool {
    before.state != "OK" || since.duration_since(before.since) <= window
}

fn over(before: &AlarmStory, since: Timestamp) -> (AlarmStory, bool) {
    let was_over = before.state == "OK";
    (AlarmStory { since, remind_at: None, ..before.clone() }, !was_over)
}

fn on(before: &AlarmStory, state: &str, since: Timestamp, now: Timestamp) -> AlarmStory {
    let went_off = state == "ALARM" && before.state != "ALARM";
    let again = went_off && before.state == "OK";
    AlarmStory {
        alarmed_at: if went_off { Some(since) } else { before.alarmed_at },
        alarms: before.alarms + u32::from(went_off),
        remind_at: if again { Some(now + REMIND_AFTER) } else { before.remind_at },
        ..before.clone()
    }
}

fn anew(alarm: &CloudWatchAlarm, since: Timestamp, story: Option<&AlarmStory>, now: Timestamp) -> AlarmStory {
    let went_off = alarm.new_state_value == "ALARM";
    AlarmStory {
        key: NoticeKey::of(&alarm.name_of_all()),
        state: alarm.new_state_value.clone(),
        since,
        began_at: since,
        alarmed_at: went_off.then_some(since),
        alarms: u32::from(went_off),
        post: None,
        remind_at: None,
        posted: story.map_or((now, 0), |story| story.posted),
        rest: story.map_or_else(Rest::default, |story| story.rest.clone()),
        changed_at: now,
    }
}
