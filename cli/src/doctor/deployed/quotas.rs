//! How much the account may run at once and launch in a second, against what the configuration allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::{Class, Config};
use fleetfoot_model::spec::Capacity;
use serde::Deserialize;
use serde_json::json;

use super::Desk;
use crate::aws::call::Service;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "quotas";

/// ECS's own words: 1,024 units are a vCPU.
const UNITS: u32 = 1024;
/// How many calls of `RunTask` Fargate takes from an account in a second. It is in no list of Service Quotas (Amazon ECS
/// developer guide, "AWS Fargate throttling quotas").
const RUN_TASKS_PER_SECOND: u32 = 20;
/// The most pages of a list of quotas; Fargate has six.
const MOST_PAGES: usize = 10;

/// What Service Quotas says of Fargate on a capacity.
struct Kind {
    capacity: Capacity,
    words: &'static str,
    /// How many vCPU may run at once, by its code.
    vcpu: &'static str,
    /// How many tasks may be launched in a second for a long time, by its name.
    launches: &'static str,
}

/// Amazon Web Services General Reference, "Amazon ECS endpoints and quotas". The codes of the rates are told nowhere.
const KINDS: [Kind; 2] = [
    Kind {
        capacity: Capacity::OnDemand,
        words: "on demand",
        vcpu: "L-3032A538",
        launches: "Fargate On-Demand Sustained Launch Rate",
    },
    Kind {
        capacity: Capacity::Spot,
        words: "Spot",
        vcpu: "L-36FBB829",
        launches: "Fargate Spot Sustained Launch Rate",
    },
];

pub(super) struct Check {
    pub(super) desk: Arc<Desk>,
    pub(super) config: Arc<Config>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    quotas: Vec<Quota>,
    next_token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_field_names, reason = "as AWS calls them")]
struct Quota {
    quota_code: String,
    quota_name: String,
    value: f64,
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        // An account that has never asked for more has no entry of its own for some of them.
        let mut quotas = self.list("ListAWSDefaultServiceQuotas").await?;
        quotas.extend(self.list("ListServiceQuotas").await?);
        let quotas: Vec<Quota> = quotas.into_values().collect();
        Ok(judge(&self.config, &quotas))
    }
}

