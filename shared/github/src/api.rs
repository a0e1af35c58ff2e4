//! GitHub's API for a command that a person or a workflow runs, with a token or without.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleetfoot_model::ids::Repository;
use fleetfoot_model::ports::{Clock, GitHubError};
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::secret::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::errors::refusal;
use crate::releases;
use crate::wire::{Answer, Call, Wire};

/// A file to be changed by a pull request.
#[derive(Debug)]
pub struct Proposal<'a> {
    /// Of what.
    pub repository: &'a Repository,
    /// Below the repository's root.
    pub path: &'a str,
    /// The branch that carries the change. It is the change's identity: with one branch there is one pull request.
    pub branch: &'a str,
    /// What is to be in the file.
    pub text: &'a str,
    /// Of the commit and of the pull request.
    pub title: &'a str,
    /// Of the pull request, in Markdown.
    pub body: &'a str,
}

/// What became of a proposal, with the address of its pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// It was made.
    Opened(String),
    /// It was there.
    IsOpen(String),
}

#[derive(Deserialize)]
struct RepositoryAnswer {
    default_branch: String,
}

#[derive(Deserialize)]
struct FileAnswer {
    content: String,
    sha: String,
}

#[derive(Deserialize)]
struct ReferenceAnswer {
    object: ObjectAnswer,
}

#[derive(Deserialize)]
struct ObjectAnswer {
    sha: String,
}

#[derive(Deserialize)]
struct PullAnswer {
    html_url: String,
}

/// A connection that is made at the first question.
pub struct Api {
    wire: Wire,
    token: Secret,
    clock: Arc<dyn Clock>,
}

impl Api {
    /// Asks `address` (`https://api.github.com`), as nobody in particular without a token.
    pub fn new(address: &str, token: Option<Secret>, clock: Arc<dyn Clock>) -> Self {
        Self { wire: Wire::new(address), token: token.unwrap_or_else(|| Secret::new("")), clock }
    }

    /// The published releases of GitHub's runner.
    pub async fn runner_releases(&self) -> Result<Vec<RunnerRelease>, GitHubError> {
        releases::read(&self.ask(&releases::call()).await?)
    }

    /// The text of a file on a repository's default branch.
    pub async fn file(&self, repository: &Repository, path: &str) -> Result<String, GitHubError> {
        let branch = self.default_branch(repository).await?;
        self.text(repository, path, &branch).await.map(|(text, _)| text)
    }

    /// Opens a pull request that changes a file, unless it is open. What an earlier try left behind is gone on with.
    pub async fn propose(&self, proposal: &Proposal<'_>) -> Result<Proposed, GitHubError> {
        let Proposal { repository, path, branch, text, title, body } = proposal;
        if let Some(url) = self.open_pull(repository, branch).await? {
            return Ok(Proposed::IsOpen(url));
        }
        let base = self.default_branch(repository).await?;
        self.create_branch(repository, branch, &base).await?;
        let (found, sha) = self.text(repository, path, branch).await?;
        if found != *text {
            let content = STANDARD.encode(text);
            let call = Call::put(format!("repos/{repository}/contents/{path}"))
                .body(json!({ "message": title, "content": content, "branch": branch, "sha": sha }));
            self.ask(&call).await?;
        }
        let call = Call::post(format!("repos/{repository}/pulls"))
            .body(json!({ "title": title, "head": branch, "base": base, "body": body }));
        match self.ask(&call).await {
            Ok(answer) => Ok(Proposed::Opened(answer.read::<PullAnswer>(&call)?.html_url)),
            // Somebody else was faster.
            Err(GitHubError::Invalid(reason)) if reason.contains("already exists") => {
                let url = self.open_pull(repository, branch).await?;
                url.map(Proposed::IsOpen).ok_or(GitHubError::Invalid(reason))
            }
            Err(error) => Err(error),
        }
    }

    async fn open_pull(&self, repository: &Repository, branch: &str) -> Result<Option<String>, GitHubError> {
        let owner = repository.owner();
        let call = Call::get(format!("repos/{repository}/pulls"))
            .query("state", "open")
            .query("head", format!("{owner}:{branch}"));
        let found: Vec<PullAnswer> = self.ask(&call).await?.read(&call)?;
        Ok(found.into_iter().next().map(|pull| pull.html_url))
    }

    async fn default_branch(&self, repository: &Repository) -> Result<String, GitHubError> {
        let call = Call::get(format!("repos/{repository}"));
        Ok(self.ask(&call).await?.read::<RepositoryAnswer>(&call)?.default_branch)
    }

    async fn create_branch(
        &self,
        repository: &Repository,
        branch: &str,
        base: &str,
    ) -> Result<(), GitHubError> {
        let call = Call::get(format!("repos/{repository}/git/ref/heads/{base}"));
        let sha = self.ask(&call).await?.read::<ReferenceAnswer>(&call)?.object.sha;
        let call = Call::post(format!("repos/{repository}/git/refs"))
            .body(json!({ "ref": format!("refs/heads/{branch}"), "sha": sha }));
        match self.ask(&call).await {
            Err(GitHubError::Invalid(reason)) if reason.contains("already exists") => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn text(
        &self,
        repository: &Repository,
        path: &str,
        branch: &str,
    ) -> Result<(String, String), GitHubError> {
        let call = Call::get(format!("repos/{repository}/contents/{path}")).query("ref", branch);
        let FileAnswer { content, sha } = self.ask(&call).await?.read(&call)?;
        // It comes in lines.
        let content: String = content.split_whitespace().collect();
        let bytes = STANDARD.decode(content).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text =
            bytes.ok_or_else(|| GitHubError::Unavailable(format!("the answer to {call} holds no text")))?;
        Ok((text, sha))
    }

    async fn ask(&self, call: &Call) -> Result<Answer, GitHubError> {
        let answer = self.wire.send(&self.token, call).await?;
        refusal(call, &answer, &self.token, self.clock.now()).map_or(Ok(answer), Err)
    }
}
