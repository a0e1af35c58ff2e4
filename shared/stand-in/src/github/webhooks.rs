//! Webhooks as they are sent: signed, with GitHub's headers.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::DeliveryId;
use fleetfoot_model::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::StandInGitHub;
use super::post::Attempt;
use super::settings::HOOK_ID;

/// A webhook to be sent by `POST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingWebhook {
    /// The attempt, for telling what the answer was.
    pub delivery_id: DeliveryId,
    /// `X-GitHub-Delivery`: the same for each attempt.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: &'static str,
    /// All headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body that was signed.
    pub body: Vec<u8>,
}

impl StandInGitHub {
    /// The webhooks that are to be sent now, in the order they became due.
    pub fn due(&mut self, now: Timestamp) -> Vec<OutgoingWebhook> {
        let now = self.advance(now);
        if let Some(until) = self.meter.down_until(now) {
            self.post.hold(now, until);
        }
        let attempts = self.post.take_due(now);
        attempts.iter().filter_map(|attempt| self.outgoing(attempt)).collect()
    }

    /// Notes how a webhook was answered; status 0 if it was not, within GitHub's 10 seconds. GitHub does not try again
    /// by itself.
    pub fn delivered(&mut self, now: Timestamp, delivery: DeliveryId, status: u16) {
        self.advance(now);
        self.post.answered(delivery, status);
    }

    fn outgoing(&mut self, attempt: &Attempt) -> Option<OutgoingWebhook> {
        let job = self.jobs.get(&attempt.moment.job)?;
        let body = self.templates.webhook(&attempt.moment, job).into_bytes();
        let event = attempt.moment.kind.event();
        let headers = vec![
            ("accept", "*/*".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("user-agent", "GitHub-Hookshot/044aadd".to_owned()),
            ("x-github-delivery", attempt.guid.clone()),
            ("x-github-event", event.to_owned()),
            ("x-github-hook-id", HOOK_ID.to_string()),
            ("x-hub-signature-256", sign(&self.settings.webhook_secret, &body)),
        ];
        Some(OutgoingWebhook { delivery_id: attempt.id, guid: attempt.guid.clone(), event, headers, body })
    }
}

/// The value of `X-Hub-Signature-256` for a body.
///
/// # Panics
/// Never: HMAC takes keys of any length.
pub fn sign(secret: &Secret, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_githubs() {
        // The test vector of GitHub's documentation, "Validating webhook deliveries".
        let secret = Secret::new("It's a Secret to Everybody");
        assert_eq!(
            sign(&secret, b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
