use fleetfoot_github::Permissions;

use super::*;
use crate::doctor::finding::Severity;
use crate::doctor::testing::config;

const REPOSITORIES: &str = "github.organization\ngithub.repositories = [\"acme/app\", \"acme/web\"]\n";

fn granted(list: &[(&str, &str)]) -> Permissions {
    list.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect()
}

fn app(change: impl FnOnce(&mut App)) -> App {
    let owner = fleetfoot_github::Account { login: "acme".to_owned(), kind: "Organization".to_owned() };
    let mut app = App {
        id: 1,
        html_url: "https://github.com/apps/fleet".to_owned(),
        slug: "fleet".to_owned(),
        owner,
        permissions: granted(&[
            ("organization_self_hosted_runners", "write"),
            ("actions", "read"),
            ("administration", "write"),
        ]),
        events: ["workflow_job", "workflow_run"].map(str::to_owned).to_vec(),
    };
    change(&mut app);
    app
}

fn installation(change: impl FnOnce(&mut Installation)) -> Installation {
    let App { owner, permissions, events, .. } = app(|_| {});
    let mut installation = Installation {
        id: 42,
        account: owner,
        html_url: "https://github.com/organizations/acme/settings/installations/42".to_owned(),
        repository_selection: "all".to_owned(),
        permissions,
        events,
        suspended_at: None,
    };
    change(&mut installation);
    installation
}

/// What is not well, with its remedy.
fn faults(
    text: &str,
    app: &App,
    installation: &Installation,
    visible: Option<&[String]>,
) -> Vec<(String, String)> {
    let found = judge(&config(text), app, installation, visible);
    assert!(
        found.iter().any(|it| it.check == PERMISSIONS) && found.iter().any(|it| it.check == INSTALLATION)
    );
    let bad = found.into_iter().filter(|it| it.severity != Severity::Ok);
    bad.map(|it| (it.what, it.hint.unwrap())).collect()
}

#[test]
fn what_an_app_needs_follows_from_the_configuration() {
    assert_eq!(faults("", &app(|_| {}), &installation(|_| {}), None), []);
    let rerun = "[recovery]\nrerun_interrupted = true\n";
    let read_only = faults(rerun, &app(|_| {}), &installation(|_| {}), None);
    assert_eq!(
        read_only,
        [(
            "the App fleet lacks the permission Repository: Actions: write".to_owned(),
            "grant it at https://github.com/organizations/acme/settings/apps/fleet/permissions, then accept it at \
             https://github.com/organizations/acme/settings/installations/42"
                .to_owned()
        )]
    );
    let checks = "[notify]\ncheck_runs = true\n";
    let lacking = faults(checks, &app(|_| {}), &installation(|_| {}), None);
    assert_eq!(lacking.len(), 1);
    assert_eq!(lacking[0].0, "the App fleet lacks the permission Repository: Checks: write");
    let asking = app(|it| drop(it.permissions.insert("checks".to_owned(), "write".to_owned())));
    let unheard = faults(checks, &asking, &installation(|_| {}), None);
    assert_eq!(unheard[0].0, "acme has not accepted the App's permission Repository: Checks: write");
    let none = app(|it| it.permissions.clear());
    assert!(faults(REPOSITORIES, &none, &installation(|_| {}), None)[0].0.contains("Administration: write"));
    let mine = app(|it| {
        "User".clone_into(&mut it.owner.kind);
        it.permissions.clear();
    });
    assert!(
        faults("", &mine, &installation(|_| {}), None)[0]
            .1
            .contains("https://github.com/settings/apps/fleet/permissions")
    );
}

#[test]
fn what_the_app_may_and_its_installation_has_not_accepted_is_told_to_its_owner() {
    let old = installation(|it| {
        it.permissions.insert("organization_self_hosted_runners".to_owned(), "read".to_owned());
        it.events.clear();
    });
    let told: Vec<_> = faults("", &app(|_| {}), &old, None).into_iter().map(|(what, _)| what).collect();
    assert_eq!(
        told,
        [
            "acme has not accepted the App's permission Organization: Self-hosted runners: write",
            "the App's webhook does not tell of workflow_job: no job is heard of",
            "the App's webhook does not tell of workflow_run: GitHub is asked instead where code comes from",
        ]
    );
}

#[test]
fn what_it_is_installed_on_is_compared_with_what_is_served() {
    let suspended = installation(|it| it.suspended_at = Some("2026-11-01T00:00:00Z".parse().unwrap()));
    assert!(faults("", &app(|_| {}), &suspended, None)[0].0.contains("is suspended since"));
    let elsewhere = installation(|it| "other".clone_into(&mut it.account.login));
    assert!(
        faults("", &app(|_| {}), &elsewhere, None)[0]
            .0
            .contains("installed on other, and the fleet serves acme")
    );
    let one = ["acme/app".to_owned()];
    let selected = installation(|it| "selected".clone_into(&mut it.repository_selection));
    assert_eq!(
        faults(REPOSITORIES, &app(|_| {}), &selected, Some(&one))[0].0,
        "the App is not installed on acme/web"
    );
    assert_eq!(faults(REPOSITORIES, &app(|_| {}), &installation(|_| {}), None), []);
}
