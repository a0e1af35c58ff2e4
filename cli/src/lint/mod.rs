//! `fleetfoot lint`: jobs of workflow files that could never run, or would run otherwise than somebody expects.

mod docker;
mod expression;
mod files;
mod finding;
mod labels;
mod limits;
mod matrix;
mod neighbours;
mod report;
#[cfg(test)]
mod tests;
mod workflow;
pub(crate) mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use fleetfoot_model::ids::Repository;

use self::finding::{Finding, Severity, finding};
use self::labels::Rules;
use self::neighbours::Neighbour;
use self::report::JobView;
use self::workflow::Kind;
use self::yaml::Position;
use crate::arguments::Format;
use crate::explain::Origin;
use crate::failure::{Exit, Failure};
use crate::output::{self, Answer};
use crate::place::Configured;
use crate::progress::Progress;
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot lint
  fleetfoot lint .github/workflows/ci.yml --strict
  fleetfoot lint ../app --repository acme/app --stack fleetfoot
  fleetfoot lint --format github          in a workflow: shows each finding at its line

Reads only; nothing is asked of GitHub. A matrix is written out as far as its values are in the
file; what is known only when the job runs is told as a note. Exit code 1 if there is an error, with
--strict also if there is a warning. Rules and remedies: docs/lint.md.

JSON:
  { "files": how many, "errors", "warnings": how many,
    "findings": [ { "file", "line", "column", "severity": error | warning | note, "rule",
      "job": its key in the file, "message", "hint" } ],
    "jobs": [ { "file", "line", "job", "labels": each list that it may carry, "isOurs",
      "isDecidable": whether all of that is in the file } ] }"#;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "a flag each")]
pub(crate) struct Args {
    /// Workflow files, folders of them, or repositories' folders
    #[arg(value_name = "PATH", default_value = ".github/workflows")]
    paths: Vec<PathBuf>,
    /// The repository that the files belong to: asks the policy, too
    #[arg(long, value_name = "OWNER/NAME", value_parser = str::parse::<Repository>)]
    repository: Option<Repository>,
    /// The repository is public
    #[arg(long, requires = "repository")]
    public: bool,
    /// The runners have Docker, as on one machine: do not tell what needs it
    #[arg(long)]
    with_docker: bool,
    /// End with 1 for warnings, too
    #[arg(long)]
    strict: bool,
    /// How to tell what was found
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Answer with one JSON document
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    place: Configured,
}

/// How findings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// `FILE:LINE:COLUMN`, for people and editors
    Text,
    /// Annotations of a workflow run
    Github,
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let files = files::find(&args.paths)?;
    let config = args.place.load().await?;
    let origin =
        args.repository.map(|repository| Origin { repository, is_public: args.public, is_fork: false });
    let rules =
        Rules { config: &config, origin: origin.as_ref(), now: times.now, has_docker: args.with_docker };
    let mut linted = Linted::default();
    let progress = Progress::steps(files.len(), "files were read", Format { json: args.json });
    for file in &files {
        linted.file(file, &rules);
        progress.step();
    }
    drop(progress);
    neighbours::check(&linted.neighbours, &config, &mut linted.findings);
    let Linted { mut findings, jobs, .. } = linted;
    findings.sort_by(|one, other| (&one.file, one.at).cmp(&(&other.file, other.at)));
    findings.dedup();
    let fails = |found: &Finding| {
        found.severity == Severity::Error || (args.strict && found.severity == Severity::Warning)
    };
    let exit = if findings.iter().any(fails) { Exit::Failure } else { Exit::Success };
    if args.json {
        let data = output::json(&report::document(&findings, &jobs, files.len()))?;
        return Ok(Answer { exit, ..Answer::data(data) });
    }
    let data = match args.format {
        Form::Text => report::text(&findings),
        Form::Github => report::annotations(&findings),
    };
    let summary = report::summary(&findings, &jobs, files.len());
    Ok(Answer { exit, ..Answer::data(data) }.note(summary))
}

/// What was found in all files.
#[derive(Default)]
struct Linted {
    findings: Vec<Finding>,
    jobs: Vec<JobView>,
    neighbours: Vec<Neighbour>,
}

impl Linted {
    fn file(&mut self, path: &Path, rules: &Rules<'_>) {
        // As it was named, so that an editor and GitHub find it.
        let shown = path.display().to_string();
        let name: Arc<str> = shown.strip_prefix("./").unwrap_or(&shown).into();
        let mut findings = Vec::new();
        match files::read(path).and_then(|text| yaml::read(&text)) {
            Ok(root) => match workflow::kind(&root) {
                Kind::Workflow => self.workflow(&name, path, &root, rules, &mut findings),
                Kind::Action => findings.push(finding(
                    Severity::Note,
                    "no-workflow",
                    Position::START,
                    "it is an action: it runs on whatever its caller runs on",
                )),
                Kind::Other => findings.push(finding(
                    Severity::Error,
                    "no-workflow",
                    root.at,
                    format!("it is no workflow: {} without jobs:", root.kind()),
                )),
            },
            Err(broken) => {
                findings.push(finding(Severity::Error, "unreadable", broken.at, broken.message));
            }
        }
        self.findings.extend(findings.into_iter().map(|found| Finding { file: name.clone(), ..found }));
    }

    fn workflow(
        &mut self,
        name: &Arc<str>,
        path: &Path,
        root: &yaml::Node,
        rules: &Rules<'_>,
        findings: &mut Vec<Finding>,
    ) {
        let repository = files::repository_of(path);
        for job in workflow::jobs(root, findings) {
            let mut found = Vec::new();
            let ours = labels::check(&job, rules, &mut found);
            if !ours.is_empty() {
                if !rules.has_docker {
                    docker::check(root, &job.node, repository.as_deref(), &mut found);
                }
                found.extend(limits::check(&job, rules.config));
            }
            findings.extend(found.into_iter().map(|found| Finding { job: Some(job.id.clone()), ..found }));
            self.jobs.push(JobView {
                file: name.to_string(),
                job: job.id.clone(),
                line: job.at.line,
                is_decidable: job.open.is_empty(),
                is_ours: !ours.is_empty(),
                labels: job
                    .variants
                    .iter()
                    .map(|variant| variant.labels.iter().map(|label| label.text.clone()).collect())
                    .collect(),
            });
            let neighbour = |ours| Neighbour { file: name.clone(), job: job.id.clone(), ours };
            self.neighbours.extend(ours.into_iter().map(neighbour));
        }
    }
}
