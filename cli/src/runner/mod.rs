//! `fleetfoot runner`: the release of GitHub's runner that images are made with.

mod bump;
mod check;
mod pin;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fleetfoot_github::Api;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::{Clock, GitHubError};
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::secret::Secret;

use crate::failure::Failure;
use crate::output::Answer;
use crate::times::Times;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Tell which release is pinned, how old it is, and until when GitHub serves it
    #[command(after_long_help = check::EXAMPLES)]
    Check(check::Args),
    /// Pin the newest release, in a file or by a pull request
    #[command(after_long_help = bump::EXAMPLES)]
    Bump(bump::Args),
}

pub(crate) async fn run(command: Command, times: &Times) -> Result<Answer, Failure> {
    match command {
        Command::Check(args) => check::run(args, times).await,
        Command::Bump(args) => bump::run(args, times).await,
    }
}

/// How GitHub is asked.
#[derive(Debug, clap::Args)]
struct GitHubArgs {
    /// GitHub's API
    #[arg(long, value_name = "URL", default_value = "https://api.github.com")]
    api_url: String,
    /// A token. Releases can be read without; more is allowed per hour with one
    #[arg(long, value_name = "TOKEN", env = "GITHUB_TOKEN", hide_env_values = true, value_parser = token)]
    github_token: Option<Secret>,
}

/// A token as the environment has it; an empty one is none that could be sent.
#[expect(clippy::unnecessary_wraps, reason = "what parses an argument answers so")]
fn token(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.trim()))
}

impl GitHubArgs {
    fn api(&self, times: &Times) -> Api {
        Api::new(&self.api_url, self.github_token.clone(), Arc::new(At(times.now)))
    }

    fn has_token(&self) -> bool {
        self.github_token.as_ref().is_some_and(|token| !token.expose().is_empty())
    }

    async fn releases(&self, times: &Times) -> Result<Vec<RunnerRelease>, Failure> {
        let releases = self.api(times).runner_releases().await;
        let what = "the releases of GitHub's runner cannot be read";
        let releases = releases.map_err(|error| refused(what, &error, times))?;
        if releases.is_empty() {
            return Err(Failure::new(what).hint(format!("{} lists none; is it GitHub's API?", self.api_url)));
        }
        Ok(releases)
    }
}

/// The moment of the command, for rate limits.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// What GitHub refused, with what would help.
fn refused(what: &str, error: &GitHubError, times: &Times) -> Failure {
    let failure = Failure::new(what).because(error);
    match error {
        GitHubError::RateLimited { until } => failure.hint(format!(
            "try again after {}; with GITHUB_TOKEN more is allowed per hour",
            times.date_time(*until)
        )),
        GitHubError::Unauthorized(_) => failure.hint("GITHUB_TOKEN holds a token that GitHub does not know"),
        GitHubError::Unavailable(_) => {
            failure.hint("is GitHub reached from here? --api-url names another address")
        }
        GitHubError::NotFound(_) | GitHubError::Forbidden(_) => {
            failure.hint("the token needs `contents: write` and `pull-requests: write` on the repository")
        }
        _ => failure,
    }
}
