//! What a registry wants to see first: `WWW-Authenticate`, and the tokens it sends for.

use fleetfoot_model::secret::Secret;
use http_auth::parser::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

/// The longest parameter that is repeated to a token's realm.
const LONGEST_PARAMETER: usize = 512;

/// How a registry wants to be signed in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// With a token, to be had here.
    Bearer {
        /// Where tokens are, without what is asked for.
        realm: Url,
        /// Whose tokens.
        service: Option<String>,
        /// For what.
        scope: Option<String>,
    },
    /// With a user name and a password.
    Basic,
}

impl Challenge {
    /// The first challenge that is understood; tokens before passwords.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges = values.flat_map(|value| ChallengeParser::new(value).map_while(Result::ok));
        let challenges: Vec<Self> = challenges.filter_map(|challenge| understood(&challenge)).collect();
        let bearer = challenges.iter().find(|challenge| **challenge != Self::Basic);
        bearer.or(challenges.first()).cloned()
    }
}

fn understood(challenge: &http_auth::ChallengeRef<'_>) -> Option<Challenge> {
    if challenge.scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameter = |name: &str| {
        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped()).filter(|value| value.len() <= LONGEST_PARAMETER)
    };
    let realm = Url::parse(&parameter("realm")?).ok()?;
    Some(Challenge::Bearer { realm, service: parameter("service"), scope: parameter("scope") })
}

/// Where a token is asked for. `scope` is for registries that do not say it.
pub(crate) fn token_address(realm: &Url, service: Option<&str>, scope: &str) -> Url {
    let mut address = realm.clone();
    // Whatever a stranger's address carries is no password of ours.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    address.set_fragment(None);
    let mut query = address.query_pairs_mut();
    if let Some(service) = service {
        query.append_pair("service", service);
    }
    query.append_pair("scope", scope);
    drop(query);
    address
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// The token in a realm's answer: `token`, or `access_token` as OAuth 2 calls it.
pub(crate) fn token(body: &[u8]) -> Option<Secret> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let text = answer.token.or(answer.access_token)?;
    let legal = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    legal.then(|| Secret::new(text))
}

/// Whether a registry's password may be shown to the host that gives out its tokens: itself, or one below its name.
pub(crate) fn is_its_own(registry: &str, realm: &Url, asked: &Url) -> bool {
    let same = (realm.scheme(), realm.host_str(), realm.port_or_known_default())
        == (asked.scheme(), asked.host_str(), asked.port_or_known_default());
    let below = |host: &str| host.strip_suffix(registry).is_some_and(|front| front.ends_with('.'));
    same || (realm.scheme() == "https" && realm.host_str().is_some_and(below))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).ok()?);
        }
        Challenge::read(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Challenge::Bearer { realm: realm.parse().unwrap(), service: own(service), scope: own(scope) }
    }

    #[test]
    fn what_registries_send_is_understood() {
        let scope = "repository:library/ubuntu:pull";
        for (values, expected) in [
            (
                vec![
                    "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",\
                     scope=\"repository:library/ubuntu:pull\"",
                ],
                Some(bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some(scope))),
            ),
            (
                vec!["bearer Realm=\"https://public.ecr.aws/token/\", service=public.ecr.aws, scope=aws"],
                Some(bearer("https://public.ecr.aws/token/", Some("public.ecr.aws"), Some("aws"))),
            ),
            (
                vec!["Basic realm=\"x\"", "Bearer realm=\"https://a.example/t\""],
                Some(bearer("https://a.example/t", None, None)),
            ),
            (
                vec!["Basic realm=\"x\", Bearer realm=\"https://a.example/t\""],
                Some(bearer("https://a.example/t", None, None)),
            ),
            (
                vec![
                    "Basic realm=\"https://1.dkr.ecr.eu-west-1.amazonaws.com/\",service=\"ecr.amazonaws.com\"",
                ],
                Some(Challenge::Basic),
            ),
            (vec!["Bearer realm=\"nonsense\""], None),
            (vec!["Bearer service=\"a\""], None),
            (vec!["Negotiate"], None),
            (vec![], None),
        ] {
            assert_eq!(read(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_token_is_asked_for_without_what_a_stranger_adds() {
        let realm = "https://user:password@auth.example/token?a=b#c".parse().unwrap();
        let address = token_address(&realm, Some("x&y"), "repository:a/b:pull");
        assert_eq!(
            address.as_str(),
            "https://auth.example/token?a=b&service=x%26y&scope=repository%3Aa%2Fb%3Apull"
        );
    }

    #[test]
    fn tokens_are_read_in_both_spellings() {
        let read = |text: &str| token(text.as_bytes()).map(|token| token.expose().to_owned());
        assert_eq!(read(r#"{"token":"a.b","expires_in":300}"#).as_deref(), Some("a.b"));
        assert_eq!(read(r#"{"access_token":"c"}"#).as_deref(), Some("c"));
        for bad in ["{}", "", "<html>", r#"{"token":""}"#, r#"{"token":"a\r\nb"}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_password_is_shown_to_its_own_registry_only() {
        let own = |registry: &str, realm: &str, asked: &str| {
            is_its_own(registry, &realm.parse().unwrap(), &asked.parse().unwrap())
        };
        assert!(own("docker.io", "https://auth.docker.io/token", "https://registry-1.docker.io/v2/"));
        assert!(own("ghcr.io", "https://ghcr.io/token", "https://ghcr.io/v2/"));
        assert!(own("localhost:5000", "http://localhost:5000/token", "http://localhost:5000/v2/"));
        for (registry, realm) in [
            ("docker.io", "https://auth.evildocker.io/token"),
            ("docker.io", "https://docker.io.evil.example/token"),
            ("docker.io", "http://auth.docker.io/token"),
            ("ghcr.io", "https://ghcr.io:8443/token"),
        ] {
            assert!(!own(registry, realm, &format!("https://{registry}/v2/")), "{registry} {realm}");
        }
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(text in "(Bearer |Basic |)[ -~]{0,80}", body in "\\PC{0,80}") {
            if let Some(Challenge::Bearer { realm, service, scope }) = read(&[&text]) {
                token_address(&realm, service.as_deref(), scope.as_deref().unwrap_or_default());
            }
            token(body.as_bytes());
        }
    }
}
