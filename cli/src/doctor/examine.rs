//! The examination: every check at the same time, each with a limit of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_model::config::Config;
use fleetfoot_model::ports::Clock;
use tokio::task::JoinSet;

use super::finding::{Finding, Findings};
use super::{Nearby, configuration, github, rows, secrets};
use crate::arguments::Format;
use crate::failure::Failure;
use crate::place::Place;
use crate::progress::Progress;
use crate::remedy::REPORT;

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Something that is looked at: facts are gathered, then judged. What is found may be of several headings.
#[async_trait]
pub(crate) trait Check: Send + Sync {
    /// Under which heading it is told if it cannot be made.
    fn heading(&self) -> &'static str;

    /// Gathers and judges. An error says that it could not be looked at, and why.
    async fn examine(&self) -> Result<Vec<Finding>, Failure>;
}

/// Looks at everything of a fleet. It changes nothing, and what cannot be looked at hides nothing else.
pub(crate) async fn examine(
    place: &dyn Place,
    nearby: &Nearby,
    clock: Arc<dyn Clock>,
    format: Format,
) -> Findings {
    let config = tokio::time::timeout(PATIENCE, place.config()).await;
    let config = config.unwrap_or_else(|_| Err(late("the configuration was not read")));
    let config = config.map(Arc::new);
    let mut checks: Vec<Box<dyn Check>> = Vec::new();
    let mut findings = match &config {
        Ok(config) => {
            checks.extend(about(place, config, &clock));
            configuration::judge(config)
        }
        Err(failure) => vec![
            Finding::broken(configuration::HEADING, failure.clone()),
            Finding::unknown(github::SIGN_IN, without_configuration()),
        ],
    };
    checks.extend(place.checks(config.as_ref().ok(), nearby, &clock));
    findings.extend(all(checks, PATIENCE, format).await);
    Findings(findings)
}

fn without_configuration() -> Failure {
    Failure::new("GitHub, secrets and limits were not looked at: that needs a configuration")
        .hint("mend what is told of the configuration first")
}

/// What is looked at wherever the fleet is.
fn about(place: &dyn Place, config: &Arc<Config>, clock: &Arc<dyn Clock>) -> Vec<Box<dyn Check>> {
    let mut checks: Vec<Box<dyn Check>> = vec![Box::new(secrets::Check::new(config, place.secrets()))];
    checks.extend(github::checks(place, config, clock));
    checks.push(Box::new(rows::Check::new(place.ledger(), config, clock)));
    checks
}

/// Makes all checks at once, and tells what they found in their order.
async fn all(checks: Vec<Box<dyn Check>>, patience: Duration, format: Format) -> Vec<Finding> {
    let progress = Progress::steps(checks.len(), "checks were made", format);
    let headings: Vec<_> = checks.iter().map(|check| check.heading()).collect();
    let mut found: Vec<Option<Vec<Finding>>> = vec![None; checks.len()];
    let mut running = JoinSet::new();
    for (index, check) in checks.into_iter().enumerate() {
        running.spawn(async move { (index, within(&*check, patience).await) });
    }
    while let Some(ended) = running.join_next().await {
        progress.step();
        // What panicked has no findings, which is told below.
        if let Ok((index, findings)) = ended {
            found[index] = Some(findings);
        }
    }
    let crashed = || Failure::new("this check crashed").hint(REPORT);
    let with_heading = found.into_iter().zip(headings);
    with_heading
        .flat_map(|(it, heading)| it.unwrap_or_else(|| vec![Finding::unknown(heading, crashed())]))
        .collect()
}

async fn within(check: &dyn Check, patience: Duration) -> Vec<Finding> {
    let examined = tokio::time::timeout(patience, check.examine()).await;
    match examined.unwrap_or_else(|_| Err(late("there was no answer"))) {
        Ok(findings) => findings,
        Err(failure) => vec![Finding::unknown(check.heading(), failure)],
    }
}

fn late(what: &str) -> Failure {
    Failure::new(format!("{what} within {} seconds", PATIENCE.as_secs())).hint("try again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    /// A check that ends in one of the ways there are.
    enum Stub {
        Finds,
        Fails,
        Hangs,
        Crashes,
    }

    #[async_trait]
    impl Check for Stub {
        fn heading(&self) -> &'static str {
            "stub"
        }

        async fn examine(&self) -> Result<Vec<Finding>, Failure> {
            match self {
                Self::Finds => Ok(vec![Finding::ok("stub", "well")]),
                Self::Fails => Err(Failure::new("it may not be looked at")),
                Self::Hangs => std::future::pending().await,
                Self::Crashes => panic!("as a test wants it"),
            }
        }
    }

    #[tokio::test]
    async fn a_check_that_fails_hangs_or_crashes_hides_no_other() {
        let stubs = [Stub::Hangs, Stub::Finds, Stub::Crashes, Stub::Fails, Stub::Finds];
        let checks = stubs.into_iter().map(|stub| Box::new(stub) as Box<dyn Check>).collect();
        let found = all(checks, Duration::from_millis(20), Format { json: false }).await;
        let told: Vec<_> = found.iter().map(|it| (it.severity, it.what.as_str())).collect();
        assert_eq!(
            told,
            [
                (Severity::Unknown, "there was no answer within 20 seconds"),
                (Severity::Ok, "well"),
                (Severity::Unknown, "this check crashed"),
                (Severity::Unknown, "it may not be looked at"),
                (Severity::Ok, "well"),
            ]
        );
    }
}
