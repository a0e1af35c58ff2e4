//! Runs a handler to its end, whatever that is.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// A handler that did not come to an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It took too long.
    #[error("took longer than {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// It panicked, with these words.
    #[error("panicked: {0}")]
    Panicked(String),
}

/// Runs a handler to its end, its panic, or the limit of its time.
pub async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T, Broken> {
    let caught = match limit {
        None => caught(work).await,
        Some(limit) => tokio::time::timeout(limit, caught(work)).await.map_err(|_| Broken::Slow(limit))?,
    };
    caught.map_err(Broken::Panicked)
}

async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // A handler keeps nothing between invocations but what its ports keep, and those survive a panic.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(words(&*panic))),
        }
    })
    .await
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}
