//! The HTTP client of the courier and the runner.

use std::time::Duration;

/// A client for what runs on this machine: no TLS, hence no certificates to load, and no proxy.
pub(crate) fn client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(timeout).no_proxy().tls_certs_only([]).build()
}