impl Check {
    /// Fargate's quotas by their codes.
    async fn list(&self, action: &str) -> Result<BTreeMap<String, Quota>, Failure> {
        let mut found = BTreeMap::new();
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut question = json!({ "ServiceCode": "fargate", "MaxResults": 100 });
            if let Some(next) = next {
                question["NextToken"] = next.into();
            }
            let page = self.desk.caller.json::<Page>(Service::Quotas, action, &question).await?.value;
            found.extend(page.quotas.into_iter().map(|quota| (quota.quota_code.clone(), quota)));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

fn judge(config: &Config, quotas: &[Quota]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for kind in KINDS {
        // A class that runs on Spot falls back to on demand, so that quota counts for all.
        let is_used = kind.capacity == Capacity::OnDemand
            || config.classes.values().any(|it| it.capacity == kind.capacity);
        if !is_used {
            continue;
        }
        findings.push(match quotas.iter().find(|it| it.quota_code == kind.vcpu) {
            Some(quota) => vcpu(config, &kind, quota.value),
            None => untold(&format!("how many vCPU of Fargate {} may run", kind.words), kind.vcpu),
        });
        findings.push(match quotas.iter().find(|it| it.quota_name.eq_ignore_ascii_case(kind.launches)) {
            Some(quota) => launches(config, &kind, quota),
            None => {
                untold(&format!("how many tasks {} may be launched in a second", kind.words), kind.launches)
            }
        });
    }
    findings.extend(run_tasks(config));
    findings
}

fn untold(what: &str, which: &str) -> Finding {
    let failure = Failure::new(format!("Service Quotas does not tell {what}"));
    Finding::unknown(
        HEADING,
        failure.hint(format!("look for {which} on the page of Fargate at Service Quotas")),
    )
}

fn increase(code: &str, wanted: f64) -> String {
    format!(
        "ask for more: aws service-quotas request-service-quota-increase --service-code fargate --quota-code {code} --desired-value {}",
        wanted.ceil()
    )
}

/// What would be used if every runner were of the largest class, as far as classes have limits of their own.
fn wanted(config: &Config, capacity: Capacity) -> (f64, Option<&str>) {
    let mut left = config.limits.runners;
    let mut vcpu = 0.0;
    let of_kind = |it: &Class| capacity == Capacity::OnDemand || it.capacity == capacity;
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

fn vcpu(config: &Config, kind: &Kind, most: f64) -> Finding {
    let words = kind.words;
    let (wanted, largest) = wanted(config, kind.capacity);
    let hint = increase(kind.vcpu, wanted);
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

fn launches(config: &Config, kind: &Kind, quota: &Quota) -> Finding {
    let (words, most, pace) = (kind.words, quota.value, config.limits.launches_per_second);
    let what = format!("AWS launches {most} tasks of Fargate {words} in a second");
    if f64::from(pace) <= most {
        return Finding::ok(HEADING, format!("{what}, and the fleet asks for {pace}"));
    }
    let what = format!("{what}, and launches_per_second is {pace}: bursts are throttled and tried again");
    let hint = format!(
        "launches_per_second = {} under [limits], or {}",
        most.floor().max(1.0),
        increase(&quota.quota_code, f64::from(pace))
    );
    Finding::warning(HEADING, what).hint(hint)
}

/// The fleet calls `RunTask` once for each task.
fn run_tasks(config: &Config) -> Option<Finding> {
    let pace = config.limits.launches_per_second;
    (pace > RUN_TASKS_PER_SECOND).then(|| {
        let what = format!(
            "launches_per_second is {pace}, and AWS takes {RUN_TASKS_PER_SECOND} calls of RunTask in a second unless it has \
             agreed to more"
        );
        Finding::warning(HEADING, what).hint(format!(
            "launches_per_second = {RUN_TASKS_PER_SECOND} under [limits]; if AWS Support has raised it, this is in order"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use crate::doctor::testing::config;

    const LARGE: &str =
        "[limits]\nrunners = 10\n[classes.large]\ncpu = 4096\nmemory = 16384\nspot = true\nrunners = 5\n";

    #[test]
    fn what_may_run_is_compared_with_what_could() {
        let config = config(LARGE);
        assert_eq!(
            wanted(&config, Capacity::OnDemand).0.to_string(),
            "22.5",
            "five large ones and five of half a vCPU"
        );
        assert_eq!(wanted(&config, Capacity::Spot).0.to_string(), "20");
        for (most, severity) in [(100.0, Severity::Ok), (22.0, Severity::Warning), (3.0, Severity::Error)] {
            assert_eq!(vcpu(&config, &KINDS[0], most).severity, severity, "{most}");
        }
    }

    fn quota(code: &str, name: &str, value: f64) -> Quota {
        Quota { quota_code: code.to_owned(), quota_name: name.to_owned(), value }
    }

    fn told(more: &str, quotas: &[Quota]) -> Vec<(Severity, String)> {
        judge(&config(more), quotas).into_iter().map(|it| (it.severity, it.what)).collect()
    }

    /// A new account has 6 vCPU, and in some regions 5 launches in a second.
    #[test]
    fn what_may_be_launched_in_a_second_is_compared_with_the_pace() {
        let quotas = [
            quota("L-3032A538", "Fargate On-Demand vCPU resource count", 6.0),
            quota("L-1", "Fargate On-Demand Sustained Launch Rate", 5.0),
        ];
        let slow = told("", &quotas);
        assert_eq!(
            slow,
            [
                (
                    Severity::Ok,
                    "the account may run 6 vCPU of Fargate on demand, and the fleet uses 5 at most".to_owned()
                ),
                (
                    Severity::Warning,
                    "AWS launches 5 tasks of Fargate on demand in a second, and launches_per_second is 20: bursts are \
                     throttled and tried again"
                        .to_owned()
                ),
            ]
        );
        let hint = judge(&config(""), &quotas)[1].hint.clone().unwrap();
        assert!(hint.starts_with("launches_per_second = 5 ") && hint.contains("--quota-code L-1 "), "{hint}");
        let well = told("[limits]\nlaunches_per_second = 5\n", &quotas);
        assert!(well.iter().all(|(severity, _)| *severity == Severity::Ok), "{well:?}");
        let fast = told("[limits]\nlaunches_per_second = 40\n", &quotas);
        assert!(fast[2].1.contains("20 calls of RunTask"), "{fast:?}");
    }

    #[test]
    fn a_quota_that_is_not_told_is_unknown_and_spot_counts_where_it_is_used() {
        let found = told(LARGE, &[]);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found.iter().all(|(severity, _)| *severity == Severity::Unknown), "{found:?}");
        assert_eq!(told("", &[]).len(), 2);
    }
}
