//! How much may still be asked of GitHub in this hour.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_github::RateLimit;
use fleetfoot_model::Timestamp;

use super::Desk;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::{Failure, OrFail};
use crate::times::span;

const HEADING: &str = "rate-limit";

/// One part in so many is little.
const LITTLE: u64 = 10;

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let client = self.0.signed_in().await?;
        let budget = client.rate_limit().await.or_fail("GitHub's rate limit cannot be asked")?;
        Ok(vec![judge(&budget, self.0.clock.now())])
    }
}

fn judge(budget: &RateLimit, now: Timestamp) -> Finding {
    let RateLimit { limit, remaining, resets_at, .. } = budget;
    let what =
        format!("{remaining} of {limit} requests are left, for {}", span(resets_at.duration_since(now)));
    let hint = "each job costs one; who else asks with these credentials? An App has more than a token";
    match (*remaining, *limit) {
        (0, _) => Finding::error(HEADING, what).hint(hint),
        (remaining, limit) if remaining * LITTLE < limit => Finding::warning(HEADING, what).hint(hint),
        _ => Finding::ok(HEADING, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn little_is_warned_of_and_nothing_is_a_fault() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let resets_at = "2026-11-21T12:25:00Z".parse().unwrap();
        for (remaining, severity) in
            [(5000, Severity::Ok), (500, Severity::Ok), (499, Severity::Warning), (0, Severity::Error)]
        {
            let found = judge(&RateLimit { limit: 5000, remaining, resets_at, date: None }, now);
            assert_eq!(found.severity, severity);
            assert_eq!(found.what, format!("{remaining} of 5000 requests are left, for 25m 0s"));
        }
    }
}
