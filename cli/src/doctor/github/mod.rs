//! GitHub: whether it is reached, what the fleet may do there, and whether its webhooks come.

mod budget;
mod deliveries;
mod permissions;
mod release;
mod runners;
mod sign_in;
mod webhook;

use std::sync::Arc;

use fleetfoot_github::GitHubClient;
use fleetfoot_model::config::Config;
use fleetfoot_model::ports::{Clock, GitHubError};
use tokio::sync::OnceCell;

use super::examine::Check;
use crate::failure::Failure;
use crate::place::Place;
use crate::setup::web_of;

pub(super) use sign_in::{HEADING as SIGN_IN, clock_of};

/// GitHub as the fleet signs in there, shared by all checks.
struct Desk {
    client: GitHubClient,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    /// Signing in is tried once; what comes after it need not fail for the same reason.
    signed_in: OnceCell<Result<(), GitHubError>>,
}

impl Desk {
    async fn sign_in(&self) -> &Result<(), GitHubError> {
        self.signed_in.get_or_init(async || self.client.rate_limit().await.map(drop)).await
    }

    /// The client, for what is only answered to the fleet.
    async fn signed_in(&self) -> Result<&GitHubClient, Failure> {
        match self.sign_in().await {
            Ok(()) => Ok(&self.client),
            Err(_) => Err(Failure::new("the fleet cannot sign in at GitHub, so this was not looked at")
                .hint("mend what is told of its credentials first")),
        }
    }
}

/// Every check of it.
pub(super) fn checks(place: &dyn Place, config: &Arc<Config>, clock: &Arc<dyn Clock>) -> Vec<Box<dyn Check>> {
    let desk = Arc::new(Desk {
        client: GitHubClient::new(&config.github, place.secrets(), Arc::clone(clock)),
        config: Arc::clone(config),
        clock: Arc::clone(clock),
        signed_in: OnceCell::new(),
    });
    vec![
        Box::new(sign_in::Check(Arc::clone(&desk))),
        Box::new(permissions::Check(Arc::clone(&desk))),
        Box::new(runners::Check(Arc::clone(&desk))),
        Box::new(webhook::Check { desk: Arc::clone(&desk), address: place.webhook() }),
        Box::new(deliveries::Check(Arc::clone(&desk))),
        Box::new(budget::Check(Arc::clone(&desk))),
        Box::new(release::Check(desk)),
    ]
}

/// The pages for people of a GitHub whose API is at this address.
fn pages(api: &str) -> String {
    let web = web_of(api).map_or_else(|_| api.to_owned(), String::from);
    web.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_for_each_kind_of_github() {
        for (api, page) in [
            ("https://api.github.com", "https://github.com"),
            ("https://api.acme.ghe.com/", "https://acme.ghe.com"),
            ("https://git.acme.example/api/v3", "https://git.acme.example"),
            ("https://api.git.acme.example/api/v3", "https://api.git.acme.example"),
        ] {
            assert_eq!(pages(api), page);
        }
    }
}
