//! The functions of this process, and the shell around each: what Lambda's runtime and the code around a handler do on
//! AWS.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::Timestamp;
use fleetfoot_model::function::{
    EventFunction, FunctionError, HttpFunction, NotificationFunction, handle_event,
};
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::traces::Exporter;
use fleetfoot_shell::{Broken, causation_id, within};
use tokio::time::Instant;
use tracing::Instrument;

use crate::bus::{Bus, Delivery, Emission, Failure, Item, Outcome, Payload};
use crate::template::{Target, Wiring};
use crate::traced::Traced;

/// A batch may take this many times the function's timeout; with the item begun last still less than the six times of
/// its queue's visibility timeout.
const MOST_LIMITS: u32 = 5;

/// A function, by what wakes it.
#[derive(Clone)]
enum Function {
    Event(Arc<dyn EventFunction>),
    Http(Arc<dyn HttpFunction>),
    Notification(Arc<dyn NotificationFunction>),
}

/// The functions of this process by the names of their packages.
#[derive(Clone, Default)]
pub struct Functions(BTreeMap<String, Function>);

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Template and registry do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("function {function}: {message}")]
pub struct Mismatch {
    /// The function.
    pub function: String,
    /// What does not fit.
    pub message: String,
}

/// Why an item was not handled, and whether trying again is pointless.
struct NotHandled {
    reason: String,
    for_good: bool,
}

impl From<Broken> for NotHandled {
    fn from(broken: Broken) -> Self {
        Self { for_good: false, reason: broken.to_string() }
    }
}

impl From<FunctionError> for NotHandled {
    fn from(error: FunctionError) -> Self {
        Self { for_good: matches!(error, FunctionError::Malformed(_)), reason: error.to_string() }
    }
}

