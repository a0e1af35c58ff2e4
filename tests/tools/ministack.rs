//! An AWS of one process on this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tempfile::TempDir;

use super::{Server, free_port, ministack};

const REGION: &str = "eu-west-1";
/// An access key of twelve digits is the account's number to `ministack`.
const ACCOUNT: &str = "123456789012";
const SECRET: &str = "not-a-secret";
/// The AWS tools' configuration, without anything in it.
const PROFILES: &str = "profiles";

/// A running `ministack`, which ends when this is dropped. It keeps everything in memory.
pub struct Ministack {
    port: u16,
    server: Server,
    /// Where it unpacks functions; removed with it.
    scratch: TempDir,
}

impl Ministack {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        Self::start_with([])
    }

    /// Starts one with more variables in its environment, which the functions that it runs inherit, such as
    /// `AWS_ENDPOINT_URL_ECS`.
    pub fn start_with<'a>(more: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let port = free_port();
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(scratch.path().join(PROFILES), "[default]\n")
            .expect("a file of profiles can be written");
        let mut command = Command::new(ministack().join("ministack"));
        command
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", REGION)
            .env("MINISTACK_ACCOUNT_ID", ACCOUNT)
            // Listeners of services that nobody uses here; both are open to the network by default.
            .envs([("IOT_MTLS_ENABLED", "0"), ("SFTP_ENABLED", "0")])
            .envs(["TMPDIR", "STATE_DIR", "S3_DATA_DIR"].map(|name| (name, scratch.path())))
            // Also the functions that it runs: without an endpoint they would call the real AWS.
            .envs(environment(port, scratch.path()))
            .envs(more)
            .current_dir(scratch.path());
        let server = Server::start(&command);
        server.wait_for(port);
        Self { port, server, scratch }
    }

    /// The one that tests of this binary share. It ends with the last test that holds it: a static would never be
    /// dropped.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Ministack>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    /// Its address, such as `http://127.0.0.1:4566`.
    pub fn endpoint(&self) -> String {
        endpoint(self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What a program needs to use it, and nothing of the AWS account of who runs the tests.
    pub fn environment(&self) -> BTreeMap<&'static str, String> {
        environment(self.port, self.scratch.path())
    }

    /// What an SDK client needs to use it.
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new(ACCOUNT, SECRET, None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn environment(port: u16, scratch: &Path) -> BTreeMap<&'static str, String> {
    // A profile that is asked for must be there, or the tools refuse; one that is set cannot be unset by a map.
    let profiles = scratch.join(PROFILES).display().to_string();
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint(port)),
        ("AWS_ACCESS_KEY_ID", ACCOUNT.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_SESSION_TOKEN", String::new()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_PROFILE", "default".to_owned()),
        ("AWS_CONFIG_FILE", profiles),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ];
    variables.into()
}
