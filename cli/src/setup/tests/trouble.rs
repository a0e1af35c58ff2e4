//! What goes wrong, and how it goes on.

use std::time::Duration;

use fleetfoot_model::config::{Credentials, Target};
use fleetfoot_model::ports::GitHubError;

use super::person::{Browser, Person, attribute, client};
use super::{KEY, World, mark, mode};
use crate::setup::kind_of;
use crate::setup::page::Page;

const LINE: &str = "--organization acme";

#[tokio::test]
async fn anothers_return_is_refused_and_the_right_one_still_works() {
    let world = World::new().await;
    let person = Person::with(Browser::Meddled);
    let told = world.done(LINE, &person).await;
    let seen = person.seen();
    assert_eq!(seen[0].0, 400, "another's state: {seen:?}");
    assert_eq!(seen[1].0, 502, "a code that GitHub does not know: {seen:?}");
    assert!(told.contains("good once, and for an hour"), "{told}");
    assert_eq!(seen[2].0, 303, "{seen:?}");
    let Credentials::App { id, .. } = world.config().github.credentials else { panic!() };
    assert_eq!(world.github().app(id).unwrap().slug, "again-acme");
}

#[tokio::test]
async fn a_return_is_good_once() {
    let world = World::new().await;
    let person = Person::with(Browser::Twice);
    world.done(LINE, &person).await;
    let mut statuses: Vec<_> = person.seen().into_iter().map(|(status, _)| status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400]);
}

#[tokio::test]
async fn the_page_is_for_this_machines_browser_only() {
    let page = Page::serve("https://github.com/settings/apps/new".to_owned(), |redirect| {
        serde_json::json!({ "name": "<script>\"&'", "redirect_url": redirect, "default_permissions": {} })
    })
    .await
    .unwrap();
    let answer = client().get(&page.address).header("host", "attacker.example").send().await.unwrap();
    assert_eq!(answer.status(), 421);
    let answer = client().get(&page.address).send().await.unwrap();
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let text = answer.text().await.unwrap();
    assert!(!text.contains("<script>"), "{text}");
    let manifest: serde_json::Value = serde_json::from_str(&attribute(&text, "value")).unwrap();
    assert_eq!(manifest["name"], "<script>\"&'");
    assert_eq!(manifest["redirect_url"], format!("{}callback", page.address));
    let action = attribute(&text, "action");
    let state = action.strip_prefix("https://github.com/settings/apps/new?state=").unwrap();
    assert_eq!(state.len(), 64, "256 bits");
    let other = client().get(&page.address).send().await.unwrap().text().await.unwrap();
    assert_ne!(attribute(&other, "action"), action, "each form has its own");
}

#[tokio::test]
async fn a_name_that_is_taken_is_changed_at_github() {
    let world = World::new().await;
    world.done(LINE, &Person::with(Browser::Renames)).await;
    assert_eq!(world.app().slug, "acme-s-own");
    assert!(world.read("state/setup.json").contains("acme-s-own"));
}

/// Dying between conversion and storing looks the same to the next run: the App is known, its key is not there.
#[tokio::test]
async fn a_key_that_cannot_be_stored_is_not_lost_silently() {
    let world = World::new().await;
    world.write("secrets/note", "");
    std::os::unix::fs::symlink("nowhere", world.path("secrets/app.pem")).unwrap();
    let failure = world.failed(LINE, &Person::willing()).await;
    assert_eq!(failure.what, "the App fleetfoot-acme was made, and its key could not be stored");
    let id = world.app().id;
    let hint = failure.hint.unwrap();
    let page = format!("{}/organizations/acme/settings/apps/fleetfoot-acme", world.address);
    assert!(hint.contains(&page) && hint.contains(&format!("--app-id {id} --private-key FILE")), "{hint}");
    assert!(!format!("{:?}{hint}", failure.causes).contains("PRIVATE KEY"));

    std::fs::remove_file(world.path("secrets/app.pem")).unwrap();
    let again = world.failed(LINE, &Person::away()).await;
    assert!(again.what.contains(&format!("the App {id} is there, but not its key")), "{again:?}");

    world.write("downloaded.pem", KEY);
    let file = world.path("downloaded.pem");
    let told = world
        .done(&format!("{LINE} --app-id {id} --private-key {}", file.display()), &Person::willing())
        .await;
    assert_eq!(mark(&told, "GitHub App"), '+');
    assert_eq!(world.read("secrets/app.pem").trim(), KEY.trim());
    assert_eq!(world.app().id, id);
}

