//! What goes well.

use clap::Parser as _;
use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_model::config::{Credentials, Target};

use super::person::Person;
use super::{KEY, World, mark, mode};
use crate::Cli;
use crate::arguments::DATABASE;

const WEBHOOK: &str = "https://runners.example.com/webhook";

#[tokio::test]
async fn a_fleet_is_set_up_from_nothing_and_a_second_run_finds_all_done() {
    let world = World::new().await;
    let line = format!("--organization acme --webhook-url {WEBHOOK}");
    let person = Person::willing();
    let told = world.done(&line, &person).await;
    for step in ["secret", "GitHub App", "installation", "fleet.toml", "webhook"] {
        assert_ne!(mark(&told, step), '!', "{step}: {told}");
    }
    let app = world.app();
    assert_eq!((app.slug.as_str(), app.owner.as_str(), app.public), ("fleetfoot-acme", "acme", false));
    let rights: Vec<_> = app.permissions.iter().map(|(name, level)| format!("{name}: {level}")).collect();
    assert_eq!(rights, ["actions: read", "organization_self_hosted_runners: write"]);
    assert_eq!(app.events, ["workflow_job", "workflow_run"]);
    assert_eq!((app.hook_url.as_str(), app.hook_active), (WEBHOOK, true));
    assert_eq!(app.hook_secret.expose(), world.read("secrets/webhook-secret"));
    assert_eq!(world.read("secrets/app.pem").trim(), KEY.trim());
    for folder in ["secrets", "state"] {
        assert_eq!(mode(&world.path(folder)), 0o700, "{folder}");
    }
    for file in ["secrets/app.pem", "secrets/webhook-secret"] {
        assert_eq!(mode(&world.path(file)), 0o600, "{file}");
    }
    let config = world.config();
    assert_eq!(config.github.target, Target::Organization("acme".parse().unwrap()));
    let installation = app.installation.unwrap().0;
    assert_eq!(
        config.github.credentials,
        Credentials::App { id: app.id, installation, key: "file:secrets/app.pem".parse().unwrap() }
    );
    assert!(person.seen().iter().any(|(status, to)| *status == 303 && to.ends_with("/installations/new")));

    let before = world.read("fleet.toml");
    let again = world.done(&line, &Person::away()).await;
    for step in ["secret", "GitHub App", "installation", "fleet.toml", "webhook"] {
        assert_eq!(mark(&again, step), '=', "{step}: {again}");
    }
    assert_eq!(world.read("fleet.toml"), before);
    assert_eq!(world.app().id, app.id, "no second App");
    let key = KEY.lines().nth(1).unwrap();
    for text in [&told, &again, &before, &world.read("state/setup.json")] {
        assert!(!text.contains(key) && !text.contains(app.hook_secret.expose()), "{text}");
    }
}

#[tokio::test]
async fn what_is_where_is_told_to_scripts() {
    let world = World::new().await;
    let line = format!("--organization acme --webhook-url {WEBHOOK} --json");
    let answer = world.run(&line, &Person::willing()).await.unwrap();
    let json: serde_json::Value = serde_json::from_str(&answer.data).unwrap();
    assert_eq!(json["fleet"], "ff");
    assert_eq!(json["stack"], serde_json::Value::Null);
    assert_eq!(json["app"]["slug"], "fleetfoot-acme");
    assert_eq!(json["secrets"][0], "file:secrets/app.pem");
    assert_eq!(json["webhook"], WEBHOOK);
    assert_eq!(json["steps"][0]["step"], "secret");
    assert_eq!(json["steps"][0]["state"], "done");
}

