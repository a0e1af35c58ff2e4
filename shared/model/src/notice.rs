//! What a person should hear of, as it is published to the notice topic, and what is remembered of having told it.

mod rows;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::events::Fact;
use crate::ids::{JobId, RunnerName};

pub use rows::{AlarmStory, NoticeWindow, PendingNotice, Place, Post, Rest};

/// A message for people. Slack, e-mail or anything else may subscribe to the topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Always `"fleetfoot-notice"`: tells notices from alarms on the same topic.
    pub kind: NoticeKind,
    /// The fact's id, which stays the same however often it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The fact's detail-type.
    pub fact: String,
    /// One line.
    pub title: String,
    /// What was found, what is allowed, what to do.
    pub text: String,
    /// Where to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The job that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The runner that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<RunnerName>,
    /// The daily digest in numbers, if it is one; `text` says the same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// The marker of a [`Notice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoticeKind {
    /// The only one.
    #[serde(rename = "fleetfoot-notice")]
    Fleet,
}

impl Notice {
    fn new(fact: &Fact, title: String, text: &str, link: Option<&str>) -> Self {
        Self {
            kind: NoticeKind::Fleet,
            id: None,
            fact: fact.detail_type().to_owned(),
            title,
            text: text.to_owned(),
            link: link.filter(|link| link.starts_with("https://")).map(str::to_owned),
            job: None,
            runner: None,
            digest: None,
        }
    }

    fn about_job(self, job: JobId) -> Self {
        Self { job: Some(job), ..self }
    }

    /// The notice of a fact that a person should hear of.
    pub fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::JobRejected(it) => Some(
                Self::new(
                    fact,
                    format!("{}: job {:?} will get no runner", it.repository, it.name),
                    &it.reason,
                    Some(&it.html_url),
                )
                .about_job(it.job),
            ),
            Fact::JobExpired(it) => Some(
                Self::new(
                    fact,
                    format!("{}: job {:?} was given up", it.repository, it.name),
                    &it.reason,
                    Some(&it.html_url),
                )
                .about_job(it.job),
            ),
            Fact::JobRerunRefused(it) => Some(
                Self::new(
                    fact,
                    format!("{}: job {:?} lost its machine and is not run again", it.repository, it.name),
                    &it.reason,
                    Some(&it.html_url),
                )
                .about_job(it.job),
            ),
            Fact::CheckRunsRefused(it) => Some(Self::new(
                fact,
                format!("{}: GitHub does not let commits show jobs that get no runner", it.repository),
                &it.reason,
                None,
            )),
            // A job's own rejection tells the same; only a pool's runner has nobody else to speak for it.
            Fact::LaunchFailed(it) if it.for_good && it.job.is_none() => {
                let title = format!("Runner {} cannot be launched", it.runner);
                Some(Self { runner: Some(it.runner.clone()), ..Self::new(fact, title, &it.reason, None) })
            }
            Fact::ImageFailed(it) => Some(Self::new(
                fact,
                format!("The runner image on {} could not be built", it.image),
                &it.reason,
                it.log_url.as_deref(),
            )),
            Fact::RunnerReleaseAging(it) => Some(Self::new(
                fact,
                format!("Release {} of GitHub's runner is too old", it.version),
                &format!(
                    "GitHub sends no jobs to runners of it after {}. The newest is {}: `fleetfoot runner bump`, then deploy.",
                    it.served_until, it.newest
                ),
                Some("https://github.com/actions/runner/releases"),
            )),
            Fact::BudgetReached(it) => Some(Self::new(
                fact,
                format!("{} percent of the budget of {} are spent", it.percent, it.period),
                &format!(
                    "{:.2} of {:.2} USD, by list price. By whom: `fleetfoot cost --since {} --by repository`. Jobs are served \
                     as before.",
                    it.spent_usd,
                    it.budget_usd,
                    // A month begins on its first day.
                    if it.period.len() == 7 { format!("{}-01", it.period) } else { it.period.clone() }
                ),
                None,
            )),
            Fact::DayReported(it) => {
                let notice =
                    Self::new(fact, format!("The fleet on {}", it.digest.day), &it.digest.text(), None);
                Some(Self { digest: Some(it.digest.clone()), ..notice })
            }
            Fact::BreakerOpened(it) => Some(Self::new(
                fact,
                "Runners are not replaced for now".to_owned(),
                &format!(
                    "More than {} runners had to be replaced within ten minutes. Jobs that lost theirs wait until {}; \
                     new jobs are served. Look for what stops the runners: `fleetfoot runners list`.",
                    it.limit, it.until
                ),
                None,
            )),
            _ => None,
        }
    }
}
