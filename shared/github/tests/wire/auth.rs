//! Signing in: tokens are fetched once, renewed in time, rotated without a restart, and never seen.

use fleetfoot_model::ids::GithubRunnerId;
use fleetfoot_model::ports::{GitHub, GitHubError, JitRunner};
use octocrab::jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{KEY, MINT, REGISTER, Reply, Server, World, organization, start};

const PUBLIC_KEY: &str = include_str!("keys/test-only-app-key.pub.pem");
const ROTATED_KEY: &str = include_str!("keys/test-only-rotated-key.pem");
const ROTATED_PUBLIC_KEY: &str = include_str!("keys/test-only-rotated-key.pub.pem");
const DELIVERIES: &str = "GET /app/hook/deliveries";

async fn register(world: &World) -> Result<JitRunner, GitHubError> {
    world
        .github
        .register(&organization(), &"ff-1-1".parse().unwrap(), &["self-hosted".parse().unwrap()])
        .await
}

async fn register_fifty(world: &World) -> Vec<Result<JitRunner, GitHubError>> {
    let mut jobs = JoinSet::new();
    for job in 0..50 {
        let github = world.github.clone();
        jobs.spawn(async move {
            let name = format!("ff-{job}-1").parse().unwrap();
            github.register(&organization(), &name, &["self-hosted".parse().unwrap()]).await
        });
    }
    jobs.join_all().await
}

/// The credentials that came with each request for this, in order.
fn bearers(server: &Server, what: &str) -> Vec<String> {
    let asked = server.asked().into_iter().filter(|asked| asked.what.starts_with(what));
    asked.map(|asked| asked.header("authorization").strip_prefix("Bearer ").unwrap().to_owned()).collect()
}

/// What a JWT claims, if this key signed it.
fn claims(jwt: &str, public_key: &str) -> Option<Value> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let key = DecodingKey::from_rsa_pem(public_key.as_bytes()).unwrap();
    decode::<Value>(jwt, &key, &validation).ok().map(|token| token.claims)
}

async fn app_server() -> Server {
    let server = Server::start().await;
    server.on(REGISTER, Reply::registered());
    server
}

// Regression: a client library that lets one request through a second, and a token minted for every job.
#[tokio::test]
async fn fifty_jobs_at_once_share_one_token_and_do_not_wait_for_each_other() {
    let server = app_server().await;
    server.on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z")).gate(REGISTER, 50);
    let world = World::with_app(&server.address);
    assert!(register_fifty(&world).await.iter().all(Result::is_ok));
    assert_eq!(server.count(MINT), 1);
    assert_eq!(bearers(&server, REGISTER), vec!["ghs_first"; 50]);
    assert_eq!(world.vault.reads(), 1);
}

#[tokio::test]
async fn nothing_is_opened_or_read_before_the_first_call_and_the_connection_is_kept() {
    let server = Server::start().await;
    server.on(REGISTER, Reply::registered());
    let world = World::with_token(&server.address);
    assert_eq!((world.vault.reads(), server.connections()), (0, 0));
    for _ in 0..5 {
        register(&world).await.unwrap();
    }
    assert_eq!((world.vault.reads(), server.connections()), (1, 1));
}

#[tokio::test]
async fn the_token_is_renewed_well_before_its_end() {
    let server = app_server().await;
    server
        .on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"))
        .on(MINT, Reply::installation_token("ghs_second", "2026-11-21T11:56:00Z"));
    let world = World::with_app(&server.address);
    register(&world).await.unwrap();
    world.clock.advance(54);
    register(&world).await.unwrap();
    assert_eq!(server.count(MINT), 1);
    world.clock.advance(2);
    assert!(register_fifty(&world).await.iter().all(Result::is_ok));
    assert_eq!(server.count(MINT), 2);
    let bearers = bearers(&server, REGISTER);
    assert_eq!(bearers[..2], ["ghs_first", "ghs_first"]);
    assert_eq!(bearers[2..], vec!["ghs_second"; 50]);
}

