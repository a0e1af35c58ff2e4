//! Sends many things a few at a time, and again what was not taken.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Reason;

/// How many things a request takes, of `PutEvents` and of `PublishBatch` alike (their service models).
const MOST: usize = 10;
/// What is waited before each try. Callers are answered within seconds, and whoever called them tries again later.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(250)];
/// For how long nothing may be taken before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long one request may take; a connection that died is noticed in time for another.
const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Where things are sent.
#[async_trait]
pub(super) trait Outlet: Sync {
    /// What is sent.
    type Item: Sync;

    /// A request is smaller than this, in bytes.
    const LIMIT: usize;

    /// What a thing counts for in a request, in bytes.
    fn size(item: &Self::Item) -> usize;

    /// Sends things in one request. Answers those that were not taken, by their place in the request.
    ///
    /// # Errors
    /// Why none was taken.
    async fn send(&self, items: &[&Self::Item]) -> Result<Vec<(usize, Reason)>, Reason>;
}

/// Sends everything. Answers what was not taken, by its place.
pub(super) async fn send_all<O: Outlet>(outlet: &O, items: &[O::Item]) -> BTreeMap<usize, Reason> {
    let (mut pending, large): (Vec<usize>, Vec<usize>) =
        (0..items.len()).partition(|&index| O::size(&items[index]) < O::LIMIT);
    let mut given_up: BTreeMap<usize, Reason> =
        large.into_iter().map(|index| (index, too_large::<O>(&items[index]))).collect();
    let mut last_taken = Instant::now();
    let mut again = BTreeMap::new();
    for pause in PAUSES {
        if pending.is_empty() {
            break;
        }
        rest(pause).await;
        let missing = send_once(outlet, items, &pending, &mut last_taken).await;
        let (unavailable, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            missing.into_iter().partition(|(_, reason)| matches!(reason, Reason::Unavailable(_)));
        given_up.extend(others);
        again = unavailable;
        pending = again.keys().copied().collect();
    }
    given_up.extend(again);
    given_up
}

/// Tries everything that is pending once. Answers what was not taken.
async fn send_once<O: Outlet>(
    outlet: &O,
    items: &[O::Item],
    pending: &[usize],
    last_taken: &mut Instant,
) -> BTreeMap<usize, Reason> {
    let mut missing = BTreeMap::new();
    for request in requests::<O>(items, pending) {
        let things: Vec<&O::Item> = request.iter().map(|&index| &items[index]).collect();
        match call(outlet, &things, *last_taken).await {
            Ok(refused) => {
                if refused.len() < request.len() {
                    *last_taken = Instant::now();
                }
                missing.extend(refused.into_iter().map(|(place, reason)| (request[place], reason)));
            }
            Err(reason) => missing.extend(request.iter().map(|&index| (index, reason.clone()))),
        }
    }
    missing
}

async fn call<O: Outlet>(
    outlet: &O,
    things: &[&O::Item],
    last_taken: Instant,
) -> Result<Vec<(usize, Reason)>, Reason> {
    let limit = CALL_TIMEOUT.min(PATIENCE.saturating_sub(last_taken.elapsed()));
    let answer = tokio::time::timeout(limit, outlet.send(things)).await;
    answer.unwrap_or_else(|_| Err(Reason::Unavailable(format!("no answer within {PATIENCE:?}"))))
}

/// Puts what is pending into as few requests as may be.
fn requests<O: Outlet>(items: &[O::Item], pending: &[usize]) -> Vec<Vec<usize>> {
    let mut requests: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for &index in pending {
        let size = O::size(&items[index]);
        match requests.last_mut() {
            Some(request) if request.len() < MOST && size < room => {
                request.push(index);
                room -= size;
            }
            _ => {
                requests.push(vec![index]);
                room = O::LIMIT - size;
            }
        }
    }
    requests
}

fn too_large<O: Outlet>(item: &O::Item) -> Reason {
    Reason::Impossible(format!("it has {} bytes, and has to have less than {}", O::size(item), O::LIMIT))
}

#[expect(clippy::disallowed_methods, reason = "publishing is the shell's work, and so are its pauses")]
async fn rest(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}
