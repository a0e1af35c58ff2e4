//! How a build ends, and who is told.

use fleetfoot_model::Timestamp;
use fleetfoot_model::base::{Base, BaseState};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ledger::{self, Change, Stored};
use fleetfoot_model::record::{Image, ImageState};

use crate::{ImageBuild, failed};

impl ImageBuild {
    /// The image is there.
    pub(crate) async fn ready(
        &self,
        mut row: Stored<Image>,
        uri: String,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        row.value.state = ImageState::Ready { uri, since: now };
        row.value.serving = None;
        self.end(row, None, now).await
    }

    /// The image cannot be made for now; if there is an older build of it, that one goes on serving.
    pub(crate) async fn give_up(
        &self,
        mut row: Stored<Image>,
        reason: &str,
        log_url: Option<String>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let until = now + self.config.images.retry_after;
        row.value.state = ImageState::Failed { reason: reason.to_owned(), until };
        self.end(row, log_url.as_deref(), now).await
    }

    async fn end(
        &self,
        mut row: Stored<Image>,
        log_url: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        row.value.builds = 0;
        row.value.changed_at = now;
        let counted = std::mem::take(&mut row.value.is_counted).then(|| row.value.repository.clone());
        let image = row.value.clone();
        let mut changes = vec![ledger::change(row)];
        changes.extend(counted.flatten().map(|it| Change::Release(Counter::RepositoryBuilds(it))));
        self.ledger.commit(changes).await?;
        self.tell_bases(&image, log_url, now).await
    }

    /// Tells the bases that want an image how it has ended. Telling them again changes nothing.
    pub(crate) async fn tell_bases(
        &self,
        image: &Image,
        log_url: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let mut facts = Vec::new();
        for key in &image.wanted_by {
            let Some(base) = ledger::base(&*self.ledger, key).await? else { continue };
            facts.extend(self.tell(base, image, log_url, now).await?);
        }
        Ok(facts)
    }

    async fn tell(
        &self,
        base: Stored<Base>,
        image: &Image,
        log_url: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Fact>, FunctionError> {
        let serves = base.value.serving.as_ref().is_some_and(|serving| serving.by == image.key);
        let is_wanted = base.value.wanted() == Some(&image.key);
        match (&image.state, &base.value.state) {
            // A build in the place of an older one serves all that the older one served; and one that was given up may
            // end well after all.
            (
                ImageState::Ready { uri, since },
                BaseState::Making | BaseState::Refused { .. } | BaseState::Served,
            ) if is_wanted || serves => self.serve(base, image, uri, *since, now).await.map(Some),
            (ImageState::Failed { reason, .. }, BaseState::Making) if is_wanted => {
                self.refuse(base, reason, log_url, now).await.map(Some)
            }
            (ImageState::Failed { reason, .. }, BaseState::Refused { reason: known, .. })
                if known == reason =>
            {
                Ok(Some(failed(&base.value, reason, log_url)))
            }
            _ => Ok(None),
        }
    }
}
