//! What `fleet.toml` may say, and what is answered to what it may not say.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::{Config, Credentials, SlackConfig, Target, load};
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::SecretReference;
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../../fleet.toml");
const LEAST: &str = r#"
[github]
organization = "acme"
token = "env:GITHUB_TOKEN"
webhook_secrets = ["env:WEBHOOK_SECRET"]
"#;

fn with(rest: &str) -> Config {
    load("fleet.toml", &format!("{LEAST}{rest}")).unwrap_or_else(|error| panic!("{error}"))
}

fn mistakes_in(text: &str) -> Vec<String> {
    let error = load("fleet.toml", text).err().unwrap_or_else(|| panic!("this was accepted:\n{text}"));
    error.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_example_is_valid_and_says_what_it_seems_to_say() {
    let config = load("fleet.toml", EXAMPLE).unwrap_or_else(|error| panic!("{error}"));
    let app = Credentials::App { id: 1, installation: 42, key: SecretReference::File("app.pem".to_owned()) };
    assert_eq!(config.github.credentials, app);
    assert_eq!(config.github.target, Target::Organization("acme".parse().unwrap()));
    assert_eq!(config.labels.default_class.as_str(), "small");
    assert_eq!(config.classes.len(), 1);
    assert_eq!(config.limits.runners_per_repository, Some(5));
    assert_eq!(config.pools[0].name.as_str(), "office");
    assert_eq!(config.pools[0].spec.cpu, 512);
    assert_eq!(config.pools[0].scope, Scope::Organization("acme".parse().unwrap()));
    assert!(config.pools[0].schedule.is_some());
}

#[test]
fn every_secret_that_is_referred_to_is_told_with_its_key() {
    let config = with(
        "[notify]\nslack = \"file:slack\"\n[traces]\nendpoint = \"https://o.example\"\nheader = \"env:H\"\n",
    );
    let told: Vec<String> = config.secrets.iter().map(|(key, it)| format!("{key} = {it}")).collect();
    assert_eq!(
        told,
        [
            "github.token = env:GITHUB_TOKEN",
            "github.webhook_secrets = env:WEBHOOK_SECRET",
            "notify.slack = file:slack",
            "traces.header = env:H",
        ]
    );
}

/// The example sets every default to itself, so a default that changes has to change there too.
#[test]
fn the_examples_values_are_the_defaults() {
    let (example, least) = (load("fleet.toml", EXAMPLE).unwrap(), with(""));
    assert_eq!(example.timeouts, least.timeouts);
    assert_eq!(example.fleet, least.fleet);
    assert_eq!(example.github.url, least.github.url);
    assert_eq!(example.github.runner_group_id, least.github.runner_group_id);
    assert_eq!(example.images.retry_after, least.images.retry_after);
    assert_eq!(example.images.rebuild_after, least.images.rebuild_after);
    let limits = |config: &Config| {
        (
            config.limits.runners,
            config.limits.launch_attempts,
            config.limits.replacements,
            config.limits.webhook_bytes,
        )
    };
    assert_eq!(limits(&example), limits(&least));
}

#[test]
fn a_configuration_with_only_github_works() {
    let config = with("");
    let sizes: Vec<_> = config
        .classes
        .iter()
        .map(|(name, class)| (name.as_str(), class.size.cpu, class.size.memory_mib, class.disk_gib))
        .collect();
    assert_eq!(
        sizes,
        [
            ("large", 2048, 4096, 20),
            ("medium", 1024, 2048, 20),
            ("small", 512, 1024, 20),
            ("xlarge", 4096, 16_384, 20)
        ]
    );
    assert_eq!(config.labels.default_class.as_str(), "medium");
    assert_eq!(config.timeouts.register, SignedDuration::from_secs(600));
    assert_eq!(config.repositories.allow[0].text, "acme/*");
    assert!(!config.repositories.public && !config.repositories.forks && !config.debug);
    assert!(config.images.allow.is_empty() && config.pools.is_empty() && config.notify.slack.is_none());
}

#[test]
fn slack_is_a_webhook_or_a_bot_with_a_channel() {
    let bot = "slack_token = \"env:T\"\nslack_channel = \"C0123456789\"\n";
    let slack = |notify: &str| with(&format!("[notify]\n{notify}")).notify.slack;
    assert!(matches!(slack("slack = \"env:S\""), Some(SlackConfig::Webhook(_))));
    let Some(SlackConfig::Bot { channel, url, .. }) = slack(bot) else { panic!("a bot") };
    assert_eq!((channel.as_str(), url.as_str()), ("C0123456789", "https://slack.com/api"));
    for (notify, key) in [
        (format!("slack = \"env:S\"\n{bot}"), "notify.slack_token"),
        ("slack_token = \"env:T\"".to_owned(), "notify.slack_channel"),
        ("slack_channel = \"C0123456789\"".to_owned(), "notify.slack_channel"),
        (bot.replace("C0123456789", "#alarms"), "notify.slack_channel"),
        (format!("{bot}slack_url = \"http://slack.example/api\""), "notify.slack_url"),
        (bot.replace("env:T", "xoxb-hunter2"), "notify.slack_token"),
        ("messages = 0".to_owned(), "notify.messages"),
        ("window_seconds = 5".to_owned(), "notify.window_seconds"),
        ("dashboard = \"javascript:alert(1)\"".to_owned(), "notify.dashboard"),
        ("dashboard = \"https://me:hunter2@fleet.example/\"".to_owned(), "notify.dashboard"),
    ] {
        let error = load("fleet.toml", &format!("{LEAST}[notify]\n{notify}\n")).unwrap_err();
        assert!(error.problems.iter().any(|problem| problem.key == key), "{notify}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn without_a_medium_class_the_smallest_is_the_default() {
    let config = with("[classes.b]\ncpu = 1024\nmemory = 2048\n[classes.c]\ncpu = 512\nmemory = 1024\n");
    assert_eq!(config.labels.default_class.as_str(), "c");
}

#[test]
fn a_pool_of_repository_runners_says_for_which_repository() {
    let text = r#"
        [github]
        repositories = ["acme/app", "acme/lib"]
        app = { id = 7, installation = 8, key = "secretsmanager:fleet#key" }
        webhook_secrets = ["ssm:/fleet/webhook", "ssm:/fleet/previous"]
        [[pools]]
        labels = ["self-hosted", "class:small", "spot"]
        size = 1
        repository = "acme/lib"
    "#;
    let config = load("fleet.toml", text).unwrap();
    assert_eq!(config.pools[0].scope, Scope::Repository("acme/lib".parse().unwrap()));
    assert_eq!(config.pools[0].name.as_str(), "1");
    assert!(config.repositories.allow.iter().any(|pattern| pattern.matcher.is_match("Acme/App")));
    assert!(!config.repositories.allow.iter().any(|pattern| pattern.matcher.is_match("acme/other")));
}

#[test]
fn a_star_does_not_cross_a_slash() {
    let config = with("[images]\nallow = [\"ubuntu:*\", \"ghcr.io/acme/*\", \"quay.io/acme/**\"]\n");
    let allowed = |image: &str| {
        let image: ImageReference = image.parse().unwrap();
        config.images.allow.iter().any(|pattern| image.is_allowed_by(&pattern.matcher))
    };
    assert!(allowed("ubuntu:22.04") && allowed("ubuntu") && allowed("ghcr.io/acme/app:1"));
    assert!(!allowed("ubuntu:5000/anything"), "that is a registry called ubuntu");
    assert!(!allowed("ghcr.io/acme/team/app:1"));
    assert!(allowed("quay.io/acme/team/app:1"));
    assert!(!with("").repositories.allow[0].matcher.is_match("acme/app/other"));
}

#[test]
fn an_address_of_the_api_is_https_or_on_this_machine() {
    let url = |url: &str| LEAST.replace("[github]", &format!("[github]\nurl = {url:?}"));
    for (given, kept) in [
        ("https://github.example/api/v3", "https://github.example/api/v3"),
        ("https://github.example/api/v3/", "https://github.example/api/v3"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ] {
        assert_eq!(load("fleet.toml", &url(given)).unwrap().github.url, kept);
    }
    for bad in [
        "http://github.example",
        "http://localhost.example",
        "ftp://github.example",
        "https://github.example/?a=b",
        "https://github.example/#a",
        "github.example",
        "https://",
        "",
    ] {
        let found = mistakes_in(&url(bad));
        assert!(
            found.len() == 1 && found[0].starts_with("fleet.toml:3: github.url: found "),
            "{bad}: {found:?}"
        );
    }
    let found = mistakes_in(&url("https://user:hunter2@github.example")).concat();
    assert!(found.contains("credentials") && !found.contains("hunter2"), "{found}");
}

#[test]
fn every_mistake_is_named_with_its_line_what_was_found_and_what_is_allowed() {
    let blocks = include_str!("mistakes.txt").split("\n\n").skip(1);
    for block in blocks {
        let (text, answer): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| !line.starts_with('!'));
        let text = text.join("\n");
        let whole = if text.contains("github") { text } else { format!("{LEAST}{text}") };
        let expected: Vec<_> = answer.iter().map(|line| line.replacen("! ", "fleet.toml:", 1)).collect();
        assert_eq!(mistakes_in(&whole), expected, "{whole}");
    }
}

#[test]
fn prices_of_a_region_replace_those_they_name() {
    use fleetfoot_model::price::{Prices, Rate};
    assert_eq!(with("").prices, Prices::default());
    let text = "[prices]\ndate = \"2026-12-01\"\nregion = \"eu-central-1\"\nx64 = { vcpu_hour = 0.04656, gib_hour = \
                0.00511 }\ntask_hour = 0.005\n";
    let x64 = Rate { vcpu_hour: 0.046_56, gib_hour: 0.005_11 };
    let (date, region) = ("2026-12-01".to_owned(), "eu-central-1".to_owned());
    assert_eq!(with(text).prices, Prices { date, region, x64, task_hour: 0.005, ..Prices::default() });
}

#[test]
fn a_budget_tells_at_percentages_in_order() {
    assert_eq!(with("").budget.alert_percent, [50, 80, 100]);
    let budget = with("[budget]\nmonthly_usd = 500\nalert_percent = [120, 90, 90]\n").budget;
    assert_eq!(
        (budget.monthly_usd, budget.daily_usd, budget.alert_percent),
        (Some(500.0), None, vec![90, 120])
    );
    assert_eq!(with("").notify.digest, None);
    let digest = with("[notify]\ndigest = \"09:00 Europe/Berlin\"\n").notify.digest;
    assert_eq!(digest.map(|time| time.to_string()).as_deref(), Some("09:00 Europe/Berlin"));
}

/// With a token it is refused: `mistakes.txt`.
#[test]
fn commits_show_jobs_without_a_runner_only_where_an_app_is_told_to() {
    let wanted = |wanted: bool| format!("[notify]\ncheck_runs = {wanted}\n");
    assert!(!with("").notify.check_runs && !with(&wanted(false)).notify.check_runs);
    let app = "app = { id = 1, installation = 2, key = \"env:KEY\" }";
    let text = LEAST.replace("token = \"env:GITHUB_TOKEN\"", app) + &wanted(true);
    assert!(load("fleet.toml", &text).unwrap().notify.check_runs);
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    assert_eq!(
        mistakes_in(""),
        [
            "fleet.toml: github: found nothing; allowed: a section [github] with organization or repositories, app or \
             token, and webhook_secrets"
        ]
    );
}

#[test]
fn a_literal_secret_is_refused_and_not_repeated() {
    for line in [
        "token = \"hunter2\"",
        "token = [\"hunter2\"]",
        "token = { value = \"hunter2\" }",
        "app = \"hunter2\"",
        "app = { id = 1, installation = 2, key = \"hunter2\" }",
        "webhook_secrets = \"hunter2\"",
        "webhook_secrets = [\"hunter2\"]",
        "webhook_secrets = hunter2",
        "token = 'hunter2",
        "tokens = \"hunter2\"",
        "url = \"https://hunter2@github.example\"",
        "[notify]\nslack = \"https://hooks.slack.com/services/hunter2\"",
    ] {
        let error = load("fleet.toml", &format!("[github]\norganization = \"acme\"\n{line}\n")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// Every answer is a configuration or a list of mistakes in lines that exist.
fn check_any(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = load("fleet.toml", text) {
        prop_assert!(!error.problems.is_empty());
        let lines = text.split('\n').count();
        for problem in error.problems {
            prop_assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        check_any(&text)?;
    }

    #[test]
    fn no_damage_to_the_example_panics(at in 0..EXAMPLE.len(), length in 0_usize..40, put in "[\\PC\n]{0,8}") {
        prop_assume!(EXAMPLE.is_ascii());
        let end = (at + length).min(EXAMPLE.len());
        check_any(&format!("{}{put}{}", &EXAMPLE[..at], &EXAMPLE[end..]))?;
    }

    #[test]
    fn no_value_in_any_place_panics(
        key in prop::sample::select(vec![
            "limits.runners", "classes.small.cpu", "classes.small", "classes", "github.app", "github.url", "pools",
            "github.repositories", "labels.plain", "images.allow", "timeouts.idle_seconds", "notify.slack",
        ]),
        value in prop::sample::select(vec![
            "0", "-1", "9999999999999999999999", "0x_", "1.5", "nan", "true", "\"\"", "\"x\"", "[]", "[[]]", "[1, {}]",
            "{}", "{ a = 1 }", "1979-05-27", "[\"*\", \"[\", \"{,}\"]", "\"http://[::1\"",
        ]),
    ) {
        check_any(&format!("{key} = {value}\n[github]\norganization = \"acme\"\ntoken = \"env:A\"\n"))?;
        check_any(&format!("{key} = {value}\n{LEAST}"))?;
    }
}

#[test]
fn where_runners_are_containers_every_job_has_an_image() {
    use fleetfoot_model::config::{DEFAULT_IMAGE, load_for_containers};
    use fleetfoot_model::labels::{LabelRules, Reading, parse};
    let image_of = |config: &Config, labels: &[&str]| {
        let labels: Vec<_> = labels.iter().map(|label| label.parse().unwrap()).collect();
        let Reading::Ours(spec) = parse(&labels, &LabelRules::from(config)) else { panic!("{labels:?}") };
        spec.image.map(|image| image.to_string())
    };
    assert_eq!(image_of(&with(""), &["self-hosted"]), None);
    let pool = "[[pools]]\nlabels = [\"self-hosted\"]\nsize = 1\n";
    let config = load_for_containers("fleet.toml", &format!("{LEAST}{pool}")).unwrap();
    assert_eq!(image_of(&config, &["self-hosted"]).as_deref(), Some(DEFAULT_IMAGE));
    assert_eq!(config.pools[0].spec.image.as_ref().map(ImageReference::as_str), Some(DEFAULT_IMAGE));

    let images = "[images]\ndefault = \"acme/base:1\"\nallow = [\"ubuntu:*\"]\n";
    for config in [with(images), load_for_containers("fleet.toml", &format!("{LEAST}{images}")).unwrap()] {
        assert_eq!(image_of(&config, &["self-hosted"]).as_deref(), Some("acme/base:1"));
        assert_eq!(
            image_of(&config, &["self-hosted", "image:ubuntu:22.04"]).as_deref(),
            Some("ubuntu:22.04")
        );
    }
}

#[test]
fn what_the_configuration_names_may_be_on_a_private_network() {
    let text = "[images]\ndefault = \"default.internal/app\"\nallow = [\"ubuntu:*\", \"Registry.internal:5000/**\", \
                \"*.internal/app\", \"**\", \"localhost:5000/*\"]\n[images.mirrors]\n\"docker.io\" = \
                \"mirror.internal:8443/hub\"\n\"default.internal\" = \"other.internal\"\n";
    let named = with(text).images.named_registries();
    assert_eq!(
        named.iter().collect::<Vec<_>>(),
        ["localhost", "mirror.internal", "other.internal", "registry.internal"]
    );
    assert!(with("[images]\nallow = [\"**\"]\n").images.named_registries().is_empty());
}
