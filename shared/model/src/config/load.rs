//! From the text of `fleet.toml` to a [`Config`], section by section. Every mistake of a file is found at once.

use std::collections::BTreeMap;

use globset::GlobBuilder;
use toml::de::DeTable;

use super::classes::classes;
use super::mirrors::mirrors;
use super::money::{budget, prices};
use super::notify::notify;
use super::pools::pools;
use super::text::{Node, Problems, Table, quoted};
use super::{
    Class, Config, ConfigError, Credentials, GitHubConfig, ImagesConfig, LabelsConfig, Limits, Pattern,
    RecoveryConfig, RepositoriesConfig, Target, Timeouts, TracesConfig,
};
use crate::SignedDuration;
use crate::ids::{ClassName, Owner, Repository};
use crate::image::ImageReference;
use crate::labels::{LabelRules, nearest};
use crate::spec::Label;

/// What a job without an `image:` label gets where runners are containers.
pub const DEFAULT_IMAGE: &str = "public.ecr.aws/docker/library/ubuntu:24.04";

const GITHUB_COM: &str = "https://api.github.com";
/// GitHub's own cap on a webhook.
const MOST_WEBHOOK_BYTES: u64 = 25 * 1024 * 1024;
const WEEK_SECONDS: u64 = 7 * 24 * 3600;
const YEAR_SECONDS: u64 = 365 * 24 * 3600;
/// A bound against slips of the finger; no account has so many Fargate tasks.
pub(super) const MOST_RUNNERS: u64 = 100_000;

/// Reads a configuration. `file` is the name that errors give it.
///
/// # Errors
/// Every mistake in the text, at once.
pub fn load(file: &str, text: &str) -> Result<Config, ConfigError> {
    read(file, text, None)
}

/// Reads the configuration of a fleet whose runners are containers: a job without an `image:` label has to have an image
/// too, and gets [`DEFAULT_IMAGE`] unless `[images] default` says another.
///
/// # Errors
/// Every mistake in the text, at once.
///
/// # Panics
/// Never: the default image is well-formed.
pub fn load_for_containers(file: &str, text: &str) -> Result<Config, ConfigError> {
    read(file, text, Some(DEFAULT_IMAGE.parse().expect("an image reference")))
}

fn read(file: &str, text: &str, default_image: Option<ImageReference>) -> Result<Config, ConfigError> {
    let problems = Problems::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        // A message of the parser says what it expected and never quotes the text, which may be a secret.
        let span = error.span().unwrap_or_default();
        let key = if error.message() == "duplicate key" { text.get(span.clone()) } else { None };
        let found = error.message().replace('\n', ", ");
        problems.add(key.unwrap_or_default(), Some(span.start), found, "TOML, see https://toml.io");
    }
    // What is read from broken syntax would be a list of follow-up mistakes.
    let config = if errors.is_empty() {
        sections(&Table::root(&problems, document.get_ref()), default_image)
    } else {
        None
    };
    let secrets = problems.take_secrets();
    let problems = problems.into_sorted();
    match config {
        Some(config) if problems.is_empty() => Ok(Config { secrets, ..config }),
        _ => Err(ConfigError { file: file.to_owned(), problems }),
    }
}

fn sections(root: &Table<'_>, default_image: Option<ImageReference>) -> Option<Config> {
    let section = |name| root.get(name).section("a section");
    let fleet = section("fleet");
    let name = fleet.get("name").id();
    fleet.finish();
    let runner = section("runner");
    let debug = runner.get("debug").boolean().unwrap_or(false);
    runner.finish();

    let github = github(root.get("github"));
    let target = github.as_ref().map(|github| &github.target);
    let classes = classes(&section("classes"));
    let labels = labels(&section("labels"), classes.as_ref());
    let limits = limits(&section("limits"));
    let images = images(&section("images"), default_image);
    let repositories = repositories(&section("repositories"), target);
    let notify = notify(&section("notify"), github.as_ref().map(|github| &github.credentials));
    let prices = prices(&section("prices"));
    let budget = budget(&section("budget"));
    let recovery = recovery(&section("recovery"));
    let timeouts = timeouts(&section("timeouts"));
    let traces = traces(&section("traces"));
    let pool_sections = root.get("pools");
    root.finish();

    // Pools are read against classes and labels; where those are wrong, more would be follow-up mistakes.
    let (classes, labels) = (classes?, labels?);
    let rules = LabelRules { labels: &labels, classes: &classes, images: &images };
    let pools = pools(&pool_sections, &rules, target, limits.runners);
    Some(Config {
        fleet: name.unwrap_or_else(|| "ff".parse().expect("ff is a fleet name")),
        github: github?,
        labels,
        classes,
        limits,
        images,
        repositories,
        pools,
        notify,
        prices,
        budget,
        recovery,
        timeouts,
        traces,
        debug,
        secrets: Vec::new(),
    })
}

