//! Whoever edits a workflow chooses the registry: it must not lead the fleet where it has no business, nor hold it up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetfoot_registry::Anonymous;
use fleetfoot_stand_in::registry::{Settings, StandInRegistry};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::server::{Server, ok, status, with};
use crate::{Fixed, adapter, naming, refusal, resolve, trouble};

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let large = Server::start(|_| ok(vec![b' '; 4 * 1024 * 1024 + 1])).await;
    let text = refusal(&naming(&large.host), &format!("{}/app", large.host)).await;
    assert!(text.contains("more than the 4194304 bytes"), "{text}");
}

#[tokio::test]
async fn redirections_end() {
    let around = Server::start(|path| with(307, "location", path)).await;
    let text = refusal(&naming(&around.host), &format!("{}/app", around.host)).await;
    assert!(text.contains("without end"), "{text}");
    assert_eq!(around.asked().len(), 4);
    for response in [|| status(307), || with(302, "location", "https://[nonsense")] {
        let nowhere = Server::start(move |_| response()).await;
        trouble(&naming(&nowhere.host), &format!("{}/app", nowhere.host)).await;
    }
}

#[tokio::test]
async fn nobody_is_led_to_where_it_has_no_business() {
    for (to, said) in [
        ("http://169.254.169.254/latest/meta-data", "does not begin with https"),
        ("https://169.254.169.254/latest/meta-data", "no registry can be"),
        ("https://[fd00:ec2::254]/", "no registry can be"),
        ("http://10.0.0.6/", "does not begin with https"),
        ("https://10.0.0.6/", "private network"),
        ("http://localhost:9001/2018-06-01/runtime/invocation/next", "private network"),
        ("http://registry.example/", "does not begin with https"),
        ("file:///etc/passwd", "does not begin with https"),
    ] {
        let redirects = Server::start(move |_| with(307, "location", to)).await;
        let text = refusal(&naming(&redirects.host), &format!("{}/app", redirects.host)).await;
        assert!(text.contains(said), "{to}: {text}");
        let challenge = format!("Bearer realm=\"{to}\"");
        let sends = Server::start(move |_| with(401, "www-authenticate", &challenge)).await;
        let text = refusal(&naming(&sends.host), &format!("{}/app", sends.host)).await;
        assert!(text.contains(said), "{to}: {text}");
        assert_eq!(sends.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_registry_on_this_machine_has_to_be_named_by_the_configuration() {
    let server = Server::start(|_| status(404)).await;
    let image = format!("{}/app", server.host);
    let everything = adapter("allow = [\"**\"]", Arc::new(Anonymous));
    let text = refusal(&everything, &image).await;
    assert!(text.contains("private network") && text.contains("[images] allow"), "{text}");
    let port = server.host.rsplit_once(':').unwrap().1;
    let text = refusal(&everything, &format!("localhost:{port}/app")).await;
    assert!(text.contains("private network"), "{text}");
    assert_eq!(server.asked(), [], "nobody was asked");
    refusal(&naming(&server.host), &image).await;
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_mirror_is_asked_and_pulled_instead() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let stand_in = Arc::new(std::sync::Mutex::new(StandInRegistry::new(Settings::new(1))));
    let serving = fleetfoot_stand_in::registry_http::serve(listener, stand_in, Arc::new(Fixed));
    let server = tokio::spawn(serving);
    let images = format!("mirrors = {{ \"docker.io\" = \"{host}/docker-hub\" }}");
    let registry = adapter(&images, Arc::new(Anonymous));
    let base = resolve(&registry, "ubuntu:22.04").await.unwrap();
    assert_eq!(base.uri, format!("{host}/docker-hub/library/ubuntu@{}", base.digest));
    server.abort();
}

#[tokio::test]
async fn silence_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let held = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((mut connection, _)) = listener.accept().await {
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
            connections.push(connection);
        }
    });
    let since = Instant::now();
    let text = trouble(&naming(&host), &format!("{host}/app")).await;
    assert!(text.contains("did not answer"), "{text}");
    assert!(since.elapsed() < Duration::from_secs(10));
    held.abort();
}

#[tokio::test]
async fn a_connection_that_breaks_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let breaks = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let text = trouble(&naming(&host), &format!("{host}/app")).await;
    assert!(text.starts_with(&format!("{host} did not answer")), "{text}");
    breaks.abort();
    let _ = breaks.await;
    trouble(&naming(&host), &format!("{host}/app")).await;
}
