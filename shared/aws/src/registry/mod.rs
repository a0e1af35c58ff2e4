//! Passwords of private registries of ECR, pull-through caches among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::{Region, SdkConfig};
use aws_sdk_ecr::types::AuthorizationData;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fleetfoot_model::ports::{Clock, RegistryError};
use fleetfoot_model::secret::Secret;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_registry::{Credentials, RegistryCredentials};
use tokio::sync::Mutex;

use crate::classify::{Fault, Verdict, classify};

/// A password is asked for anew when it has only this long left, so that none runs out on its way.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Signs in at `<account>.dkr.ecr.<region>.amazonaws.com` as whatever role the process has. A password is good for every
/// registry of a region that the role may read, for twelve hours (ECR API reference, `GetAuthorizationToken`).
pub struct EcrCredentials {
    sdk: SdkConfig,
    clock: Arc<dyn Clock>,
    /// By region. Held while ECR is asked: who comes meanwhile waits for that answer.
    kept: Mutex<BTreeMap<String, Kept>>,
}

struct Kept {
    credentials: Credentials,
    until: Timestamp,
}

impl EcrCredentials {
    /// Nothing is asked before the first registry of ECR wants a password.
    pub fn new(sdk: &SdkConfig, clock: Arc<dyn Clock>) -> Self {
        Self { sdk: sdk.clone(), clock, kept: Mutex::default() }
    }

    async fn ask(&self, region: &str) -> Result<Kept, RegistryError> {
        let config = aws_sdk_ecr::config::Builder::from(&self.sdk).region(Region::new(region.to_owned()));
        let client = aws_sdk_ecr::Client::from_conf(config.build());
        let answer = client.get_authorization_token().send().await;
        let answer = answer.map_err(|error| refusal(&classify(&error), region, self.clock.now()))?;
        let kept = answer.authorization_data().first().and_then(read);
        kept.ok_or_else(|| RegistryError::Unavailable(format!("ECR in {region} told no password")))
    }
}

#[async_trait]
impl RegistryCredentials for EcrCredentials {
    async fn credentials(&self, registry: &str) -> Result<Option<Credentials>, RegistryError> {
        let Some(region) = region_of(registry) else { return Ok(None) };
        let mut kept = self.kept.lock().await;
        let fresh = |kept: &&Kept| kept.until > self.clock.now() + MARGIN;
        if let Some(kept) = kept.get(region).filter(fresh) {
            return Ok(Some(kept.credentials.clone()));
        }
        let asked = self.ask(region).await?;
        let credentials = asked.credentials.clone();
        kept.insert(region.to_owned(), asked);
        Ok(Some(credentials))
    }
}

/// The region of a private registry; none if it is another kind of registry. The whole name has to fit: the password
/// goes to it.
fn region_of(registry: &str) -> Option<&str> {
    let (account, rest) = registry.split_once(".dkr.ecr.")?;
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
    let is_account = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    let is_region = (1..=32).contains(&region.len())
        && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (is_account && is_region).then_some(region)
}

/// `user:password` in base64, and until when it is good.
fn read(data: &AuthorizationData) -> Option<Kept> {
    let pair = String::from_utf8(STANDARD.decode(data.authorization_token()?).ok()?).ok()?;
    let (username, password) = pair.split_once(':')?;
    let credentials = Credentials { username: username.to_owned(), password: Secret::new(password) };
    let until = Timestamp::from_second(data.expires_at()?.secs()).ok()?;
    Some(Kept { credentials, until })
}

fn refusal(fault: &Fault, region: &str, now: Timestamp) -> RegistryError {
    match fault.verdict {
        Verdict::RetryAfter(wait) => RegistryError::Throttled { until: now + wait },
        Verdict::Never => RegistryError::Refused(format!(
            "the fleet may not sign in to ECR in {region} ({}); its role needs ecr:GetAuthorizationToken",
            fault.text
        )),
        Verdict::RetryNow | Verdict::AlreadyDone => {
            RegistryError::Unavailable(format!("ECR in {region}: {}", fault.text))
        }
    }
}

