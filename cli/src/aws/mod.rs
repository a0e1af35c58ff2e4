//! AWS, as the AWS tools of whoever calls are set up.

pub(crate) mod call;
pub(crate) mod failure;
pub(crate) mod secrets;
pub(crate) mod stack;
mod xml;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use crate::failure::Failure;
use crate::place::Remote;

/// Region and credentials: from the command line, the environment, the profile, or the machine.
pub(crate) async fn session(remote: &Remote) -> Result<SdkConfig, Failure> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = &remote.profile {
        // As with the AWS tools, a profile that is named wins over credentials in the environment.
        let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(credentials);
    }
    if let Some(region) = &remote.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let sdk = loader.load().await;
    // A variable that is set to nothing is as good as none.
    if sdk.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(Failure::new("no AWS region is named")
            .hint("--region, AWS_REGION, or `region` of the profile that --profile or AWS_PROFILE names"));
    }
    Ok(sdk)
}
