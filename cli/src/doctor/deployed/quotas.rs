//! How much the account may run at once, against what the configuration allows.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Config;
use fleetfoot_model::spec::Capacity;
use serde::Deserialize;
use serde_json::json;

use super::Desk;
use crate::aws::call::Service;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "quotas";

/// How many vCPU of Fargate may run at once (Service Quotas, "AWS Fargate").
const QUOTAS: [(Capacity, &str, &str); 2] =
    [(Capacity::OnDemand, "L-3032A538", "on demand"), (Capacity::Spot, "L-36FBB829", "Spot")];

/// ECS's own words: 1,024 units are a vCPU.
const UNITS: u32 = 1024;

pub(super) struct Check {
    pub(super) desk: Arc<Desk>,
    pub(super) config: Arc<Config>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    quota: Quota,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Quota {
    value: f64,
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        for (capacity, code, words) in QUOTAS {
            // A class that runs on Spot falls back to on demand, so that quota counts for all.
            let is_used = capacity == Capacity::OnDemand
                || self.config.classes.values().any(|it| it.capacity == capacity);
            if !is_used {
                continue;
            }
            findings.push(match self.value(code).await {
                Ok(most) => judge(&self.config, capacity, words, code, most),
                Err(failure) => Finding::unknown(HEADING, failure),
            });
        }
        Ok(findings)
    }
}

impl Check {
    /// An account that has never asked for more has no entry of its own.
    async fn value(&self, code: &str) -> Result<f64, Failure> {
        let question = json!({ "ServiceCode": "fargate", "QuotaCode": code });
        let caller = &self.desk.caller;
        let answer = caller.json::<Answer>(Service::Quotas, "GetServiceQuota", &question).await;
        let answer = match answer {
            Err(failure) if failure.says("NoSuchResource") => {
                caller.json::<Answer>(Service::Quotas, "GetAWSDefaultServiceQuota", &question).await
            }
            answer => answer,
        };
        Ok(answer?.value.quota.value)
    }
}

/// What would be used if every runner were of the largest class, as far as classes have limits of their own.
fn wanted(config: &Config, capacity: Capacity) -> (f64, Option<&str>) {
    let mut left = config.limits.runners;
    let mut vcpu = 0.0;
    let of_kind =
        |it: &fleetfoot_model::config::Class| capacity == Capacity::OnDemand || it.capacity == capacity;
    let mut classes: Vec<_> = config.classes.iter().filter(|(_, class)| of_kind(class)).collect();
    classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.size.cpu));
    let largest = classes.first().map(|(name, _)| name.as_str());
    for (_, class) in classes {
        let runners = class.runners.unwrap_or(left).min(left);
        left -= runners;
        let runners = u32::try_from(runners).unwrap_or(u32::MAX);
        vcpu += f64::from(class.size.cpu) / f64::from(UNITS) * f64::from(runners);
    }
    (vcpu, largest)
}

fn judge(config: &Config, capacity: Capacity, words: &str, code: &str, most: f64) -> Finding {
    let (wanted, largest) = wanted(config, capacity);
    let hint = format!(
        "ask for more: aws service-quotas request-service-quota-increase --service-code fargate --quota-code {code} --desired-value {}",
        wanted.ceil()
    );
    let one = largest.and_then(|name| config.classes.iter().find(|(it, _)| it.as_str() == name));
    if let Some((name, class)) = one.filter(|(_, class)| f64::from(class.size.cpu) / f64::from(UNITS) > most)
    {
        let what = format!(
            "the account may run {most} vCPU of Fargate {words}, and one runner of class {name} has {}",
            f64::from(class.size.cpu) / f64::from(UNITS)
        );
        return Finding::error(HEADING, what).hint(hint);
    }
    if wanted > most {
        let what = format!(
            "the account may run {most} vCPU of Fargate {words}; {} runners of the largest classes have {wanted}: the rest would wait",
            config.limits.runners
        );
        return Finding::warning(HEADING, what).hint(hint);
    }
    Finding::ok(
        HEADING,
        format!("the account may run {most} vCPU of Fargate {words}, and the fleet uses {wanted} at most"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use crate::doctor::testing::config;

    #[test]
    fn what_may_run_is_compared_with_what_could() {
        let large =
            "[limits]\nrunners = 10\n[classes.large]\ncpu = 4096\nmemory = 16384\nspot = true\nrunners = 5\n";
        let config = config(large);
        assert_eq!(
            wanted(&config, Capacity::OnDemand).0.to_string(),
            "22.5",
            "five large ones and five of half a vCPU"
        );
        assert_eq!(wanted(&config, Capacity::Spot).0.to_string(), "20");
        for (most, severity) in [(100.0, Severity::Ok), (22.0, Severity::Warning), (3.0, Severity::Error)] {
            assert_eq!(
                judge(&config, Capacity::OnDemand, "on demand", "L-1", most).severity,
                severity,
                "{most}"
            );
        }
    }
}
