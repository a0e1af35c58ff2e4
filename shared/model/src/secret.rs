//! Secrets, and references to them. A secret masks itself wherever it might be printed.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Text that must not be seen. `Debug` and `Display` print a mask; it is not serializable.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Call it only where the secret leaves for the place it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The one-use ticket with which a task asks `register` for its registration: 256 random bits, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(Secret);

impl Ticket {
    /// A fresh one from the given source of randomness.
    pub fn draw(random: &mut impl Rng) -> Self {
        let mut bytes = [0_u8; 32];
        random.fill_bytes(&mut bytes);
        Self(Secret::new(hex::encode(bytes)))
    }

    /// The text, for the task's environment.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What the ledger keeps of it.
    pub fn hash(&self) -> TicketHash {
        TicketHash::of(self.expose())
    }
}

/// SHA-256 of a ticket; compared in constant time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketHash(String);

impl TicketHash {
    fn of(text: &str) -> Self {
        Self(hex::encode(Sha256::digest(text.as_bytes())))
    }

    /// Whether the presented text is the ticket.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(Self::of(presented).0.as_bytes()).into()
    }
}

impl PartialEq for TicketHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for TicketHash {}

/// Where a secret is kept. Configuration never holds a secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretReference {
    /// `env:NAME`: an environment variable of the control plane (local use).
    Environment(String),
    /// `file:PATH`: a file, relative to the configuration's folder (local use).
    File(String),
    /// `ssm:/path`: an AWS Systems Manager parameter.
    Parameter(String),
    /// `secretsmanager:name` or `secretsmanager:name#key`: an AWS secret, or one key of a JSON secret.
    SecretsManager {
        /// Its name or ARN.
        name: String,
        /// The key within, if it is a JSON object.
        key: Option<String>,
    },
}

/// What a secret reference may look like, for error messages.
pub const SECRET_REFERENCE_FORMS: &str = "env:NAME, file:PATH, ssm:/path or secretsmanager:name#key";

impl FromStr for SecretReference {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (scheme, rest) = text.split_once(':').ok_or(())?;
        if rest.is_empty() || rest.chars().any(char::is_control) {
            return Err(());
        }
        match scheme {
            "env" => Ok(Self::Environment(rest.to_owned())),
            "file" => Ok(Self::File(rest.to_owned())),
            "ssm" if rest.starts_with('/') => Ok(Self::Parameter(rest.to_owned())),
            "secretsmanager" => {
                let (name, key) = match rest.split_once('#') {
                    Some((name, key)) => (name, Some(key.to_owned())),
                    None => (rest, None),
                };
                if name.is_empty() || key.as_deref() == Some("") {
                    return Err(());
                }
                Ok(Self::SecretsManager { name: name.to_owned(), key })
            }
            _ => Err(()),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Parameter(path) => write!(f, "ssm:{path}"),
            Self::SecretsManager { name, key: None } => write!(f, "secretsmanager:{name}"),
            Self::SecretsManager { name, key: Some(key) } => write!(f, "secretsmanager:{name}#{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        let ticket = Ticket(secret);
        assert!(!format!("{ticket:?}").contains("hunter2"));
        assert!(ticket.hash().matches("hunter2"));
        assert!(!ticket.hash().matches("hunter3"));
    }

    #[test]
    fn references_round_trip_and_plain_secrets_are_refused() {
        for text in [
            "env:TOKEN",
            "file:app.pem",
            "ssm:/fleet/token",
            "secretsmanager:fleet#token",
            "secretsmanager:fleet",
        ] {
            assert_eq!(text.parse::<SecretReference>().unwrap().to_string(), text);
        }
        for text in ["ghp_abc", "env:", "ssm:token", "vault:x", "secretsmanager:#k", "secretsmanager:a#"] {
            assert!(text.parse::<SecretReference>().is_err(), "{text}");
        }
    }
}
