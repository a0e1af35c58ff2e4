//! How often AWS and GitHub were asked.

use std::collections::BTreeMap;

use super::System;
use super::say::say;

/// Calls by service and operation, such as `DynamoDB.GetItem`, `ECS.RunTask` and `GitHub.Jit`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures(BTreeMap<String, u64>);

impl Figures {
    /// All until now.
    pub(crate) fn of(system: &System) -> Self {
        let github = system.github.state();
        let github = github.calls().iter().map(|(call, count)| (format!("GitHub.{call:?}"), *count));
        let stood_in = system.cloud.calls();
        Self(system.calls.calls().into_iter().chain(stood_in).chain(github).collect())
    }

    /// Those since then.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let grown = self.0.iter().map(|(call, count)| (call.clone(), count - before.of_call(call)));
        Self(grown.filter(|(_, count)| *count > 0).collect())
    }

    /// How often one operation was called.
    pub(crate) fn of_call(&self, call: &str) -> u64 {
        self.0.get(call).copied().unwrap_or_default()
    }

    /// Tells a person.
    pub(crate) fn say(&self, of: &str) {
        say(&format!("\ncalls of {of}:\n"));
        for (call, count) in &self.0 {
            say(&format!("  {count:5} {call}\n"));
        }
    }
}
