//! Webhooks and their deliveries: the App's, an organization's, a repository's.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use fleetfoot_model::ids::DeliveryId;
use fleetfoot_model::ports::{GitHubError, Hook};
use serde::Deserialize;
use serde_json::json;

use super::Filter;
use crate::github::HOOK_ID;
use crate::github_http::answer::{Answer, body};
use crate::github_http::place::Place;
use crate::github_http::{Face, view};

pub(super) async fn hooks(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        let hook = place.hook(HOOK_ID);
        let there = github.has_hook(now, &hook)?;
        let target = github.hook_url(&place.scope).unwrap_or(&face.webhook_url);
        let hooks: Vec<_> = there.then(|| hook_view(&face, &place, target)).into_iter().collect();
        Ok(body(StatusCode::OK, json!(hooks)))
    })
}

fn hook_view(face: &Face, place: &Place, target: &str) -> serde_json::Value {
    let url = format!("{}/{}/hooks/{HOOK_ID}", face.address, place.path());
    view::hook(&place.hook(HOOK_ID), &url, target)
}

#[derive(Deserialize)]
pub(super) struct WantedHook {
    config: WantedTarget,
}

#[derive(Deserialize)]
struct WantedTarget {
    url: String,
    secret: String,
}

pub(super) async fn add_hook(
    State(face): State<Face>,
    place: Place,
    Json(WantedHook { config }): Json<WantedHook>,
) -> Response {
    face.answer(|github, now| {
        github.set_hook(now, &place.scope, &config.url, &config.secret)?;
        Ok(body(StatusCode::CREATED, hook_view(&face, &place, &config.url)))
    })
}

pub(super) async fn change_hook(
    State(face): State<Face>,
    place: Place,
    Json(WantedHook { config }): Json<WantedHook>,
) -> Response {
    face.answer(|github, now| {
        if !github.has_hook(now, &place.hook(place.id("hook")?))? {
            return Err(GitHubError::NotFound("webhook".to_owned()));
        }
        github.set_hook(now, &place.scope, &config.url, &config.secret)?;
        Ok(body(StatusCode::OK, hook_view(&face, &place, &config.url)))
    })
}

pub(super) async fn of_app(State(face): State<Face>, Query(filter): Query<Filter>) -> Response {
    list(&face, "app/hook/deliveries", &filter, || Ok(Hook::App))
}

pub(super) async fn of_hook(
    State(face): State<Face>,
    place: Place,
    Query(filter): Query<Filter>,
) -> Response {
    let path = format!("{}/hooks/{HOOK_ID}/deliveries", place.path());
    list(&face, &path, &filter, || place.id("hook").map(|id| place.hook(id)))
}

pub(super) async fn again_of_app(State(face): State<Face>, Path(delivery): Path<u64>) -> Response {
    again(&face, || Ok((Hook::App, delivery)))
}

pub(super) async fn again_of_hook(State(face): State<Face>, place: Place) -> Response {
    again(&face, || Ok((place.hook(place.id("hook")?), place.id("delivery")?)))
}

type Found<T> = Result<T, GitHubError>;

fn list(face: &Face, path: &str, filter: &Filter, hook: impl FnOnce() -> Found<Hook>) -> Response {
    face.answer(|github, now| {
        // A cursor points behind the last delivery of the page before.
        let cursor = filter.cursor.as_deref().and_then(|text| text.strip_prefix("v1_"));
        let before = cursor.and_then(|text| text.parse().ok()).map(DeliveryId);
        let mut page = github.list_deliveries(now, &hook()?, before, filter.size())?;
        let last = page.items.last().filter(|_| page.items.len() == filter.size());
        let next = last.map(|last| format!("cursor=v1_{}", last.delivery.id));
        match filter.status.as_deref() {
            Some("failure") => page.items.retain(|it| !it.delivery.succeeded),
            Some("success") => page.items.retain(|it| it.delivery.succeeded),
            _ => {}
        }
        let listed: Vec<_> = page.items.iter().map(view::delivery).collect();
        Ok(filter.link(face, path, next, body(StatusCode::OK, json!(listed))))
    })
}

fn again(face: &Face, named: impl FnOnce() -> Found<(Hook, u64)>) -> Response {
    face.answer(|github, now| -> Answer {
        let (hook, delivery) = named()?;
        github.redeliver(now, &hook, DeliveryId(delivery))?;
        Ok(body(StatusCode::ACCEPTED, json!({})))
    })
}
