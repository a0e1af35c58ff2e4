//! The App: what it is, where it is installed, where its webhook leads. It is the one that somebody has made here if the
//! caller is that, and the one of the settings otherwise.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleetfoot_model::ports::GitHubError;
use serde_json::{Value, json};

use super::apps;
use crate::github::App;
use crate::github_http::Face;
use crate::github_http::answer::body;
use crate::github_http::place::Place;

/// As on any request that is signed by the App.
fn owner(app: &App) -> Value {
    json!({ "login": app.owner, "id": 1, "type": "Organization" })
}

pub(super) async fn app(State(face): State<Face>, headers: HeaderMap) -> Response {
    face.answer(|github, now| {
        github.looked_at(now)?;
        if let Some(made) = apps::made(github, &headers, now)? {
            return Ok(body(StatusCode::OK, apps::view(made, &face.address)));
        }
        let app = &github.settings().app;
        let found = json!({
            "id": 1,
            "slug": app.slug,
            "owner": owner(app),
            "name": app.slug,
            "html_url": format!("https://github.com/apps/{}", app.slug),
            "permissions": app.permissions,
            "events": app.events,
        });
        Ok(body(StatusCode::OK, found))
    })
}

pub(super) async fn installation(
    State(face): State<Face>,
    Path(installation): Path<u64>,
    headers: HeaderMap,
) -> Response {
    face.answer(|github, now| {
        github.looked_at(now)?;
        let unknown = || GitHubError::NotFound("installation".to_owned());
        if let Some(made) = apps::made(github, &headers, now)? {
            let found = apps::installation(made, &face.address).filter(|it| it["id"] == installation);
            return Ok(body(StatusCode::OK, found.ok_or_else(unknown)?));
        }
        let app = &github.settings().app;
        if installation != app.installation {
            return Err(unknown());
        }
        let page =
            format!("https://github.com/organizations/{}/settings/installations/{installation}", app.owner);
        let found = json!({
            "id": installation,
            "account": owner(app),
            "html_url": page,
            "repository_selection": if app.repositories.is_some() { "selected" } else { "all" },
            "permissions": app.accepted,
            "events": app.events,
            "suspended_at": app.suspended_at,
        });
        Ok(body(StatusCode::OK, found))
    })
}

pub(super) async fn repositories(State(face): State<Face>) -> Response {
    face.answer(|github, now| {
        github.looked_at(now)?;
        let names = github.settings().app.repositories.clone().unwrap_or_default();
        let listed: Vec<_> = names.iter().map(|name| json!({ "full_name": name })).collect();
        Ok(body(StatusCode::OK, json!({ "total_count": names.len(), "repositories": listed })))
    })
}

pub(super) async fn hook(State(face): State<Face>, headers: HeaderMap) -> Response {
    face.answer(|github, now| {
        github.looked_at(now)?;
        if let Some(made) = apps::made(github, &headers, now)? {
            return Ok(body(StatusCode::OK, apps::hook(made)));
        }
        let app = &github.settings().app;
        let mut config = json!({
            "content_type": "json",
            "insecure_ssl": "0",
            "url": app.webhook_url.as_ref().unwrap_or(&face.webhook_url),
        });
        if app.has_secret {
            config["secret"] = json!("********");
        }
        Ok(body(StatusCode::OK, config))
    })
}

/// Every organization has this one group.
pub(super) async fn runner_group(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        github.looked_at(now)?;
        if place.id("group")? != 1 {
            return Err(GitHubError::NotFound("runner group".to_owned()));
        }
        let group = json!({
            "id": 1,
            "name": "Default",
            "visibility": "all",
            "default": true,
            "allows_public_repositories": true,
            "restricted_to_workflows": false,
            "inherited": false,
            "runners_url": format!("{}/{}/actions/runner-groups/1/runners", face.address, place.path()),
        });
        Ok(body(StatusCode::OK, group))
    })
}

/// Asking for the limit does not count against it.
pub(super) async fn rate_limit(State(face): State<Face>) -> Response {
    face.answer(|github, now| {
        let allowance = github.allowance(now);
        let core = json!({
            "limit": allowance.limit,
            "remaining": allowance.limit.saturating_sub(allowance.used),
            "used": allowance.used,
            "reset": allowance.resets_at.as_second(),
        });
        // Nobody here searches.
        let search = json!({ "limit": 30, "remaining": 30, "used": 0, "reset": core["reset"] });
        let resources = json!({ "core": core, "search": search });
        Ok(body(StatusCode::OK, json!({ "resources": resources, "rate": core })))
    })
}

/// Public.
pub(super) async fn meta(State(face): State<Face>) -> Response {
    face.answer(|_, _| Ok(body(StatusCode::OK, json!({ "verifiable_password_authentication": false }))))
}