fn github(node: Node<'_>) -> Option<GitHubConfig> {
    const ALLOWED: &str =
        "a section [github] with organization or repositories, app or token, and webhook_secrets";
    const API: &str = "an address such as https://api.github.com or https://github.example/api/v3";
    if !node.is_present() {
        node.refuse("nothing", ALLOWED);
        return None;
    }
    let table = node.table(ALLOWED)?;
    let url = address(&table.get("url"), API);
    let target = target(&table);
    let credentials = credentials(&table);
    let secrets =
        table.get("webhook_secrets").required("a list of secret references: current, then previous");
    let webhook_secrets = secrets.at_least_one("a list of secret references", Node::secret);
    let group = table.get("runner_group_id");
    let runner_group_id = group.integer(1..=u64::MAX).unwrap_or(1);
    if matches!(target, Some(Target::Repositories(_))) && runner_group_id != 1 {
        group.refuse(runner_group_id, "1 with repositories: runner groups belong to organizations");
    }
    table.finish();
    Some(GitHubConfig {
        url: url.unwrap_or_else(|| GITHUB_COM.to_owned()),
        target: target?,
        credentials: credentials?,
        webhook_secrets: webhook_secrets?,
        runner_group_id,
    })
}

/// The API's address, without a slash at its end. Tokens travel to it, so only this machine is spoken to in the clear.
fn address(node: &Node<'_>, allowed: &str) -> Option<String> {
    let text = node.string(allowed)?;
    let Ok(url) = url::Url::parse(text) else {
        node.refuse(quoted(text), allowed);
        return None;
    };
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !url.username().is_empty() || url.password().is_some() {
        node.refuse("an address with credentials (not shown)", "credentials as references to secrets only");
    } else if url.query().is_some() || url.fragment().is_some() {
        node.refuse(quoted(text), "an address without ? and #");
    } else if url.scheme() == "http" && !loopback {
        node.refuse(quoted(text), "https://; http:// only for localhost, 127.0.0.1 and [::1]");
    } else if !["http", "https"].contains(&url.scheme()) {
        node.refuse(quoted(text), allowed);
    } else {
        return Some(text.trim_end_matches('/').to_owned());
    }
    None
}

fn target(github: &Table<'_>) -> Option<Target> {
    const ALLOWED: &str = "either organization = \"acme\" or repositories = [\"acme/app\"]";
    let (organization, repositories) = (github.get("organization"), github.get("repositories"));
    match (organization.is_present(), repositories.is_present()) {
        (true, true) => repositories.refuse("organization and repositories", ALLOWED),
        (false, false) => github.node.refuse("neither organization nor repositories", ALLOWED),
        _ => {}
    }
    let owner = organization.id::<Owner>();
    let listed = repositories.at_least_one("a list of repositories", Node::id::<Repository>);
    owner.map(Target::Organization).or_else(|| listed.map(Target::Repositories))
}

