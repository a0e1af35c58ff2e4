//! A look at the whole fleet, once it is there: what the steps before cannot see.

use std::sync::Arc;

use super::Setup;
use super::people::call;
use super::report::Outcome;
use crate::arguments::DATABASE;
use crate::doctor::finding::{Finding, Severity};
use crate::doctor::{examine, summary};
use crate::failure::Failure;

impl Setup<'_> {
    /// Tells each finding that is not well. None of them ends the run: what they say may be mended afterwards.
    pub(super) async fn doctor(&self, address: Option<&str>) -> Result<Outcome, Failure> {
        if self.answers.stack().is_some() && address.is_none() {
            return Ok(Outcome::skipped("looks at the fleet once the stack is deployed"));
        }
        if self.answers.stack().is_none() && !self.args.state.state.join(DATABASE).is_file() {
            return Ok(Outcome::skipped("`fleetfoot doctor` looks at the fleet once `fleetfoot up` runs it"));
        }
        let place = self.place().await?;
        let findings = examine(&*place, &self.args.nearby, Arc::clone(&self.clock), self.args.format).await;
        for finding in findings.0.iter().filter(|it| it.severity != Severity::Ok) {
            self.tell(finding);
        }
        let about = summary(&findings);
        Ok(match findings.worst() {
            Severity::Error => Outcome::left(about),
            Severity::Ok | Severity::Unknown | Severity::Warning => Outcome::done(about),
        })
    }

    fn tell(&self, finding: &Finding) {
        let Finding { check, severity, what, hint, .. } = finding;
        call(self.people, &format!("{} {check}: {what}", severity.word()));
        if let Some(hint) = hint {
            call(self.people, &format!("-> {hint}"));
        }
    }
}
