//! What `CloudWatch` publishes when an alarm changes its state (Amazon CloudWatch user guide, "schema of Amazon SNS
//! notifications when alarms change state"). Everything but the name and the state may be missing: a composite alarm has
//! no trigger, an anomaly alarm no threshold, many alarms no description.

use fleetfoot_model::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::links::{self, Home};

/// An alarm goes off after its periods of measurement.
const BEFORE: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CloudWatchAlarm {
    pub(crate) alarm_name: String,
    pub(crate) new_state_value: String,
    pub(crate) old_state_value: Option<String>,
    pub(crate) new_state_reason: Option<String>,
    pub(crate) alarm_description: Option<String>,
    #[serde(rename = "AWSAccountId")]
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) alarm_arn: Option<String>,
    pub(crate) state_change_time: Option<String>,
    #[serde(default)]
    pub(crate) trigger: Trigger,
    pub(crate) alarm_rule: Option<String>,
    pub(crate) triggering_children: Option<Vec<Child>>,
}

/// What is measured and compared.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Trigger {
    metric_name: Option<String>,
    namespace: Option<String>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    dimensions: Option<Vec<Dimension>>,
    period: Option<u64>,
    evaluation_periods: Option<u64>,
    datapoints_to_alarm: Option<u64>,
    comparison_operator: Option<String>,
    threshold: Option<f64>,
    threshold_metric_id: Option<String>,
    metrics: Option<Vec<Query>>,
}

#[derive(Debug, Deserialize)]
struct Dimension {
    name: String,
    value: String,
}

/// One metric or expression of a metric-math alarm.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    id: String,
    expression: Option<String>,
    metric_stat: Option<MetricStat>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricStat {
    metric: Metric,
    stat: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    #[serde(rename = "MetricName")]
    name: Option<String>,
    namespace: Option<String>,
    dimensions: Option<Vec<Dimension>>,
}

/// An alarm that made a composite alarm change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Child {
    arn: String,
    state: Option<ChildState>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChildState {
    value: String,
}

fn words<'a>(parts: impl IntoIterator<Item = Option<&'a String>>) -> String {
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    parts.join(" ")
}

fn dimensions(dimensions: Option<&Vec<Dimension>>, between: &str) -> String {
    let each = dimensions.into_iter().flatten().map(|it| format!("{} = {}", it.name, it.value));
    each.collect::<Vec<_>>().join(between)
}

impl Trigger {
    /// The metric, or each part of a metric-math expression on a line of its own.
    pub(crate) fn metric(&self) -> String {
        let Some(queries) = &self.metrics else {
            let statistic = self.statistic.as_ref().or(self.extended_statistic.as_ref());
            return words([self.namespace.as_ref(), self.metric_name.as_ref(), statistic]);
        };
        let lines = queries.iter().map(|query| match (&query.expression, &query.metric_stat) {
            (Some(expression), _) => format!("{} = {expression}", query.id),
            (None, Some(MetricStat { metric, stat })) => {
                let name = words([metric.namespace.as_ref(), metric.name.as_ref(), Some(stat)]);
                match dimensions(metric.dimensions.as_ref(), ", ") {
                    of if of.is_empty() => format!("{} = {name}", query.id),
                    of => format!("{} = {name} ({of})", query.id),
                }
            }
            (None, None) => query.id.clone(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The function that is measured, if it is one.
    fn function(&self) -> Option<&str> {
        let mut parts = self.metrics.iter().flatten().filter_map(|query| query.metric_stat.as_ref());
        let dimensions =
            self.dimensions.as_ref().or_else(|| parts.find_map(|it| it.metric.dimensions.as_ref()))?;
        let named = dimensions.iter().find(|dimension| dimension.name == "FunctionName")?;
        Some(&named.value)
    }

    pub(crate) fn dimensions(&self) -> String {
        dimensions(self.dimensions.as_ref(), "\n")
    }

    /// Such as `> 300 in 2 of 3 periods of 1 min`.
    pub(crate) fn condition(&self) -> Option<String> {
        let operator = match self.comparison_operator.as_deref()? {
            "GreaterThanThreshold" => ">",
            "GreaterThanOrEqualToThreshold" => "≥",
            "LessThanThreshold" => "<",
            "LessThanOrEqualToThreshold" => "≤",
            "LessThanLowerOrGreaterThanUpperThreshold" => "outside of",
            "GreaterThanUpperThreshold" => "above",
            "LessThanLowerThreshold" => "below",
            other => other,
        };
        let threshold = match (self.threshold, &self.threshold_metric_id) {
            (Some(threshold), _) => threshold.to_string(),
            (None, Some(id)) => id.clone(),
            (None, None) => return None,
        };
        let all = self.evaluation_periods.unwrap_or(1);
        let of = self.datapoints_to_alarm.unwrap_or(all);
        let period = self.period.map(|seconds| match seconds {
            whole if whole > 0 && whole % 60 == 0 => format!(" of {} min", whole / 60),
            seconds => format!(" of {seconds} s"),
        });
        let periods = if all == 1 { "period" } else { "periods" };
        Some(format!("{operator} {threshold} in {of} of {all} {periods}{}", period.unwrap_or_default()))
    }
}

impl CloudWatchAlarm {
    /// The alarms that made a composite alarm change, with their states.
    pub(crate) fn children(&self) -> String {
        let lines = self.triggering_children.iter().flatten().map(|child| {
            let name = child.arn.split_once(":alarm:").map_or(child.arn.as_str(), |(_, name)| name);
            match &child.state {
                Some(state) => format!("{name}: {}", state.value),
                None => name.to_owned(),
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// When it changed; none if that is no time.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        let written = self.state_change_time.as_deref()?;
        Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", written).ok()
    }

    /// When it changed, in UTC; as it was written if that is no time.
    pub(crate) fn changed_at(&self) -> Option<String> {
        Some(self.since().map_or_else(|| self.state_change_time.clone().unwrap_or_default(), in_utc))
            .filter(|text| !text.is_empty())
    }

    /// What names it among all alarms of all accounts.
    pub(crate) fn name_of_all(&self) -> String {
        self.alarm_arn
            .clone()
            .unwrap_or_else(|| format!("{}:{}", self.account.as_deref().unwrap_or_default(), self.alarm_name))
    }

    /// Its partition and region. The message names the region only in words ("EU (Frankfurt)"), so they come from the ARN.
    fn place(&self) -> Option<(&str, &str)> {
        let mut parts = self.alarm_arn.as_deref()?.split(':');
        Some((parts.nth(1)?, parts.nth(1)?))
    }

    /// Its page in the console of its region.
    pub(crate) fn console_link(&self) -> Option<String> {
        let (partition, region) = self.place()?;
        links::alarm(partition, region, &self.alarm_name)
    }

    /// The log of the function that it is about, from a little before it went off.
    pub(crate) fn log_link(&self, home: Option<&Home>) -> Option<String> {
        let (partition, region) = self.place()?;
        let function = self.trigger.function()?;
        let group = home.and_then(|home| home.log_group_of(function));
        let group = group.unwrap_or_else(|| format!("/aws/lambda/{function}"));
        let from = self.since()?.checked_sub(BEFORE).ok()?;
        links::log_group(partition, region, &group, from.as_millisecond())
    }
}

/// Such as `2026-11-20 10:15:33 UTC`.
pub(crate) fn in_utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
