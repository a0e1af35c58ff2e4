//! What GitHub has sent lately, and what it was answered.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_github::TriedDelivery;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::Desk;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::{Failure, OrFail};
use crate::times::span;

const HEADING: &str = "deliveries";

/// What is older has been asked for again or does not matter any more.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let tried = self.0.client.tried_deliveries().await;
        let tried = tried.or_fail("the webhook's deliveries cannot be listed")?;
        Ok(vec![judge(&tried, self.0.clock.now())])
    }
}

/// `tried` is newest first. One that was delivered again, and then accepted, is no failure.
fn judge(tried: &[TriedDelivery], now: Timestamp) -> Finding {
    let Some(last) = tried.first() else {
        return Finding::warning(HEADING, "GitHub has sent nothing in the last three days").hint(
            "queue a job, or redeliver the ping under the webhook's recent deliveries; then see webhook",
        );
    };
    let ago = |it: &TriedDelivery| format!("{} ago", span(now.duration_since(it.delivered_at)));
    let accepted: BTreeSet<_> = tried.iter().filter(|it| it.succeeded()).map(|it| &it.guid).collect();
    let is_recent = |it: &&TriedDelivery| now.duration_since(it.delivered_at) < RECENT;
    let recent: Vec<_> = tried.iter().filter(is_recent).collect();
    let mut unheard: Vec<_> = recent.iter().filter(|it| !accepted.contains(&it.guid)).collect();
    let mut seen = BTreeSet::new();
    unheard.retain(|it| seen.insert(&it.guid));
    let Some(failed) = unheard.first() else {
        return Finding::ok(
            HEADING,
            format!("{} in the last day, all accepted; the last {}", recent.len(), ago(last)),
        );
    };
    let answer = match failed.status_code {
        0 => format!("not answered ({})", failed.status),
        code => format!("answered {code}"),
    };
    let what = format!(
        "{} of the last day's {} deliveries were not accepted; the last of them, {} {}, was {answer}",
        unheard.len(),
        recent.len(),
        failed.event,
        ago(failed)
    );
    let finding =
        if last.succeeded() { Finding::warning(HEADING, what) } else { Finding::error(HEADING, what) };
    finding.hint(hint(failed.status_code))
}

fn hint(status: u16) -> &'static str {
    match status {
        0 => {
            "nobody answered within ten seconds: the address, the tunnel or proxy, or the fleet is not up; `cleanup` asks for them again"
        }
        401 => "the secret at GitHub and that of webhook_secrets under [github] differ",
        400 => "set the webhook's content type to application/json",
        404 | 405 => "the address at GitHub has to end with /webhook",
        413 => "a proxy's limit, or webhook_bytes under [limits]",
        429 => "the API's throttling; `cleanup` asks for them again",
        503 => {
            "its secret or its bus could not be used: /health and the log of ingest tell; `cleanup` asks for them again"
        }
        _ => "the log of ingest tells why; `cleanup` asks for them again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn tried(guid: &str, minutes: i64, status_code: u16) -> TriedDelivery {
        TriedDelivery {
            guid: guid.to_owned(),
            event: "workflow_job".to_owned(),
            delivered_at: now() - SignedDuration::from_mins(minutes),
            status: if status_code == 0 { "timed out" } else { "OK" }.to_owned(),
            status_code,
        }
    }

    #[test]
    fn deliveries_are_judged_by_what_became_of_each() {
        let told = |tried: &[TriedDelivery]| {
            let found = judge(tried, now());
            (found.severity, found.what)
        };
        assert_eq!(told(&[]).0, Severity::Warning);
        let well = told(&[tried("b", 4, 202), tried("a", 9, 202)]);
        assert_eq!(well, (Severity::Ok, "2 in the last day, all accepted; the last 4m 0s ago".to_owned()));
        let again = told(&[tried("a", 4, 202), tried("a", 9, 502)]);
        assert_eq!(again.0, Severity::Ok, "it was accepted when it came again");
        let once = told(&[tried("b", 4, 202), tried("a", 9, 401)]);
        assert_eq!(once.0, Severity::Warning, "{once:?}");
        let down = told(&[tried("b", 4, 0), tried("b", 5, 0), tried("a", 9, 202)]);
        assert_eq!(
            down,
            (
                Severity::Error,
                "1 of the last day's 3 deliveries were not accepted; the last of them, workflow_job 4m 0s ago, was not \
                 answered (timed out)"
                    .to_owned()
            )
        );
        let old = told(&[tried("b", 4, 202), tried("a", 25 * 60, 500)]);
        assert_eq!(old.0, Severity::Ok, "that was another day");
    }
}
