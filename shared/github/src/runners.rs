//! Runners: registered, deleted, found, listed.

use std::collections::BTreeSet;

use fleetfoot_model::ids::{GithubRunnerId, RunnerName};
use fleetfoot_model::ports::{GitHubError, JitRunner, ListedRunner};
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::spec::Label;
use serde::Deserialize;
use serde_json::json;

use crate::pages;
use crate::session::Session;
use crate::wire::{Call, Purpose};

/// Where a runner works, below its own folder. The runner's own default.
const WORK_FOLDER: &str = "_work";
/// The most pages of runners that are read: GitHub has 10,000 runners in a group at most.
const RUNNER_PAGES: usize = 100;

#[derive(Deserialize)]
struct Registered {
    runner: Identified,
    encoded_jit_config: String,
}

#[derive(Deserialize)]
struct Identified {
    id: u64,
}

#[derive(Deserialize)]
struct Entry {
    id: u64,
    name: String,
    #[serde(default)]
    status: Option<String>,
}

/// Where a place's runners are.
pub(crate) fn path(scope: &Scope) -> String {
    match scope {
        Scope::Organization(owner) => format!("orgs/{owner}/actions/runners"),
        Scope::Repository(repository) => format!("repos/{repository}/actions/runners"),
    }
}

pub(crate) async fn register(
    session: &Session,
    runner_group_id: u64,
    scope: &Scope,
    name: &RunnerName,
    labels: &[Label],
) -> Result<JitRunner, GitHubError> {
    let call = Call::post(format!("{}/generate-jitconfig", path(scope)))
        .body(json!({
            "name": name,
            "runner_group_id": runner_group_id,
            "labels": labels,
            "work_folder": WORK_FOLDER,
        }))
        .purpose(Purpose::Registration);
    let Registered { runner, encoded_jit_config } = session.ask(&call).await?.read(&call)?;
    Ok(JitRunner { id: GithubRunnerId(runner.id), configuration: Secret::new(encoded_jit_config) })
}

pub(crate) async fn delete(session: &Session, scope: &Scope, id: GithubRunnerId) -> Result<(), GitHubError> {
    let call = Call::delete(format!("{}/{id}", path(scope))).purpose(Purpose::Deletion);
    match session.ask(&call).await {
        Ok(_) | Err(GitHubError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Asks for the name. GitHub Enterprise Server does not filter in every version, so names are compared here too.
pub(crate) async fn find(
    session: &Session,
    scope: &Scope,
    name: &str,
) -> Result<Option<ListedRunner>, GitHubError> {
    let listed = read(session, scope, Call::get(path(scope)).query("name", name)).await?;
    Ok(listed.into_iter().find(|runner| runner.name == name))
}

/// Every runner. A runner that is not in the list need not be gone: while the pages are read, one that is removed moves
/// another across their border. [`find`] tells.
pub(crate) async fn list(session: &Session, scope: &Scope) -> Result<Vec<ListedRunner>, GitHubError> {
    read(session, scope, Call::get(path(scope))).await
}

async fn read(session: &Session, scope: &Scope, call: Call) -> Result<Vec<ListedRunner>, GitHubError> {
    let list = pages::list(session, &call, "runners", RUNNER_PAGES).await?;
    // Half a list would tell the fleet that the other half's runners are gone.
    if !list.complete {
        return Err(GitHubError::Unavailable(format!("{call} has more than {RUNNER_PAGES} pages")));
    }
    let mut seen = BTreeSet::new();
    let mut runners = Vec::with_capacity(list.entries.len());
    for entry in list.entries {
        let entry = Entry::deserialize(entry)
            .map_err(|_| GitHubError::Unavailable(format!("the answer to {call} lists what is no runner")))?;
        if seen.insert(entry.id) {
            runners.push(ListedRunner {
                id: GithubRunnerId(entry.id),
                name: entry.name,
                online: entry.status.as_deref() == Some("online"),
                scope: scope.clone(),
            });
        }
    }
    Ok(runners)
}
