//! A registry with state and faults.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use fleetfoot_model::ids::ImageDigest;
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::ports::{BaseImage, Registry, RegistryError};
use fleetfoot_model::spec::Arch;

/// Knows every image, with the same digest, unless told otherwise.
#[derive(Default)]
pub(crate) struct Bases(Mutex<State>);

#[derive(Default)]
struct State {
    asked: u32,
    pushed: BTreeMap<String, char>,
    fault: Option<RegistryError>,
}

impl Bases {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics here")
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.state().asked
    }

    /// A tag is moved to content with a digest of these digits.
    pub(crate) fn push(&self, image: &str, digits: char) {
        self.state().pushed.insert(image.to_owned(), digits);
    }

    /// What it answers from now on.
    pub(crate) fn breaks(&self, fault: Option<RegistryError>) {
        self.state().fault = fault;
    }

    pub(crate) fn digest(&self, image: &str, arch: Arch) -> ImageDigest {
        let digits = self.state().pushed.get(image).copied().unwrap_or('0');
        let arch = if arch == Arch::X64 { '0' } else { '1' };
        format!("sha256:{arch}{}", digits.to_string().repeat(63)).parse().expect("a digest")
    }
}

#[async_trait]
impl Registry for Bases {
    async fn resolve(&self, image: &ImageReference, arch: Arch) -> Result<BaseImage, RegistryError> {
        // Other tasks get a turn between the lease and the answer.
        tokio::task::yield_now().await;
        let fault = {
            let mut state = self.state();
            state.asked += 1;
            state.fault.clone()
        };
        let digest = self.digest(image.as_str(), arch);
        match fault {
            Some(fault) => Err(fault),
            None => Ok(BaseImage { uri: format!("docker.io/library/ubuntu@{digest}"), digest }),
        }
    }
}
