//! What GitHub's refusals mean, decided in one place.

use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::{SignedDuration, Timestamp};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::wire::{Answer, Call, Purpose};

/// The wait after a secondary limit that does not say how long (GitHub docs, "Rate limits for the REST API").
const UNTOLD_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// The shortest wait: a reset that has just passed by our clock has not yet by GitHub's.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait that is believed. GitHub's longest window is an hour; whoever says more must not stop the fleet.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// How much of GitHub's words is passed on.
const LONGEST_REASON: usize = 300;

/// What an answer refuses, or `None` for a success.
pub(crate) fn refusal(
    call: &Call,
    answer: &Answer,
    credential: &Secret,
    now: Timestamp,
) -> Option<GitHubError> {
    let status = answer.status;
    if status.is_success() {
        return None;
    }
    let message = message(&answer.body);
    if let Some(until) = limited_until(status, &answer.headers, &message, now) {
        return Some(GitHubError::RateLimited { until });
    }
    let reason = reason(call, status, &message, credential);
    Some(match (status.as_u16(), call.purpose) {
        (401, _) => GitHubError::Unauthorized(reason),
        (403, _) => GitHubError::Forbidden(reason),
        (404, _) => GitHubError::NotFound(reason),
        (409, Purpose::Registration) => GitHubError::NameTaken,
        (422, Purpose::Registration) if message.to_ascii_lowercase().contains("already exists") => {
            GitHubError::NameTaken
        }
        (422, Purpose::Deletion) => GitHubError::Busy,
        (408 | 500.., _) => GitHubError::Unavailable(reason),
        // Redirections too (a repository was renamed) and 410 (a version of the API has ended): were they called
        // "not found", a runner that is to be deleted would be taken for gone.
        _ => GitHubError::Invalid(reason),
    })
}

/// Until when a rate limit lasts, if the refusal is one. Both 403 and 429 occur; a 403 may also be a real prohibition.
fn limited_until(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let until = if let Some(seconds) = number(headers, "retry-after") {
        now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    } else if number(headers, "x-ratelimit-remaining") == Some(0) {
        number(headers, "x-ratelimit-reset")
            .and_then(|second| Timestamp::from_second(second).ok())
            .unwrap_or(now + UNTOLD_WAIT)
    } else if status == StatusCode::TOO_MANY_REQUESTS || speaks_of_a_limit(message) {
        now + UNTOLD_WAIT
    } else {
        return None;
    };
    Some(until.clamp(now + SHORTEST_WAIT, now + LONGEST_WAIT))
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// "You have exceeded a secondary rate limit", "API rate limit exceeded", and in older GitHub Enterprise Server "You have
/// triggered an abuse detection mechanism".
fn speaks_of_a_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("rate limit") || message.contains("abuse detection")
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Value>,
}