#[tokio::test]
async fn a_token_with_a_short_life_is_kept_too() {
    let server = app_server().await;
    server.on(MINT, Reply::installation_token("ghs_short", "2026-11-21T10:03:00Z"));
    let world = World::with_app(&server.address);
    register(&world).await.unwrap();
    world.clock.advance(2);
    register(&world).await.unwrap();
    assert_eq!(server.count(MINT), 1);
}

#[tokio::test]
async fn while_a_renewal_fails_the_good_token_serves_to_its_end() {
    let server = app_server().await;
    server
        .on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"))
        .on(MINT, Reply::refusal(502, "Server Error"));
    let world = World::with_app(&server.address);
    register(&world).await.unwrap();
    world.clock.advance(56);
    assert!(register_fifty(&world).await.iter().all(Result::is_ok));
    assert_eq!(server.count(MINT), 2);
    world.clock.advance(4);
    assert!(matches!(register(&world).await, Err(GitHubError::Unavailable(_))));
}

// Regression: one failed read is cached and every later delivery fails. And its opposite: each waiting caller tries in
// turn, and the last one waits out fifty timeouts.
#[tokio::test]
async fn a_failed_token_is_shared_by_those_who_wait_for_it_and_then_forgotten() {
    let server = app_server().await;
    server
        .on(MINT, Reply::refusal(500, "Server Error"))
        .on(MINT, Reply::installation_token("ghs_second", "2026-11-21T11:00:00Z"));
    let world = World::with_app(&server.address);
    let failed = register_fifty(&world).await;
    assert!(failed.iter().all(|one| matches!(one, Err(GitHubError::Unavailable(_)))));
    assert_eq!((server.count(MINT), server.count(REGISTER)), (1, 0));
    register(&world).await.unwrap();
    assert_eq!(bearers(&server, REGISTER), ["ghs_second"]);
}

