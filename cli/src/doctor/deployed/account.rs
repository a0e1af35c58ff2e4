//! Who asks AWS, and whether its clock agrees.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::Desk;
use crate::aws::call::Service;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::doctor::github::clock_of;
use crate::failure::Failure;

pub(super) const HEADING: &str = "aws";
const CLOCK: &str = "clock";

pub(super) struct Check(pub(super) Arc<Desk>);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    get_caller_identity_result: Identity,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Identity {
    arn: String,
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let Desk { caller, clock, .. } = &*self.0;
        let answer = caller.query::<Answer>(Service::Sts, "GetCallerIdentity", &[]).await?;
        let arn = &answer.value.get_caller_identity_result.arn;
        let mut findings = vec![Finding::ok(HEADING, format!("AWS is asked as {arn}"))];
        findings.extend(clock_of(CLOCK, "AWS", answer.date, clock.now()));
        Ok(findings)
    }
}
