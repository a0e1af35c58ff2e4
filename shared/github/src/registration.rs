//! A GitHub App as it is registered, and where it is installed.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use serde::Deserialize;

/// What may be done, such as `organization_self_hosted_runners`: `write`.
pub type Permissions = BTreeMap<String, String>;

/// A GitHub App, as it is registered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct App {
    /// Its id.
    pub id: u64,
    /// What its pages are called, such as `fleetfoot-acme`.
    pub slug: String,
    /// Its page, below which it is installed.
    pub html_url: String,
    /// Who owns it.
    pub owner: Account,
    /// What it asks to be allowed, such as `actions`: `read`.
    #[serde(default)]
    pub permissions: Permissions,
    /// What its webhook is told of.
    #[serde(default)]
    pub events: Vec<String>,
}

/// A user, an organization or an enterprise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Its name; an enterprise has only that of its pages.
    #[serde(alias = "slug")]
    pub login: String,
    /// `User` or `Organization`; nothing for an enterprise.
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// An installation of an App: what its account has accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Installation {
    /// Its id.
    pub id: u64,
    /// Where it is installed.
    pub account: Account,
    /// Its page, where new permissions are accepted and repositories are chosen.
    #[serde(default)]
    pub html_url: String,
    /// `all` or `selected`.
    #[serde(default)]
    pub repository_selection: String,
    /// What it is allowed.
    #[serde(default)]
    pub permissions: Permissions,
    /// What the webhook is told of from here.
    #[serde(default)]
    pub events: Vec<String>,
    /// Since when it is suspended, if it is.
    #[serde(default)]
    pub suspended_at: Option<Timestamp>,
}
