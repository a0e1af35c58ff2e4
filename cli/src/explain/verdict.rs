//! What a job with certain labels would get: the functions of the model that `launch` goes by, asked in its order.

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::{Class, Config, PoolConfig};
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::{JobId, PoolName, Repository, RoleArn, RunId};
use fleetfoot_model::labels::{self, LabelRules, MOST_LABELS, Meaning, Reading};
use fleetfoot_model::policy::{self, Admission};
use fleetfoot_model::record::WorkflowRun;
use fleetfoot_model::spec::{Capacity, Label, Spec, covers};
use serde::Serialize;

/// Where a job would come from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) repository: Repository,
    pub(crate) is_public: bool,
    /// Whether the run's code comes from a fork.
    pub(crate) is_fork: bool,
}

/// Whether such a job would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Ours,
    NotOurs,
    Rejected,
}

/// What a job with certain labels would get.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    pub(crate) verdict: Verdict,
    /// Why it would never run.
    pub(crate) reason: Option<String>,
    pub(crate) labels: Vec<Word>,
    pub(crate) repository: Option<Repository>,
    pub(crate) is_policy_checked: bool,
    pub(crate) runner: Option<Prospect>,
    pub(crate) limits: LimitsView,
    pub(crate) prices_of: String,
    pub(crate) prices_region: String,
    pub(crate) notes: Vec<String>,
}

/// A label by itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Word {
    pub(crate) label: Label,
    pub(crate) means: &'static str,
    /// What may have been meant.
    pub(crate) suggestion: Option<String>,
}

/// The runner that it would get.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Prospect {
    pub(crate) spec: Spec,
    pub(crate) labels: Vec<Label>,
    pub(crate) is_default_class: bool,
    pub(crate) is_default_image: bool,
    pub(crate) pulled_from: Option<String>,
    pub(crate) role: Option<RoleArn>,
    pub(crate) pools: Vec<PoolView>,
    pub(crate) usd_per_minute: f64,
    pub(crate) usd_per_hour: f64,
}

/// A pool whose runners it could have.
#[derive(Debug, Serialize)]
pub(crate) struct PoolView {
    pub(crate) name: PoolName,
    pub(crate) size: u64,
    /// How many are kept idle now.
    pub(crate) wanted: u64,
}

/// What bounds it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitsView {
    pub(crate) runners: u64,
    pub(crate) runners_of_class: Option<u64>,
    pub(crate) runners_per_repository: Option<u64>,
    pub(crate) launch_attempts: u32,
    pub(crate) register_seconds: i64,
    pub(crate) queued_seconds: i64,
    pub(crate) running_seconds: i64,
}

/// Explains labels. Without an origin the policy is not asked.
pub(crate) fn explain(
    labels: &[Label],
    origin: Option<&Origin>,
    config: &Config,
    now: Timestamp,
) -> Explanation {
    let rules = config.into();
    let (verdict, reason, spec) = match labels::parse(labels, &rules) {
        Reading::Foreign => (Verdict::NotOurs, Some(why_foreign(labels, &rules)), None),
        Reading::Refused(reason) => (Verdict::Rejected, Some(reason), None),
        Reading::Ours(spec) => match origin.and_then(|origin| refusal(labels, origin, config, now)) {
            Some(reason) => (Verdict::Rejected, Some(reason), Some(spec)),
            None => (Verdict::Ours, None, Some(spec)),
        },
    };
    let class = spec.as_ref().and_then(|spec| config.classes.get(&spec.class));
    Explanation {
        verdict,
        reason,
        labels: labels.iter().map(|label| word(label, &rules)).collect(),
        repository: origin.map(|origin| origin.repository.clone()),
        is_policy_checked: origin.is_some(),
        limits: limits(class, config),
        prices_of: config.prices.date.clone(),
        prices_region: config.prices.region.clone(),
        notes: spec.as_ref().map(|spec| notes(labels, spec, config)).unwrap_or_default(),
        runner: spec.map(|spec| prospect(labels, spec, class, origin, config, now)),
    }
}

fn word(label: &Label, rules: &LabelRules<'_>) -> Word {
    let means = match labels::meaning(label, rules.labels) {
        Meaning::Required => "required",
        Meaning::Plain => "plain",
        Meaning::Class(_) => "class",
        Meaning::Image(_) => "image",
        Meaning::Arch(_) => "arch",
        Meaning::Disk(_) => "disk",
        Meaning::Spot => "spot",
        Meaning::Pin => "pin",
        Meaning::Unknown => "unknown",
    };
    let suggestion = (means == "unknown").then(|| labels::suggestion(label, rules)).flatten();
    Word { label: label.clone(), means, suggestion }
}

