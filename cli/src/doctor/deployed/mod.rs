//! What is looked at of a fleet on AWS.

mod account;
mod builds;
mod functions;
mod letters;
mod network;
mod quotas;
mod roles;
mod secrets;
mod stack;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use fleetfoot_model::config::Config;
use fleetfoot_model::ports::Clock;
use url::Url;

use super::examine::Check;
use super::finding::Finding;
use super::here::Health;
use crate::aws::call::Caller;
use crate::aws::stack::{Stack, output};
use crate::failure::Failure;
use crate::place::Deployed;

/// What all checks share.
struct Desk {
    sdk: SdkConfig,
    caller: Caller,
    stack: Stack,
    clock: Arc<dyn Clock>,
}

/// Every check of a stack.
pub(crate) fn checks(
    place: &Deployed,
    config: Option<&Arc<Config>>,
    clock: &Arc<dyn Clock>,
) -> Vec<Box<dyn Check>> {
    let (sdk, stack, clock) = (place.sdk.clone(), place.stack.clone(), Arc::clone(clock));
    let caller = match Caller::new(&sdk) {
        Ok(caller) => caller,
        Err(failure) => return vec![Box::new(NotMade(failure))],
    };
    let desk = Arc::new(Desk { sdk, caller, stack, clock });
    let config = config.cloned();
    let mut checks: Vec<Box<dyn Check>> = Vec::new();
    checks.extend(health(&desk.stack));
    checks.push(Box::new(account::Check(Arc::clone(&desk))));
    checks.push(Box::new(stack::Check(desk.stack.clone())));
    checks.push(Box::new(functions::Functions(Arc::clone(&desk))));
    checks.push(Box::new(functions::Rules(Arc::clone(&desk))));
    checks.push(Box::new(network::Check { desk: Arc::clone(&desk), config: config.clone() }));
    if let Some(config) = &config {
        let stack = desk.stack.name().to_owned();
        checks.push(Box::new(secrets::Check { stack, config: Arc::clone(config) }));
        checks.push(Box::new(quotas::Check { desk: Arc::clone(&desk), config: Arc::clone(config) }));
    }
    checks.push(Box::new(roles::Check { desk: Arc::clone(&desk), config }));
    checks.push(Box::new(builds::Check(Arc::clone(&desk))));
    checks.push(Box::new(letters::Check(Arc::clone(&desk))));
    checks.push(Box::new(watch::Alarms(Arc::clone(&desk))));
    checks.push(Box::new(watch::Logs(desk)));
    checks
}

fn health(stack: &Stack) -> Option<Box<dyn Check>> {
    let url: Url = stack.optional(output::WEBHOOK)?.strip_suffix("/webhook")?.parse().ok()?;
    let if_silent =
        "the stack's output WebhookUrl is not reached from here: the network, or the domain name of your own";
    Some(Box::new(Health { url, if_silent }))
}

/// Nothing of AWS can be asked.
struct NotMade(Failure);

#[async_trait]
impl Check for NotMade {
    fn heading(&self) -> &'static str {
        account::HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        Err(self.0.clone())
    }
}
