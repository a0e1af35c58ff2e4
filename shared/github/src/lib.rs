//! The GitHub port over octocrab.
//!
//! [`GitHubClient`] speaks GitHub's REST API as an App or with a personal access token. What a caller can rely on:
//!
//! - One call of the port sends each of its requests once. Nothing is repeated, and nothing waits for another call
//!   except for the one that fetches the installation token all of them need.
//! - A failure is never remembered: the next call reads the secret, connects and asks again.
//! - Every refusal is a [`GitHubError`](fleetfoot_model::ports::GitHubError) that says what was asked; no credential and
//!   no body of an answer is in its text.
//!
//! octocrab brings the connection: TLS, timeouts of the socket, versions and headers. Its own handling of credentials is
//! not used, because it fetches a token once for each waiting request, sends a request again after 401, and reads the
//! system's clock (octocrab 0.54.9, `Octocrab::execute` and `CachedToken`).

mod api;
mod app;
mod budget;
mod checks;
mod checkup;
mod client;
mod deliveries;
mod dispatch;
mod errors;
mod hooks;
mod jobs;
mod pages;
mod permissions;
mod registration;
mod releases;
mod report;
mod rerun;
mod runners;
mod session;
mod slot;
mod wire;

pub use api::{Api, Proposal, Proposed};
pub use app::{AppApi, NewApp, convert_manifest, is_organization};
pub use budget::Budget;
pub use checkup::{RateLimit, RunnerGroup, TriedDelivery, Webhook};
pub use client::GitHubClient;
pub use dispatch::run_workflow;
pub use hooks::{HookChange, HooksApi};
pub use permissions::{Permission, WEBHOOK_EVENTS, Wishes, needed_permissions};
pub use registration::{Account, App, Installation, Permissions};
