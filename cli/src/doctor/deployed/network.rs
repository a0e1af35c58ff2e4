//! Where runners live: subnets, addresses, the way out.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Config;
use serde::Deserialize;

use super::Desk;
use crate::aws::call::{Caller, Service};
use crate::aws::stack::output;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "network";
const GROUPS: &str = "security-groups";

pub(super) struct Check {
    pub(super) desk: Arc<Desk>,
    pub(super) config: Option<Arc<Config>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "as AWS calls them")]
struct Subnet {
    subnet_id: String,
    vpc_id: String,
    available_ip_address_count: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RouteTable {
    vpc_id: String,
    association_set: Vec<Association>,
    route_set: Vec<Route>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Association {
    subnet_id: String,
    main: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Route {
    destination_cidr_block: String,
    gateway_id: String,
    state: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "as AWS calls them")]
struct Group {
    group_id: String,
    ip_permissions: Vec<Permission>,
    ip_permissions_egress: Vec<Permission>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Permission {
    ip_protocol: String,
    from_port: Option<String>,
    to_port: Option<String>,
}

/// What EC2 says of a stack's network.
#[derive(Debug, Default)]
struct Facts {
    wanted: Vec<String>,
    subnets: Vec<Subnet>,
    tables: Vec<RouteTable>,
    /// Whether runners get public addresses.
    is_public: bool,
    /// The most runners.
    runners: Option<u64>,
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let Desk { stack, caller, .. } = &*self.desk;
        let ids = |key| stack.output(key).map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
        let (wanted, groups) = (ids(output::SUBNETS)?, ids(output::SECURITY_GROUPS)?);
        let subnets = subnets(caller, &wanted).await?;
        let vpcs: Vec<String> = subnets.iter().map(|it| it.vpc_id.clone()).collect();
        let facts = Facts {
            tables: tables(caller, &vpcs).await?,
            wanted,
            subnets,
            is_public: stack.parameter("AssignPublicIp") != Some("DISABLED"),
            runners: self.config.as_ref().map(|config| config.limits.runners),
        };
        let mut findings = judge(&facts);
        findings.extend(match security_groups(caller, &groups).await {
            Ok(found) => judge_groups(&groups, &found),
            Err(failure) => vec![Finding::unknown(GROUPS, failure)],
        });
        Ok(findings)
    }
}

/// Filters instead of ids: an id that is not there is no error then.
fn filter(name: &str, values: &[String]) -> Vec<(String, String)> {
    let mut parameters = vec![("Filter.1.Name".to_owned(), name.to_owned())];
    let values = values.iter().enumerate();
    parameters.extend(values.map(|(n, value)| (format!("Filter.1.Value.{}", n + 1), value.clone())));
    parameters
}

async fn subnets(caller: &Caller, ids: &[String]) -> Result<Vec<Subnet>, Failure> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Answer {
        subnet_set: Vec<Subnet>,
    }
    let answer = caller.query::<Answer>(Service::Ec2, "DescribeSubnets", &filter("subnet-id", ids)).await?;
    Ok(answer.value.subnet_set)
}

async fn tables(caller: &Caller, vpcs: &[String]) -> Result<Vec<RouteTable>, Failure> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Answer {
        route_table_set: Vec<RouteTable>,
    }
    if vpcs.is_empty() {
        return Ok(Vec::new());
    }
    let answer = caller.query::<Answer>(Service::Ec2, "DescribeRouteTables", &filter("vpc-id", vpcs)).await?;
    Ok(answer.value.route_table_set)
}

async fn security_groups(caller: &Caller, ids: &[String]) -> Result<Vec<Group>, Failure> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Answer {
        security_group_info: Vec<Group>,
    }
    let answer =
        caller.query::<Answer>(Service::Ec2, "DescribeSecurityGroups", &filter("group-id", ids)).await?;
    Ok(answer.value.security_group_info)
}

fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_there = |id: &String| facts.subnets.iter().any(|it| it.subnet_id == *id);
    for id in facts.wanted.iter().filter(|id| !is_there(id)) {
        let what = format!("the subnet {id} does not exist: no runner can start there");
        findings.push(Finding::error(HEADING, what).hint("deploy with SubnetIds that exist"));
    }
    findings.extend(facts.subnets.iter().filter_map(|subnet| way_out(subnet, facts)));
    findings.extend(room(facts));
    if findings.is_empty() {
        let free: u64 = facts.subnets.iter().map(free).sum();
        let what = format!("{} subnets, {free} free addresses, each with a way out", facts.subnets.len());
        findings.push(Finding::ok(HEADING, what));
    }
    findings
}

