//! Check runs: what a commit shows of a job that gets no runner.

use fleetfoot_model::Timestamp;
use fleetfoot_model::check::{CheckRun, Shows};
use fleetfoot_model::ports::GitHubError;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages;
use crate::session::Session;
use crate::wire::Call;

#[derive(Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    conclusion: Option<String>,
}

impl Listed {
    fn is_called(&self, external_id: &str) -> bool {
        self.external_id.as_deref() == Some(external_id)
    }

    fn failed_in_run_of(&self, check: &CheckRun) -> bool {
        self.conclusion.as_deref() == Some("failure")
            && self.external_id.as_deref().is_some_and(|id| check.is_of_same_run(id))
    }
}

/// GitHub makes a new check run for each request, whatever its `external_id`: a request whose answer was lost must not be
/// repeated blindly.
pub(crate) async fn show(session: &Session, check: &CheckRun) -> Result<(), GitHubError> {
    match check.shows {
        Shows::Failure => {
            let is_there = check.may_be_there
                && listed(session, check).await?.iter().any(|it| it.is_called(&check.external_id()));
            if is_there { Ok(()) } else { create(session, check).await }
        }
        Shows::Recovery => {
            for failed in listed(session, check).await?.iter().filter(|it| it.failed_in_run_of(check)) {
                succeed(session, check, failed.id).await?;
            }
            Ok(())
        }
    }
}

async fn create(session: &Session, check: &CheckRun) -> Result<(), GitHubError> {
    let mut body = ended(check, "failure");
    body["name"] = json!(check.name);
    body["head_sha"] = json!(check.commit);
    body["external_id"] = json!(check.external_id());
    // Without an address GitHub fills in that of the App; null it does not take.
    if let Some(address) = &check.details_url {
        body["details_url"] = json!(address);
    }
    let call = Call::post(format!("repos/{}/check-runs", check.repository)).body(body);
    session.ask(&call).await.map(drop)
}

async fn succeed(session: &Session, check: &CheckRun, id: u64) -> Result<(), GitHubError> {
    let call = Call::patch(format!("repos/{}/check-runs/{id}", check.repository));
    session.ask(&call.body(ended(check, "success"))).await.map(drop)
}

fn ended(check: &CheckRun, conclusion: &str) -> Value {
    let second = Timestamp::from_second(check.completed_at.as_second()).unwrap_or(check.completed_at);
    json!({
        "status": "completed",
        "conclusion": conclusion,
        "completed_at": second,
        "output": { "title": check.title, "summary": check.summary },
    })
}

/// The App's own of this name; another App's may carry whatever id they like. A hundred are more than one commit's.
async fn listed(session: &Session, check: &CheckRun) -> Result<Vec<Listed>, GitHubError> {
    let CheckRun { repository, commit, name, .. } = check;
    let mut call = Call::get(format!("repos/{repository}/commits/{commit}/check-runs"))
        .query("check_name", name)
        .query("filter", "all");
    if let Some(app) = session.app_id() {
        call = call.query("app_id", app.to_string());
    }
    let list = pages::list(session, &call, "check_runs", 1).await?;
    let read = |entry| Listed::deserialize::<Value>(entry).ok();
    Ok(list.entries.into_iter().filter_map(read).collect())
}
