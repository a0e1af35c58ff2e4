//! What a registry's refusals mean, decided in one place, and how they are told to whoever wrote the label.

use fleetfoot_model::image::Location;
use fleetfoot_model::ports::RegistryError;
use fleetfoot_model::{SignedDuration, Timestamp};
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::wire::Answer;

/// The wait after a limit that does not say how long.
const UNTOLD_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// The shortest wait, for clocks that differ.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait that is believed: Docker Hub counts pulls over six hours (Docker documentation, "Usage and limits").
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// What an answer other than 200 means. `host` is who gave it.
pub(crate) fn refusal(location: &Location, host: &str, answer: &Answer, now: Timestamp) -> RegistryError {
    let said = said(answer);
    match answer.status.as_u16() {
        401 | 403 => RegistryError::Refused(format!(
            "{location} is not there, or not public ({host} answered {said}); correct name and tag, or make it public"
        )),
        404 => RegistryError::Refused(format!(
            "there is no {location} ({host} answered {said}); correct name and tag"
        )),
        429 => RegistryError::Throttled { until: throttled_until(&answer.headers, now) },
        // Redirections that lead nowhere are a registry's own trouble, too.
        408 | 500.. | 300..=399 => RegistryError::Unavailable(format!("{host} answered {said}")),
        _ => RegistryError::Refused(format!("{location} cannot be asked for: {host} answered {said}")),
    }
}

/// Until when, by `Retry-After` in either of its forms (RFC 9110, 10.2.3).
fn throttled_until(headers: &HeaderMap, now: Timestamp) -> Timestamp {
    let value = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let until = match value.parse::<i64>() {
        Ok(seconds) => now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX),
        Err(_) => rfc2822::parse(value).map_or(now + UNTOLD_WAIT, |date| date.timestamp()),
    };
    until.clamp(now + SHORTEST_WAIT, now + LONGEST_WAIT)
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Code>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// The status and, where they are the protocol's words, the codes of the errors. Nothing else of an answer is passed on.
fn said(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let errors = serde_json::from_slice(&answer.body).unwrap_or(Errors { errors: Vec::new() }).errors;
    let is_code = |code: &String| {
        (1..=40).contains(&code.len()) && code.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    match errors.into_iter().map(|error| error.code).find(is_code) {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderValue;

    use super::*;

    fn answer(status: u16, retry: Option<&str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(retry) = retry {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(retry).unwrap());
        }
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
    }

    fn refused(answer: &Answer) -> RegistryError {
        let location =
            "ghcr.io/acme/app:1".parse::<fleetfoot_model::image::ImageReference>().unwrap().location();
        refusal(&location, "ghcr.io", answer, "2026-11-21T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn each_status_has_its_meaning() {
        for (status, meaning) in [
            (301, "Unavailable"),
            (400, "Refused"),
            (401, "Refused"),
            (403, "Refused"),
            (404, "Refused"),
            (406, "Refused"),
            (408, "Unavailable"),
            (410, "Refused"),
            (429, "Throttled"),
            (500, "Unavailable"),
            (503, "Unavailable"),
        ] {
            let error = format!("{:?}", refused(&answer(status, None, "<html>")));
            assert!(error.starts_with(meaning), "{status}: {error}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_asked_and_what_to_do() {
        let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"<script>"}]}"#;
        let text = refused(&answer(404, None, body)).to_string();
        assert_eq!(
            text,
            "there is no ghcr.io/acme/app:1 (ghcr.io answered 404 MANIFEST_UNKNOWN); correct name and tag"
        );
        let text = refused(&answer(401, None, r#"{"errors":[{"code":"<b>"}]}"#)).to_string();
        assert_eq!(
            text,
            "ghcr.io/acme/app:1 is not there, or not public (ghcr.io answered 401); correct name and tag, or make it public"
        );
    }

    #[test]
    fn a_limit_says_until_when() {
        for (retry, until) in [
            (None, "10:01:00"),
            (Some("30"), "10:00:30"),
            (Some("0"), "10:00:01"),
            (Some("-5"), "10:00:01"),
            (Some("soon"), "10:01:00"),
            (Some("Sat, 21 Nov 2026 10:05:00 GMT"), "10:05:00"),
            (Some("9223372036854775807"), "16:00:00"),
        ] {
            let until = format!("2026-11-21T{until}Z").parse().unwrap();
            assert_eq!(refused(&answer(429, retry, "")), RegistryError::Throttled { until }, "{retry:?}");
        }
    }
}