#[tokio::test]
async fn what_a_fleet_lacks_is_told_after_the_webhook_and_ends_nothing() {
    let world = World::new().await;
    let line = format!(
        "--organization acme --webhook-url {WEBHOOK} --url http://127.0.0.1:1 --runner-dir {}",
        world.path("runner").display()
    );
    let told = world.done(&line, &Person::willing()).await;
    assert_eq!(mark(&told, "doctor"), '-', "no `up` has made a fleet yet: {told}");
    SqliteLedger::open(&world.path("state").join(DATABASE)).unwrap();
    let told = world.done(&line, &Person::away()).await;
    assert_eq!((mark(&told, "doctor"), mark(&told, "test job")), ('!', '-'), "{told}");
    let told = anstream::adapter::strip_str(&told).to_string();
    for lack in ["health: http://127.0.0.1:1/health is not answered", "state: ", "runner-folder: "] {
        assert!(told.contains(&format!("error {lack}")), "{lack}: {told}");
    }
    assert!(told.contains("-> start `fleetfoot up`"), "each with what mends it: {told}");
    for well in ["configuration", "github", "permissions", "events", "installation", "runners"] {
        for word in ["error", "unknown"] {
            assert!(!told.contains(&format!("{word} {well}: ")), "{well}: {told}");
        }
    }
}

#[tokio::test]
async fn a_wrong_answer_is_asked_for_again_and_no_job_is_asked_for_that_nobody_would_run() {
    let world = World::new().await;
    let line = format!("--webhook-url {WEBHOOK}");
    let person = Person::answering(["hello world", "acme/", "acme"]);
    let told = world.done(&line, &person).await;
    assert_eq!(person.unasked(), 0);
    assert!(told.contains("\"hello world\" names neither an organization nor repositories"), "{told}");
    assert_eq!(world.config().github.target, Target::Organization("acme".parse().unwrap()));
    assert_eq!((mark(&told, "deployment"), mark(&told, "test job")), ('!', '-'), "{told}");
    assert!(told.contains("--runner-dir actions-runner` runs the fleet"), "it can be typed as it is: {told}");

    let up = std::fs::File::create(world.path("state/up.lock")).unwrap();
    up.lock().unwrap();
    let person = Person::answering(["nonsense", "-"]);
    let told = world.done(&line, &person).await;
    assert_eq!(person.unasked(), 0);
    assert!(told.contains("\"nonsense\" is no repository"), "{told}");
    assert_eq!((mark(&told, "deployment"), mark(&told, "test job")), ('=', '-'), "{told}");
}

#[test]
fn a_webhook_leads_to_the_path_that_is_answered() {
    for (address, is_taken) in [
        (WEBHOOK, true),
        ("http://127.0.0.1:8080/webhook", true),
        ("https://example.com/fleets/one/webhook", true),
        ("https://example.com", false),
        ("https://example.com/webhook/", false),
        ("https://example.com/webhook?token=1", false),
        ("example.com/webhook", false),
        ("file:///webhook", false),
    ] {
        let line = ["fleetfoot", "setup", "--local", "--webhook-url", address];
        assert_eq!(Cli::try_parse_from(line).is_ok(), is_taken, "{address}");
    }
}

#[tokio::test]
async fn repositories_with_an_app_need_the_right_to_administrate_them() {
    let world = World::new().await;
    world.done("--repository acme/app --repository acme/lib", &Person::willing()).await;
    assert_eq!(world.app().permissions["administration"], "write");
    let Target::Repositories(repositories) = world.config().github.target else { panic!() };
    assert_eq!(repositories.len(), 2);
    let failure = world.failed("--repository acme/app --repository other/lib", &Person::away()).await;
    assert!(failure.what.contains("no owner in common"), "{failure:?}");
}

#[tokio::test]
async fn a_token_is_kept_and_each_repository_gets_a_webhook() {
    let world = World::new().await;
    world.write("pat", "github_pat_secret\n");
    let file = world.path("pat");
    let line = format!(
        "--repository acme/app --repository other/lib --webhook-url {WEBHOOK} --token-file {}",
        file.display()
    );
    let told = world.done(&line, &Person::away()).await;
    assert_eq!(mark(&told, "token"), '+');
    assert_eq!(world.read("secrets/token"), "github_pat_secret");
    let config = world.config();
    assert_eq!(config.github.credentials, Credentials::Token("file:secrets/token".parse().unwrap()));
    for scope in config.github.target.scopes() {
        assert_eq!(world.github().hook_url(&scope), Some(WEBHOOK), "{scope}");
    }
    std::fs::remove_file(file).unwrap();
    let again = world.done(&format!("--webhook-url {WEBHOOK}"), &Person::away()).await;
    assert_eq!((mark(&again, "token"), mark(&again, "webhook")), ('=', '='), "{again}");
    assert!(!told.contains("github_pat_secret") && !again.contains("github_pat_secret"));
}

