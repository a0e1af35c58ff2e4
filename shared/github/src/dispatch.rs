//! Starting a workflow by hand, which `fleetfoot setup` tries with its test job.

use std::sync::Arc;

use fleetfoot_model::config::GitHubConfig;
use fleetfoot_model::ids::Repository;
use fleetfoot_model::ports::{Clock, GitHubError, Secrets};
use serde::Deserialize;
use serde_json::json;

use crate::session::Session;
use crate::wire::Call;

#[derive(Deserialize)]
struct RepositoryAnswer {
    default_branch: String,
}

/// Runs a workflow of a repository's default branch, named by its file.
///
/// # Errors
/// [`GitHubError::NotFound`] if there is no such workflow, [`GitHubError::Forbidden`] without Actions: write.
pub async fn run_workflow(
    config: &GitHubConfig,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    repository: &Repository,
    file: &str,
) -> Result<(), GitHubError> {
    let session = Session::new(&config.url, config.credentials.clone(), secrets, clock);
    let call = Call::get(format!("repos/{repository}"));
    let branch = session.ask(&call).await?.read::<RepositoryAnswer>(&call)?.default_branch;
    let call = Call::post(format!("repos/{repository}/actions/workflows/{file}/dispatches"));
    session.ask(&call.body(json!({ "ref": branch }))).await.map(drop)
}
