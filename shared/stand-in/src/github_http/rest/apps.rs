//! A GitHub App: made from a manifest by a browser, then asked about itself by its JWT.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::GitHubError;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::github::{RegisteredApp, StandInGitHub};
use crate::github_http::Face;
use crate::github_http::answer::body;

const CREATED: &str = "2026-11-21T10:00:00Z";

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    state: String,
}

/// The form of a manifest, and the click on "Create GitHub App" that follows.
pub(super) async fn create(
    State(face): State<Face>,
    organization: Option<Path<String>>,
    Query(Asked { state }): Query<Asked>,
    form: Bytes,
) -> Response {
    let manifest = field(&form, "manifest").unwrap_or_default();
    let organization = organization.map(|Path(organization)| organization);
    let created = face.github().create_app(face.now(), organization.as_deref(), &manifest, &state);
    match created {
        Ok(address) => (StatusCode::FOUND, [(header::LOCATION, address)]).into_response(),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    }
}

/// The click on "Install".
pub(super) async fn install(State(face): State<Face>, Path(slug): Path<String>, form: Bytes) -> Response {
    let account = field(&form, "account");
    let installed = face.github().install_app(&slug, account.as_deref());
    match installed {
        Ok(id) => (StatusCode::OK, format!("installed: {id}")).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn field(form: &[u8], name: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(form);
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Every account is an organization.
pub(super) async fn user(State(face): State<Face>, Path(login): Path<String>) -> Response {
    let mut user = account_view(&login, &face.address);
    for unsaid in ["bio", "blog", "company", "email", "hireable", "location", "name"] {
        user[unsaid] = Value::Null;
    }
    for none in ["followers", "following", "public_gists", "public_repos"] {
        user[none] = json!(0);
    }
    for moment in ["created_at", "updated_at"] {
        user[moment] = json!(CREATED);
    }
    user["user_view_type"] = json!("public");
    body(StatusCode::OK, user)
}

pub(super) async fn convert(State(face): State<Face>, Path(code): Path<String>) -> Response {
    face.answer(|github, now| {
        let key = github.settings().app_key.expose().to_owned();
        let app = github.convert(now, &code)?;
        let mut converted = view(app, &face.address);
        converted["client_id"] = json!(format!("Iv23li{}", app.id));
        converted["client_secret"] = json!("0".repeat(40));
        converted["webhook_secret"] = json!(app.hook_secret.expose());
        converted["pem"] = json!(key);
        Ok(body(StatusCode::CREATED, converted))
    })
}

pub(super) async fn installations(State(face): State<Face>, headers: HeaderMap) -> Response {
    face.answer(|github, now| {
        let app = signed_in(github, &headers, now)?;
        let installed: Vec<_> = installation(app, &face.address).into_iter().collect();
        Ok(body(StatusCode::OK, json!(installed)))
    })
}

#[derive(Deserialize)]
pub(super) struct HookChange {
    url: Option<String>,
    secret: Option<String>,
}

pub(super) async fn set_hook(
    State(face): State<Face>,
    headers: HeaderMap,
    Json(HookChange { url, secret }): Json<HookChange>,
) -> Response {
    face.answer(|github, now| {
        let id = signed_in(github, &headers, now)?.id;
        github.set_app_hook(id, url.as_deref(), secret.as_deref());
        Ok(body(StatusCode::OK, hook(signed_in(github, &headers, now)?)))
    })
}

/// The App whose JWT came along, if it was made here; an error if somebody has deleted it since.
pub(super) fn made<'a>(
    github: &'a StandInGitHub,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Option<&'a RegisteredApp>, GitHubError> {
    let issuer = claims(headers).as_ref().and_then(issuer);
    if issuer.is_some_and(|id| github.has_made_app(id)) {
        return signed_in(github, headers, now).map(Some);
    }
    Ok(None)
}

/// The App whose JWT came along. What it is signed with is not looked at.
fn signed_in<'a>(
    github: &'a StandInGitHub,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<&'a RegisteredApp, GitHubError> {
    let refused = |words: &str| GitHubError::Unauthorized(words.to_owned());
    let claims = claims(headers).ok_or_else(|| refused("A JSON web token could not be decoded"))?;
    let ends = claims["exp"].as_i64().unwrap_or_default();
    let second = now.as_second();
    if !(second..=second + 600).contains(&ends) {
        return Err(refused("'Expiration time' claim ('exp') is too far in the future or in the past"));
    }
    let app = issuer(&claims).and_then(|id| github.app(id));
    app.ok_or_else(|| GitHubError::NotFound("Integration not found".to_owned()))
}

/// What a JWT says.
fn claims(headers: &HeaderMap) -> Option<Value> {
    let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let claims = URL_SAFE_NO_PAD.decode(shown.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

fn issuer(claims: &Value) -> Option<u64> {
    claims["iss"].as_str()?.parse().ok()
}

/// Where an App is installed, if it is.
pub(super) fn installation(app: &RegisteredApp, address: &str) -> Option<Value> {
    let (id, account) = app.installation.as_ref()?;
    Some(json!({
        "id": id,
        "account": account_view(account, address),
        "access_tokens_url": format!("{address}/app/installations/{id}/access_tokens"),
        "repositories_url": format!("{address}/installation/repositories"),
        "html_url": format!("{address}/organizations/{account}/settings/installations/{id}"),
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": 1,
        "target_type": "Organization",
        "permissions": app.permissions,
        "events": app.events,
        "repository_selection": "all",
        "single_file_name": null,
        "suspended_at": null,
        "suspended_by": null,
        "created_at": CREATED,
        "updated_at": CREATED,
    }))
}

pub(super) fn view(app: &RegisteredApp, address: &str) -> Value {
    json!({
        "id": app.id,
        "slug": app.slug,
        "node_id": "A_kwDOAAAAAA",
        "client_id": format!("Iv23li{}", app.id),
        "owner": account_view(&app.owner, address),
        "name": app.name,
        "description": "",
        "external_url": "https://github.com",
        "html_url": format!("{address}/apps/{}", app.slug),
        "created_at": CREATED,
        "updated_at": CREATED,
        "permissions": app.permissions,
        "events": app.events,
        "installations_count": u8::from(app.installation.is_some()),
    })
}

fn account_view(login: &str, address: &str) -> Value {
    let api = format!("{address}/users/{login}");
    json!({
        "login": login,
        "id": 1,
        "node_id": "O_kgDOAAAAAQ",
        "avatar_url": format!("{address}/avatar"),
        "gravatar_id": "",
        "url": api,
        "html_url": format!("{address}/{login}"),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following"),
        "gists_url": format!("{api}/gists"),
        "starred_url": format!("{api}/starred"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events"),
        "received_events_url": format!("{api}/received_events"),
        "type": "Organization",
        "site_admin": false,
    })
}

/// Where its webhooks go.
pub(super) fn hook(app: &RegisteredApp) -> Value {
    json!({ "url": app.hook_url, "content_type": "json", "insecure_ssl": "0", "secret": "********" })
}