#[tokio::test]
async fn an_app_of_another_owner_is_refused_and_its_key_not_kept() {
    let world = World::new().await;
    let failure = world.failed(LINE, &Person::with(Browser::Astray)).await;
    assert_eq!(failure.what, "the App fleetfoot-acme was made for other, and not for acme");
    let page = format!("{}/organizations/other/settings/apps/fleetfoot-acme", world.address);
    assert!(failure.hint.unwrap().contains(&page));
    assert!(!world.path("secrets/app.pem").exists());
    let id = world.app().id;
    world.github().delete_app(id);
    world.done(LINE, &Person::willing()).await;
    assert_eq!(world.app().owner, "acme");
}

/// Whoever repeats the line that made another App, as a failure told them to, gets no third.
#[tokio::test]
async fn another_app_is_made_once_however_often_its_line_is_repeated() {
    let mut world = World::new().await;
    world.done(LINE, &Person::willing()).await;
    let first = world.app().id;
    let line = format!("{LINE} --new-app --app-name another");
    world.patience.installation = Duration::from_millis(100);
    world.failed(&line, &Person::with(Browser::Forgetful)).await;
    assert_eq!(world.github().registered_apps().count(), 2);
    world.github().install_app("another", None).unwrap();
    let told = world.done(&line, &Person::away()).await;
    assert_eq!((mark(&told, "GitHub App"), world.github().registered_apps().count()), ('=', 2), "{told}");
    let Credentials::App { id, .. } = world.config().github.credentials else { panic!() };
    assert_ne!(id, first);
    // That run came to its end: who asks for another now wants another.
    world.patience = super::PATIENCE;
    let line = format!("{LINE} --new-app --app-name third");
    world.done(&line, &Person::willing()).await;
    assert_eq!(world.github().registered_apps().count(), 3);
}

/// Without the flag, too, the App whose key was stored last is the one, whatever `fleet.toml` says yet.
#[tokio::test]
async fn a_run_goes_on_with_the_app_that_the_last_one_made() {
    let mut world = World::new().await;
    world.done(LINE, &Person::willing()).await;
    world.patience.installation = Duration::from_millis(100);
    let line = format!("{LINE} --new-app --app-name another");
    world.failed(&line, &Person::with(Browser::Forgetful)).await;
    let id = world.github().install_app("another", None).unwrap();
    world.done(LINE, &Person::away()).await;
    let Credentials::App { installation, .. } = world.config().github.credentials else { panic!() };
    assert_eq!(installation, id);
}

#[tokio::test]
async fn an_app_of_another_owner_is_told_before_it_is_waited_for() {
    let mut world = World::new().await;
    world.done(LINE, &Person::willing()).await;
    world.patience.installation = Duration::from_millis(100);
    let person = Person::away();
    world.failed("--organization other", &person).await;
    let told = person.heard();
    assert!(told.contains("belongs to acme: other can only install it if it is public"), "{told}");
}

#[tokio::test]
async fn a_run_that_ended_in_the_browser_is_told_of() {
    let mut world = World::new().await;
    world.patience.browser = Duration::from_millis(50);
    let failure = world.failed(LINE, &Person::away()).await;
    assert!(failure.what.contains("no browser has come back"), "{failure:?}");
    world.patience = super::PATIENCE;
    let told = world.done(LINE, &Person::willing()).await;
    assert!(
        told.contains("an earlier run ended while a browser was making the App fleetfoot-acme"),
        "{told}"
    );
}

#[tokio::test]
async fn a_missing_installation_is_waited_for_and_then_gone_on_with() {
    let mut world = World::new().await;
    world.patience.installation = Duration::from_millis(100);
    let failure = world.failed(LINE, &Person::with(Browser::Forgetful)).await;
    assert_eq!(failure.what, "the App is not installed on acme yet");
    assert!(failure.hint.unwrap().contains("/apps/fleetfoot-acme/installations/new"));
    assert!(!world.path("fleet.toml").exists());
    let id = world.app().id;
    world.github().install_app("fleetfoot-acme", None).unwrap();
    let told = world.done(LINE, &Person::away()).await;
    assert_eq!((mark(&told, "GitHub App"), mark(&told, "installation")), ('=', '='), "{told}");
    assert_eq!(world.app().id, id);
}

