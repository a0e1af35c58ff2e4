//! Where the fleet's secrets are kept: in a store of the AWS account, or in files of this machine that only their owner can
//! read. Nothing is written over unless that is asked for.

mod folder;
mod manager;
mod parameters;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use aws_config::SdkConfig;
use clap::ValueEnum;
use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::ports::Secrets;
use fleetfoot_model::secret::{Secret, SecretReference};

use crate::failure::{Failure, OrFail};
use crate::place;

pub(super) use folder::{is_open_to_others, read_secret};
pub(super) use parameters::remove as remove_parameter;

/// The folder beside `fleet.toml`.
const FOLDER: &str = "secrets";

/// A secret of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// The App's private key.
    Key,
    /// The personal access token.
    Token,
    /// What webhooks are signed with.
    Webhook,
    /// What they were signed with before.
    PreviousWebhook,
}

impl Kept {
    pub(super) const ALL: [Self; 4] = [Self::Key, Self::Token, Self::Webhook, Self::PreviousWebhook];

    /// Below the stack's path; the folder decides which function may read it (docs/deploy.md).
    fn path(self) -> &'static str {
        match self {
            Self::Key => "github/app.pem",
            Self::Token => "github/token",
            Self::Webhook => "webhook/secret",
            Self::PreviousWebhook => "webhook/previous",
        }
    }

    /// A file of this machine.
    fn file(self) -> &'static str {
        match self {
            Self::Key => "app.pem",
            Self::Token => "token",
            Self::Webhook => "webhook-secret",
            Self::PreviousWebhook => "webhook-secret-previous",
        }
    }
}

/// A store of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Store {
    /// Parameter Store of Systems Manager, which costs nothing
    #[default]
    ParameterStore,
    /// Secrets Manager, which has a price for each secret
    SecretsManager,
}

impl Store {
    fn other(self) -> Self {
        match self {
            Self::ParameterStore => Self::SecretsManager,
            Self::SecretsManager => Self::ParameterStore,
        }
    }

    /// The one that a reference leads to, as a configuration writes it.
    pub(super) fn of(reference: &str) -> Option<Self> {
        match reference.parse::<SecretReference>().ok()? {
            SecretReference::Parameter(_) => Some(Self::ParameterStore),
            SecretReference::SecretsManager { .. } => Some(Self::SecretsManager),
            SecretReference::Environment(_) | SecretReference::File(_) => None,
        }
    }
}

/// Where they are kept.
#[derive(Clone)]
pub(super) enum Vault {
    /// Below `/fleetfoot/STACK/` or `fleetfoot/STACK/`, where functions may read them.
    Aws {
        /// AWS.
        sdk: Box<SdkConfig>,
        /// The stack.
        stack: String,
        /// The KMS key of the deployment, unless it is AWS's own.
        key: Option<String>,
        /// In which store.
        store: Store,
    },
    /// A folder beside `fleet.toml`.
    Folder(PathBuf),
}

impl Vault {
    /// What the configuration calls a secret.
    pub(super) fn reference(&self, kept: Kept) -> SecretReference {
        match self {
            Self::Aws { stack, store: Store::ParameterStore, .. } => {
                SecretReference::Parameter(parameter(stack, kept))
            }
            Self::Aws { stack, store: Store::SecretsManager, .. } => {
                SecretReference::SecretsManager { name: name(stack, kept), key: None }
            }
            Self::Folder(_) => SecretReference::File(format!("{FOLDER}/{}", kept.file())),
        }
    }

    /// The store, unless it is a folder.
    pub(super) fn store(&self) -> Option<Store> {
        match self {
            Self::Aws { store, .. } => Some(*store),
            Self::Folder(_) => None,
        }
    }

    /// The same account's other store.
    pub(super) fn other(&self) -> Option<Self> {
        let mut other = self.clone();
        match &mut other {
            Self::Aws { store, .. } => *store = store.other(),
            Self::Folder(_) => return None,
        }
        Some(other)
    }

    /// What reads them.
    pub(super) fn secrets(&self) -> Arc<dyn Secrets> {
        match self {
            Self::Aws { sdk, .. } => Arc::new(place::secrets(sdk)),
            Self::Folder(folder) => Arc::new(LocalSecrets::new(folder)),
        }
    }

