//! The App that a fleet signs in as, as its owner has set it up.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;

/// A GitHub App and its one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// What its pages are called.
    pub slug: String,
    /// The organization that owns it, and that it is installed on.
    pub owner: String,
    /// Its installation's number.
    pub installation: u64,
    /// What it asks to be allowed.
    pub permissions: BTreeMap<String, String>,
    /// What its installation has accepted of that.
    pub accepted: BTreeMap<String, String>,
    /// What its webhook tells of.
    pub events: Vec<String>,
    /// The repositories that it is installed on; none for all.
    pub repositories: Option<Vec<String>>,
    /// Since when its installation is suspended.
    pub suspended_at: Option<Timestamp>,
    /// Whether its webhook has a secret.
    pub has_secret: bool,
    /// Where its webhook leads to; none for where this stand-in sends to.
    pub webhook_url: Option<String>,
}

impl Default for App {
    /// What a fleet of the organization acme needs.
    fn default() -> Self {
        let permissions: BTreeMap<String, String> = [
            ("actions", "read"),
            ("administration", "write"),
            ("metadata", "read"),
            ("organization_self_hosted_runners", "write"),
        ]
        .map(|(name, level)| (name.to_owned(), level.to_owned()))
        .into();
        Self {
            slug: "fleetfoot-acme".to_owned(),
            owner: "acme".to_owned(),
            installation: 42,
            accepted: permissions.clone(),
            permissions,
            events: ["workflow_job", "workflow_run"].map(str::to_owned).to_vec(),
            repositories: None,
            suspended_at: None,
            has_secret: true,
            webhook_url: None,
        }
    }
}
