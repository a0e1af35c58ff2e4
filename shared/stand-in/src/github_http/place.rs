//! What a path names: `/orgs/{org}/...` and `/repos/{owner}/{repo}/...` have most of their routes in common.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use fleetfoot_model::ids::{CommitSha, Repository};
use fleetfoot_model::ports::{GitHubError, Hook};
use fleetfoot_model::runner::Scope;

use super::answer::message;

/// The parts of a path.
pub(super) struct Place {
    /// Which organization or repository.
    pub(super) scope: Scope,
    parts: HashMap<String, String>,
}

impl Place {
    /// An id in the path.
    pub(super) fn id(&self, name: &str) -> Result<u64, GitHubError> {
        let id = self.parts.get(name).and_then(|text| text.parse().ok());
        id.ok_or_else(|| GitHubError::NotFound(name.to_owned()))
    }

    /// The repository, where the path names one.
    pub(super) fn repository(&self) -> Result<Repository, GitHubError> {
        match &self.scope {
            Scope::Repository(repository) => Ok(repository.clone()),
            Scope::Organization(_) => Err(GitHubError::NotFound("repository".to_owned())),
        }
    }

    /// The commit, where the path names one.
    pub(super) fn commit(&self) -> Result<CommitSha, GitHubError> {
        let commit = self.parts.get("commit").and_then(|text| text.parse().ok());
        commit.ok_or_else(|| GitHubError::NotFound("commit".to_owned()))
    }

    /// The webhook with this id.
    pub(super) fn hook(&self, id: u64) -> Hook {
        match &self.scope {
            Scope::Organization(owner) => Hook::Organization(owner.clone(), id),
            Scope::Repository(repository) => Hook::Repository(repository.clone(), id),
        }
    }

    /// Its path below the API's root.
    pub(super) fn path(&self) -> String {
        match &self.scope {
            Scope::Organization(owner) => format!("orgs/{owner}"),
            Scope::Repository(repository) => format!("repos/{repository}"),
        }
    }
}

fn missing() -> Response {
    message(StatusCode::NOT_FOUND, "Not Found")
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let Path(parts) = path.map_err(|_| missing())?;
        let scope = match (parts.get("org"), parts.get("owner"), parts.get("repo")) {
            (Some(organization), ..) => organization.parse().ok().map(Scope::Organization),
            (_, Some(owner), Some(name)) => format!("{owner}/{name}").parse().ok().map(Scope::Repository),
            _ => None,
        };
        Ok(Self { scope: scope.ok_or_else(missing)?, parts })
    }
}
