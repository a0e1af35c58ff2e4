//! How many of the jobs that a limit held up are launched in a turn: as many as the limits allow, and no more.

use crate::config::Limits;
use crate::pause::{Pause, TURN};
use crate::{SignedDuration, Timestamp};

/// Turns that did not come are made up for as far as this, so that no limit is run into with a burst.
const MOST_MADE_UP: SignedDuration = SignedDuration::from_secs(10);

/// How many jobs have their turn now. Notes in the pause for which time they were reckoned, so that a fraction of a job
/// counts in the next turn.
pub fn turns(pause: &mut Pause, limits: &Limits, now: Timestamp) -> usize {
    let each = interval(limits);
    let since = pause.turned_at.unwrap_or(now - TURN).max(now - MOST_MADE_UP);
    let turns = now.duration_since(since).as_nanos().max(0) / each.as_nanos().max(1);
    let turns = i32::try_from(turns).unwrap_or(i32::MAX);
    pause.turned_at = Some(since + each * turns);
    usize::try_from(turns).unwrap_or(0)
}

/// From one launch to the next, for a long time: by the narrowest of the limits that every launch goes through.
pub fn interval(limits: &Limits) -> SignedDuration {
    let launches = SignedDuration::from_secs(1) / count(limits.launches_per_second);
    let registrations = SignedDuration::from_mins(1) / count(limits.registrations_per_minute);
    launches.max(registrations)
}

/// Why a launch waits that the pace holds up.
pub fn reason(per_minute: u64) -> String {
    format!(
        "{per_minute} launches a minute are all that GitHub registers for long: [limits] registrations_per_minute"
    )
}

fn count(number: u32) -> i32 {
    i32::try_from(number.max(1)).unwrap_or(i32::MAX)
}
