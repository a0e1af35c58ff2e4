//! What a person who runs the suite is told.

/// Says something.
#[expect(clippy::print_stderr, reason = "a test program tells what it does")]
pub(crate) fn say(text: &str) {
    eprint!("{text}");
}
