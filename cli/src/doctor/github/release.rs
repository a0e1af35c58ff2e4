//! Whether GitHub still sends jobs to the runner's release that images are made with.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::GitHub as _;
use fleetfoot_model::runner_release::{PINNED, Pin, RunnerRelease, Standing};

use super::Desk;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::{Failure, OrFail};
use crate::times::span;

const HEADING: &str = "runner-release";

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let releases = self.0.client.runner_releases().await;
        let releases = releases.or_fail("the releases of GitHub's runner cannot be asked for")?;
        let pin: Pin = PINNED.parse().or_fail("the release that this program pins is not understood")?;
        Ok(vec![judge(&pin, &releases, self.0.clock.now())])
    }
}

fn judge(pin: &Pin, releases: &[RunnerRelease], now: Timestamp) -> Finding {
    let standing = Standing::of(pin.version, releases);
    let pinned = format!("images are made with release {} of GitHub's runner", pin.version);
    let Some(until) = standing.served_until else {
        return Finding::ok(HEADING, format!("{pinned}, the newest"));
    };
    let hint =
        "`fleetfoot runner bump`, then deploy again; on one machine unpack the newest into --runner-dir";
    if until <= now {
        let ago = span(now.duration_since(until));
        return Finding::error(HEADING, format!("{pinned}, to which GitHub sends no jobs since {ago}"))
            .hint(hint);
    }
    let left = span(until.duration_since(now));
    let what = format!("{pinned}; the newest is {}, and this one is served for {left}", standing.newest);
    if standing.is_aging(now) {
        Finding::warning(HEADING, what).hint(hint)
    } else {
        Finding::ok(HEADING, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use fleetfoot_model::SignedDuration;

    #[test]
    fn a_release_is_judged_by_how_long_it_is_served() {
        let pin: Pin = PINNED.parse().unwrap();
        let published_at: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let next = RunnerRelease { version: "2.999.0".parse().unwrap(), published_at, checksums: None };
        for (days, severity) in [(1, Severity::Ok), (20, Severity::Warning), (31, Severity::Error)] {
            let now = published_at + SignedDuration::from_hours(24 * days);
            assert_eq!(judge(&pin, std::slice::from_ref(&next), now).severity, severity, "{days}");
        }
        assert_eq!(judge(&pin, &[], published_at).severity, Severity::Ok);
    }
}
