//! What is left of the requests that GitHub allows in an hour.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderMap;

/// What the last answer said is left, to the installation or the token that runners are registered with.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Option<u64>>);

impl Budget {
    /// The number of requests that are left, if GitHub has told since it was last asked for.
    pub fn take(&self) -> Option<u64> {
        self.left().take()
    }

    pub(crate) fn note(&self, headers: &HeaderMap) {
        let told = headers.get("x-ratelimit-remaining").and_then(|it| it.to_str().ok()?.trim().parse().ok());
        if told.is_some() {
            *self.left() = told;
        }
    }

    fn left(&self) -> MutexGuard<'_, Option<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_told_once() {
        let budget = Budget::default();
        assert_eq!(budget.take(), None);
        for (header, left) in [("4999", Some(4999)), (" 12 ", Some(12)), ("-1", None), ("many", None)] {
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-remaining", header.parse().unwrap());
            budget.note(&headers);
            assert_eq!((budget.take(), budget.take()), (left, None), "{header}");
        }
        budget.note(&HeaderMap::new());
        assert_eq!(budget.take(), None);
    }
}
