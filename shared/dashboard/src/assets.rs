//! The files of the page, in this program.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

macro_rules! assets {
    ($($path:literal => $kind:literal, $file:literal;)*) => {
        const ASSETS: &[(&str, &str, &str)] = &[$(($path, $kind, include_str!(concat!("page/", $file)))),*];
    };
}

assets! {
    "/" => "text/html; charset=utf-8", "index.html";
    "/icon.svg" => "image/svg+xml", "icon.svg";
    "/page.css" => "text/css; charset=utf-8", "page.css";
    "/parts.css" => "text/css; charset=utf-8", "parts.css";
    "/main.js" => "text/javascript; charset=utf-8", "main.js";
    "/dom.js" => "text/javascript; charset=utf-8", "dom.js";
    "/fleet.js" => "text/javascript; charset=utf-8", "fleet.js";
    "/job.js" => "text/javascript; charset=utf-8", "job.js";
    "/jobs.js" => "text/javascript; charset=utf-8", "jobs.js";
    "/keys.js" => "text/javascript; charset=utf-8", "keys.js";
    "/live.js" => "text/javascript; charset=utf-8", "live.js";
    "/panels.js" => "text/javascript; charset=utf-8", "panels.js";
    "/text.js" => "text/javascript; charset=utf-8", "text.js";
}

pub(crate) fn router() -> Router {
    ASSETS.iter().fold(Router::new(), |router, &(path, kind, text)| {
        // A newer program brings another page: nothing of the old one is to be kept.
        let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")];
        router.route(path, get(move || async move { (headers, text).into_response() }))
    })
}
