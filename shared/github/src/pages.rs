//! Lists that come in pages.

use fleetfoot_model::ports::GitHubError;
use http::header::LINK;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::session::Session;
use crate::wire::{Answer, Call};

/// The most entries GitHub puts on a page.
pub(crate) const PER_PAGE: usize = 100;

/// What was read of a list.
pub(crate) struct List {
    pub(crate) entries: Vec<Value>,
    /// Whether that is all there is.
    pub(crate) complete: bool,
}

/// Reads a list of the form `{ "total_count": n, "<name>": [...] }`, at most so many pages of it.
///
/// It goes by `total_count` and not by the length of a page, because a server may make its pages smaller than asked
/// for, and it stops at an empty page, because entries may go away while it reads.
pub(crate) async fn list(
    session: &Session,
    call: &Call,
    name: &str,
    pages: usize,
) -> Result<List, GitHubError> {
    let mut entries = Vec::new();
    for page in 1..=pages {
        let call = call.clone().query("per_page", PER_PAGE.to_string()).query("page", page.to_string());
        let mut answer: Map<String, Value> = session.ask(&call).await?.read(&call)?;
        let Some(Value::Array(found)) = answer.remove(name) else {
            return Err(GitHubError::Unavailable(format!("the answer to {call} holds no {name}")));
        };
        let length = found.len();
        entries.extend(found);
        let total = answer.get("total_count").and_then(Value::as_u64);
        let complete = total.map_or(length < PER_PAGE, |total| entries.len() as u64 >= total);
        if length == 0 || complete {
            return Ok(List { entries, complete: true });
        }
    }
    Ok(List { entries, complete: false })
}

/// The `cursor` of the next page, from the `Link` header (RFC 8288). Only the cursor is taken: an address in an answer
/// is no place to send credentials to.
pub(crate) fn next_cursor(answer: &Answer) -> Option<String> {
    let header = answer.headers.get(LINK)?.to_str().ok()?;
    header.split(',').find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim();
            parameter == "rel=\"next\"" || parameter == "rel=next"
        });
        let (_, query) = address.split_once('?').filter(|_| is_next)?;
        form_urlencoded::parse(query.as_bytes())
            .find_map(|(key, value)| (key == "cursor" && !value.is_empty()).then(|| value.into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, StatusCode};
    use proptest::prelude::*;

    fn cursor(link: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(LINK, HeaderValue::from_str(link).ok()?)]);
        next_cursor(&Answer { status: StatusCode::OK, headers, body: Vec::new() })
    }

    #[test]
    fn the_cursor_of_the_next_page_is_found() {
        let next = "<https://api.github.com/app/hook/deliveries?per_page=100&cursor=v1_123%3D>; rel=\"next\"";
        let first = "<https://api.github.com/app/hook/deliveries?per_page=100&cursor=v1_0>; rel=\"prev\"";
        assert_eq!(cursor(next).as_deref(), Some("v1_123="));
        assert_eq!(cursor(&format!("{first}, {next}")).as_deref(), Some("v1_123="));
        for none in [
            first,
            "",
            "<>; rel=\"next\"",
            "<x?cursor=>; rel=\"next\"",
            "<x?page=2>; rel=\"next\"",
            "rel=\"next\"",
        ] {
            assert_eq!(cursor(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_link_makes_it_panic(link in "[<>;,=?&a-z\"% ]{0,60}") {
            let _ = cursor(&link);
        }
    }
}
