//! A base and what is made of it, in a line.

use std::collections::BTreeMap;

use fleetfoot_model::base::{Base, BaseState};
use fleetfoot_model::ids::BaseKey;
use fleetfoot_model::job::Waiting;
use fleetfoot_model::ledger::{Ledger, LedgerError, Stored};
use fleetfoot_model::record::{ImageState, Index, Record};
use fleetfoot_model::spec::Arch;
use fleetfoot_model::{SignedDuration, Timestamp};
use serde::Serialize;

use super::MOST_OPEN;
use super::lines::brief;
use super::rows::Rows;

/// How far a base's image is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ImagePhase {
    /// It cannot be had, or its build failed.
    Failed,
    /// It is being made.
    Building,
    /// Its registry is asked what it is.
    Resolving,
    /// Runners start from it.
    Ready,
}

impl ImagePhase {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Building => "building",
            Self::Resolving => "resolving",
            Self::Ready => "ready",
        }
    }
}

/// A base image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageLine {
    /// The base's key.
    pub key: BaseKey,
    /// As a label names it.
    pub image: String,
    /// On which processors.
    pub arch: Arch,
    /// How far it is.
    pub phase: ImagePhase,
    /// Why it cannot be had, or why the last build failed.
    pub reason: Option<String>,
    /// Whether runners start from something meanwhile.
    pub is_served: bool,
    /// When what serves it was made.
    pub served_since: Option<Timestamp>,
    /// Whether it is due to be made anew.
    pub is_old: bool,
    /// How many jobs wait for it.
    pub waiting: usize,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

/// The bases of a fleet and what is made of them, as its overview has them, of at most [`MOST_OPEN`] rows.
///
/// # Errors
/// Those of the ledger.
pub async fn images(
    ledger: &dyn Ledger,
    rebuild_after: SignedDuration,
    now: Timestamp,
) -> Result<Vec<ImageLine>, LedgerError> {
    let values = |rows: Vec<Stored<Record>>| rows.into_iter().map(|row| row.value).collect::<Vec<_>>();
    // A job that waits for its image has no runner.
    let open = values(ledger.list(Index::Unmatched, MOST_OPEN).await?);
    let images = values(ledger.list(Index::Images, MOST_OPEN).await?);
    Ok(lines(&Rows::of(&open, &images, []), rebuild_after, now))
}

/// The bases; those that need attention first, then by name.
pub(super) fn lines(rows: &Rows<'_>, rebuild_after: SignedDuration, now: Timestamp) -> Vec<ImageLine> {
    let mut waiting: BTreeMap<&BaseKey, usize> = BTreeMap::new();
    for job in &rows.open_jobs {
        if let Some(Waiting::Image { key }) = job.waiting() {
            *waiting.entry(key).or_default() += 1;
        }
    }
    let line = |base: &&Base| {
        let since = base.serving.as_ref().map(|serving| serving.since);
        let (phase, reason) = phase(rows, base, now);
        ImageLine {
            key: base.key.clone(),
            image: brief(&base.image.to_string()),
            arch: base.arch,
            phase,
            reason: reason.map(|reason| brief(&reason)),
            is_served: base.serving.is_some(),
            served_since: since,
            is_old: since.is_some_and(|since| since + rebuild_after <= now),
            waiting: waiting.get(&base.key).copied().unwrap_or(0),
            changed_at: base.changed_at,
        }
    };
    let mut lines: Vec<ImageLine> = rows.bases.iter().map(line).collect();
    lines.sort_by(|a, b| (a.phase, &a.image, &a.key).cmp(&(b.phase, &b.image, &b.key)));
    lines
}

fn phase(rows: &Rows<'_>, base: &Base, now: Timestamp) -> (ImagePhase, Option<String>) {
    let image = base.wanted().and_then(|key| rows.images.get(key));
    let failed = image.and_then(|image| match &image.state {
        ImageState::Failed { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    match &base.state {
        BaseState::Refused { reason, .. } => {
            (ImagePhase::Failed, Some(failed.unwrap_or_else(|| reason.clone())))
        }
        BaseState::Resolving { until, .. } if *until <= now && base.serving.is_none() => (
            ImagePhase::Resolving,
            Some("nobody is asking its registry; the next look at it will".to_owned()),
        ),
        BaseState::Resolving { tries, .. } => {
            let again = (*tries > 0).then(|| format!("its registry has not answered {tries} times"));
            (ImagePhase::Resolving, again)
        }
        BaseState::Making => match failed {
            Some(reason) => (ImagePhase::Failed, Some(reason)),
            None => (ImagePhase::Building, None),
        },
        BaseState::Served | BaseState::Forgotten => (ImagePhase::Ready, None),
    }
}