/// Why nothing of a job's labels is this fleet's.
fn why_foreign(labels: &[Label], rules: &LabelRules<'_>) -> String {
    if labels.len() > MOST_LABELS {
        return format!("it has {} labels; GitHub allows a runner {MOST_LABELS}", labels.len());
    }
    let missing: Vec<&str> =
        rules.labels.required.iter().filter(|label| !labels.contains(label)).map(Label::as_str).collect();
    if !missing.is_empty() {
        return format!("it lacks {}, which a job of this fleet must have", missing.join(" and "));
    }
    let unknown: Vec<&str> = labels
        .iter()
        .filter(|label| labels::meaning(label, rules.labels) == Meaning::Unknown)
        .map(Label::as_str)
        .collect();
    format!(
        "this fleet does not know {}, and none of the others is a word of its own: the job is left to whoever knows it. Add \
         it to [labels] plain if this fleet is to serve it",
        unknown.join(" and ")
    )
}

/// Why the policy does not serve such a job.
fn refusal(labels: &[Label], origin: &Origin, config: &Config, now: Timestamp) -> Option<String> {
    let Origin { repository, is_public, is_fork } = origin;
    let job = JobDescription {
        id: JobId(0),
        run_id: RunId(0),
        run_attempt: 1,
        repository: repository.clone(),
        public: *is_public,
        workflow: String::new(),
        name: String::new(),
        labels: labels.to_vec(),
        html_url: String::new(),
        head_sha: None,
        created_at: now,
    };
    let name = repository.as_str().split('/').next_back().unwrap_or_default();
    let head = if *is_fork { format!("somebody/{name}").parse().ok() } else { Some(repository.clone()) };
    let run =
        WorkflowRun { id: job.run_id, repository: repository.clone(), head_repository: head, heard_at: now };
    match policy::admit(&job, Some(&run), config) {
        Admission::Refused(reason) => Some(reason),
        Admission::Admitted | Admission::OriginUnknown => None,
    }
}

fn prospect(
    labels: &[Label],
    spec: Spec,
    class: Option<&Class>,
    origin: Option<&Origin>,
    config: &Config,
    now: Timestamp,
) -> Prospect {
    let has = |wanted: fn(&Meaning<'_>) -> bool| {
        labels.iter().any(|label| wanted(&labels::meaning(label, &config.labels)))
    };
    let names_image = has(|word| matches!(word, Meaning::Image(_)));
    let pulled_from = spec.image.as_ref().map(|image| config.images.mirrors.apply(image).to_string());
    // Six digits: more are the arithmetic's, not the price list's.
    let usd_per_hour = config.prices.usd_per_hour(&spec, spec.capacity);
    let rounded = |usd: f64| (usd * 1e6).round() / 1e6;
    Prospect {
        labels: labels::of_runner(labels, &spec),
        is_default_class: !has(|word| matches!(word, Meaning::Class(_))),
        is_default_image: !names_image && spec.image.is_some(),
        pulled_from,
        role: class.and_then(|class| class.role.clone()),
        pools: pools(labels, origin, config, now),
        usd_per_minute: rounded(usd_per_hour / 60.0),
        usd_per_hour: rounded(usd_per_hour),
        spec,
    }
}

/// The pools one of whose runners GitHub could give it.
fn pools(labels: &[Label], origin: Option<&Origin>, config: &Config, now: Timestamp) -> Vec<PoolView> {
    let scope = origin.map(|origin| config.github.target.scope_of(&origin.repository));
    let suits = |pool: &&PoolConfig| {
        scope.as_ref().is_none_or(|scope| *scope == pool.scope) && covers(&pool.labels, labels)
    };
    let view =
        |pool: &PoolConfig| PoolView { name: pool.name.clone(), size: pool.size, wanted: pool.wanted(now) };
    config.pools.iter().filter(suits).map(view).collect()
}

fn limits(class: Option<&Class>, config: &Config) -> LimitsView {
    let (limits, timeouts) = (&config.limits, &config.timeouts);
    LimitsView {
        runners: limits.runners,
        runners_of_class: class.and_then(|class| class.runners),
        runners_per_repository: limits.runners_per_repository,
        launch_attempts: limits.launch_attempts,
        register_seconds: timeouts.register.as_secs(),
        queued_seconds: timeouts.queued.as_secs(),
        running_seconds: timeouts.running.as_secs(),
    }
}

/// What else somebody should know who writes these labels.
fn notes(labels: &[Label], spec: &Spec, config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    let has = |wanted: fn(&Meaning<'_>) -> bool| {
        labels.iter().any(|label| wanted(&labels::meaning(label, &config.labels)))
    };
    if !has(|word| matches!(word, Meaning::Class(_))) && config.classes.len() > 1 {
        notes.push(format!(
            "without class: GitHub may give it a runner of any class; class:{} says which",
            spec.class
        ));
    }
    if has(|word| *word == Meaning::Pin) {
        notes
            .push("with a pin it has a runner of its own: none of a pool, none that is left over".to_owned());
    }
    if spec.capacity == Capacity::Spot {
        notes.push(
            "Spot may take its machine away with a warning of two minutes; then the job fails".to_owned(),
        );
        if !config.recovery.rerun_interrupted {
            notes.push("rerun_interrupted = true under [recovery] would run it again then".to_owned());
        }
    }
    notes.push(
        "on Fargate there is no Docker: no container:, no services:, no docker build (docs/images.md)"
            .to_owned(),
    );
    notes
}
