//! Refusals and failures at the wire. What each status means is a table in `src/errors.rs`.

use fleetfoot_model::ports::{GitHub, GitHubError, JitRunner};
use tokio::net::TcpListener;

use crate::support::{REGISTER, Reply, Server, World, organization};

async fn register(address: &str) -> Result<JitRunner, GitHubError> {
    let labels = ["self-hosted".parse().unwrap()];
    World::with_token(address).github.register(&organization(), &"ff-1-1".parse().unwrap(), &labels).await
}

// A registration that is sent twice leaves a runner that nobody knows of.
#[tokio::test]
async fn nothing_is_sent_again() {
    for status in [301, 307, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504] {
        let server = Server::start().await;
        let elsewhere = format!("{}/elsewhere", server.address);
        server.on(
            REGISTER,
            Reply::refusal(status, "").header("location", elsewhere).header("retry-after", "0"),
        );
        assert!(register(&server.address).await.is_err(), "{status}");
        assert_eq!(server.heard(), [REGISTER], "{status}");
    }
}

#[tokio::test]
async fn a_rate_limit_says_until_when_and_whose_it_is_does_not_matter() {
    for (reply, until) in [
        (Reply::refusal(429, "").header("retry-after", "90"), "2026-11-21T10:01:30Z"),
        (
            Reply::refusal(403, "API rate limit exceeded")
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", "1795256400"),
            "2026-11-21T10:20:00Z",
        ),
        (Reply::refusal(403, "You have exceeded a secondary rate limit."), "2026-11-21T10:01:00Z"),
    ] {
        let server = Server::start().await;
        server.on(REGISTER, reply);
        let until = until.parse().unwrap();
        assert_eq!(register(&server.address).await.unwrap_err(), GitHubError::RateLimited { until });
    }
}

#[tokio::test]
async fn disabled_runners_are_no_rate_limit() {
    let server = Server::start().await;
    server.on(REGISTER, Reply::refusal(403, "Self-hosted runners are disabled"));
    let error = register(&server.address).await.unwrap_err();
    let reason = format!("{REGISTER} was answered 403: Self-hosted runners are disabled");
    assert_eq!(error, GitHubError::Forbidden(reason));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    for (mebibytes, fits) in [(3, true), (5, false)] {
        let server = Server::start().await;
        let filler = "x".repeat(mebibytes << 20);
        let body = format!(r#"{{"filler":"{filler}","runner":{{"id":23}},"encoded_jit_config":"blob"}}"#);
        server.on(REGISTER, Reply::new(201, body));
        match register(&server.address).await {
            Ok(_) => assert!(fits),
            Err(error) => {
                let text = format!("{REGISTER}: the answer breaks off: length limit exceeded");
                assert_eq!((error, fits), (GitHubError::Unavailable(text), false));
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_unavailable() {
    for body in ["", "null", "<html>", r#"{"runner":{}}"#, "\u{0}"] {
        let server = Server::start().await;
        server.on(REGISTER, Reply::new(201, body));
        let error = register(&server.address).await.unwrap_err();
        assert!(matches!(error, GitHubError::Unavailable(_)), "{error}");
        assert_eq!(server.heard(), [REGISTER]);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = register(&address).await.unwrap_err();
    assert!(matches!(&error, GitHubError::Unavailable(text) if text.contains("onnect")), "{error}");
}
