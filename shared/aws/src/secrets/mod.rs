//! Secrets kept by AWS: parameters of the Systems Manager, and secrets of the Secrets Manager.

mod fetch;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use fleetfoot_model::ports::{Clock, SecretError, Secrets};
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_model::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use fetch::{Failure, Source};

/// How long a secret is used before it is read again: a rotated one is in use within a minute.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// How old a secret may be while AWS does not answer, counted from when it was read.
pub const STALE: SignedDuration = SignedDuration::from_mins(15);

/// Reads `ssm:` and `secretsmanager:` references, each once a minute. A failure is never remembered: who asks after it
/// asks AWS.
pub struct AwsSecrets {
    source: Source,
    clock: Arc<dyn Clock>,
    slots: std::sync::Mutex<BTreeMap<SecretReference, Arc<Slot>>>,
}

/// What is known behind one reference.
#[derive(Default)]
struct Slot {
    /// How many requests have been answered.
    answers: AtomicU64,
    /// Held by whoever asks AWS; the others wait for its answer.
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    kept: Option<Kept>,
    failure: Option<SecretError>,
}

struct Kept {
    secret: Secret,
    read_at: Timestamp,
}

impl AwsSecrets {
    /// Over these clients.
    pub fn new(
        ssm: aws_sdk_ssm::Client,
        secrets_manager: aws_sdk_secretsmanager::Client,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { source: Source { ssm, secrets_manager }, clock, slots: std::sync::Mutex::default() }
    }

    fn slot(&self, reference: &SecretReference) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(reference.clone()).or_default())
    }

    async fn renew(&self, reference: &SecretReference, last: &mut Last) -> Result<Secret, SecretError> {
        let reason = match self.source.fetch(reference).await {
            Ok(secret) => {
                last.kept = Some(Kept { secret: secret.clone(), read_at: self.clock.now() });
                return Ok(secret);
            }
            Err(Failure::Unavailable(reason)) => reason,
            Err(Failure::Refused(reason)) => {
                last.kept = None;
                reason
            }
        };
        let now = self.clock.now();
        if let Some(kept) = last.kept.as_ref().filter(|kept| now < kept.read_at + STALE) {
            tracing::warn!(secret.reference = %reference, reason, "the secret as it was read before is used on");
            return Ok(kept.secret.clone());
        }
        Err(SecretError { reference: reference.to_string(), reason })
    }
}

#[async_trait]
impl Secrets for AwsSecrets {
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        let slot = self.slot(reference);
        let answers = slot.answers.load(Ordering::Acquire);
        let mut last = slot.last.lock().await;
        // Whoever waited for another's request takes its answer, a failure too.
        if slot.answers.load(Ordering::Acquire) != answers
            && let Some(failure) = &last.failure
        {
            return Err(failure.clone());
        }
        let now = self.clock.now();
        if let Some(kept) = last.kept.as_ref().filter(|kept| now < kept.read_at + FRESH) {
            return Ok(kept.secret.clone());
        }
        let answer = self.renew(reference, &mut last).await;
        last.failure = answer.as_ref().err().cloned();
        slot.answers.fetch_add(1, Ordering::Release);
        answer
    }
}

impl fmt::Debug for AwsSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSecrets").finish_non_exhaustive()
    }
}