impl Functions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function woken by events.
    #[must_use]
    pub fn event(mut self, package: &str, function: Arc<dyn EventFunction>) -> Self {
        self.0.insert(package.to_owned(), Function::Event(function));
        self
    }

    /// Adds a function behind the HTTP API.
    #[must_use]
    pub fn http(mut self, package: &str, function: Arc<dyn HttpFunction>) -> Self {
        self.0.insert(package.to_owned(), Function::Http(function));
        self
    }

    /// Adds a function subscribed to the topic.
    #[must_use]
    pub fn notification(mut self, package: &str, function: Arc<dyn NotificationFunction>) -> Self {
        self.0.insert(package.to_owned(), Function::Notification(function));
        self
    }

    /// The same functions, with what events and requests lead to told as traces.
    #[must_use]
    pub fn traced(self, traces: &Arc<Exporter>, clock: &Arc<dyn Clock>) -> Self {
        let told = self.0.into_iter().map(|(name, function)| {
            let (traces, clock) = (Arc::clone(traces), Arc::clone(clock));
            let function = match function {
                Function::Event(function) => {
                    Function::Event(Arc::new(Traced { name: name.clone(), function, traces, clock }))
                }
                Function::Http(function) => {
                    Function::Http(Arc::new(Traced { name: name.clone(), function, traces, clock }))
                }
                notification @ Function::Notification(_) => notification,
            };
            (name, function)
        });
        Self(told.collect())
    }

    /// Whether these are the template's functions, each woken by what it takes.
    pub fn check(&self, wiring: &Wiring) -> Result<(), Mismatch> {
        let mismatch = |function: &str, message: &str| {
            Err(Mismatch { function: function.to_owned(), message: message.to_owned() })
        };
        if let Some(package) = wiring.functions.keys().find(|package| !self.0.contains_key(*package)) {
            return mismatch(package, "is in the template and not in this process");
        }
        if let Some(package) = self.0.keys().find(|package| !wiring.functions.contains_key(*package)) {
            return mismatch(package, "is in this process and not in the template");
        }
        for (package, function) in &self.0 {
            let (takes, other) = match function {
                Function::Event(_) => (Woken::Events, Woken::Schedule),
                Function::Http(_) => (Woken::Http, Woken::Http),
                Function::Notification(_) => (Woken::Notices, Woken::Schedule),
            };
            let fits = |woken: &Woken| [takes, other].contains(woken);
            if let Some(woken) = Woken::all(wiring, package).into_iter().find(|woken| !fits(woken)) {
                return mismatch(package, &format!("takes {takes}, and the template wakes it with {woken}"));
            }
        }
        Ok(())
    }

    /// Invokes the function of a delivery with each of its items in turn. An item that fails, panics or takes longer
    /// than `limit` does not keep the others from being handled; only if several take too long come the last ones back
    /// untried, for the lease has to cover them all.
    pub async fn invoke(&self, delivery: &Delivery, now: Timestamp, limit: Option<Duration>) -> Outcome {
        let mut outcome = Outcome::default();
        let deadline = limit.map(|limit| Instant::now() + limit * MOST_LIMITS);
        for item in &delivery.items {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let reason = "no time was left for it".to_owned();
                outcome.failures.push(Failure { item: item.id, reason, for_good: false });
                continue;
            }
            let span = tracing::info_span!(
                "invoke",
                function.name = delivery.function,
                event.id = event_id(item),
                event.kind = event_kind(item),
                item.attempt,
            );
            let handled = within(limit, self.handle(&delivery.function, item, now)).instrument(span).await;
            match handled.unwrap_or_else(|broken| Err(broken.into())) {
                Ok(emission) => outcome.emission.extend(emission),
                Err(NotHandled { reason, for_good }) => {
                    outcome.failures.push(Failure { item: item.id, reason, for_good });
                }
            }
        }
        outcome
    }

    async fn handle(&self, package: &str, item: &Item, now: Timestamp) -> Result<Emission, NotHandled> {
        match (self.0.get(package), &item.payload) {
            (Some(Function::Event(function)), Payload::Event(event)) => {
                let facts = handle_event(&**function, event, now).await?;
                Ok(Emission::of(&facts, event.causation_id(), now))
            }
            (Some(Function::Notification(function)), Payload::Message(message)) => {
                function.handle(message, now).await?;
                Ok(Emission::default())
            }
            // Only a schedule wakes it with an event.
            (Some(Function::Notification(function)), Payload::Event(_)) => {
                function.catch_up(now).await?;
                Ok(Emission::default())
            }
            _ => Err(NotHandled { reason: format!("function {package} does not take this"), for_good: true }),
        }
    }

    /// Answers a request. Its facts are published before the answer is given; if they cannot be, the answer is 503.
    pub async fn answer(
        &self,
        bus: &Bus,
        package: &str,
        request: &Request,
        now: Timestamp,
        limit: Option<Duration>,
    ) -> Response {
        let Some(Function::Http(function)) = self.0.get(package) else {
            return Response::message(404, "not found");
        };
        let span = tracing::info_span!("answer", function.name = package, http.path = request.path);
        let answer = within(limit, function.handle(request, now)).instrument(span).await;
        let (response, facts) = match answer {
            Ok(answer) => answer,
            Err(broken) => {
                tracing::error!(function.name = package, failure.reason = %broken, "a request was not handled");
                return Response::message(500, "this request could not be handled");
            }
        };
        if facts.is_empty() {
            return response;
        }
        match bus.emit(now, Emission::of(&facts, &causation_id(request, now), now)) {
            Ok(()) => response,
            Err(error) => {
                tracing::error!(%error, function.name = package, "facts could not be published");
                Response::message(503, "the facts could not be published; try again")
            }
        }
    }
}

/// What wakes a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Events,
    Schedule,
    Http,
    Notices,
}

impl fmt::Display for Woken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::Schedule => "a schedule",
            Self::Http => "HTTP requests",
            Self::Notices => "messages of the topic",
        })
    }
}

impl Woken {
    fn all(wiring: &Wiring, package: &str) -> Vec<Self> {
        let is_target = |target: &Target| matches!(target, Target::Function(name) if name == package);
        let by_rule = wiring.rules.iter().any(|rule| rule.targets.iter().any(is_target));
        let by_time = wiring.schedules.iter().any(|schedule| schedule.targets.iter().any(is_target));
        let by_queue = wiring.mappings.iter().any(|mapping| mapping.function == package);
        let by_http = wiring.routes.iter().any(|route| route.function == package);
        let by_notices = wiring.subscriptions.iter().any(|function| function == package);
        let ways = [
            (by_rule || by_queue, Self::Events),
            (by_time, Self::Schedule),
            (by_http, Self::Http),
            (by_notices, Self::Notices),
        ];
        ways.into_iter().filter(|(is_so, _)| *is_so).map(|(_, way)| way).collect()
    }
}

fn event_id(item: &Item) -> &str {
    match &item.payload {
        Payload::Event(event) => &event.id,
        Payload::Message(_) => "",
    }
}

fn event_kind(item: &Item) -> &str {
    match &item.payload {
        Payload::Event(event) => &event.detail_type,
        Payload::Message(_) => "message",
    }
}