fn credentials(github: &Table<'_>) -> Option<Credentials> {
    const ALLOWED: &str =
        "either app = { id = 1, installation = 42, key = \"file:app.pem\" } or token = \"env:GITHUB_TOKEN\"";
    let (app, token) = (github.get("app"), github.get("token"));
    match (app.is_present(), token.is_present()) {
        (true, true) => token.refuse("app and token", ALLOWED),
        (false, false) => github.node.refuse("neither app nor token", ALLOWED),
        _ => {}
    }
    let secret = token.secret();
    if !app.is_present() {
        return secret.map(Credentials::Token);
    }
    let app = app.table("{ id = 1, installation = 42, key = \"file:app.pem\" }")?;
    let id = app.get("id").required("the App's id, a whole number").integer(1..=u64::MAX);
    let installation =
        app.get("installation").required("the installation's id, a whole number").integer(1..=u64::MAX);
    let key =
        app.get("key").required("a reference to the App's private key, such as \"file:app.pem\"").secret();
    app.finish();
    Some(Credentials::App { id: id?, installation: installation?, key: key? })
}

fn labels(table: &Table<'_>, classes: Option<&BTreeMap<ClassName, Class>>) -> Option<LabelsConfig> {
    let required = table.get("required").at_least_one("a list of labels", plain_label);
    let required = required.unwrap_or_else(|| vec!["self-hosted".parse().expect("a label")]);
    let plain = table.get("plain").list("a list of labels", plain_label).unwrap_or_else(default_plain);
    let default = table.get("default_class");
    let name = default.id::<ClassName>();
    table.finish();
    let classes = classes?;
    let default_class = name.or_else(|| default_class(classes))?;
    if !classes.contains_key(&default_class) {
        let names: Vec<&str> = classes.keys().map(ClassName::as_str).collect();
        let near = nearest(default_class.as_str(), names.iter().copied());
        default
            .refuse(format!("{:?}{near}", default_class.as_str()), format!("a class: {}", names.join(", ")));
    }
    Some(LabelsConfig { required, plain, default_class })
}

fn default_class(classes: &BTreeMap<ClassName, Class>) -> Option<ClassName> {
    let medium = classes.keys().find(|name| name.as_str() == "medium");
    let smallest = || classes.iter().min_by_key(|(_, class)| class.size).map(|(name, _)| name);
    medium.or_else(smallest).cloned()
}

/// A label that chooses nothing. One of the fleet's own words would lose its meaning without a sound.
/// What GitHub gives every self-hosted runner of these machines by itself, so that workflows carry it.
fn default_plain() -> Vec<Label> {
    ["linux", "x64"].iter().filter_map(|label| label.parse().ok()).collect()
}

fn plain_label(node: &Node<'_>) -> Option<Label> {
    let label = node.id::<Label>()?;
    let word = label.as_str().to_ascii_lowercase();
    let key = word.split_once(':').map_or(word.as_str(), |(key, _)| key);
    let ours = word == "spot" || (key != word && ["class", "image", "arch", "disk", "pin"].contains(&key));
    if ours {
        node.refuse(quoted(label.as_str()), "labels other than spot, class: image: arch: disk: and pin:");
        return None;
    }
    Some(label)
}

/// The classes, unless one of them is wrong.
fn limits(table: &Table<'_>) -> Limits {
    let limits = Limits {
        runners: table.get("runners").integer(1..=MOST_RUNNERS).unwrap_or(10),
        runners_per_repository: table.get("runners_per_repository").integer(1..=MOST_RUNNERS),
        builds_per_repository: table.get("builds_per_repository").integer(1..=1000).unwrap_or(5),
        launch_attempts: table.get("launch_attempts").small(1, 100).unwrap_or(5),
        replacements: table.get("replacements").integer(0..=MOST_RUNNERS).unwrap_or(100),
        launches_per_second: table.get("launches_per_second").small(1, 10_000).unwrap_or(20),
        registrations_per_minute: table.get("registrations_per_minute").small(1, 100_000).unwrap_or(175),
        webhook_bytes: table
            .get("webhook_bytes")
            .integer(1024..=MOST_WEBHOOK_BYTES)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(25 * 1024 * 1024),
    };
    table.finish();
    limits
}

fn images(table: &Table<'_>, default: Option<ImageReference>) -> ImagesConfig {
    let images = ImagesConfig {
        default: table.get("default").image().or(default),
        allow: table
            .get("allow")
            .list("a list of patterns", |node| pattern(node, "\"ubuntu:*\" or \"ghcr.io/acme/**\""))
            .unwrap_or_default(),
        mirrors: mirrors(table.get("mirrors")),
        mode: table.get("mode").image_mode().unwrap_or_default(),
        retry_after: seconds(table, "retry_after_seconds", WEEK_SECONDS, 600),
        rebuild_after: seconds(table, "rebuild_after_seconds", YEAR_SECONDS, 7 * 24 * 3600),
    };
    table.finish();
    images
}

