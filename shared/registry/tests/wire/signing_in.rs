//! Tokens and passwords: shown to whom they are for, and to nobody else.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fleetfoot_model::ports::RegistryError;
use fleetfoot_model::secret::Secret;
use fleetfoot_registry::{Credentials, HttpRegistry, RegistryCredentials};
use fleetfoot_stand_in::registry::{Settings, SignIn, StandInRegistry};
use fleetfoot_stand_in::registry_http;
use tokio::net::TcpListener;

use crate::server::{Server, ok, status, with};
use crate::{Fixed, adapter, naming, refusal, resolve};

const PASSWORD: &str = "hunter2";

/// An account at one registry.
struct Account(String);

#[async_trait]
impl RegistryCredentials for Account {
    async fn credentials(&self, registry: &str) -> Result<Option<Credentials>, RegistryError> {
        let own = Credentials { username: "fleet".to_owned(), password: Secret::new(PASSWORD) };
        Ok((registry == self.0).then_some(own))
    }
}

fn with_account(host: &str) -> HttpRegistry {
    adapter(&format!("allow = [\"{host}/**\"]"), Arc::new(Account(host.to_owned())))
}

/// A stand-in with a private image `acme/app`, and its name.
async fn private(sign_in: SignIn) -> (Arc<Mutex<StandInRegistry>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let stand_in = Arc::new(Mutex::new(StandInRegistry::new(Settings::new(1))));
    stand_in.lock().unwrap().set_sign_in(sign_in);
    stand_in.lock().unwrap().set_private(&format!("{host}/acme/app").parse().unwrap(), true);
    tokio::spawn(registry_http::serve(listener, Arc::clone(&stand_in), Arc::new(Fixed)));
    (stand_in, host)
}

fn account() -> (String, String) {
    ("fleet".to_owned(), PASSWORD.to_owned())
}

#[tokio::test]
async fn an_account_gets_a_token_for_what_is_private() {
    let (username, password) = account();
    let (_stand_in, host) = private(SignIn::TokenFor { username, password }).await;
    let image = format!("{host}/acme/app:1");
    resolve(&with_account(&host), &image).await.unwrap();
    let text = refusal(&naming(&host), &image).await;
    assert!(text.contains("not there, or not public"), "{text}");
}

#[tokio::test]
async fn an_account_shows_its_password_where_that_is_wanted() {
    let (username, password) = account();
    let (stand_in, host) = private(SignIn::Password { username, password }).await;
    let image = format!("{host}/acme/app:1");
    resolve(&with_account(&host), &image).await.unwrap();
    refusal(&naming(&host), &image).await;
    let (username, password) = ("fleet".to_owned(), "another".to_owned());
    stand_in.lock().unwrap().set_sign_in(SignIn::Password { username, password });
    let text = refusal(&with_account(&host), &image).await;
    assert!(!text.contains(PASSWORD), "{text}");
}

#[tokio::test]
async fn a_public_registry_is_never_told_a_password() {
    let server = Server::start(|_| status(404)).await;
    refusal(&with_account(&server.host), &format!("{}/app", server.host)).await;
    assert!(server.asked().iter().all(|(_, shown)| shown.is_none()));
}

#[tokio::test]
async fn a_password_does_not_follow_to_another_host() {
    let realm = Server::start(|_| ok(r#"{"token":"given"}"#)).await;
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"s\"", realm.host);
    let store = Server::start(|_| ok("{}")).await;
    let elsewhere = format!("http://{}/store", store.host);
    let given = Arc::new(Mutex::new(false));
    let registry = Server::start(move |_| {
        let first = !std::mem::replace(&mut *given.lock().unwrap(), true);
        if first { with(401, "www-authenticate", &challenge) } else { with(307, "location", &elsewhere) }
    })
    .await;
    // The content is of no use; what matters is who was shown what.
    refusal(&with_account(&registry.host), &format!("{}/acme/app", registry.host)).await;
    let (path, shown) = realm.asked().remove(0);
    assert_eq!(path, "/token?service=s&scope=repository%3Aacme%2Fapp%3Apull");
    assert_eq!(shown, None, "the realm is another host");
    let shown: Vec<_> = registry.asked().into_iter().map(|(_, shown)| shown).collect();
    assert_eq!(shown, [None, Some("Bearer given".to_owned())]);
    assert_eq!(store.asked(), [("/store".to_owned(), None)]);
}

#[tokio::test]
async fn a_registry_that_is_never_content_is_asked_twice_at_most() {
    let server = Server::start(|_| with(401, "www-authenticate", "Basic realm=\"x\"")).await;
    refusal(&with_account(&server.host), &format!("{}/app", server.host)).await;
    assert_eq!(server.asked().len(), 2);
}
