//! Whether GitHub is reached, knows the fleet, and has the same time.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Credentials;
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::Desk;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;
use crate::times::span;

/// Also the heading of what is not looked at without a configuration.
pub(in crate::doctor) const HEADING: &str = "github";
const CLOCK: &str = "clock";

/// GitHub's clock is told in whole seconds, and the answer takes a moment.
const TOLERATED: SignedDuration = SignedDuration::from_secs(10);
/// A JWT's beginning lies a minute in the past; beyond that GitHub refuses it as one of the future.
const REFUSED: SignedDuration = SignedDuration::from_mins(1);

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let Desk { client, config, clock, .. } = &*self.0;
        let reached = client.reach().await;
        let now = clock.now();
        let mut findings = match &reached {
            Ok(date) => clock_of(CLOCK, "GitHub", *date, now),
            Err(_) => Vec::new(),
        };
        let (url, credentials) = (&config.github.url, &config.github.credentials);
        // An answer that refuses is an answer.
        let reached = match reached {
            Err(error @ GitHubError::Unavailable(_)) => Err(error),
            _ => Ok(()),
        };
        findings.insert(
            0,
            match reached {
                Err(error) => unreachable(url, &error),
                Ok(()) => signed_in(url, credentials, self.0.sign_in().await),
            },
        );
        Ok(findings)
    }
}

fn unreachable(url: &str, error: &GitHubError) -> Finding {
    let failure = Failure::new(format!("{url} is not reached from here")).because(error);
    Finding::broken(HEADING, failure.hint("the network, a proxy, or url under [github]"))
}

fn signed_in(url: &str, credentials: &Credentials, answer: &Result<(), GitHubError>) -> Finding {
    let who = match credentials {
        Credentials::App { id, installation, .. } => format!("App {id} with its installation {installation}"),
        Credentials::Token(_) => "the token".to_owned(),
    };
    let error = match answer {
        Ok(()) => return Finding::ok(HEADING, format!("{url} is reached, and {who} is signed in")),
        Err(error) => error,
    };
    let failure = Failure::new(format!("{who} cannot sign in at {url}")).because(error);
    let hint = match (error, credentials) {
        (GitHubError::RateLimited { .. }, _) => "wait until then; who else asks with these credentials?",
        (GitHubError::Unavailable(_), _) => "see the findings on secrets; else try again",
        (_, Credentials::App { .. }) => {
            "id, installation and key under [github.app] have to belong together: the App's page shows its id and keys, \
             the address of the installation's page ends in its number"
        }
        (_, Credentials::Token(_)) => {
            "it may have expired or been revoked: make another, and put it where [github] token says"
        }
    };
    Finding::broken(HEADING, failure.hint(hint))
}

/// How far the clock of this machine is from another's.
pub(in crate::doctor) fn clock_of(
    heading: &'static str,
    whose: &str,
    date: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Finding> {
    let Some(date) = date else {
        let failure = Failure::new(format!("{whose} did not tell its time"));
        return vec![Finding::unknown(heading, failure)];
    };
    let ahead = now.duration_since(date);
    let way = if ahead.is_negative() { "behind" } else { "ahead of" };
    let what = format!("this machine's clock is {} {way} {whose}'s", span(ahead));
    let hint = "let the machine set its clock by NTP (`timedatectl set-ntp true`)";
    vec![match ahead.abs() {
        off if off > REFUSED => Finding::error(heading, format!("{what}: signatures are refused")).hint(hint),
        off if off > TOLERATED => Finding::warning(heading, what).hint(hint),
        _ => Finding::ok(heading, format!("this machine's clock agrees with {whose}'s")),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_clock_that_is_off_is_told_in_words_and_by_how_much() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let at = |seconds| Some(now + SignedDuration::from_secs(seconds));
        for (date, severity, what) in [
            (at(2), Severity::Ok, "this machine's clock agrees with GitHub's"),
            (at(-30), Severity::Warning, "this machine's clock is 30s ahead of GitHub's"),
            (
                at(90),
                Severity::Error,
                "this machine's clock is 1m 30s behind GitHub's: signatures are refused",
            ),
            (None, Severity::Unknown, "GitHub did not tell its time"),
        ] {
            let found = clock_of(CLOCK, "GitHub", date, now);
            assert_eq!((found[0].severity, found[0].what.as_str()), (severity, what));
        }
    }

    #[test]
    fn each_reason_not_to_be_signed_in_has_a_remedy() {
        let app = Credentials::App { id: 1, installation: 42, key: "file:key".parse().unwrap() };
        let token = Credentials::Token("env:TOKEN".parse().unwrap());
        let refused = || Err(GitHubError::Unauthorized("401".to_owned()));
        let hint = |credentials, answer| signed_in("https://api", credentials, &answer).hint.unwrap();
        assert!(hint(&app, refused()).contains("[github.app]"));
        assert!(hint(&token, refused()).contains("expired"));
        assert!(hint(&token, Err(GitHubError::Unavailable("no file".to_owned()))).contains("secrets"));
        assert_eq!(signed_in("https://api", &app, &Ok(())).severity, Severity::Ok);
    }
}
