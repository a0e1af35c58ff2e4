//! What mends an error of a kind, wherever it comes up. Whoever knows more of the occasion says that instead.

use std::error::Error;
use std::io::{self, ErrorKind};

use fleetfoot_aws::configuration::ConfigurationError;
use fleetfoot_local::bus::BusError;
use fleetfoot_model::config::ConfigError;
use fleetfoot_model::ledger::LedgerError;
use fleetfoot_model::ports::{FleetError, GitHubError, SecretError};
use fleetfoot_model::secret::SecretReference;

use crate::aws::failure::remedy_in;
use crate::doctor::how_to_set;

/// For what cannot happen, as far as anybody knows.
pub(crate) const REPORT: &str = "that is a bug of Fleetfoot: please report it";
const KEYS: &str = "docs/configuration.md explains every key";
const AGAIN: &str = "try again in a moment";
const NETWORK: &str = "look at the network from here, and at HTTPS_PROXY if there is a proxy";

/// The remedy of the first error that has one, of this and those that it comes from.
pub(crate) fn remedy(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(remedy) = of(error) {
            return Some(remedy);
        }
        next = error.source();
    }
    None
}

fn of(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // It hides what it was made of, and tells only what that comes from.
        let inner = || remedy(error.get_ref()?);
        return of_io(error.kind()).map(str::to_owned).or_else(inner);
    }
    if let Some(error) = error.downcast_ref::<LedgerError>() {
        return of_ledger(error);
    }
    if let Some(error) = error.downcast_ref::<GitHubError>() {
        return of_github(error);
    }
    if let Some(error) = error.downcast_ref::<FleetError>() {
        return of_fleet(error);
    }
    if let Some(error) = error.downcast_ref::<SecretError>() {
        return of_secret(error);
    }
    if let Some(error) = error.downcast_ref::<ConfigurationError>() {
        return of_configuration(error);
    }
    if error.is::<ConfigError>() {
        return Some(KEYS.to_owned());
    }
    if let Some(BusError::Unavailable(_)) = error.downcast_ref() {
        return Some(AGAIN.to_owned());
    }
    let unreached = error.downcast_ref::<reqwest::Error>().filter(|it| it.is_connect() || it.is_timeout());
    unreached.map(|_| NETWORK.to_owned())
}

fn of_io(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::PermissionDenied => Some("have this user allowed to do that, or do it as one who is"),
        ErrorKind::AddrInUse => Some("another program listens there: end it, or name another address"),
        ErrorKind::AddrNotAvailable => {
            Some("this machine has no such address; 127.0.0.1 is itself, 0.0.0.0 all that it has")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some("make room on the disk"),
        ErrorKind::ReadOnlyFilesystem => Some("name a place that can be written to"),
        _ => None,
    }
}

fn of_ledger(error: &LedgerError) -> Option<String> {
    match error {
        LedgerError::Conflict(_) => Some(AGAIN.to_owned()),
        LedgerError::Unavailable(reason) => {
            let action = reason.strip_prefix("DynamoDB ").and_then(|it| it.split(':').next());
            let action = format!("dynamodb:{}", action.unwrap_or("Query"));
            Some(remedy_in(reason, &action).unwrap_or_else(|| AGAIN.to_owned()))
        }
        LedgerError::Malformed { .. } => {
            Some("another version wrote it: use the `fleetfoot` that the fleet was deployed with".to_owned())
        }
        LedgerError::Full { .. } => None,
    }
}

fn of_github(error: &GitHubError) -> Option<String> {
    Some(match error {
        GitHubError::RateLimited { until } => format!("try again after {until}"),
        GitHubError::Unauthorized(_) => {
            "see whether app or token under [github] names what GitHub knows, and the secret is that of it"
                .to_owned()
        }
        GitHubError::Forbidden(_) => {
            "docs/troubleshooting.md#permissions names what the App or the token has to be allowed".to_owned()
        }
        GitHubError::NotFound(_) => {
            "see whether the name is right, and whether the App or the token may see it".to_owned()
        }
        // Without its secret nothing was asked.
        GitHubError::Unavailable(reason) => secret_in(reason).unwrap_or_else(|| {
            "is GitHub reached from here, and well (https://www.githubstatus.com)? Then try again".to_owned()
        }),
        GitHubError::Busy | GitHubError::NameTaken | GitHubError::Invalid(_) => return None,
    })
}

