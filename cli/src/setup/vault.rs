//! Where the fleet's secrets are kept: in the Parameter Store of its stack, or in files of this machine that only their
//! owner can read. Nothing is written over unless that is asked for.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_ssm::operation::delete_parameter::DeleteParameterError;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::types::ParameterType;
use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::ports::Secrets;
use fleetfoot_model::secret::{Secret, SecretReference};

use crate::aws::failure::failure;
use crate::failure::{Failure, OrFail};
use crate::place;

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

/// Where they are kept.
#[derive(Clone)]
pub(super) enum Vault {
    /// `/fleetfoot/STACK/...`
    Parameters {
        /// AWS.
        sdk: Box<SdkConfig>,
        /// The stack.
        stack: String,
        /// The KMS key of the deployment, unless it is AWS's own.
        key: Option<String>,
    },
    /// A folder beside `fleet.toml`.
    Folder(PathBuf),
}

impl Vault {
    /// What the configuration calls a secret.
    pub(super) fn reference(&self, kept: Kept) -> SecretReference {
        match self {
            Self::Parameters { stack, .. } => {
                SecretReference::Parameter(format!("/fleetfoot/{stack}/{}", kept.path()))
            }
            Self::Folder(_) => SecretReference::File(format!("{FOLDER}/{}", kept.file())),
        }
    }

    /// What reads them.
    pub(super) fn secrets(&self) -> Arc<dyn Secrets> {
        match self {
            Self::Parameters { sdk, .. } => Arc::new(place::secrets(sdk)),
            Self::Folder(folder) => Arc::new(LocalSecrets::new(folder)),
        }
    }

    /// Whether it is there. It is not read.
    pub(super) async fn holds(&self, kept: Kept) -> Result<bool, Failure> {
        let (sdk, name) = match self {
            Self::Parameters { sdk, .. } => (sdk, self.name(kept)),
            Self::Folder(_) => return Ok(self.file(kept).exists()),
        };
        let ssm = aws_sdk_ssm::Client::new(sdk);
        match ssm.get_parameter().name(&name).with_decryption(false).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(GetParameterError::is_parameter_not_found) => {
                Ok(false)
            }
            Err(error) => Err(failure(format!("{name} cannot be looked for"), "ssm:GetParameter", &error)),
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
            Self::Parameters { sdk, stack, key } => {
                let name = self.name(kept);
                let put = aws_sdk_ssm::Client::new(sdk)
                    .put_parameter()
                    .name(&name)
                    .description(format!(
                        "A secret of the Fleetfoot fleet {stack}; `fleetfoot setup` wrote it."
                    ))
                    .value(secret.expose())
                    .r#type(ParameterType::SecureString)
                    .set_key_id(key.clone())
                    .overwrite(replace);
                let what = format!("the secret {name} cannot be written");
                put.send().await.map_err(|error| failure(what, "ssm:PutParameter", &error))?;
                Ok(())
            }
            Self::Folder(folder) => {
                let file = self.file(kept);
                write_file(&folder.join(FOLDER), &file, secret, replace)
                    .or_fail(format!("the secret {} cannot be written", file.display()))
            }
        }
    }

    /// Removes it, if it is there. Answers whether it was.
    pub(super) async fn remove(&self, kept: Kept) -> Result<bool, Failure> {
        let Self::Parameters { sdk, .. } = self else {
            let file = self.file(kept);
            return match fs::remove_file(&file) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                Err(error) => {
                    Err(Failure::new(format!("{} cannot be removed", file.display())).because(&error))
                }
            };
        };
        remove_parameter(sdk, &self.name(kept)).await
    }

    fn name(&self, kept: Kept) -> String {
        self.reference(kept).to_string().trim_start_matches("ssm:").to_owned()
    }

    fn file(&self, kept: Kept) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(FOLDER).join(kept.file()),
            Self::Parameters { .. } => PathBuf::new(),
        }
    }
}

/// Removes a parameter, if it is there. Answers whether it was.
pub(super) async fn remove_parameter(sdk: &SdkConfig, name: &str) -> Result<bool, Failure> {
    match aws_sdk_ssm::Client::new(sdk).delete_parameter().name(name).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(DeleteParameterError::is_parameter_not_found) => {
            Ok(false)
        }
        Err(error) => Err(failure(format!("{name} cannot be removed"), "ssm:DeleteParameter", &error)),
    }
}

/// The file comes into being whole and readable by its owner only, as temporary files are (tempfile, `NamedTempFile`).
fn write_file(folder: &Path, file: &Path, secret: &Secret, replace: bool) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    // The folder may be in a repository.
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(secret.expose().as_bytes())?;
    new.as_file().sync_all()?;
    let done = if replace { new.persist(file).map(drop) } else { new.persist_noclobber(file).map(drop) };
    done.map_err(|error| error.error)
}

/// Reads a file with a secret, `-` for stdin.
pub(super) fn read_secret(file: &Path) -> Result<Secret, Failure> {
    let what = format!("{} cannot be read", file.display());
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).or_fail(what)?
    } else {
        let text = fs::read_to_string(file).or_fail(what);
        text.map_err(|failure| failure.hint("name a file with the secret in it, or - for stdin"))?
    };
    match text.trim() {
        "" => Err(Failure::new(format!("{} is empty", file.display()))
            .hint("put the secret into it and nothing else; - reads it from stdin")),
        text => Ok(Secret::new(text)),
    }
}

/// Whether others may read a file that holds a secret.
pub(super) fn is_open_to_others(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}
