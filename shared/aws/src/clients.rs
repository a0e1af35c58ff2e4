//! What the SDK's clients share: one configuration a process, so that connections are kept alive and credentials are
//! read once.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// Region, credentials and connections, as the AWS tools find them: environment, profile, container, instance.
pub async fn load() -> SdkConfig {
    // Without one of ours each client would bring connections and trusted certificates of its own.
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await
}
