//! What the fleet's GitHub App may do and hears of, as GitHub's manifest has it (GitHub docs, "Registering a GitHub App
//! from a manifest").

use std::collections::BTreeMap;

use fleetfoot_github::{WEBHOOK_EVENTS, Wishes, needed_permissions};
use fleetfoot_model::config::Target;
use serde_json::{Value, json};
use url::Url;

use crate::failure::Failure;

/// The longest name that GitHub takes.
const LONGEST_NAME: usize = 34;
/// Where webhooks go before the fleet has an address. A manifest has to name one, and whether an App's webhook is active
/// cannot be changed by the API later; RFC 2606 keeps this name free for ever.
const NOWHERE: &str = "https://fleetfoot.invalid/webhook";
/// What the App's page links to.
const HOME: &str = "https://docs.github.com/actions/hosting-your-own-runners";

/// What GitHub is asked for.
fn permissions(target: &Target, wishes: Wishes) -> BTreeMap<&'static str, &'static str> {
    needed_permissions(target, wishes).iter().map(|it| (it.name, it.level)).collect()
}

/// The manifest. The browser comes back to `redirect`.
pub(crate) fn manifest(
    name: &str,
    target: &Target,
    wishes: Wishes,
    webhook: Option<&str>,
    redirect: &str,
) -> Value {
    json!({
        "name": name,
        "url": HOME,
        "description": "Lets Fleetfoot register runners, and hear of jobs.",
        "public": false,
        "redirect_url": redirect,
        "hook_attributes": { "url": webhook.unwrap_or(NOWHERE), "active": true },
        "default_permissions": permissions(target, wishes),
        "default_events": WEBHOOK_EVENTS,
    })
}

/// Where webhooks go of a fleet that takes none any more.
pub(crate) fn nowhere() -> &'static str {
    NOWHERE
}

/// What an App is called unless somebody says otherwise; names are unique over all of GitHub.
pub(crate) fn app_name(fleet: &str, owner: &str) -> String {
    let name =
        if fleet == "ff" { format!("fleetfoot-{owner}") } else { format!("fleetfoot-{fleet}-{owner}") };
    name.chars().take(LONGEST_NAME).collect()
}

/// The pages that belong to an API's address: those of github.com, of an enterprise's own domain, or of a server.
pub(crate) fn web_of(api: &str) -> Result<Url, Failure> {
    let mistaken = || {
        Failure::new(format!("{api:?} is no address of GitHub's API"))
            .hint("https://api.github.com, or https://HOST/api/v3 of a GitHub Enterprise Server")
    };
    let mut url = Url::parse(api).map_err(|_| mistaken())?;
    let host = url.host_str().ok_or_else(mistaken)?.to_owned();
    if !matches!(url.scheme(), "http" | "https") {
        return Err(mistaken());
    }
    let own = host.strip_prefix("api.").filter(|it| *it == "github.com" || it.ends_with(".ghe.com"));
    if let Some(host) = own {
        url.set_host(Some(host)).map_err(|_| mistaken())?;
    }
    url.set_path("/");
    url.set_query(None);
    Ok(url)
}

/// The page where a person makes an App of a manifest, for an organization or for themselves.
pub(crate) fn creation_page(web: &Url, organization: Option<&str>) -> String {
    settings_page(web, organization, "new")
}

/// The page where a person makes keys for an App, or deletes it.
pub(crate) fn settings_page(web: &Url, organization: Option<&str>, slug: &str) -> String {
    match organization {
        Some(organization) => format!("{web}organizations/{organization}/settings/apps/{slug}"),
        None => format!("{web}settings/apps/{slug}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization() -> Target {
        Target::Organization("acme".parse().unwrap())
    }

    fn repositories() -> Target {
        Target::Repositories(vec!["acme/app".parse().unwrap()])
    }

    #[test]
    fn an_app_asks_for_what_the_fleet_needs_and_no_more() {
        let asked = |target, reruns, check_runs| {
            serde_json::to_string(&permissions(target, Wishes { reruns, check_runs })).unwrap()
        };
        let (organization, wishes) = (organization(), Wishes::default());
        assert_eq!(
            asked(&organization, false, false),
            r#"{"actions":"read","organization_self_hosted_runners":"write"}"#
        );
        assert_eq!(
            asked(&organization, false, true),
            r#"{"actions":"read","checks":"write","organization_self_hosted_runners":"write"}"#
        );
        assert_eq!(asked(&repositories(), true, false), r#"{"actions":"write","administration":"write"}"#);
        let manifest = manifest("fleetfoot-acme", &organization, wishes, None, "http://127.0.0.1:1/callback");
        assert_eq!(manifest["public"], false);
        assert_eq!(manifest["default_events"], json!(["workflow_job", "workflow_run"]));
        assert_eq!(manifest["hook_attributes"]["url"], NOWHERE);
    }

    #[test]
    fn pages_follow_from_the_address_of_the_api() {
        for (api, web) in [
            ("https://api.github.com", "https://github.com/"),
            ("https://api.acme.ghe.com", "https://acme.ghe.com/"),
            ("https://github.example/api/v3", "https://github.example/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("https://api.example.com", "https://api.example.com/"),
        ] {
            assert_eq!(web_of(api).unwrap().as_str(), web);
        }
        for api in ["", "github.com", "file:///etc/passwd"] {
            assert!(web_of(api).is_err(), "{api:?}");
        }
    }

    #[test]
    fn names_fit() {
        assert_eq!(app_name("ff", "acme"), "fleetfoot-acme");
        assert_eq!(app_name("lab", &"a".repeat(39)).len(), LONGEST_NAME);
    }
}
