//! The part of GitHub's own description of its API that the fleet uses.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Where npm puts the whole description (13 MB; a proxy that has to read all of it starts slowly).
const WHOLE: &str = "node_modules/@octokit/openapi/generated/api.github.com.json";

/// What is asked of an App.
const OF_AN_APP: [(&str, &str); 9] = [
    ("get", "/users/{username}"),
    ("post", "/app-manifests/{code}/conversions"),
    ("get", "/app"),
    ("get", "/app/installations"),
    ("get", "/app/hook/config"),
    ("patch", "/app/hook/config"),
    ("post", "/app/installations/{installation_id}/access_tokens"),
    ("get", "/app/hook/deliveries"),
    ("post", "/app/hook/deliveries/{delivery_id}/attempts"),
];

/// What only `fleetfoot doctor` asks.
const OF_A_DOCTOR: [(&str, &str); 4] = [
    ("get", "/app/installations/{installation_id}"),
    ("get", "/meta"),
    ("get", "/orgs/{org}/actions/runner-groups/{runner_group_id}"),
    ("get", "/rate_limit"),
];

/// What is asked of an organization or of a repository.
const OF_AN_OWNER: [(&str, &str); 6] = [
    ("post", "/actions/runners/generate-jitconfig"),
    ("get", "/actions/runners"),
    ("delete", "/actions/runners/{runner_id}"),
    ("get", "/hooks"),
    ("get", "/hooks/{hook_id}/deliveries"),
    ("post", "/hooks/{hook_id}/deliveries/{delivery_id}/attempts"),
];

/// What is asked of a repository only.
const OF_A_REPOSITORY: [(&str, &str); 4] = [
    ("get", "/actions/jobs/{job_id}"),
    ("get", "/actions/runs"),
    ("get", "/actions/runs/{run_id}"),
    ("get", "/actions/runs/{run_id}/jobs"),
];

/// Writes the part beside the packages of npm, unless it is there, and answers its path.
pub(crate) fn description(packages: &Path) -> PathBuf {
    let part = packages.join("github.json");
    let whole = packages.join(WHOLE);
    let written = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    // This program says which part it is.
    let program = std::env::current_exe().expect("a test has a binary");
    if written(&part) < written(&whole).max(written(&program)) {
        let text = fs::read(&whole).expect("npm has installed GitHub's description");
        let whole: Value = serde_json::from_slice(&text).expect("GitHub's description is JSON");
        fs::write(&part, slice(&whole).to_string()).expect("the part can be written");
    }
    part
}

fn slice(whole: &Value) -> Value {
    let mut paths = Map::new();
    let organization = OF_AN_OWNER.map(|(method, path)| (method, format!("/orgs/{{org}}{path}")));
    let of_a_repository = OF_AN_OWNER.into_iter().chain(OF_A_REPOSITORY);
    let repository =
        of_a_repository.map(|(method, path)| (method, format!("/repos/{{owner}}/{{repo}}{path}")));
    let whole_paths = OF_AN_APP.into_iter().chain(OF_A_DOCTOR);
    let app = whole_paths.map(|(method, path)| (method, path.to_owned()));
    for (method, path) in app.chain(organization).chain(repository) {
        let described = &whole["paths"][&path][method];
        assert!(described.is_object(), "GitHub's description has no {method} {path}");
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method] = described.clone();
    }
    let mut part = json!({ "openapi": whole["openapi"], "info": whole["info"], "paths": paths });
    let mut wanted = references(&part["paths"]);
    let mut seen = BTreeSet::new();
    while let Some(reference) = wanted.pop() {
        if seen.insert(reference.clone()) {
            let component = &whole[&reference[0]][&reference[1]][&reference[2]];
            assert!(!component.is_null(), "GitHub's description lacks {reference:?}");
            part[&reference[0]][&reference[1]][&reference[2]] = component.clone();
            wanted.extend(references(component));
        }
    }
    mend_account(&mut part);
    part
}

/// An App is installed on a user or on an enterprise: GitHub's own description says `anyOf`, and npm's copy of it `allOf`.
fn mend_account(part: &mut Value) {
    const INSTALLATION: &str =
        "/paths/~1app~1installations/get/responses/200/content/application~1json/schema/items";
    let account = part.pointer_mut(&format!("{INSTALLATION}/properties/account"));
    let account = account.and_then(Value::as_object_mut).expect("an installation has an account");
    let either = account.remove("allOf").expect("npm's copy has the mistake still");
    account.insert("anyOf".to_owned(), either);
}

/// Every `#/components/<kind>/<name>` in a value.
fn references(value: &Value) -> Vec<Vec<String>> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|it| it.strip_prefix("#/"));
            let own = own.map(|it| it.split('/').map(str::to_owned).collect());
            fields.values().flat_map(references).chain(own).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
