//! Secrets of one machine: environment variables and files. Nothing is cached, so a rotated secret is there at once.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use fleetfoot_model::ports::{SecretError, Secrets};
use fleetfoot_model::secret::{Secret, SecretReference};

/// The largest secret file that is read, in bytes. A private key has two or three thousand.
const LARGEST_FILE: u64 = 65_536;

/// Reads `env:` and `file:` references.
#[derive(Debug, Clone)]
pub struct LocalSecrets {
    folder: PathBuf,
}

impl LocalSecrets {
    /// Relative `file:` references start at this folder, the configuration's own.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        let found = match reference {
            SecretReference::Environment(name) => environment(name),
            SecretReference::File(path) => file(&self.folder.join(path)),
            SecretReference::Parameter(_) | SecretReference::SecretsManager { .. } => Err(
                "it is kept at AWS and needs a deployment there; on one machine use env:NAME or file:PATH"
                    .to_owned(),
            ),
        };
        match found {
            Ok(text) if text.is_empty() => Err("it is empty".to_owned()),
            other => other,
        }
        .map(Secret::new)
        .map_err(|reason| SecretError { reference: reference.to_string(), reason })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the secret reader")]
fn environment(name: &str) -> Result<String, String> {
    // The error of a variable that is not UTF-8 shows its value, so it must not be passed on.
    match std::env::var(name) {
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => Err(format!("the environment variable {name} is not set")),
        Err(std::env::VarError::NotUnicode(_)) => Err("it is not UTF-8".to_owned()),
    }
}

/// Read at once rather than handed to another thread: secret files are small and local.
fn file(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_string(&mut text))
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
            _ => format!("{}: {error}", path.display()),
        })?;
    if read as u64 > LARGEST_FILE {
        return Err(format!("{} is larger than {LARGEST_FILE} bytes", path.display()));
    }
    // Editors and `echo` end a file with a newline that is not part of the secret.
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(folder: &Path, reference: &str) -> Result<String, String> {
        let reference = reference.parse().unwrap();
        let secret = LocalSecrets::new(folder).read(&reference).await;
        secret.map(|secret| secret.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_file_is_read_anew_each_time_and_without_its_last_newline() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read(folder.path(), "file:token").await.unwrap_err();
        assert!(missing.starts_with("secret file:token cannot be read: there is no file"), "{missing}");
        std::fs::write(folder.path().join("token"), "first\r\n").unwrap();
        assert_eq!(read(folder.path(), "file:token").await.unwrap(), "first");
        std::fs::write(folder.path().join("token"), "line one\nline two\n").unwrap();
        assert_eq!(read(folder.path(), "file:token").await.unwrap(), "line one\nline two");
        let absolute = format!("file:{}", folder.path().join("token").display());
        assert_eq!(read(Path::new("/elsewhere"), &absolute).await.unwrap(), "line one\nline two");
        std::fs::write(folder.path().join("token"), "\n").unwrap();
        assert!(read(folder.path(), "file:token").await.unwrap_err().ends_with("it is empty"));
    }

    #[tokio::test]
    async fn a_huge_or_odd_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("big"), vec![b'a'; 70_000]).unwrap();
        assert!(read(folder.path(), "file:big").await.unwrap_err().contains("larger than 65536 bytes"));
        std::fs::write(folder.path().join("odd"), [0xff, 0xfe]).unwrap();
        assert!(read(folder.path(), "file:odd").await.is_err());
        assert!(read(folder.path(), "file:.").await.is_err());
    }

    #[tokio::test]
    async fn the_environment_is_read_and_aws_is_pointed_out() {
        let here = Path::new(".");
        assert!(!read(here, "env:PATH").await.unwrap().is_empty());
        let unset = read(here, "env:FLEETFOOT_SURELY_NOT_SET").await.unwrap_err();
        assert!(unset.contains("the environment variable FLEETFOOT_SURELY_NOT_SET is not set"), "{unset}");
        for reference in ["ssm:/fleet/token", "secretsmanager:fleet#token"] {
            let error = read(here, reference).await.unwrap_err();
            assert!(error.contains("needs a deployment"), "{error}");
        }
    }
}
