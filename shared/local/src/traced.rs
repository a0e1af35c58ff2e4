//! Functions of this process whose invocations are told as traces. On AWS the Lambda shell does the same.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::{EventFunction, FunctionError, HttpFunction};
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::causation_id;
use fleetfoot_shell::traces::{Exporter, Invocation, Trigger};

/// A function and who hears of what it does.
pub(crate) struct Traced<F: ?Sized> {
    pub(crate) name: String,
    pub(crate) function: Arc<F>,
    pub(crate) traces: Arc<Exporter>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl EventFunction for Traced<dyn EventFunction> {
    async fn handle(&self, event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let answer = self.function.handle(event, now).await;
        // What is tried again at once is one invocation.
        if matches!(answer, Err(FunctionError::Conflict(_))) {
            return answer;
        }
        self.traces.note(&Invocation {
            function: &self.name,
            trigger: Trigger::of(event),
            id: &event.id,
            kind: &event.detail_type,
            event: event.fact().ok().as_ref(),
            facts: answer.as_deref().unwrap_or_default(),
            began: now,
            ended: self.clock.now(),
            error: answer.as_ref().err().map(FunctionError::kind),
        });
        answer
    }
}

#[async_trait]
impl HttpFunction for Traced<dyn HttpFunction> {
    async fn handle(&self, request: &Request, now: Timestamp) -> (Response, Vec<Fact>) {
        let (response, facts) = self.function.handle(request, now).await;
        self.traces.note(&Invocation {
            function: &self.name,
            trigger: Trigger::Http,
            id: &causation_id(request, now),
            kind: request.path.rsplit('/').next().unwrap_or_default(),
            event: None,
            facts: &facts,
            began: now,
            ended: self.clock.now(),
            error: (response.status >= 500).then_some("unavailable"),
        });
        (response, facts)
    }
}
