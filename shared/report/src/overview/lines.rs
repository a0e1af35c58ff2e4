//! What lines have in common.

/// The most characters of a name or label in a line; a job's timeline has them in full.
const LONGEST: usize = 200;

/// A text of bounded length. What is hostile in it is for whoever shows it to make harmless: a page and a terminal obey
/// different characters.
pub(super) fn brief(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A page at GitHub, if it is one that a browser may be sent to.
pub(super) fn page(url: &str) -> Option<String> {
    (url.starts_with("https://") && url.len() <= 2_000).then(|| url.to_owned())
}