#[tokio::test]
async fn a_secret_that_could_not_be_read_is_read_again() {
    let server = app_server().await;
    server.on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"));
    let world = World::with_app(&server.address);
    world.vault.hold(None);
    let error = register(&world).await.unwrap_err();
    assert_eq!(
        error,
        GitHubError::Unavailable("secret file:app.pem cannot be read: it is not there".to_owned())
    );
    world.vault.hold(Some("-----BEGIN CERTIFICATE-----"));
    let error = register(&world).await.unwrap_err();
    assert_eq!(error, GitHubError::Unauthorized("file:app.pem is no RSA private key in PEM".to_owned()));
    world.vault.hold(Some(KEY));
    register(&world).await.unwrap();
    assert_eq!(server.heard(), [MINT, REGISTER]);
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_read_again() {
    let server = app_server().await;
    let world = World::with_token(&server.address);
    world.vault.hold(Some("ghp_first\r\nx: y"));
    let error = register(&world).await.unwrap_err();
    assert_eq!(error, GitHubError::Unauthorized("the credential is not one line of text".to_owned()));
    world.vault.hold(Some("ghp_second"));
    register(&world).await.unwrap();
    assert_eq!(bearers(&server, REGISTER), ["ghp_second"]);
}

#[tokio::test]
async fn the_app_signs_with_its_key_and_only_where_github_wants_that() {
    let server = app_server().await;
    server
        .on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"))
        .on(DELIVERIES, Reply::json(&json!([])));
    let world = World::with_app(&server.address);
    register(&world).await.unwrap();
    world.github.deliveries(start()).await.unwrap();
    let jwt = bearers(&server, MINT).remove(0);
    assert_eq!(bearers(&server, REGISTER), ["ghs_first"]);
    assert_eq!(bearers(&server, DELIVERIES), [jwt.as_str()]);
    let claims = claims(&jwt, PUBLIC_KEY).expect("signed with the App's key");
    let now = start().as_second();
    assert_eq!(claims, json!({ "iss": "1", "iat": now - 60, "exp": now + 540 }));

    world.clock.advance(8);
    world.github.deliveries(start()).await.unwrap();
    assert_ne!(bearers(&server, DELIVERIES)[1], jwt, "signed anew before its end");
}

#[tokio::test]
async fn a_rotated_app_key_is_taken_up_after_401() {
    let server = app_server().await;
    server
        .on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"))
        .on(MINT, Reply::installation_token("ghs_second", "2026-11-21T11:00:00Z"))
        .on(REGISTER, Reply::refusal(401, "Bad credentials"))
        .on(REGISTER, Reply::registered());
    let world = World::with_app(&server.address);
    register(&world).await.unwrap();
    world.vault.hold(Some(ROTATED_KEY));
    assert!(matches!(register(&world).await, Err(GitHubError::Unauthorized(_))));
    register(&world).await.unwrap();
    assert_eq!(server.heard(), [MINT, REGISTER, REGISTER, MINT, REGISTER]);
    assert_eq!(bearers(&server, REGISTER), ["ghs_first", "ghs_first", "ghs_second"]);
    assert!(claims(&bearers(&server, MINT)[1], ROTATED_PUBLIC_KEY).is_some());
}

#[tokio::test]
async fn a_jwt_that_is_not_accepted_is_signed_anew() {
    let server = app_server().await;
    server
        .on(MINT, Reply::refusal(401, "A JSON web token could not be decoded"))
        .on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"));
    let world = World::with_app(&server.address);
    assert!(matches!(register(&world).await, Err(GitHubError::Unauthorized(_))));
    world.vault.hold(Some(ROTATED_KEY));
    register(&world).await.unwrap();
    assert!(claims(&bearers(&server, MINT)[1], ROTATED_PUBLIC_KEY).is_some());
}

#[tokio::test]
async fn a_rotated_access_token_is_taken_up_after_401_and_within_minutes_without_one() {
    let server = Server::start().await;
    server
        .on(REGISTER, Reply::registered())
        .on(REGISTER, Reply::refusal(401, "Bad credentials"))
        .on(REGISTER, Reply::registered());
    let world = World::with_token(&server.address);
    register(&world).await.unwrap();
    // As a file or a shell leaves it.
    world.vault.hold(Some("ghp_second\n"));
    assert!(matches!(register(&world).await, Err(GitHubError::Unauthorized(_))));
    register(&world).await.unwrap();
    world.vault.hold(Some("ghp_third"));
    world.clock.advance(5);
    register(&world).await.unwrap();
    assert_eq!(bearers(&server, REGISTER), ["ghp_first", "ghp_first", "ghp_second", "ghp_third"]);
}

// Were an installation that is gone "not found", a runner to be deleted would seem to be gone, and its task be stopped
// while it runs a job.
#[tokio::test]
async fn an_installation_that_is_gone_does_not_make_its_runners_look_gone() {
    let server = Server::start().await;
    server.on(MINT, Reply::refusal(404, "Not Found"));
    let world = World::with_app(&server.address);
    let error = world.github.delete_runner(&organization(), GithubRunnerId(23)).await.unwrap_err();
    assert!(matches!(error, GitHubError::Unauthorized(_)), "{error}");
    assert_eq!(server.heard(), [MINT]);
}

#[tokio::test]
async fn no_error_shows_a_credential() {
    let server = Server::start().await;
    server.on(MINT, Reply::refusal(401, "{authorization} is not accepted"));
    let app = World::with_app(&server.address);
    let error = register(&app).await.unwrap_err();
    let jwt = bearers(&server, MINT).remove(0);
    assert!(error.to_string().contains("Bearer *** is not accepted"), "{error}");
    assert!(!format!("{error} {error:?}").contains(&jwt));

    for status in [301, 400, 401, 403, 404, 409, 418, 422, 429, 500] {
        let server = Server::start().await;
        server.on(REGISTER, Reply::refusal(status, "{authorization}, said twice: {authorization}"));
        let world = World::with_token(&server.address);
        let error = register(&world).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("ghp_first"), "{status}: {error}");
    }
    // A token in an answer that cannot be read.
    server.on(MINT, Reply::new(201, r#"{"token":["ghs_leaked"]}"#));
    let error = register(&app).await.unwrap_err();
    assert!(matches!(&error, GitHubError::Unavailable(text) if !text.contains("ghs_leaked")), "{error}");
}
