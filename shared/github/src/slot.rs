//! A credential that is kept while it is good, renewed in time, and fetched once however many wait for it.

use std::sync::atomic::{AtomicU64, Ordering};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::secret::Secret;
use tokio::sync::Mutex;

/// A credential and its time.
pub(crate) struct Kept {
    pub(crate) secret: Secret,
    /// From then on a new one is fetched first.
    pub(crate) renew_at: Timestamp,
    /// From then on it is worthless.
    pub(crate) ends_at: Timestamp,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// Only for those who were already waiting when it happened; whoever comes later tries again.
    failure: Option<GitHubError>,
}

/// A place for one credential.
#[derive(Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    failures: AtomicU64,
}

impl Slot {
    /// The credential, if need be from `fetch`. If that fails, the one at hand serves until its end.
    pub(crate) async fn get(
        &self,
        now: Timestamp,
        fetch: impl Future<Output = Result<Kept, GitHubError>> + Send,
    ) -> Result<Secret, GitHubError> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(kept) = state.kept.as_ref().filter(|kept| now < kept.renew_at) {
            return Ok(kept.secret.clone());
        }
        // While GitHub is down, each waiting caller would otherwise wait out one more timeout than the one before it.
        let failed_meanwhile = self.failures.load(Ordering::Acquire) != failures;
        let failure = match state.failure.clone().filter(|_| failed_meanwhile) {
            Some(failure) => failure,
            None => match fetch.await {
                Ok(kept) => return Ok(state.kept.insert(kept).secret.clone()),
                Err(failure) => {
                    self.failures.fetch_add(1, Ordering::Release);
                    state.failure.insert(failure).clone()
                }
            },
        };
        state.kept.as_ref().filter(|kept| now < kept.ends_at).map(|kept| kept.secret.clone()).ok_or(failure)
    }

    /// The credential was not accepted: forgets it, unless another has taken its place. Answers whether it did.
    pub(crate) async fn reject(&self, secret: &Secret) -> bool {
        let mut state = self.state.lock().await;
        state.kept.take_if(|kept| kept.secret == *secret).is_some()
    }

    /// Forgets the credential, whatever it is.
    pub(crate) async fn clear(&self) {
        self.state.lock().await.kept = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetfoot_model::SignedDuration;

    fn kept(text: &str) -> Kept {
        let renew_at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(50);
        Kept { secret: Secret::new(text), renew_at, ends_at: Timestamp::MAX }
    }

    // Fifty requests with the old token are all refused; those whose refusal comes late must not cost the new one.
    #[tokio::test]
    async fn a_late_refusal_of_the_old_credential_leaves_the_new_one() {
        let slot = Slot::default();
        let now = Timestamp::UNIX_EPOCH;
        let old = slot.get(now, async { Ok(kept("old")) }).await.unwrap();
        assert!(slot.reject(&old).await);
        let new = slot.get(now, async { Ok(kept("new")) }).await.unwrap();
        assert!(!slot.reject(&old).await);
        assert_eq!(slot.get(now, async { Ok(kept("newer")) }).await.unwrap(), new);
    }
}