#[cfg(test)]
mod tests {
    use fleetfoot_shell::clock::VirtualClock;
    use serde_json::{Value, json};

    use super::*;
    use crate::script::{Script, noon};

    const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    /// A password that is good for so many hours from noon.
    fn password(text: &str, hours: i64) -> Value {
        let token = STANDARD.encode(format!("AWS:{text}"));
        let until = (noon() + SignedDuration::from_hours(hours)).as_second();
        json!({ "authorizationData": [{ "authorizationToken": token, "expiresAt": until }] })
    }

    async fn told(credentials: &EcrCredentials, registry: &str) -> String {
        let found = credentials.credentials(registry).await.unwrap().unwrap();
        assert_eq!(found.username, "AWS");
        assert!(!format!("{found:?}").contains(found.password.expose()), "it masks itself");
        found.password.expose().to_owned()
    }

    #[tokio::test]
    async fn a_password_is_asked_for_once_until_it_runs_out() {
        let script = Script::default();
        script
            .answer("GetAuthorizationToken", 200, &password("first", 12))
            .answer("GetAuthorizationToken", 200, &password("elsewhere", 12))
            .answer("GetAuthorizationToken", 200, &password("second", 24));
        let clock = Arc::new(VirtualClock::at(noon()));
        let credentials = EcrCredentials::new(&script.sdk(), clock.clone());
        assert_eq!(told(&credentials, REGISTRY).await, "first");
        let neighbour = REGISTRY.replace("1234", "4321");
        assert_eq!(told(&credentials, &neighbour).await, "first", "it is good for the whole region");
        assert_eq!(told(&credentials, &REGISTRY.replace("eu-west-1", "us-east-1")).await, "elsewhere");
        clock.set(noon() + SignedDuration::from_hours(12) - MARGIN);
        assert_eq!(told(&credentials, REGISTRY).await, "second");
        assert_eq!(script.requests().len(), 3);
    }

    #[tokio::test]
    async fn nobody_else_is_told_a_password() {
        let script = Script::default();
        let credentials = EcrCredentials::new(&script.sdk(), crate::script::clock());
        for registry in [
            "docker.io",
            "public.ecr.aws",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "evil.example.dkr.ecr.eu-west-1.amazonaws.com",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.evil.example.amazonaws.com",
            "123456789012.dkr.ecr..amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:8443",
        ] {
            assert_eq!(credentials.credentials(registry).await, Ok(None), "{registry}");
        }
        assert_eq!(script.requests(), []);
        assert_eq!(region_of("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"), Some("cn-north-1"));
    }

    #[tokio::test]
    async fn a_failure_is_told_and_not_remembered() {
        let script = Script::default();
        let error = |name: &str| json!({ "__type": name, "message": "why" });
        script
            .answer("GetAuthorizationToken", 400, &error("AccessDeniedException"))
            .answer("GetAuthorizationToken", 400, &error("ThrottlingException"))
            .answer("GetAuthorizationToken", 500, &error("ServerException"))
            .answer("GetAuthorizationToken", 200, &json!({ "authorizationData": [] }))
            .answer("GetAuthorizationToken", 200, &password("at last", 12));
        let credentials = EcrCredentials::new(&script.sdk(), crate::script::clock());
        let refused = credentials.credentials(REGISTRY).await.unwrap_err();
        assert!(
            matches!(&refused, RegistryError::Refused(text) if text.contains("ecr:GetAuthorizationToken"))
        );
        let throttled = credentials.credentials(REGISTRY).await.unwrap_err();
        assert!(matches!(throttled, RegistryError::Throttled { until } if until > noon()));
        for _ in 0..2 {
            let away = credentials.credentials(REGISTRY).await.unwrap_err();
            assert!(matches!(away, RegistryError::Unavailable(_)));
        }
        assert_eq!(told(&credentials, REGISTRY).await, "at last");
    }
}
