//! Drives the bus in real time: takes what is due, invokes the functions, gives back what came of it.

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::ports::Clock;
use fleetfoot_model::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::bus::{Bus, BusError, Delivery};
use crate::functions::Functions;

/// The longest pause before the store is asked again: another process may have published into it.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Everything that runs in real time.
#[derive(Clone)]
pub struct Runtime {
    /// The bus.
    pub bus: Arc<Bus>,
    /// The functions; they are expected to fit the bus's wiring ([`Functions::check`]).
    pub functions: Arc<Functions>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The most invocations at the same time.
    pub concurrency: usize,
    /// How long invocations under way may take to end once it is time to stop. What has not ended by then is invoked
    /// again when a process takes from the store next.
    pub grace: Duration,
}

impl Runtime {
    /// With eight invocations at the same time and ten seconds to end them.
    pub fn new(bus: Arc<Bus>, functions: Arc<Functions>, clock: Arc<dyn Clock>) -> Self {
        Self { bus, functions, clock, concurrency: 8, grace: Duration::from_secs(10) }
    }

    /// Runs until `shutdown` ends.
    ///
    /// # Errors
    /// If the store does not answer at the beginning. Later it is asked again and again.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<(), BusError> {
        let released = self.bus.recover(self.clock.now())?;
        if released > 0 {
            tracing::info!(items.count = released, "goes on with what was under way when it was ended");
        }
        let mut shutdown = std::pin::pin!(shutdown);
        let mut under_way = JoinSet::new();
        loop {
            let pause = self.begin(&mut under_way);
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
                () = self.bus.changed(), if under_way.len() < self.concurrency => {}
                () = wait(pause) => {}
            }
        }
        let ended =
            tokio::time::timeout(self.grace, async { while under_way.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tracing::warn!(invocations.count = under_way.len(), "did not end in time; they will be repeated");
        }
        Ok(())
    }

    /// Begins what is due, and answers how long to wait for more.
    fn begin(&self, under_way: &mut JoinSet<()>) -> Duration {
        let room = self.concurrency.saturating_sub(under_way.len());
        if room == 0 {
            return LONGEST_PAUSE;
        }
        let taken = self.bus.take_due(self.clock.now(), room).and_then(|deliveries| {
            for delivery in deliveries {
                under_way.spawn(self.clone().work(delivery));
            }
            self.bus.next_due()
        });
        match taken {
            Ok(due) => self.until(due).min(LONGEST_PAUSE),
            Err(error) => {
                tracing::error!(%error, "nothing could be taken from the bus");
                LONGEST_PAUSE
            }
        }
    }

    fn until(&self, due: Option<Timestamp>) -> Duration {
        due.map_or(LONGEST_PAUSE, |due| {
            let wait = due.duration_since(self.clock.now()).max(SignedDuration::ZERO);
            wait.unsigned_abs()
        })
    }

    async fn work(self, delivery: Delivery) {
        let timeout = self.bus.wiring().functions.get(&delivery.function).map(|it| it.timeout.unsigned_abs());
        let outcome = self.functions.invoke(&delivery, self.clock.now(), timeout).await;
        if let Err(error) = self.bus.complete(self.clock.now(), &delivery, outcome) {
            // Handling twice is safe: the delivery comes again when its lease is over.
            tracing::error!(%error, function.name = delivery.function, "what came of an invocation was not written");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the shell that waits")]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}
