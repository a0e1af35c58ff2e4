//! What a job's runner is started from: its base, what that is now, and what was made of it.

use fleetfoot_model::Timestamp;
use fleetfoot_model::base::{self, Base, BaseState};
use fleetfoot_model::ids::{BaseKey, BuildId};
use fleetfoot_model::ledger::{self, Ledger, LedgerError};
use fleetfoot_model::record::{ImageState, Key, Record};
use fleetfoot_model::spec::Spec;
use serde::Serialize;

use crate::table::pairs;
use crate::text::safe;
use crate::times::Times;

/// What a job's runner is started from, as it is now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageView {
    /// As the label or the configuration names it.
    pub(super) reference: String,
    /// The key of its base.
    pub(super) base: BaseKey,
    /// `unasked`, `resolving`, `making`, `ready`, `refused` or `forgotten`.
    pub(super) state: &'static str,
    /// Why it is refused, or why its last build failed.
    pub(super) reason: Option<String>,
    /// What the registry said it is.
    pub(super) digest: Option<String>,
    /// Where that can be pulled, and when the registry said so.
    pub(super) pulled_from: Option<String>,
    pub(super) resolved_at: Option<Timestamp>,
    /// What runners start from, and since when.
    pub(super) runner_image: Option<String>,
    pub(super) made_at: Option<Timestamp>,
    /// The build that is under way.
    pub(super) build: Option<BuildId>,
}

/// Reads the rows of a spec's image: none if it needs none.
pub(super) async fn image(ledger: &dyn Ledger, spec: &Spec) -> Result<Option<ImageView>, LedgerError> {
    let Some(reference) = &spec.image else { return Ok(None) };
    let key = base::key_of(reference, spec.arch);
    let row = ledger::base(ledger, &key).await?.map(|row| row.value);
    let mut view = ImageView {
        reference: reference.to_string(),
        base: key,
        state: "unasked",
        reason: None,
        digest: None,
        pulled_from: None,
        resolved_at: None,
        runner_image: None,
        made_at: None,
        build: None,
    };
    let Some(row) = row else { return Ok(Some(view)) };
    fill(&mut view, &row);
    if let Some(wanted) = row.wanted()
        && let Some(Record::Image(image)) =
            ledger.get(&Key::Image(wanted.clone())).await?.map(|row| row.value)
    {
        match image.state {
            ImageState::Building { build, .. } => view.build = build,
            ImageState::Failed { reason, .. } => view.reason = view.reason.or(Some(reason)),
            ImageState::Ready { .. } | ImageState::Removed => {}
        }
    }
    Ok(Some(view))
}

fn fill(view: &mut ImageView, row: &Base) {
    view.state = match &row.state {
        BaseState::Resolving { .. } => "resolving",
        BaseState::Making => "making",
        BaseState::Served => "ready",
        BaseState::Refused { .. } => "refused",
        BaseState::Forgotten => "forgotten",
    };
    if let BaseState::Refused { reason, .. } = &row.state {
        view.reason = Some(reason.clone());
    }
    if let Some(resolved) = &row.resolved {
        view.digest = Some(resolved.base.digest.to_string());
        view.pulled_from = Some(resolved.base.uri.clone());
        view.resolved_at = Some(resolved.at);
    }
    if let Some(serving) = &row.serving {
        view.runner_image = Some(serving.image.uri.clone());
        view.made_at = Some(serving.since);
    }
}

impl ImageView {
    /// A line for each thing that is known.
    pub(super) fn describe(&self, times: &Times) -> String {
        let state = match (self.state, &self.runner_image) {
            ("unasked", _) => "nobody has asked its registry yet",
            ("resolving", None) => "its registry is being asked what it is",
            ("resolving", Some(_)) => "ready; its registry is being asked whether it has changed",
            ("making", None) => "its runner image is being made",
            ("making", Some(_)) => "ready; made anew meanwhile",
            ("refused", Some(_)) => "ready, and older than it should be: what is newer cannot be had",
            ("refused", None) => "cannot be had",
            ("forgotten", _) => "deleted, as nobody had asked for it for long; the next job has it made anew",
            _ => "ready",
        };
        let when = |time: Option<Timestamp>| time.map(|time| times.date_time_and_age(time));
        pairs([
            ("image", Some(safe(&self.reference))),
            ("state", Some(state.to_owned())),
            ("reason", self.reason.as_deref().map(safe)),
            ("is", self.pulled_from.as_deref().map(safe)),
            ("resolved", when(self.resolved_at)),
            ("starts from", self.runner_image.as_deref().map(safe)),
            ("made", when(self.made_at)),
            ("build", self.build.as_ref().map(|build| safe(build.as_str()))),
        ])
    }
}
