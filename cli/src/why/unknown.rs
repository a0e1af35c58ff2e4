//! A job that the fleet does not know: GitHub is asked, and what it says is read as the fleet would read it.

use fleetfoot_model::config::{Config, Target};
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::ports::{GitHub, GitHubError, JobReport, JobStatus};
use fleetfoot_model::runner::Scope;
use serde_json::json;

use crate::explain::{Explanation, Origin, Verdict, explain, meanings};
use crate::failure::Failure;
use crate::jobs::title;
use crate::output::{self, Answer, HEADING, paint};
use crate::table::pairs;
use crate::text::{labels, safe};
use crate::times::{Times, span};

/// The most repositories that are asked for a job of which only the id is known.
const MOST_ASKED: usize = 5;

const HINT: &str = "`fleetfoot jobs list --all` lists the jobs of the last 7 days. The id is the last number of a job's page at \
                    GitHub. If GitHub shows it as queued, its webhook has not arrived or its labels are not this fleet's";

/// What is asked about.
pub(super) struct Question<'a> {
    pub(super) id: JobId,
    /// Its repository, if it was named.
    pub(super) repository: Option<&'a Repository>,
    pub(super) as_json: bool,
}

/// The failure, without asking anybody.
pub(super) fn unknown(id: JobId) -> Failure {
    Failure::new(format!("job {id} is not known to this fleet")).hint(HINT)
}

/// Asks GitHub for the job. What it knows is the answer; that the fleet does not know it stays a failure.
pub(super) async fn ask(
    question: &Question<'_>,
    config: &Config,
    github: &dyn GitHub,
    times: &Times,
) -> Result<Answer, Failure> {
    let repositories = repositories(question.repository, config);
    let mut refusals = Vec::new();
    for repository in &repositories {
        match github.job(repository, question.id).await {
            Ok(report) => return found(question, &report, config, times),
            Err(GitHubError::NotFound(_)) => refusals.push(format!("GitHub has no such job in {repository}")),
            Err(error) => refusals.push(format!("GitHub cannot be asked for it in {repository}: {error}")),
        }
    }
    let failure = unknown(question.id);
    if repositories.is_empty() {
        return Err(failure.hint(format!("{HINT}. With the address of its page GitHub is asked, too")));
    }
    Err(Failure { causes: refusals, ..failure })
}

/// Where it may be.
fn repositories(named: Option<&Repository>, config: &Config) -> Vec<Repository> {
    match (named, &config.github.target) {
        (Some(repository), _) => vec![repository.clone()],
        (None, Target::Repositories(listed)) => listed.iter().take(MOST_ASKED).cloned().collect(),
        (None, Target::Organization(_)) => Vec::new(),
    }
}

fn found(
    question: &Question<'_>,
    report: &JobReport,
    config: &Config,
    times: &Times,
) -> Result<Answer, Failure> {
    let job = &report.description;
    // GitHub's answer does not say whether the repository is public, nor where the code comes from.
    let origin = Origin { repository: job.repository.clone(), is_public: false, is_fork: false };
    let reading = explain(&job.labels, Some(&origin), config, times.now);
    let why = why_unknown(report, &reading, config, times);
    let failure = unknown(question.id).hint(why.clone());
    let data = if question.as_json {
        output::json(&json!({
            "job": null,
            "atGithub": { "status": status(&report.status), "description": job },
            "reading": reading,
            "whyUnknown": why,
        }))?
    } else {
        describe(report, &reading, times)
    };
    Ok(Answer { failures: vec![failure], ..Answer::data(data) })
}

fn status(status: &JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "queued",
        JobStatus::Blocked => "blocked",
        JobStatus::Running { .. } => "running",
        JobStatus::Completed { .. } => "completed",
    }
}

fn runner(status: &JobStatus) -> Option<&str> {
    match status {
        JobStatus::Running { runner, .. } => Some(runner),
        JobStatus::Completed { runner, .. } => runner.as_deref(),
        JobStatus::Queued | JobStatus::Blocked => None,
    }
}

fn describe(report: &JobReport, reading: &Explanation, times: &Times) -> String {
    let job = &report.description;
    let heading = format!("Job {} at GitHub:", job.id);
    let mut text = format!("{} {}\n", paint(HEADING, &heading), status(&report.status));
    let verdict = match reading.verdict {
        Verdict::Ours => "it is this fleet's".to_owned(),
        Verdict::NotOurs => "it is not this fleet's".to_owned(),
        Verdict::Rejected => "this fleet would reject it".to_owned(),
    };
    text.push_str(&pairs([
        ("repository", Some(job.repository.to_string())),
        ("name", Some(title(job))),
        ("labels", Some(labels(&job.labels))),
        ("runner", runner(&report.status).map(safe)),
        ("created", Some(times.date_time_and_age(job.created_at))),
        ("verdict", Some(verdict)),
        ("reason", reading.reason.as_deref().map(safe)),
    ]));
    format!("{text}\n{}", meanings(&reading.labels))
}

/// Why the fleet has not heard of a job that is at GitHub, or has forgotten it.
fn why_unknown(report: &JobReport, reading: &Explanation, config: &Config, times: &Times) -> String {
    let age = times.now.duration_since(report.description.created_at);
    let scope = match config.github.target.scope_of(&report.description.repository) {
        Scope::Organization(owner) => format!("organization {owner}"),
        Scope::Repository(repository) => format!("repository {repository}"),
    };
    match (&report.status, reading.verdict) {
        (_, Verdict::NotOurs) => {
            "its webhook was answered and nothing kept, as its labels are not this fleet's; `fleetfoot explain` tells of any \
             labels what they would get"
                .to_owned()
        }
        (JobStatus::Completed { .. }, _) if age > fleetfoot_model::record::KEEP_ENDED => {
            "it ended long ago: the fleet remembers jobs for 7 days".to_owned()
        }
        (JobStatus::Blocked, _) => {
            "it waits at GitHub for an approval or for its concurrency group; the fleet hears of it when it is queued".to_owned()
        }
        _ => format!(
            "its webhook has not arrived: look at the Recent deliveries of the webhook of {scope}. `cleanup` asks GitHub for \
             failed deliveries every minute, and for queued jobs every {}",
            span(config.timeouts.survey)
        ),
    }
}
