//! Deletes what nothing uses any more: bases that nobody asks for, their images, and what the fleet keeps for those.

use std::collections::BTreeSet;

use fleetfoot_model::base::{Base, BaseState};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::ImageKey;
use fleetfoot_model::ledger::{self, LedgerError, Stored};
use fleetfoot_model::record::{Image, ImageState, Record};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::ImageBuild;

/// How often.
const EVERY: SignedDuration = SignedDuration::from_hours(6);
/// How long what nothing uses is kept. A launch may have decided for an image just before; it takes minutes.
const KEEP_UNUSED: SignedDuration = SignedDuration::from_hours(24);

impl ImageBuild {
    /// Sweeps if it is time.
    pub(crate) async fn sweep(&self, rows: Vec<Stored<Record>>, now: Timestamp) -> Result<(), FunctionError> {
        let mut memory = ledger::images_memory(&*self.ledger).await?;
        if memory.value.swept_at.is_some_and(|at| now < at + EVERY) {
            return Ok(());
        }
        let (mut bases, mut images) = (Vec::new(), Vec::new());
        for Stored { value, version } in rows {
            match value {
                Record::Base(value) => bases.push(Stored { value, version }),
                Record::Image(value) => images.push(Stored { value, version }),
                _ => {}
            }
        }
        let (forgotten, kept): (Vec<_>, Vec<_>) =
            bases.into_iter().partition(|row| row.value.is_forgotten(&self.config.images, now));
        for row in forgotten {
            self.forget(row, now).await?;
        }
        let used: BTreeSet<&ImageKey> = kept.iter().flat_map(|row| used_by(&row.value)).collect();
        for row in images {
            let is_used = used.contains(&row.value.key);
            self.let_go(row, is_used, now).await?;
        }
        let serving = kept.iter().filter_map(|row| row.value.serving.as_ref());
        let in_use = serving.map(|serving| serving.image.clone()).collect();
        let forgotten = self.fleet.forget_images_except(&in_use, now - KEEP_UNUSED).await;
        forgotten.map_err(|error| FunctionError::again(&error))?;
        memory.value.swept_at = Some(now);
        Ok(ledger::put(&*self.ledger, memory).await?)
    }

    async fn forget(&self, mut row: Stored<Base>, now: Timestamp) -> Result<(), FunctionError> {
        row.value.serving = None;
        row.value.resolved = None;
        unless_changed(self.put_base(&mut row, BaseState::Forgotten, now).await)
    }

    /// Deletes an image that nothing has used for long enough. First its row: whoever wants it from then on has it built
    /// anew. A build is left to its end.
    async fn let_go(
        &self,
        mut row: Stored<Image>,
        is_used: bool,
        now: Timestamp,
    ) -> Result<(), FunctionError> {
        let is_building = matches!(row.value.state, ImageState::Building { .. });
        let unused_since = row.value.unused_since;
        match unused_since {
            _ if is_used || is_building => Ok(()),
            None => {
                row.value.unused_since = Some(now);
                unless_changed(ledger::put(&*self.ledger, row).await)
            }
            Some(since) if since + KEEP_UNUSED <= now => self.remove(row, now).await,
            Some(_) => Ok(()),
        }
    }

    async fn remove(&self, mut row: Stored<Image>, now: Timestamp) -> Result<(), FunctionError> {
        row.value.state = ImageState::Removed;
        row.value.wanted_by.clear();
        row.value.serving = None;
        row.value.changed_at = now;
        match ledger::put(&*self.ledger, row.clone()).await {
            Err(LedgerError::Conflict(_)) => return Ok(()),
            written => written?,
        }
        row.version += 1;
        self.images.remove(&row.value.key).await.map_err(|error| FunctionError::again(&error))?;
        row.value.unused_since = None;
        unless_changed(ledger::put(&*self.ledger, row).await)
    }
}

fn used_by(base: &Base) -> impl Iterator<Item = &ImageKey> {
    base.wanted().into_iter().chain(base.serving.as_ref().map(|serving| &serving.by))
}

/// Whoever has changed a row meanwhile uses it.
fn unless_changed(written: Result<(), LedgerError>) -> Result<(), FunctionError> {
    match written {
        Err(LedgerError::Conflict(_)) => Ok(()),
        written => Ok(written?),
    }
}
