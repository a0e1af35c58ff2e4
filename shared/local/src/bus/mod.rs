//! The bus of one machine, wired by the template: both event buses, the queues, the schedules and the topic.
//!
//! It is a state machine over a store: nothing happens unless it is told the time, so that real time
//! ([`crate::runtime`]) and virtual time drive it alike. Everything is delivered at least once. What was accepted is in
//! the store; with `SQLite` it survives the process.

mod channel;
mod consumer;
mod delivery;
mod letters;
mod memory;
mod pattern;
mod route;
mod schedule;
mod sqlite;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::record::KEEP_ENDED;
use fleetfoot_model::{SignedDuration, Timestamp};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, broadcast};

use crate::database::Database;
use crate::template::{BusName, Wiring};
use consumer::Consumer;
use pattern::Rules;
use store::{Burial, Commit, Store, StoreError};

pub use channel::Channel;
pub use consumer::Pace;
pub use delivery::{DeadLetter, Delivery, Failure, Item, Outcome, Payload, Published};
pub use fleetfoot_shell::Emission;

/// How long dead letters are kept: as long as SQS can.
const KEEP_DEAD_LETTERS: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How often what is too old is forgotten.
const FORGET_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How many published events an observer may lag behind before it misses some.
const OBSERVERS_LAG: usize = 4096;

/// Why the bus refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// A rule's pattern is not understood.
    #[error("rule {rule}: {message}")]
    Rule {
        /// The rule's logical id.
        rule: String,
        /// Which part, and what is allowed.
        message: String,
    },
    /// Nothing takes what is meant for this any more.
    #[error("the template has no {0} any more")]
    Unconsumed(Channel),
    /// The store did not answer, or holds something unreadable. Nothing was written.
    #[error("bus unavailable: {0}")]
    Unavailable(String),
}

impl From<StoreError> for BusError {
    fn from(StoreError(message): StoreError) -> Self {
        Self::Unavailable(message)
    }
}

/// The bus.
pub struct Bus {
    wiring: Arc<Wiring>,
    rules: Rules,
    consumers: Vec<Consumer>,
    pace: Pace,
    state: Mutex<State>,
    observers: broadcast::Sender<Arc<Envelope>>,
    wake: Notify,
}

struct State {
    store: Box<dyn Store>,
    /// Deliveries that were taken and not given back: whose, and until when.
    under_way: BTreeMap<u64, (usize, Timestamp)>,
    last_delivery: u64,
    forgotten: Option<Timestamp>,
    /// When there is something to take, if nothing has changed since that was looked up.
    due: Option<Timestamp>,
}

impl Bus {
    /// A bus that lives as long as this value.
    ///
    /// # Errors
    /// [`BusError::Rule`]
    pub fn in_memory(wiring: Arc<Wiring>, pace: Pace) -> Result<Self, BusError> {
        Self::in_memory_with(wiring, pace, memory::LONGEST_HISTORY)
    }

    /// The same with a history of at most so many events.
    ///
    /// # Errors
    /// [`BusError::Rule`]
    pub fn in_memory_with(wiring: Arc<Wiring>, pace: Pace, history: usize) -> Result<Self, BusError> {
        Self::over(wiring, pace, Box::new(memory::MemoryStore::with(history)))
    }

    /// A bus in an open file. Several processes may publish into it; one at a time should take from it.
    ///
    /// # Errors
    /// [`BusError::Rule`], or [`BusError::Unavailable`] with what `SQLite` says of the file.
    pub fn in_database(wiring: Arc<Wiring>, pace: Pace, database: Database) -> Result<Self, BusError> {
        Self::over(wiring, pace, Box::new(sqlite::SqliteStore::new(database)?))
    }

    fn over(wiring: Arc<Wiring>, pace: Pace, store: Box<dyn Store>) -> Result<Self, BusError> {
        let rules =
            Rules::compile(&wiring.rules).map_err(|(rule, message)| BusError::Rule { rule, message })?;
        let state = State { store, under_way: BTreeMap::new(), last_delivery: 0, forgotten: None, due: None };
        Ok(Self {
            rules,
            consumers: Consumer::all(&wiring),
            wiring,
            pace,
            state: Mutex::new(state),
            observers: broadcast::Sender::new(OBSERVERS_LAG),
            wake: Notify::new(),
        })
    }

    /// How it is wired.
    pub fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// Publishes facts on the fleet's bus, all or none.
    pub fn publish(&self, now: Timestamp, facts: Vec<Envelope>) -> Result<(), BusError> {
        self.emit(now, Emission { facts, notices: Vec::new() })
    }

