//! What tests of the checks share.

use fleetfoot_model::config::{self, Config};

/// A fleet of the organization acme, or of repositories if the text begins with a line that says so; then more of its
/// configuration.
pub(super) fn config(more: &str) -> Config {
    let (target, more) = match more.strip_prefix("github.organization\n") {
        Some(more) => {
            let (repositories, more) = more.split_once('\n').unwrap();
            (repositories.replace("github.repositories", "repositories"), more)
        }
        None => ("organization = \"acme\"".to_owned(), more),
    };
    let text = format!(
        "[github]\n{target}\nwebhook_secrets = [\"env:SECRET\"]\n\
         [github.app]\nid = 1\ninstallation = 42\nkey = \"file:key.pem\"\n\
         {more}[classes.small]\ncpu = 512\nmemory = 1024\n"
    );
    config::load("fleet.toml", &text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
