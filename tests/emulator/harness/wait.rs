//! Waiting for what other processes do.

use std::time::Duration;

/// Far longer than anything takes, on a machine that does three other things at once.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until something is so.
///
/// # Panics
/// If it never is.
pub(crate) async fn until(what: &str, is: impl Fn() -> bool) {
    eventually(what, async || is().then_some(())).await;
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// If there never is.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(PAUSE);
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never: {what}"))
}