    /// Publishes an event on the default bus, where AWS services publish theirs.
    pub fn publish_default(&self, now: Timestamp, event: Envelope) -> Result<(), BusError> {
        let mut commit = Commit::default();
        self.add_event(&mut commit, BusName::Default, event, now)?;
        self.write(&mut self.state(), commit)
    }

    /// Publishes a message to the topic.
    pub fn notify(&self, now: Timestamp, message: String) -> Result<(), BusError> {
        self.emit(now, Emission { facts: Vec::new(), notices: vec![message] })
    }

    /// Publishes facts and notices, all or none.
    pub fn emit(&self, now: Timestamp, emission: Emission) -> Result<(), BusError> {
        let mut commit = Commit::default();
        self.add_emission(&mut commit, emission, now)?;
        self.write(&mut self.state(), commit)
    }

    /// When there is something to take; a time in the past means at once. What another process publishes meanwhile is
    /// not foreseen.
    pub fn next_due(&self) -> Result<Option<Timestamp>, BusError> {
        let state = &mut *self.state();
        if state.due.is_some() {
            return Ok(state.due);
        }
        let mut due = Vec::new();
        for (index, consumer) in self.consumers.iter().enumerate() {
            let head = state.store.head(&consumer.channel)?.map(|(at, _)| at);
            due.extend(head.and_then(|head| state.room_at(index, consumer).map(|room| head.max(room))));
        }
        for schedule in &self.wiring.schedules {
            due.push(schedule::next(schedule, state.store.fired(&schedule.name)?));
        }
        let first = due.into_iter().min();
        state.due = first.filter(|_| !state.store.is_shared());
        Ok(first)
    }

