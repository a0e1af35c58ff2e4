//! What a runner inherits: what it needs to work on this machine, and none of the control plane's secrets.

use std::ffi::{OsStr, OsString};

/// Inherited by their names.
const NAMES: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TZ",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "LD_LIBRARY_PATH",
];

/// Inherited by how they begin.
const PREFIXES: &[&str] = &["LC_", "SSL_CERT_", "RUNNER_", "ACTIONS_", "DOTNET_", "PYENV_"];

/// Not inherited although they begin so: input of another runner, and what a job is given if the fleet itself runs in
/// one (GitHub documentation, "Variables reference"; actions/toolkit).
const NEVER: &[&str] = &[
    "ACTIONS_RUNNER_INPUT_",
    "ACTIONS_RUNTIME_",
    "ACTIONS_ID_TOKEN_",
    "ACTIONS_CACHE_",
    "ACTIONS_RESULTS_",
    "RUNNER_TRACKING_ID",
];

/// What of an environment a runner inherits. A variable that the configuration names as a secret is never inherited, nor
/// is one that looks like a secret.
pub(super) fn inherited<'a>(
    environment: &'a [(OsString, OsString)],
    secret_names: &'a [String],
) -> impl Iterator<Item = (&'a OsStr, &'a OsStr)> {
    let allowed = move |name: &OsStr| {
        let Some(text) = name.to_str() else { return false };
        is_allowed(text) && !looks_secret(text) && !secret_names.iter().any(|secret| secret == text)
    };
    environment
        .iter()
        .filter(move |(name, _)| allowed(name))
        .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
}

fn is_allowed(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn looks_secret(name: &str) -> bool {
    let words = ["TOKEN", "SECRET", "PASSWORD"];
    words.iter().any(|word| name.contains(word)) || NEVER.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_is_inherited() {
        let names = [
            "PATH",
            "LC_ALL",
            "https_proxy",
            "RUNNER_ALLOW_RUNASROOT",
            "ACTIONS_RUNNER_HOOK_JOB_STARTED",
            "DOTNET_ROOT",
            // None of these:
            "GITHUB_TOKEN",
            "FLEETFOOT_WEBHOOK_SECRET",
            "AWS_SECRET_ACCESS_KEY",
            "SLACK_WEBHOOK_URL",
            "LD_PRELOAD",
            "MY_OWN",
            "ACTIONS_RUNTIME_TOKEN",
            "ACTIONS_RUNNER_INPUT_JITCONFIG",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "RUNNER_PASSWORD",
            "RUNNER_APP_KEY",
        ];
        let environment: Vec<_> = names.iter().map(|name| (name.into(), "x".into())).collect();
        let secrets = ["RUNNER_APP_KEY".to_owned()];
        let found: Vec<_> = inherited(&environment, &secrets).map(|(name, _)| name).collect();
        assert_eq!(found, names[..6]);
    }
}