/// GitHub's words. Anything but its own form of error is not passed on: nobody knows what is in it.
fn message(body: &[u8]) -> String {
    let Ok(Refusal { message, errors }) = serde_json::from_slice(body) else { return String::new() };
    let details = errors.iter().filter_map(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
    let words: Vec<&str> =
        std::iter::once(message.as_str()).chain(details).filter(|text| !text.is_empty()).collect();
    words.join("; ")
}

/// What was asked and what was said to it, fit for a log: in one line, not too long, without the credential even if the
/// other side repeats it.
fn reason(call: &Call, status: StatusCode, message: &str, credential: &Secret) -> String {
    let mut text = message.to_owned();
    if !credential.expose().is_empty() {
        text = text.replace(credential.expose(), "***");
    }
    let text: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REASON).collect();
    match text.trim() {
        "" => format!("{call} was answered {}", status.as_u16()),
        text => format!("{call} was answered {}: {text}", status.as_u16()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    const NOW: &str = "2026-11-21T10:00:00Z";

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
    }

    fn refused(purpose: Purpose, answer: &Answer) -> GitHubError {
        let call = Call::get("x".to_owned()).purpose(purpose);
        refusal(&call, answer, &Secret::new("ghp_secret"), NOW.parse().unwrap()).unwrap()
    }

    fn said(message: &str) -> String {
        serde_json::json!({ "message": message }).to_string()
    }

    #[test]
    fn each_refusal_has_its_variant() {
        use Purpose::{Deletion, Ordinary, Registration};
        for (purpose, status, message, expected) in [
            (Ordinary, 301, "Moved Permanently", "Invalid"),
            (Deletion, 307, "Moved", "Invalid"),
            (Ordinary, 400, "Problems parsing JSON", "Invalid"),
            (Ordinary, 401, "Bad credentials", "Unauthorized"),
            (Ordinary, 403, "Resource not accessible by integration", "Forbidden"),
            (Registration, 403, "Self-hosted runners are disabled for this repository", "Forbidden"),
            (Ordinary, 403, "You have exceeded a secondary rate limit", "RateLimited"),
            (Ordinary, 403, "You have triggered an abuse detection mechanism", "RateLimited"),
            (Ordinary, 404, "Not Found", "NotFound"),
            (Ordinary, 408, "", "Unavailable"),
            (Registration, 409, "Already exists - A runner with the name *** already exists.", "NameTaken"),
            (Ordinary, 409, "Conflict", "Invalid"),
            (Deletion, 410, "This version of the API has ended", "Invalid"),
            (Deletion, 422, "Runner \"ff-1-1\" is currently running a job", "Busy"),
            (Registration, 422, "Runner already exists", "NameTaken"),
            (Registration, 422, "runner_group_id is missing", "Invalid"),
            (Ordinary, 429, "", "RateLimited"),
            (Ordinary, 500, "Server Error", "Unavailable"),
            (Ordinary, 503, "No server is currently available", "Unavailable"),
        ] {
            let error = refused(purpose, &answer(status, &[], &said(message)));
            let variant = format!("{error:?}");
            assert!(variant.starts_with(expected), "{status} {message:?} for {purpose:?}: {variant}");
        }
    }

    #[test]
    fn a_rate_limit_says_until_when() {
        let reset = ("x-ratelimit-reset", "1795256400"); // 2026-11-21T10:20:00Z
        let none_left = ("x-ratelimit-remaining", "0");
        for status in [403, 429] {
            for (headers, message, until) in [
                (vec![("retry-after", "30")], "", "10:00:30"),
                (vec![("retry-after", "30"), none_left, reset], "", "10:00:30"),
                (vec![none_left, reset], "", "10:20:00"),
                (vec![none_left], "", "10:01:00"),
                (vec![none_left, ("x-ratelimit-reset", "1795254000")], "", "10:00:01"), // 20 minutes ago
                (vec![("x-ratelimit-remaining", "17"), reset], "a secondary rate limit", "10:01:00"),
                (vec![("retry-after", "soon")], "a secondary rate limit", "10:01:00"),
                (vec![("retry-after", "0")], "", "10:00:01"),
                (vec![("retry-after", "-5")], "", "10:00:01"),
            ] {
                let error = refused(Purpose::Ordinary, &answer(status, &headers, &said(message)));
                let until = format!("2026-11-21T{until}Z").parse().unwrap();
                assert_eq!(error, GitHubError::RateLimited { until }, "{status} {headers:?} {message:?}");
            }
        }
        let absurd = answer(429, &[("retry-after", "9223372036854775807")], "");
        let until = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(refused(Purpose::Ordinary, &absurd), GitHubError::RateLimited { until });
    }

    #[test]
    fn a_prohibition_is_no_rate_limit() {
        let headers = [("x-ratelimit-remaining", "4999"), ("x-ratelimit-reset", "1795256400")];
        let error = refused(Purpose::Ordinary, &answer(403, &headers, &said("Must have admin rights")));
        assert_eq!(
            error,
            GitHubError::Forbidden("GET /x was answered 403: Must have admin rights".to_owned())
        );
    }

    #[test]
    fn a_reason_is_one_short_line_without_the_credential() {
        let body = serde_json::json!({
            "message": format!("token ghp_secret\r\nis bad {}", "x".repeat(5000)),
            "errors": [{ "message": "ghp_secret" }, "ghp_secret", 5],
        });
        let text = refused(Purpose::Ordinary, &answer(401, &[], &body.to_string())).to_string();
        assert!(text.contains("token ***  is bad"), "{text}");
        assert!(!text.contains("ghp_secret") && text.len() < 500, "{text}");
        let page = refused(Purpose::Ordinary, &answer(502, &[], "<html>Authorization: ghp_other</html>"));
        assert_eq!(page, GitHubError::Unavailable("GET /x was answered 502".to_owned()));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            status in 100_u16..1000,
            retry in "[ -~]{0,20}",
            reset in proptest::num::i64::ANY,
            body in "\\PC{0,80}",
        ) {
            let reset = reset.to_string();
            let headers =
                [("retry-after", retry.as_str()), ("x-ratelimit-reset", &reset), ("x-ratelimit-remaining", "0")];
            let answer = answer(status, &headers, &body);
            let call = Call::get("x".to_owned());
            let now: Timestamp = NOW.parse().unwrap();
            let refused = refusal(&call, &answer, &Secret::new(""), now);
            prop_assert_eq!(refused.is_none(), (200..300).contains(&status));
            if let Some(GitHubError::RateLimited { until }) = refused {
                prop_assert!(until > now && until <= now + LONGEST_WAIT);
            }
        }
    }
}