fn of_fleet(error: &FleetError) -> Option<String> {
    match error {
        FleetError::Throttled { until, .. } => Some(format!("try again after {until}")),
        FleetError::Unavailable(reason) => {
            let hint = remedy_in(reason, "ecs:StopTask, ecs:ListTasks and ecs:DescribeTasks");
            Some(hint.unwrap_or_else(|| AGAIN.to_owned()))
        }
        FleetError::NoCapacity(_) | FleetError::Impossible(_) => None,
    }
}

/// The remedy for a secret that could not be read, if that is the reason.
fn secret_in(reason: &str) -> Option<String> {
    let (reference, reason) = reason.strip_prefix("secret ")?.split_once(" cannot be read: ")?;
    of_secret(&SecretError { reference: reference.to_owned(), reason: reason.to_owned() })
}

fn of_secret(error: &SecretError) -> Option<String> {
    let reference: SecretReference = error.reference.parse().ok()?;
    let action = match &reference {
        SecretReference::SecretsManager { .. } => "secretsmanager:GetSecretValue",
        _ => "ssm:GetParameter",
    };
    Some(remedy_in(&error.reason, action).unwrap_or_else(|| how_to_set(&reference)))
}

fn of_configuration(error: &ConfigurationError) -> Option<String> {
    match error {
        ConfigurationError::Missing(_) => {
            Some("`fleetfoot config put` writes one; --stack, --region and --profile say where".to_owned())
        }
        ConfigurationError::Unavailable { reason, .. } => remedy_in(reason, "ssm:GetParameter"),
        ConfigurationError::Invalid(_) => Some(KEYS.to_owned()),
        ConfigurationError::OtherFleet { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use fleetfoot_model::Timestamp;

    use super::*;
    use crate::failure::Failure;

    fn secret(reason: &str) -> SecretError {
        SecretError { reference: "env:GITHUB_TOKEN".to_owned(), reason: reason.to_owned() }
    }

    fn hint(error: &(dyn Error + 'static)) -> String {
        remedy(error).unwrap_or_default()
    }

    #[test]
    fn each_kind_has_its_remedy() {
        let until = "2026-11-21T10:00:00Z".parse::<Timestamp>().unwrap();
        let denied = "DynamoDB GetItem: AccessDeniedException: no";
        let cases: [(Box<dyn Error>, &str); 7] = [
            (Box::new(io::Error::from(ErrorKind::AddrInUse)), "another program listens there"),
            (
                Box::new(LedgerError::Unavailable(denied.to_owned())),
                "these credentials may not dynamodb:GetItem",
            ),
            (Box::new(LedgerError::Unavailable("database is locked".to_owned())), "try again"),
            (Box::new(GitHubError::RateLimited { until }), "try again after 2026-11-21T10:00:00Z"),
            (Box::new(FleetError::Throttled { until, reason: String::new() }), "try again after"),
            (Box::new(secret("it is not set")), "set GITHUB_TOKEN where"),
            (Box::new(ConfigurationError::Missing("/ff/config".to_owned())), "`fleetfoot config put`"),
        ];
        for (error, words) in cases {
            assert!(hint(&*error).starts_with(words), "{error}: {}", hint(&*error));
        }
        assert_eq!(remedy(&io::Error::from(ErrorKind::NotFound)), None);
    }

    #[test]
    fn a_remedy_is_found_behind_others_and_gives_way_to_a_better_one() {
        let behind = io::Error::other(GitHubError::Unavailable("502".to_owned()));
        assert!(hint(&behind).contains("githubstatus"), "{}", hint(&behind));
        let secret = secret("it is not set").to_string();
        assert!(hint(&GitHubError::Unavailable(secret)).starts_with("set GITHUB_TOKEN where"));
        let failure = Failure::new("it is not done").because(&behind);
        assert!(failure.hint.is_some());
        assert_eq!(failure.hint("do this").hint.unwrap(), "do this");
        let before = Failure::new("it is not done").hint("do that").because(&behind);
        assert_eq!(before.hint.unwrap(), "do that");
    }
}