fn repositories(table: &Table<'_>, target: Option<&Target>) -> RepositoriesConfig {
    let allow =
        table.get("allow").list("a list of patterns", |node| pattern(node, "\"acme/*\" or \"acme/app\""));
    let repositories = RepositoriesConfig {
        allow: allow.unwrap_or_else(|| all_of(target)),
        public: table.get("public").boolean().unwrap_or(false),
        forks: table.get("forks").boolean().unwrap_or(false),
    };
    table.finish();
    repositories
}

/// Patterns that allow whatever the runners are for.
fn all_of(target: Option<&Target>) -> Vec<Pattern> {
    let texts = match target {
        None => Vec::new(),
        Some(Target::Organization(owner)) => vec![format!("{owner}/*")],
        Some(Target::Repositories(listed)) => listed.iter().map(ToString::to_string).collect(),
    };
    texts.iter().filter_map(|text| glob(text).ok()).collect()
}

fn pattern(node: &Node<'_>, such_as: &str) -> Option<Pattern> {
    let text = node.string("a pattern")?;
    let problem = |found: String| node.refuse(found, format!("a pattern such as {such_as}"));
    if text.is_empty() {
        problem(quoted(text));
        return None;
    }
    glob(text).map_err(|error| problem(format!("{} ({})", quoted(text), error.kind()))).ok()
}

/// `*` stays within one part of a path and `**` crosses parts: `ubuntu:*` must not allow `ubuntu:5000/anything`, which
/// is an image of the registry `ubuntu:5000`. GitHub and registries compare names without regard to case.
fn glob(text: &str) -> Result<Pattern, globset::Error> {
    let glob = GlobBuilder::new(text).literal_separator(true).case_insensitive(true).build()?;
    Ok(Pattern { text: text.to_owned(), matcher: glob.compile_matcher() })
}

fn recovery(table: &Table<'_>) -> RecoveryConfig {
    let rerun_interrupted = table.get("rerun_interrupted").boolean().unwrap_or(false);
    table.finish();
    RecoveryConfig { rerun_interrupted }
}

fn traces(table: &Table<'_>) -> TracesConfig {
    const COLLECTOR: &str = "an address such as https://otlp.example.com";
    let (endpoint, header) = (table.get("endpoint"), table.get("header"));
    let traces = TracesConfig { endpoint: address(&endpoint, COLLECTOR), header: header.secret() };
    if header.is_present() && !endpoint.is_present() {
        header.refuse("a header without `endpoint`", "traces.endpoint, the address of a collector");
    }
    table.finish();
    traces
}

fn timeouts(table: &Table<'_>) -> Timeouts {
    let timeouts = Timeouts {
        register: seconds(table, "register_seconds", WEEK_SECONDS, 600),
        idle: seconds(table, "idle_seconds", WEEK_SECONDS, 300),
        linger: seconds(table, "linger_seconds", WEEK_SECONDS, 300),
        lost: seconds(table, "lost_seconds", WEEK_SECONDS, 120),
        queued: seconds(table, "queued_seconds", WEEK_SECONDS, 86_400),
        running: seconds(table, "running_seconds", WEEK_SECONDS, 432_000),
        build: seconds(table, "build_seconds", WEEK_SECONDS, 1800),
        backoff: seconds(table, "backoff_seconds", WEEK_SECONDS, 30),
        grace: seconds(table, "grace_seconds", WEEK_SECONDS, 60),
        survey: seconds(table, "survey_seconds", WEEK_SECONDS, 300),
    };
    table.finish();
    timeouts
}

/// A time of whole seconds, at least one.
fn seconds(table: &Table<'_>, name: &'static str, most: u64, default: i64) -> SignedDuration {
    let given = table.get(name).integer(1..=most).and_then(|seconds| i64::try_from(seconds).ok());
    SignedDuration::from_secs(given.unwrap_or(default))
}