#[tokio::test]
async fn a_rotated_secret_leaves_the_old_one_good_for_what_is_on_its_way() {
    let world = World::new().await;
    let line = format!("--organization acme --webhook-url {WEBHOOK}");
    world.done(&line, &Person::willing()).await;
    let old = world.read("secrets/webhook-secret");
    world.done(&format!("{line} --rotate"), &Person::away()).await;
    let new = world.read("secrets/webhook-secret");
    assert_ne!(old, new);
    assert_eq!(world.read("secrets/webhook-secret-previous"), old);
    assert_eq!(world.app().hook_secret.expose(), new);
    let references: Vec<_> = world.config().github.webhook_secrets.iter().map(ToString::to_string).collect();
    assert_eq!(references, ["file:secrets/webhook-secret", "file:secrets/webhook-secret-previous"]);
}

/// The fleet takes what GitHub signs with at every moment, wherever a run ends.
#[tokio::test]
async fn a_secret_is_renewed_only_where_github_can_be_told() {
    let world = World::new().await;
    let line = format!("--organization acme --webhook-url {WEBHOOK}");
    world.done(&line, &Person::willing()).await;
    let old = world.read("secrets/webhook-secret");
    let told = world.done("--organization acme --rotate", &Person::away()).await;
    assert_eq!(mark(&told, "webhook"), '!', "no address, so GitHub is told nothing: {told}");
    assert_eq!(world.read("secrets/webhook-secret"), old);
    // A run that ended between storing and telling: GitHub signs with the previous one still.
    world.write("secrets/webhook-secret", "never told to GitHub");
    world.done(&format!("{line} --rotate"), &Person::away()).await;
    assert_eq!(world.read("secrets/webhook-secret-previous"), old);
    assert_eq!(world.app().hook_secret.expose(), world.read("secrets/webhook-secret"));
    let new = world.read("secrets/webhook-secret");
    world.done(&format!("{line} --rotate"), &Person::away()).await;
    assert_eq!(world.read("secrets/webhook-secret-previous"), new, "that one was told");
}

#[tokio::test]
async fn a_file_that_is_there_keeps_its_comments_and_all_else() {
    let world = World::new().await;
    world.write(
        "fleet.toml",
        "# ours\n[github] # where\norganization = \"acme\" # the company\ntoken = \"env:T\"\n\
         webhook_secrets = [\"env:S\"]\n\n[limits]\nrunners = 3 # enough\n",
    );
    world.done("--app-name any --new-app --class large=4096,8192", &Person::willing()).await;
    let text = world.read("fleet.toml");
    for kept in ["# ours\n", "[github] # where", "\"acme\" # the company", "runners = 3 # enough"] {
        assert!(text.contains(kept), "{kept:?} is not in {text}");
    }
    assert!(!text.contains("token") && text.contains("[classes.large]"), "{text}");
    assert_eq!(world.config().limits.runners, 3);
}

#[tokio::test]
async fn the_example_that_comes_with_a_checkout_is_nobodys_fleet() {
    let world = World::new().await;
    world.write("fleet.toml", super::super::files::EXAMPLE);
    let failure = world.failed("", &Person::away()).await;
    assert!(failure.what.contains("whose jobs"), "{failure:?}");
    let line = "--organization other";
    world.done(line, &Person::willing()).await;
    let text = world.read("fleet.toml");
    assert!(!text.contains("office") && text.contains("organization = \"other\""), "{text}");
}

#[tokio::test]
async fn taking_down_removes_the_secrets_and_says_what_only_a_person_can_do() {
    let world = World::new().await;
    world.done("--organization acme", &Person::willing()).await;
    let unwilling = Person::unwilling();
    world.done("--tear-down", &unwilling).await;
    assert!(world.path("secrets/app.pem").exists());
    let told = world.done("--tear-down", &Person::away()).await;
    assert!(!world.path("secrets/app.pem").exists() && !world.path("secrets/webhook-secret").exists());
    assert!(told.contains("/organizations/acme/settings/apps/fleetfoot-acme"), "{told}");
    world.done("--tear-down", &Person::away()).await;
}
