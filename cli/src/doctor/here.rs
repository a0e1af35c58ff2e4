//! What is looked at of a fleet on this machine.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, redirect};
use serde_json::Value;
use url::Url;

use super::finding::Finding;
use super::{Nearby, examine};
use crate::arguments::{DATABASE, State};
use crate::failure::{Failure, OrFail};

const HEALTH: &str = "health";
const STATE: &str = "state";
const RUNNER: &str = "runner-folder";

/// With less than this many bytes a job's checkout may fill the disk.
const LITTLE_SPACE: u64 = 5 << 30;
/// With less than this many even the ledger cannot be written for long.
const NO_SPACE: u64 = 256 << 20;

/// Every check of a fleet whose state is in this folder.
pub(crate) fn checks(state: &State, nearby: &Nearby) -> Vec<Box<dyn examine::Check>> {
    let url = nearby.url.clone();
    vec![
        Box::new(Health { url, if_silent: "is `fleetfoot up` running? --url names another address" }),
        Box::new(Folder(state.clone())),
        Box::new(RunnerFolder(nearby.runner.runner_dir.clone())),
    ]
}

/// Whether the fleet answers at its address.
pub(super) struct Health {
    /// Where it is reached, without a path.
    pub(super) url: Url,
    /// What to do if it is not.
    pub(super) if_silent: &'static str,
}

#[async_trait]
impl examine::Check for Health {
    fn heading(&self) -> &'static str {
        HEALTH
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let address = format!("{}/health", self.url.as_str().trim_end_matches('/'));
        let client = Client::builder().timeout(Duration::from_secs(10)).redirect(redirect::Policy::none());
        let is_here = self.url.host_str().is_some_and(|host| host == "127.0.0.1" || host == "localhost");
        let client = if is_here { client.no_proxy() } else { client };
        let client = client.build().or_fail("there is no HTTP client")?;
        let asked = async {
            let answer = client.get(&address).send().await?;
            let status = answer.status().as_u16();
            Ok::<_, reqwest::Error>((status, answer.json::<Value>().await.unwrap_or_default()))
        };
        Ok(vec![match asked.await {
            Ok((status, body)) => health(&address, status, &body),
            Err(error) => {
                let failure =
                    Failure::new(format!("{address} is not answered")).because(&error.without_url());
                Finding::broken(HEALTH, failure.hint(self.if_silent))
            }
        }])
    }
}

fn health(address: &str, status: u16, body: &Value) -> Finding {
    let said = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let version = said("version");
    if status != 200 {
        let parts = [said("configuration"), said("secrets"), said("message")];
        let reason = parts.into_iter().find(|it| !it.is_empty() && *it != "ok");
        let what = format!("{address} answers {status}: {}", reason.unwrap_or("no reason"));
        return Finding::error(HEALTH, what)
            .hint("see secrets and configuration; the log of ingest tells more");
    }
    let own = env!("CARGO_PKG_VERSION");
    if !version.is_empty() && version != own {
        let what = format!("the fleet is of version {version}, and this program of {own}");
        return Finding::warning(HEALTH, what).hint("deploy again, or use the program of that version");
    }
    Finding::ok(HEALTH, format!("{address} answers, version {own}"))
}

/// Whether the state can be opened, and whether somebody works on it.
struct Folder(State);

/// What is known of the folder.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// Whether `up` holds its lock.
    is_up: bool,
    /// Bytes that are left on its disk.
    free: u64,
}

#[async_trait]
impl examine::Check for Folder {
    fn heading(&self) -> &'static str {
        STATE
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        if let Err(failure) = self.0.database() {
            return Ok(vec![Finding::broken(STATE, failure)]);
        }
        let folder = &self.0.state;
        let disk =
            rustix::fs::statvfs(folder).or_fail(format!("{} cannot be looked at", folder.display()))?;
        let facts = Facts { is_up: self.0.is_up(), free: disk.f_bavail * disk.f_frsize };
        Ok(judge(&folder.join(DATABASE).display().to_string(), facts))
    }
}

fn judge(database: &str, facts: Facts) -> Vec<Finding> {
    let Facts { is_up, free } = facts;
    let up = if is_up {
        Finding::ok(STATE, format!("{database} opens, and `fleetfoot up` works on it"))
    } else {
        Finding::error(STATE, format!("{database} opens, and no `fleetfoot up` works on it"))
            .hint("start `fleetfoot up`; docs/one-machine.md tells how it stays up")
    };
    let left = format!("{} MiB are left on its disk", free >> 20);
    let hint = "make room, or give --state a folder on another disk";
    let disk = match free {
        free if free < NO_SPACE => Finding::error(STATE, left).hint(hint),
        free if free < LITTLE_SPACE => Finding::warning(STATE, left).hint(hint),
        _ => Finding::ok(STATE, left),
    };
    vec![up, disk]
}

/// Whether GitHub's runner is where `up` copies it from.
struct RunnerFolder(PathBuf);

#[async_trait]
impl examine::Check for RunnerFolder {
    fn heading(&self) -> &'static str {
        RUNNER
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let folder = self.0.display();
        Ok(vec![if self.0.join("run.sh").is_file() {
            Finding::ok(RUNNER, format!("{folder} holds GitHub's runner"))
        } else {
            let hint = "unpack a release of https://github.com/actions/runner; --runner-dir or FLEETFOOT_RUNNER_DIR names the folder";
            Finding::error(RUNNER, format!("{folder} holds no runner (run.sh)")).hint(hint)
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use serde_json::json;

    #[test]
    fn health_is_what_the_fleet_says_of_itself() {
        let own = env!("CARGO_PKG_VERSION");
        for (status, body, severity) in [
            (200, json!({ "version": own }), Severity::Ok),
            (200, json!({ "version": "0.0.9" }), Severity::Warning),
            (
                503,
                json!({ "version": own, "configuration": "ok", "secrets": "it is empty" }),
                Severity::Error,
            ),
            (502, Value::Null, Severity::Error),
        ] {
            assert_eq!(health("http://there/health", status, &body).severity, severity, "{body}");
        }
    }

    #[test]
    fn a_fleet_that_is_down_and_a_disk_that_is_full_are_told() {
        let severities = |is_up, free| {
            judge("fleet.db", Facts { is_up, free }).iter().map(|it| it.severity).collect::<Vec<_>>()
        };
        assert_eq!(severities(true, 10 << 30), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities(false, 1 << 30), [Severity::Error, Severity::Warning]);
        assert_eq!(severities(true, 1 << 20), [Severity::Ok, Severity::Error]);
    }
}
