//! Alarms that ring, and logs that are kept for ever.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::Desk;
use crate::aws::call::Service;
use crate::aws::stack::output;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;
use crate::text::safe;

const ALARMS: &str = "alarms";
const LOGS: &str = "log-groups";

pub(super) struct Alarms(pub(super) Arc<Desk>);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    describe_alarms_result: Found,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Found {
    metric_alarms: Vec<Alarm>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_field_names, reason = "as AWS calls them")]
struct Alarm {
    alarm_name: String,
    alarm_description: String,
    state_reason: String,
}

#[async_trait]
impl examine::Check for Alarms {
    fn heading(&self) -> &'static str {
        ALARMS
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let prefix = format!("{}-", self.0.stack.name());
        let parameters =
            [("AlarmNamePrefix", prefix.as_str()), ("StateValue", "ALARM"), ("MaxRecords", "100")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let answer =
            self.0.caller.query::<Described>(Service::CloudWatch, "DescribeAlarms", &parameters).await?;
        Ok(judge_alarms(&answer.value.describe_alarms_result.metric_alarms))
    }
}

fn judge_alarms(ringing: &[Alarm]) -> Vec<Finding> {
    let finding = |alarm: &Alarm| {
        let what = format!("{}: {}", alarm.alarm_name, safe(&alarm.alarm_description));
        let failure = Failure { causes: vec![safe(&alarm.state_reason)], ..Failure::new(what) };
        Finding::broken(ALARMS, failure.hint("docs/observability.md#alarms says what to do about each"))
    };
    let mut findings: Vec<Finding> = ringing.iter().map(finding).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(ALARMS, "none of the stack's rings"));
    }
    findings
}

pub(super) struct Logs(pub(super) Arc<Desk>);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Groups {
    log_groups: Vec<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Group {
    log_group_name: String,
    retention_in_days: Option<u64>,
}

#[async_trait]
impl examine::Check for Logs {
    fn heading(&self) -> &'static str {
        LOGS
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let prefix = self.0.stack.output(output::LOG_GROUPS)?;
        let question = json!({ "logGroupNamePrefix": prefix });
        let answer = self.0.caller.json::<Groups>(Service::Logs, "DescribeLogGroups", &question).await?;
        Ok(judge_logs(prefix, &answer.value.log_groups))
    }
}

fn judge_logs(prefix: &str, groups: &[Group]) -> Vec<Finding> {
    if groups.is_empty() {
        let what = format!("there is no log group {prefix}*: nothing that functions say is kept");
        return vec![Finding::error(LOGS, what).hint("deploy again")];
    }
    let eternal = groups.iter().filter(|group| group.retention_in_days.is_none());
    let mut findings: Vec<Finding> = eternal
        .map(|group| {
            let name = &group.log_group_name;
            let hint =
                format!("aws logs put-retention-policy --retention-in-days 30 --log-group-name {name}");
            Finding::warning(LOGS, format!("{name} is kept for ever, and paid for")).hint(hint)
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::ok(LOGS, format!("{} log groups, each kept for some days", groups.len())));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn alarms_that_ring_and_logs_that_stay_are_told() {
        assert_eq!(judge_alarms(&[])[0].severity, Severity::Ok);
        let ringing = Alarm { state_reason: "3 datapoints were above 0".to_owned(), ..Alarm::default() };
        let found = judge_alarms(&[ringing]);
        assert_eq!((found[0].severity, found[0].causes.len()), (Severity::Error, 1));
        assert!(found[0].hint.as_ref().unwrap().contains("docs/observability.md"));
        let group =
            |retention_in_days| Group { log_group_name: "/fleetfoot/ff/pool".to_owned(), retention_in_days };
        assert_eq!(judge_logs("/fleetfoot/ff/", &[])[0].severity, Severity::Error);
        assert_eq!(judge_logs("/fleetfoot/ff/", &[group(Some(30))])[0].severity, Severity::Ok);
        assert_eq!(
            judge_logs("/fleetfoot/ff/", &[group(Some(30)), group(None)])[0].severity,
            Severity::Warning
        );
    }
}
