//! The stack itself: whether its last deployment went through.

use async_trait::async_trait;

use crate::aws::stack::Stack;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "stack";

pub(super) struct Check(pub(super) Stack);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        Ok(vec![judge(self.0.name(), self.0.status(), self.0.reason())])
    }
}

/// Only stacks that have resources come this far.
fn judge(name: &str, status: &str, reason: Option<&str>) -> Finding {
    let why = reason.map(|it| format!(": {it}")).unwrap_or_default();
    let what = format!("the stack {name} is {status}{why}");
    let events = format!("aws cloudformation describe-stack-events --stack-name {name}");
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Finding::ok(HEADING, what),
        it if it.ends_with("_FAILED") => Finding::error(HEADING, what)
            .hint(format!("it can be neither used nor updated safely: `{events}` tells why")),
        it if it.contains("ROLLBACK_COMPLETE") => {
            let hint = format!("the last deployment was undone: `{events}` tells why; deploy again");
            Finding::warning(HEADING, what).hint(hint)
        }
        _ => Finding::warning(HEADING, what).hint("a deployment goes on: look again when it is done"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_stack_is_well_when_its_last_deployment_went_through() {
        for (status, severity) in [
            ("CREATE_COMPLETE", Severity::Ok),
            ("UPDATE_COMPLETE", Severity::Ok),
            ("UPDATE_IN_PROGRESS", Severity::Warning),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Severity::Warning),
            ("UPDATE_ROLLBACK_COMPLETE", Severity::Warning),
            ("UPDATE_ROLLBACK_FAILED", Severity::Error),
            ("UPDATE_FAILED", Severity::Error),
        ] {
            assert_eq!(judge("ff", status, None).severity, severity, "{status}");
        }
    }
}
