//! Whose jobs are served.

use crate::config::{Config, Target};
use crate::events::JobDescription;
use crate::record::WorkflowRun;

/// The answer of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Served.
    Admitted,
    /// Not served: what was found and what is allowed.
    Refused(String),
    /// It depends on where the run's code comes from, which is not known yet.
    OriginUnknown,
}

/// Decides whether a job is served. `run` is what is known of its workflow run.
///
/// Where forks are not served and the origin of a run is unknown, a private repository's job is served (GitHub runs
/// nothing from forks of private repositories unless their owner allows it), a public one's must be looked up.
pub fn admit(job: &JobDescription, run: Option<&WorkflowRun>, config: &Config) -> Admission {
    let rules = &config.repositories;
    let repository = &job.repository;
    if let Target::Repositories(listed) = &config.github.target
        && !listed.iter().any(|one| one.as_str().eq_ignore_ascii_case(repository.as_str()))
    {
        return Admission::Refused(format!(
            "repository {repository} is not listed under [github] repositories"
        ));
    }
    if !rules.allow.iter().any(|pattern| pattern.matcher.is_match(repository.as_str())) {
        let patterns: Vec<&str> = rules.allow.iter().map(|pattern| pattern.text.as_str()).collect();
        return Admission::Refused(format!(
            "repository {repository} is not allowed; [repositories] allow has {}",
            patterns.join(", ")
        ));
    }
    if job.public && !rules.public {
        return Admission::Refused(format!(
            "repository {repository} is public, and anyone could run code on this fleet; set public = true under \
             [repositories] if that is meant"
        ));
    }
    if rules.forks {
        return Admission::Admitted;
    }
    match run {
        Some(run)
            if run
                .head_repository
                .as_ref()
                .is_some_and(|head| head.as_str().eq_ignore_ascii_case(repository.as_str())) =>
        {
            Admission::Admitted
        }
        Some(run) => Admission::Refused(format!(
            "the run's code comes from {}, a fork of {repository}; set forks = true under [repositories] if that is meant",
            run.head_repository.as_ref().map_or("a deleted repository", |head| head.as_str())
        )),
        None if job.public => Admission::OriginUnknown,
        None => Admission::Admitted,
    }
}