    /// Whether it is there. It is not read.
    pub(super) async fn holds(&self, kept: Kept) -> Result<bool, Failure> {
        match self {
            Self::Aws { sdk, stack, store: Store::ParameterStore, .. } => {
                parameters::holds(sdk, &parameter(stack, kept)).await
            }
            Self::Aws { sdk, stack, store: Store::SecretsManager, .. } => {
                manager::holds(sdk, &name(stack, kept)).await
            }
            Self::Folder(folder) => Ok(folder.join(FOLDER).join(kept.file()).exists()),
        }
    }

    /// Reads it.
    pub(super) async fn read(&self, kept: Kept) -> Result<Secret, Failure> {
        let reference = self.reference(kept);
        self.secrets().read(&reference).await.or_fail(format!("{reference} cannot be used"))
    }

    /// Keeps a secret. What is there already stays, unless it is to be replaced.
    pub(super) async fn put(&self, kept: Kept, secret: &Secret, replace: bool) -> Result<(), Failure> {
        match self {
            Self::Aws { sdk, stack, key, store } => {
                let about = format!("A secret of the Fleetfoot fleet {stack}; `fleetfoot setup` wrote it.");
                let key = key.clone();
                match store {
                    Store::ParameterStore => {
                        parameters::put(sdk, &parameter(stack, kept), about, key, secret, replace).await
                    }
                    Store::SecretsManager => {
                        manager::put(sdk, &name(stack, kept), about, key, secret, replace).await
                    }
                }
            }
            Self::Folder(folder) => {
                let file = folder.join(FOLDER).join(kept.file());
                folder::write(&folder.join(FOLDER), &file, secret, replace)
                    .or_fail(format!("the secret {} cannot be written", file.display()))
            }
        }
    }

    /// Removes all of them. Answers those that were there.
    pub(super) async fn clear(&self) -> Result<Vec<SecretReference>, Failure> {
        let mut removed = Vec::new();
        for kept in Kept::ALL {
            if self.remove(kept).await? {
                removed.push(self.reference(kept));
            }
        }
        Ok(removed)
    }

    async fn remove(&self, kept: Kept) -> Result<bool, Failure> {
        let folder = match self {
            Self::Aws { sdk, stack, store: Store::ParameterStore, .. } => {
                return parameters::remove(sdk, &parameter(stack, kept)).await;
            }
            Self::Aws { sdk, stack, store: Store::SecretsManager, .. } => {
                return manager::remove(sdk, &name(stack, kept)).await;
            }
            Self::Folder(folder) => folder,
        };
        let file = folder.join(FOLDER).join(kept.file());
        match std::fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Failure::new(format!("{} cannot be removed", file.display())).because(&error)),
        }
    }

    /// What removing leaves behind, if anything.
    pub(super) fn remainder(&self) -> Option<String> {
        match self {
            Self::Aws { store: Store::SecretsManager, .. } => Some(format!(
                "Secrets Manager keeps them for {} days, in which `aws secretsmanager restore-secret` has them back; \
                 another setup takes their names for new ones",
                manager::RECOVERY_DAYS
            )),
            _ => None,
        }
    }

    /// How a person removes one of them.
    pub(super) fn removal(&self, kept: Kept) -> String {
        match self {
            Self::Aws { stack, store: Store::ParameterStore, .. } => {
                format!("aws ssm delete-parameter --name {}", parameter(stack, kept))
            }
            Self::Aws { stack, store: Store::SecretsManager, .. } => {
                format!("aws secretsmanager delete-secret --secret-id {}", name(stack, kept))
            }
            Self::Folder(_) => format!("rm {FOLDER}/{}", kept.file()),
        }
    }
}

/// A parameter's.
fn parameter(stack: &str, kept: Kept) -> String {
    format!("/fleetfoot/{stack}/{}", kept.path())
}

/// A secret's of Secrets Manager.
fn name(stack: &str, kept: Kept) -> String {
    format!("fleetfoot/{stack}/{}", kept.path())
}
