//! What every task of the fleet has, and what a `RunTask` says of one.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride, EphemeralStorage,
    KeyValuePair, NetworkConfiguration, Tag, TaskOverride,
};
use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::{ClassName, Origin};
use fleetfoot_model::ports::{FleetError, LaunchRequest};
use fleetfoot_model::size::LEAST_DISK_GIB;
use fleetfoot_model::spec::Capacity;

use super::incomplete;

/// The container of a task; its events and overrides name it.
pub(super) const CONTAINER: &str = "runner";
/// How long a container has from SIGTERM to SIGKILL, in seconds: the most that Fargate allows.
pub(super) const STOP_TIMEOUT_SECONDS: i32 = 120;
/// How long the agent gives a job of that; the rest is for its own end.
const JOB_STOP_SECONDS: i32 = STOP_TIMEOUT_SECONDS - 10;
/// How long all overrides of a task may be, in characters of JSON (ECS API reference, "RunTask").
const LONGEST_OVERRIDES: usize = 8192;
/// What JSON adds to a variable: `{"name":"","value":""},`.
const VARIABLE_JSON: usize = 23;
/// At most what the rest of the overrides is, without the role: names of members, and numbers.
const OVERRIDES_JSON: usize = 256;

/// What every task that is launched here has.
#[derive(Debug, Clone)]
pub struct Launching {
    /// Ids of the subnets, each in a zone of its own.
    pub subnets: Vec<String>,
    /// Ids of the security groups.
    pub security_groups: Vec<String>,
    /// Whether tasks get public addresses: without, their subnets need a way to the internet of their own.
    pub public_address: bool,
    /// The ARN of the role with which ECS pulls images and writes logs.
    pub execution_role: String,
    /// The ARN of the role of jobs whose class has none.
    pub task_role: String,
    /// ARNs of the roles of classes.
    pub class_roles: BTreeMap<ClassName, String>,
    /// Whether commands may be run in tasks (ECS Exec).
    pub exec: bool,
    /// The log group of runners.
    pub log_group: String,
    /// What task definitions are called, before `-` and a digest.
    pub task_family: String,
    /// The address of the HTTP API, without a slash at its end.
    pub api_url: String,
    /// Within which time an agent has to register.
    pub register: SignedDuration,
    /// For how long a runner may wait for its job until its agent ends it, zero for ever. A pool's runners wait for ever.
    pub idle: SignedDuration,
}

impl Launching {
    /// One subnet a try, so that another try is in another zone: where one had no capacity or no address, the next may.
    /// Jobs begin at different ones, or the first subnet would be full while the others are empty.
    pub(super) fn network_of(&self, request: &LaunchRequest) -> Result<NetworkConfiguration, FleetError> {
        let number = match request.runner.origin() {
            Origin::Job { job, .. } => job.0,
            Origin::Pool { sequence, .. } => sequence,
        };
        let turn = number.wrapping_add(request.attempt.into()).checked_rem(self.subnets.len() as u64);
        let subnet = turn.and_then(|turn| self.subnets.get(usize::try_from(turn).ok()?));
        let subnet = subnet.ok_or_else(|| FleetError::Impossible("the fleet has no subnets".to_owned()))?;
        let public = if self.public_address { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
        let vpc = AwsVpcConfiguration::builder()
            .subnets(subnet)
            .set_security_groups(Some(self.security_groups.clone()))
            .assign_public_ip(public)
            .build()
            .map_err(incomplete)?;
        Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
    }

    /// Size, role and environment; nothing else of a task definition can be changed by a launch that has to be.
    pub(super) fn overrides_of(&self, request: &LaunchRequest) -> Result<TaskOverride, FleetError> {
        let spec = &request.spec;
        let role = self.class_roles.get(&spec.class);
        let variables = self.environment_of(request);
        let in_variables = variables.iter().map(|(name, value)| name.len() + value.len() + VARIABLE_JSON);
        let length = in_variables.sum::<usize>() + role.map_or(0, String::len) + OVERRIDES_JSON;
        if length > LONGEST_OVERRIDES {
            let text = format!("overrides of {length} characters, {LONGEST_OVERRIDES} are allowed");
            return Err(FleetError::Impossible(text));
        }
        let variables = variables.into_iter().map(|(name, value)| pair(name, value)).collect();
        let runner = ContainerOverride::builder().name(CONTAINER).set_environment(Some(variables)).build();
        // 20 GiB are there without asking, and asking for them is refused (ECS API reference, "EphemeralStorage").
        let disk = i32::try_from(spec.disk_gib).ok().filter(|_| spec.disk_gib > LEAST_DISK_GIB);
        let disk = disk.map(|gib| EphemeralStorage::builder().size_in_gib(gib).build());
        Ok(TaskOverride::builder()
            .cpu(spec.cpu.to_string())
            .memory(spec.memory_mib.to_string())
            .set_ephemeral_storage(disk)
            .set_task_role_arn(role.cloned())
            .container_overrides(runner)
            .build())
    }

    /// A warm runner is there to wait; `pool` and `cleanup` decide for how long.
    fn idle_of(&self, request: &LaunchRequest) -> SignedDuration {
        match request.runner.origin() {
            Origin::Job { .. } => self.idle,
            Origin::Pool { .. } => SignedDuration::ZERO,
        }
    }

    /// What the agent is told (`runner/agent`, settings). Where `actions/runner` is, the image tells it.
    fn environment_of(&self, request: &LaunchRequest) -> Vec<(&'static str, String)> {
        let register_url = format!("{}/runners/{}/register", self.api_url, request.runner);
        let mut variables = vec![
            ("FLEETFOOT_REGISTER_URL", register_url),
            ("FLEETFOOT_TICKET", request.ticket.expose().to_owned()),
            ("FLEETFOOT_REGISTER_SECONDS", self.register.as_secs().to_string()),
            ("FLEETFOOT_IDLE_SECONDS", self.idle_of(request).as_secs().to_string()),
            ("FLEETFOOT_STOP_SECONDS", JOB_STOP_SECONDS.to_string()),
        ];
        if request.debug {
            variables.push(("DEBUG", "1".to_owned()));
        }
        variables
    }
}

fn pair(name: impl fmt::Display, value: String) -> KeyValuePair {
    KeyValuePair::builder().name(name.to_string()).value(value).build()
}

/// How a task's capacity is bought: a strategy, as a launch type knows no Spot.
pub(super) fn capacity_of(request: &LaunchRequest) -> Result<CapacityProviderStrategyItem, FleetError> {
    let provider = match request.capacity {
        Capacity::OnDemand => "FARGATE",
        Capacity::Spot => "FARGATE_SPOT",
    };
    CapacityProviderStrategyItem::builder().capacity_provider(provider).weight(1).build().map_err(incomplete)
}

/// For people and for bills. Nothing is read from them: `StopTask` deletes a task's tags.
pub(super) fn tags_of(request: &LaunchRequest) -> Vec<Tag> {
    let name = request.runner.as_str();
    let fleet = name.split_once('-').map_or(name, |(fleet, _)| fleet);
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    vec![tag("fleetfoot:fleet", fleet), tag("fleetfoot:runner", name)]
}
