//! Who may ask, and what a browser may do with the answers.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::problem;

/// Nothing but this page's own files and answers: no inline script, no other host, no frame, no form.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Lets a request through that only reads, that names this machine, and that no other site's page has made.
pub(crate) async fn check(State(hosts): State<Arc<Vec<String>>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&hosts, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(hosts: &[String], request: &Request) -> Option<Response> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "the dashboard only shows: GET");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    if !is_own(hosts, request.headers()) {
        return Some(problem(
            StatusCode::MISDIRECTED_REQUEST,
            "the dashboard answers to localhost and to addresses; --dashboard-host (of `fleetfoot dashboard`: --host) \
             allows another name",
        ));
    }
    if is_foreign(request.headers()) {
        return Some(problem(StatusCode::FORBIDDEN, "the dashboard does not answer to other sites"));
    }
    None
}

/// A name that is no address may be anybody's who lets it lead here for a moment ("DNS rebinding"), and whose page may
/// then read every answer.
fn is_own(hosts: &[String], headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = without_port(host);
    let is_address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let is_local = name.eq_ignore_ascii_case("localhost");
    is_address || is_local || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) && !name.is_empty() => {
            // `::1` alone has colons and no port.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

/// Whether the browser says that another site's page asks. It could not read the answer, but each question costs a
/// reading. Following a link to the dashboard is fine.
fn is_foreign(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|it| it == value);
    says("sec-fetch-site", "cross-site") && !says("sec-fetch-mode", "navigate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_localhost_and_allowed_names_are_answered() {
        let allowed = vec!["fleet.acme.example".to_owned()];
        let answers = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            is_own(&allowed, &headers)
        };
        for own in [
            "127.0.0.1:8081",
            "localhost:8081",
            "LOCALHOST",
            "[::1]:8081",
            "[::1]",
            "10.1.2.3",
            "192.168.0.7:80",
            "fleet.acme.example",
            "Fleet.acme.example:443",
        ] {
            assert!(answers(own), "{own}");
        }
        for foreign in [
            "evil.example:8081",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":8081",
            "fleet.acme.example.evil",
            "127.0.0.1:8081:evil.example",
        ] {
            assert!(!answers(foreign), "{foreign}");
        }
        assert!(!is_own(&allowed, &HeaderMap::new()), "a request that names no host");
        let mut twice = HeaderMap::new();
        twice.append(HOST, HeaderValue::from_static("localhost"));
        twice.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_own(&allowed, &twice));
    }
}
