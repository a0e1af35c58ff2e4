//! Whether functions may read the secrets: here they are read with the credentials of whoever asks, which may do more.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Config;

use crate::config::misplaced;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "secrets";

pub(super) struct Check {
    pub(super) stack: String,
    pub(super) config: Arc<Config>,
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let hint = "write it there, name it so in fleet.toml, then `fleetfoot config put`: docs/deploy.md has the folders";
        let misplaced = misplaced(&self.stack, &self.config).into_iter();
        Ok(misplaced.map(|what| Finding::warning(HEADING, what).hint(hint)).collect())
    }
}
