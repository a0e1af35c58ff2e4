//! A runner's registration, and the just-in-time configuration that is its only key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository};
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::spec::Label;
use serde_json::{Value, json};

use crate::dice::Dice;

/// The sizes of RSA parameters of 3,072 bits, in bytes.
const LONG: usize = 384;
const SHORT: usize = 192;

/// A connected runner's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

/// Whether a registered runner is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It has not connected yet; its configuration is good.
    Expected,
    Online(SessionId),
    /// It was connected once.
    Offline,
}

/// A registered runner: good for one connection and one job.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) id: GithubRunnerId,
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) labels: Vec<Label>,
    pub(crate) presence: Presence,
    /// The job it was assigned, and since when.
    pub(crate) job: Option<(JobId, Timestamp)>,
    secret: Secret,
}

impl Registration {
    pub(crate) fn new(
        id: GithubRunnerId,
        name: &str,
        scope: Scope,
        labels: &[Label],
        dice: &mut Dice,
    ) -> Self {
        let secret = Secret::new(hex::encode(dice.bytes::<32>()));
        let labels = labels.to_vec();
        Self { id, name: name.to_owned(), scope, labels, presence: Presence::Expected, job: None, secret }
    }

    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.presence {
            Presence::Online(session) => Some(session),
            Presence::Expected | Presence::Offline => None,
        }
    }

    /// Whether it may run jobs of a repository.
    pub(crate) fn serves(&self, repository: &Repository) -> bool {
        match &self.scope {
            Scope::Organization(owner) => owner.as_str().eq_ignore_ascii_case(repository.owner()),
            Scope::Repository(own) => own == repository,
        }
    }

    /// The blob, made as the real one is: base64 of a JSON object of three files, each in base64 again. The RSA
    /// parameters are noise of the real ones' sizes, so that the whole is as long as the real one (4 to 7 KB); a brief one
    /// is without them.
    pub(crate) fn configuration(&self, address: &str, is_brief: bool, dice: &mut Dice) -> Secret {
        let place = match &self.scope {
            Scope::Organization(owner) => owner.to_string(),
            Scope::Repository(repository) => repository.to_string(),
        };
        let runner = json!({
            "AgentId": self.id.to_string(),
            "AgentName": self.name,
            "DisableUpdate": "True",
            "Ephemeral": "True",
            "PoolId": "1",
            "PoolName": "Default",
            "ServerUrl": format!("{address}/stand-in/"),
            "GitHubUrl": format!("https://github.com/{place}"),
            "WorkFolder": "_work",
        });
        let credentials = json!({
            "Scheme": "OAuth",
            "Data": { "ClientId": self.secret.expose(), "AuthorizationUrl": format!("{address}/stand-in/token") },
        });
        let mut files = json!({ ".runner": encode(&runner), ".credentials": encode(&credentials) });
        if is_brief {
            // Drawn in any case: a brief simulation is the same as one that is not.
            let _ = dice.bytes::<{ 2 * LONG + 5 * SHORT }>();
        } else {
            files[".credentials_rsaparams"] = encode(&parameters(dice)).into();
        }
        Secret::new(encode(&files))
    }
}

fn parameters(dice: &mut Dice) -> Value {
    json!({
        "d": STANDARD.encode(dice.bytes::<LONG>()),
        "dp": STANDARD.encode(dice.bytes::<SHORT>()),
        "dq": STANDARD.encode(dice.bytes::<SHORT>()),
        "exponent": "AQAB",
        "inverseQ": STANDARD.encode(dice.bytes::<SHORT>()),
        "modulus": STANDARD.encode(dice.bytes::<LONG>()),
        "p": STANDARD.encode(dice.bytes::<SHORT>()),
        "q": STANDARD.encode(dice.bytes::<SHORT>()),
    })
}

fn encode(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

fn decode(text: &str) -> Option<Value> {
    serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
}

/// What a runner reads in its configuration.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    id: GithubRunnerId,
    /// The runner's name.
    pub(crate) name: String,
    /// Where to connect.
    pub(crate) server: String,
    secret: Secret,
}

impl Configuration {
    /// Reads the blob; `None` if it is not one.
    pub(crate) fn read(blob: &Secret) -> Option<Self> {
        let files = decode(blob.expose())?;
        let runner = decode(files[".runner"].as_str()?)?;
        let credentials = decode(files[".credentials"].as_str()?)?;
        Some(Self {
            id: runner["AgentId"].as_str()?.parse().ok()?,
            name: runner["AgentName"].as_str()?.to_owned(),
            server: runner["ServerUrl"].as_str()?.to_owned(),
            secret: Secret::new(credentials["Data"]["ClientId"].as_str()?),
        })
    }

    pub(crate) fn id(&self) -> GithubRunnerId {
        self.id
    }

    /// Whether it is this registration's.
    pub(crate) fn opens(&self, registration: &Registration) -> bool {
        self.id == registration.id && self.secret == registration.secret
    }
}