#[tokio::test]
async fn an_app_that_was_deleted_is_told_and_another_takes_its_place() {
    let world = World::new().await;
    world.done(LINE, &Person::willing()).await;
    let old = world.app().id;
    world.github().delete_app(old);
    let failure = world.failed(LINE, &Person::away()).await;
    assert!(failure.hint.unwrap().contains("--new-app"), "{:?}", failure.what);
    // The stand-in numbers Apps by how many there are.
    world.done(&format!("{LINE} --new-app"), &Person::willing()).await;
    let Credentials::App { id, .. } = world.config().github.credentials else { panic!() };
    assert_eq!(id, world.app().id);
}

#[tokio::test]
async fn another_key_takes_the_place_of_the_kept_one_only_if_that_is_said() {
    let world = World::new().await;
    world.done(LINE, &Person::willing()).await;
    let id = world.app().id;
    world.write(
        "rotated.pem",
        include_str!("../../../../shared/github/tests/wire/keys/test-only-rotated-key.pem"),
    );
    let file = world.path("rotated.pem");
    let line = format!("{LINE} --app-id {id} --private-key {}", file.display());
    let failure = world.failed(&line, &Person::away()).await;
    assert!(failure.hint.unwrap().contains("--rotate"));
    assert_eq!(world.read("secrets/app.pem").trim(), KEY.trim());
    world.done(&format!("{line} --rotate"), &Person::away()).await;
    assert_eq!(world.read("secrets/app.pem"), world.read("rotated.pem").trim());
}

#[tokio::test]
async fn a_file_is_not_changed_against_somebodys_will() {
    let world = World::new().await;
    let before = "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:S\"]\n";
    world.write("fleet.toml", before);
    world.write("pat", "secret");
    let line = format!("{LINE} --token-file {}", world.path("pat").display());
    let unwilling = Person::unwilling();
    let failure = world.failed(&line, &unwilling).await;
    assert_eq!(
        failure.what,
        "fleet.toml was left as it is".replace("fleet.toml", &world.path("fleet.toml").display().to_string())
    );
    assert_eq!(world.read("fleet.toml"), before);
    let seen = anstream::adapter::strip_str(&unwilling.heard()).to_string();
    assert!(
        seen.contains("-token = \"env:T\"") && seen.contains("+token = \"file:secrets/token\""),
        "{seen}"
    );
}

#[tokio::test]
async fn a_file_keeps_its_permissions_and_a_link_leads_where_it_did() {
    let world = World::new().await;
    world.write(
        "kept/ours.toml",
        "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:S\"]\n",
    );
    let (file, link) = (world.path("kept/ours.toml"), world.path("fleet.toml"));
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    world.write("pat", "secret");
    world.done(&format!("{LINE} --token-file {}", world.path("pat").display()), &Person::away()).await;
    assert!(link.is_symlink() && world.read("kept/ours.toml").contains("file:secrets/token"));
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_never_written_over() {
    let world = World::new().await;
    world.write("fleet.toml", "[github\n");
    let failure = world.failed(LINE, &Person::away()).await;
    assert!(failure.what.contains("cannot be read"), "{failure:?}");
    assert_eq!(world.read("fleet.toml"), "[github\n");
}

#[test]
fn a_person_is_no_organization_and_a_silent_server_proves_nothing() {
    let person = Person::away();
    let organization = Target::Organization("octocat".parse().unwrap());
    let failure = kind_of(&organization, &person, Ok(false)).unwrap_err();
    assert_eq!(failure.what, "octocat is a person's account, and no organization");
    assert!(failure.hint.unwrap().contains("--repository octocat/NAME"));
    let repositories = Target::Repositories(vec!["octocat/app".parse().unwrap()]);
    assert_eq!(kind_of(&repositories, &person, Ok(false)), Ok(false));
    let locked = || Err(GitHubError::Unauthorized("sign in".to_owned()));
    assert_eq!(kind_of(&organization, &person, locked()), Ok(true));
    assert_eq!(person.heard(), "");
    let unseen = Err(GitHubError::NotFound("404".to_owned()));
    assert_eq!(kind_of(&organization, &person, unseen), Ok(true));
    assert!(person.heard().contains("no account octocat: is its name right?"), "{}", person.heard());
    let away = Err(GitHubError::Unavailable("connection refused".to_owned()));
    assert_eq!(kind_of(&organization, &person, away), Ok(true));
    assert!(
        person.heard().contains("who octocat is: GitHub unavailable: connection refused"),
        "{}",
        person.heard()
    );
}

#[tokio::test]
async fn whoever_cannot_be_asked_is_told_which_flags_answer() {
    let world = World::new().await;
    let failure = world.failed("", &Person::away()).await;
    assert!(failure.hint.unwrap().contains("--organization NAME"));
    assert!(!world.path("secrets").exists(), "nothing was begun");
}
