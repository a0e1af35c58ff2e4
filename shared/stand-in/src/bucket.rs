//! A token bucket under virtual time.

use fleetfoot_model::{SignedDuration, Timestamp};

/// A token bucket: holds so many tokens at most and is refilled at a steady pace. A bucket of no tokens refuses
/// everything but free requests.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    capacity: u64,
    per_token: SignedDuration,
    /// When it will be full again: the only thing to remember (the generic cell rate algorithm).
    full_at: Timestamp,
}

impl TokenBucket {
    /// A full bucket of `capacity` tokens, into which `refill` tokens fall in each `per`.
    ///
    /// # Panics
    /// If `refill` is 0.
    pub fn new(capacity: u64, refill: u32, per: SignedDuration) -> Self {
        assert!(refill > 0, "a bucket is refilled");
        let per_token = per / i32::try_from(refill).unwrap_or(i32::MAX);
        Self { capacity, per_token, full_at: Timestamp::MIN }
    }

    /// Takes tokens.
    ///
    /// # Errors
    /// When there will be enough of them. Nothing was taken.
    pub fn take(&mut self, now: Timestamp, tokens: u64) -> Result<(), Timestamp> {
        let full_at = self.full_at.max(now) + self.time_for(tokens);
        let room_at = full_at - self.time_for(self.capacity);
        if room_at > now {
            return Err(room_at);
        }
        self.full_at = full_at;
        Ok(())
    }

    /// Whether so many tokens are there, and if not, when they will be.
    ///
    /// # Errors
    /// When there will be enough of them.
    pub fn check(&self, now: Timestamp, tokens: u64) -> Result<(), Timestamp> {
        self.clone().take(now, tokens)
    }

    fn time_for(&self, tokens: u64) -> SignedDuration {
        self.per_token * i32::try_from(tokens).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let mut bucket = TokenBucket::new(100, 20, SignedDuration::from_secs(1));
        for _ in 0..100 {
            bucket.take(start, 1).unwrap();
        }
        let until = bucket.take(start, 1).unwrap_err();
        assert_eq!(until, start + SignedDuration::from_millis(50), "refused until the next token is there");
        bucket.take(until, 1).unwrap();
        bucket.take(until, 1).unwrap_err();

        let later = start + SignedDuration::from_secs(3600);
        bucket.take(later, 100).unwrap();
        assert!(bucket.take(later, 1).is_err(), "an idle hour fills it once, not more");
    }
}