fn free(subnet: &Subnet) -> u64 {
    subnet.available_ip_address_count.parse().unwrap_or(0)
}

/// Each runner has an address of its own.
fn room(facts: &Facts) -> Option<Finding> {
    let free: u64 = facts.subnets.iter().map(free).sum();
    let hint = "deploy with more or larger SubnetIds, or lower runners under [limits]";
    if free == 0 && !facts.subnets.is_empty() {
        return Some(
            Finding::error(HEADING, "the subnets have no free address: no runner can start").hint(hint),
        );
    }
    let runners = facts.runners.filter(|runners| free < *runners)?;
    let what = format!(
        "the subnets have {free} free addresses, and [limits] allows {runners} runners, each with its own"
    );
    Some(Finding::warning(HEADING, what).hint(hint))
}

/// What is wrong with a subnet's way to GitHub.
fn way_out(subnet: &Subnet, facts: &Facts) -> Option<Finding> {
    let id = &subnet.subnet_id;
    let has = |table: &&RouteTable| table.association_set.iter().any(|it| it.subnet_id == *id);
    let is_main = |table: &&RouteTable| {
        table.vpc_id == subnet.vpc_id && table.association_set.iter().any(|it| it.main == "true")
    };
    let table = facts.tables.iter().find(has).or_else(|| facts.tables.iter().find(is_main));
    let route =
        table.and_then(|table| table.route_set.iter().find(|it| it.destination_cidr_block == "0.0.0.0/0"));
    let Some(route) = route else {
        let what = format!(
            "the subnet {id} has no default route: its runners reach GitHub only through what else you set up"
        );
        return Some(
            Finding::warning(HEADING, what)
                .hint("a route of 0.0.0.0/0 to an internet gateway (public addresses) or a NAT gateway"),
        );
    };
    if route.state == "blackhole" {
        let what = format!("the default route of the subnet {id} leads nowhere: its gateway is gone");
        return Some(Finding::error(HEADING, what).hint("replace that route"));
    }
    let is_gateway = route.gateway_id.starts_with("igw-");
    match (is_gateway, facts.is_public) {
        (true, false) => {
            let what = format!(
                "the subnet {id} leads to an internet gateway, and runners have no public address: they reach nothing"
            );
            Some(
                Finding::error(HEADING, what)
                    .hint("deploy with AssignPublicIp=ENABLED, or with subnets behind a NAT gateway"),
            )
        }
        (false, true) => {
            let what = format!(
                "the subnet {id} leads to no internet gateway, so that public addresses of runners serve nothing, and cost"
            );
            Some(Finding::warning(HEADING, what).hint("deploy with AssignPublicIp=DISABLED"))
        }
        _ => None,
    }
}

fn judge_groups(wanted: &[String], found: &[Group]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in wanted {
        let Some(group) = found.iter().find(|group| group.group_id == *id) else {
            let what = format!("the security group {id} does not exist: no runner can start");
            findings.push(Finding::error(GROUPS, what).hint("deploy with SecurityGroupIds that exist"));
            continue;
        };
        if !group.ip_permissions.is_empty() {
            let what = format!("the security group {id} lets others call runners, which none needs");
            findings.push(Finding::warning(GROUPS, what).hint("remove its ingress rules"));
        }
    }
    // The rules of all groups add up.
    let allows = |it: &Permission| {
        let port = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<u32>().ok());
        let (from, to) = (port(&it.from_port).unwrap_or(0), port(&it.to_port).unwrap_or(65_535));
        it.ip_protocol == "-1"
            || (matches!(it.ip_protocol.as_str(), "tcp" | "6") && (from..=to).contains(&443))
    };
    if !found.is_empty() && !found.iter().flat_map(|it| &it.ip_permissions_egress).any(allows) {
        let what =
            "no security group of runners lets them out to port 443: they reach neither GitHub nor AWS";
        findings.push(Finding::error(GROUPS, what).hint("allow tcp 443 outwards; jobs may need more"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(GROUPS, "runners may call out, and nobody may call them"));
    }
    findings
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
