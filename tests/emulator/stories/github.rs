//! Client and stand-in against GitHub's own description of its API.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_github::GitHubClient;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config;
use fleetfoot_model::ports::{GitHub as _, GitHubError, SecretError, Secrets};
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::github::JobOrder;

use crate::harness::wait::until;
use crate::harness::{APP_KEY, OWNER, REPOSITORY, System, now};

struct OneKey;

#[async_trait]
impl Secrets for OneKey {
    async fn read(&self, _: &SecretReference) -> Result<Secret, SecretError> {
        Ok(Secret::new(APP_KEY))
    }
}

fn client(system: &System, target: &str) -> GitHubClient {
    let text = format!(
        "[github]\nurl = \"{}\"\n{target}\napp = {{ id = 1, installation = 42, key = \"file:k\" }}\nwebhook_secrets = [\"file:w\"]\n",
        system.github.address
    );
    let config = config::load("fleet.toml", &text).expect("a configuration");
    GitHubClient::new(&config.github, Arc::new(OneKey), Arc::new(SystemClock))
}

/// Every method of the port, at an organization and at a repository. The proxy answers 422 or 500 to whatever the
/// description does not have, and its log says so.
pub(crate) async fn every_request_is_as_github_describes_it(system: &System) {
    let repository = REPOSITORY.parse().expect("a repository");
    // Not ours: the fleet ignores it.
    let order = JobOrder::new(
        REPOSITORY.parse().expect("a repository"),
        vec!["of-another-fleet".parse().expect("a label")],
    );
    let job = system.github.queue(order);
    for target in [format!("organization = \"{OWNER}\""), format!("repositories = [\"{REPOSITORY}\"]")] {
        let github = client(system, &target);
        let scope = if target.starts_with('o') {
            fleetfoot_model::runner::Scope::Organization(OWNER.parse().expect("an owner"))
        } else {
            fleetfoot_model::runner::Scope::Repository(REPOSITORY.parse().expect("a repository"))
        };
        let name = "ff-1-1".parse().expect("a name");
        let labels = ["self-hosted".parse().expect("a label")];
        let runner = github.register(&scope, &name, &labels).await.expect("a registration");
        assert_eq!(github.register(&scope, &name, &labels).await.err(), Some(GitHubError::NameTaken));
        assert_eq!(
            github.find_runner(&scope, "ff-1-1").await.expect("runners").map(|it| it.id),
            Some(runner.id)
        );
        assert_eq!(github.list_runners(&scope).await.expect("runners").len(), 1);
        github.delete_runner(&scope, runner.id).await.expect("a deletion");
        github.delete_runner(&scope, runner.id).await.expect("a second deletion is none");
        assert_eq!(github.queued_jobs(&repository).await.expect("jobs").len(), 1);
        let report = github.job(&repository, job).await.expect("a job");
        let head = github.head_repository(&repository, report.description.run_id).await.expect("a run");
        assert_eq!(head.as_ref(), Some(&repository));
        let deliveries = github.deliveries(Timestamp::UNIX_EPOCH).await.expect("deliveries");
        if let Some(delivery) = deliveries.first() {
            github.redeliver(delivery).await.expect("a delivery again");
        }
    }
    system.github.state().cancel_job(now(), job);
    until("the webhooks were sent", || system.github.state().webhooks().sent >= 3).await;
    assert_eq!(system.github.violations(), Vec::<String>::new());
}
