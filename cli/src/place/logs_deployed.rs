//! Logs of a deployed fleet, in CloudWatch.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsError;
use aws_sdk_cloudwatchlogs::operation::get_log_events::{GetLogEventsError, GetLogEventsOutput};
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::runner::Runner;

use super::logs::{Line, Logs, Page, Sought, Wanted};
use crate::aws::failure::failure;
use crate::failure::Failure;
use crate::progress::Progress;

/// What ECS calls the streams of a task: prefix, container, id of the task (Amazon ECS developer guide, "Using the awslogs
/// log driver"). Prefix and container have one name (`shared/aws/src/fleet/definition.rs`).
const CONTAINER: &str = "runner";
/// Of logs that are looked through. A page is a megabyte of what is looked through at most, found or not, and five are
/// answered in a second (CloudWatch Logs quotas, `FilterLogEvents`).
const MOST_PAGES: usize = 1000;

/// The logs of runners and functions.
pub(super) struct LogsDeployed {
    pub(super) client: Client,
    /// The log group of runners.
    pub(super) runners: String,
    /// What the log groups of functions begin with.
    pub(super) groups: String,
}

#[async_trait]
impl Logs for LogsDeployed {
    async fn runner(
        &self,
        runner: &Runner,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Option<Page>, Failure> {
        let Some(stream) = stream_of(runner) else { return Ok(None) };
        let request = self
            .client
            .get_log_events()
            .log_group_name(&self.runners)
            .log_stream_name(&stream)
            .start_from_head(true)
            .set_start_time(since.map(Timestamp::as_millisecond))
            .set_next_token(from.map(str::to_owned));
        match request.send().await {
            Ok(answer) => Ok(Some(page(answer, from))),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(failure(
                format!("the log of {} cannot be read", runner.name),
                "logs:GetLogEvents",
                &error,
            )),
        }
    }

    async fn of_runners(
        &self,
        sought: Sought<'_>,
        progress: &Progress,
    ) -> Result<(Vec<String>, bool), Failure> {
        let (mut lines, mut token) = (Vec::new(), None);
        for page in 1..=MOST_PAGES {
            progress.says(&format!("reading {}: page {page}, {} lines found", self.runners, lines.len()));
            let request = self
                .client
                .filter_log_events()
                .log_group_name(&self.runners)
                .start_time(sought.since.as_millisecond())
                .filter_pattern(format!("\"{}\"", sought.text))
                .set_next_token(token);
            let answer = match request.send().await {
                Ok(answer) => answer,
                // It is made with the first line.
                Err(error) if is_unknown_group(&error) => return Ok((lines, false)),
                Err(error) => {
                    let what = format!("the logs of runners in {} cannot be read", self.runners);
                    return Err(failure(what, "logs:FilterLogEvents", &error));
                }
            };
            lines.extend(answer.events.unwrap_or_default().into_iter().filter_map(|event| event.message));
            token = answer.next_token;
            if token.is_none() {
                return Ok((lines, false));
            }
        }
        Ok((lines, true))
    }

    fn kept(&self, _runner: &RunnerName) -> String {
        format!(
            "the log group {} keeps what runners say for RunnerLogRetentionDays of the stack (14 unless set)",
            self.runners
        )
    }

    async fn functions(&self, wanted: &Wanted) -> Result<(Vec<Line>, bool), Failure> {
        let (mut lines, mut is_cut) = (Vec::new(), false);
        // One after the other: an account may ask five times a second (CloudWatch Logs quotas, FilterLogEvents).
        for function in &wanted.functions {
            is_cut |= self.function(function, wanted, &mut lines).await?;
        }
        lines.sort_by_key(|line| line.at);
        is_cut |= lines.len() > wanted.most;
        lines.truncate(wanted.most);
        Ok((lines, is_cut))
    }
}

impl LogsDeployed {
    /// Adds the lines of a function. Answers whether there are more.
    async fn function(
        &self,
        function: &'static str,
        wanted: &Wanted,
        lines: &mut Vec<Line>,
    ) -> Result<bool, Failure> {
        let (mut token, mut found) = (None, 0);
        loop {
            let request = self
                .client
                .filter_log_events()
                .log_group_name(format!("{}{function}", self.groups))
                .start_time(wanted.since.as_millisecond())
                .set_filter_pattern(wanted.number.map(|number| format!("\"{number}\"")))
                .set_next_token(token);
            let answer = request.send().await.map_err(|error| {
                failure(format!("the log of {function} cannot be read"), "logs:FilterLogEvents", &error)
            })?;
            for event in answer.events() {
                let text = event.message().unwrap_or_default().trim_end().to_owned();
                if wanted.number.is_none_or(|number| has_number(&text, number)) {
                    lines.push(Line { at: time(event.timestamp()), source: function.to_owned(), text });
                    found += 1;
                }
            }
            token = answer.next_token().map(str::to_owned);
            if token.is_none() || found >= wanted.most {
                return Ok(token.is_some());
            }
        }
    }
}

/// The stream of a runner's task, once it has one.
fn stream_of(runner: &Runner) -> Option<String> {
    let task = runner.task.as_ref()?.to_string();
    Some(format!("{CONTAINER}/{CONTAINER}/{}", task.rsplit('/').next()?))
}

/// The end of a stream gives the token that it was asked with (API reference, `GetLogEvents`).
fn page(answer: GetLogEventsOutput, from: Option<&str>) -> Page {
    let next = answer.next_forward_token.unwrap_or_default();
    let events = answer.events.unwrap_or_default().into_iter();
    let lines = events.map(|event| Line {
        at: time(event.timestamp),
        source: CONTAINER.to_owned(),
        text: event.message.unwrap_or_default().trim_end().to_owned(),
    });
    Page { lines: lines.collect(), has_more: from != Some(next.as_str()), next }
}

/// There is no stream before the container has said something, and none after the retention.
fn is_unknown<R>(error: &SdkError<GetLogEventsError, R>) -> bool {
    error.as_service_error().is_some_and(GetLogEventsError::is_resource_not_found_exception)
}

fn is_unknown_group<R>(error: &SdkError<FilterLogEventsError, R>) -> bool {
    error.as_service_error().is_some_and(FilterLogEventsError::is_resource_not_found_exception)
}

/// A filter finds numbers within longer ones, too.
fn has_number(text: &str, number: u64) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.parse() == Ok(number))
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_not_found_within_another() {
        assert!(has_number(r#"{"runner":"ff-101-1"}"#, 101));
        assert!(!has_number(r#"{"runner":"ff-2101-1"}"#, 101));
    }

    #[test]
    fn a_stream_has_ended_when_its_token_comes_again() {
        let answer = || GetLogEventsOutput::builder().next_forward_token("f/1").build();
        assert!(page(answer(), None).has_more);
        assert!(!page(answer(), Some("f/1")).has_more);
    }
}
