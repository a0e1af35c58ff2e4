//! The SDK's clients: one configuration a process, so that connections are kept alive and credentials are shared.

use aws_config::{BehaviorVersion, SdkConfig};

/// Region, credentials and connections, as the AWS tools find them: environment, profile, container, instance.
pub async fn load() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}