    /// Takes what is due, oldest first, at most so many deliveries. Each is leased: what is not given back in time
    /// comes again.
    pub fn take_due(&self, now: Timestamp, most: usize) -> Result<Vec<Delivery>, BusError> {
        let state = &mut *self.state();
        if state.due.is_some_and(|due| now < due) {
            return Ok(Vec::new());
        }
        state.due = None;
        state.under_way.retain(|_, (_, until)| *until > now);
        self.fire_schedules(state, now)?;
        state.forget(now)?;
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(index) = self.most_urgent(state, now)? else { break };
            taken.extend(self.take_from(state, index, now)?);
        }
        Ok(taken)
    }

    /// Gives a delivery back: publishes what came of it and removes what was handled, in one transaction. What failed
    /// comes again later, or is given up and kept as a dead letter.
    pub fn complete(&self, now: Timestamp, delivery: &Delivery, outcome: Outcome) -> Result<(), BusError> {
        let mut commit = Commit::default();
        self.add_emission(&mut commit, outcome.emission, now)?;
        let consumer = &self.consumers[delivery.consumer];
        for item in &delivery.items {
            match outcome.failures.iter().find(|failure| failure.item == item.id) {
                Some(failure) => self.add_failure(&mut commit, consumer, item, failure, now),
                None => commit.remove.push(item.key()),
            }
        }
        let mut state = self.state();
        self.write(&mut state, commit)?;
        state.under_way.remove(&delivery.number);
        Ok(())
    }

    /// To be called when a process begins to take: what a dead process had taken is visible again at once, and what is
    /// meant for something that the template no longer has is given up. Answers how much had been taken.
    pub fn recover(&self, now: Timestamp) -> Result<usize, BusError> {
        let state = &mut *self.state();
        state.due = None;
        let released = state.store.release(now)?;
        for channel in state.store.channels()? {
            if self.consumers.iter().any(|consumer| consumer.channel == channel) {
                continue;
            }
            let items = state.store.lease(&channel, Timestamp::MAX, Timestamp::MAX, usize::MAX)?;
            let reason = format!("the template has no {channel} any more");
            let bury =
                |item: &Item| Burial { item: item.key(), queue: None, reason: reason.clone(), at: now };
            let bury = items.iter().map(bury).collect();
            state.store.commit(Commit { bury, ..Commit::default() })?;
        }
        Ok(released)
    }

    /// How many items wait or are under way.
    pub fn pending(&self) -> Result<usize, BusError> {
        Ok(self.state().store.pending()?)
    }

    /// Published events after a sequence number, oldest first. Kept for seven days.
    pub fn history(&self, after: u64, limit: usize) -> Result<Vec<Published>, BusError> {
        Ok(self.state().store.history(after, limit)?)
    }

    /// The facts that name an event, or a webhook's delivery, as their cause.
    pub fn caused_by(&self, id: &str) -> Result<Vec<Published>, BusError> {
        Ok(self.state().store.caused_by(id)?)
    }

    /// Every event that this process publishes from now on. An observer that lags far behind misses some.
    pub fn observe(&self) -> broadcast::Receiver<Arc<Envelope>> {
        self.observers.subscribe()
    }

    /// Ends when something was published or given back since it was created.
    pub fn changed(&self) -> Notified<'_> {
        self.wake.notified()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic within leaves the store as it was before or after a transaction.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, state: &mut State, commit: Commit) -> Result<(), BusError> {
        let events: Vec<Arc<Envelope>> = commit.events.iter().map(|(_, event)| event.clone()).collect();
        state.due = None;
        state.store.commit(commit)?;
        for event in events {
            // An error says that nobody observes.
            let _ = self.observers.send(event);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Lets every schedule fire now, whenever it fired last: after a start, or for an impatient audience.
    pub fn fire_all(&self, now: Timestamp) -> Result<(), BusError> {
        let mut commit = Commit::default();
        for schedule in &self.wiring.schedules {
            self.add_to(&mut commit, &schedule.targets, &Arc::new(schedule::event(schedule, now)), now);
            commit.fired.push((schedule.name.clone(), now));
        }
        self.write(&mut self.state(), commit)
    }

    fn fire_schedules(&self, state: &mut State, now: Timestamp) -> Result<(), BusError> {
        let mut commit = Commit::default();
        for schedule in &self.wiring.schedules {
            if schedule::next(schedule, state.store.fired(&schedule.name)?) <= now {
                self.add_to(&mut commit, &schedule.targets, &Arc::new(schedule::event(schedule, now)), now);
                commit.fired.push((schedule.name.clone(), now));
            }
        }
        if commit.fired.is_empty() { Ok(()) } else { Ok(state.store.commit(commit)?) }
    }

    /// The consumer with room whose first item has been visible for longest.
    fn most_urgent(&self, state: &mut State, now: Timestamp) -> Result<Option<usize>, BusError> {
        let mut first = None;
        for (index, consumer) in self.consumers.iter().enumerate() {
            if state.room_at(index, consumer).is_none_or(|at| at > now) {
                continue;
            }
            if let Some(head) = state.store.head(&consumer.channel)?.filter(|(at, _)| *at <= now)
                && first.is_none_or(|(earliest, _)| head < earliest)
            {
                first = Some((head, index));
            }
        }
        Ok(first.map(|(_, index)| index))
    }

    fn take_from(
        &self,
        state: &mut State,
        index: usize,
        now: Timestamp,
    ) -> Result<Option<Delivery>, BusError> {
        let consumer = &self.consumers[index];
        let until = now + consumer.lease;
        let items = state.store.lease(&consumer.channel, now, until, consumer.batch)?;
        // Only a lease that ran out brings an item beyond its last attempt.
        let (items, lost): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| item.attempt <= consumer.attempts);
        let mut commit = Commit::default();
        for item in &lost {
            let reason = "its function did not answer within its time".to_owned();
            let failure = Failure { item: item.id, reason, for_good: true };
            self.add_failure(&mut commit, consumer, item, &failure, now);
        }
        if !lost.is_empty() {
            state.store.commit(commit)?;
        }
        if items.is_empty() {
            return Ok(None);
        }
        state.last_delivery += 1;
        let number = state.last_delivery;
        state.under_way.insert(number, (index, until));
        Ok(Some(Delivery { function: consumer.function.clone(), items, consumer: index, number }))
    }
}

impl State {
    /// From when on a consumer may take one more delivery; none if it never may.
    fn room_at(&self, index: usize, consumer: &Consumer) -> Option<Timestamp> {
        if consumer.concurrency == usize::MAX {
            return Some(Timestamp::MIN);
        }
        let own = self.under_way.values().filter(|(of, _)| *of == index);
        let mut ends: Vec<Timestamp> = own.map(|(_, until)| *until).collect();
        if ends.len() < consumer.concurrency {
            return Some(Timestamp::MIN);
        }
        ends.sort_unstable();
        ends.get(ends.len() - consumer.concurrency).copied()
    }

    fn forget(&mut self, now: Timestamp) -> Result<(), BusError> {
        if self.forgotten.is_some_and(|at| now < at + FORGET_EVERY) {
            return Ok(());
        }
        self.forgotten = Some(now);
        let before = |age| now.saturating_sub(age).unwrap_or(Timestamp::MIN);
        Ok(self.store.forget(before(KEEP_ENDED), before(KEEP_DEAD_LETTERS))?)
    }
}
