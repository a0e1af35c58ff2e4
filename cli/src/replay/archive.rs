//! The archive of a deployed bus, replayed by `EventBridge`.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::operation::describe_replay::DescribeReplayOutput;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{ReplayDestination, ReplayState};
use fleetfoot_model::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::arguments::Format;
use crate::aws::failure::failure;
use crate::aws::stack::output as of_stack;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::{Deployed, HEADING, Remote};
use crate::stale;
use crate::times::Times;
use crate::when::When;

/// How often `EventBridge` is asked how the replay stands.
const PAUSE: Duration = Duration::from_secs(2);

/// `--since`, `--until` and `--rule`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Period {
    /// Replay the archive of its bus from then on: `2h` ago, or `2026-11-21T08:00:00Z`
    #[arg(long, help_heading = HEADING, value_name = "TIME", requires = "stack")]
    since: Option<When>,
    /// With --since: until this time; else until now
    #[arg(long, help_heading = HEADING, value_name = "TIME", requires = "since")]
    until: Option<When>,
    /// With --since: to this rule only, named as in template.yaml or by its name; may be repeated
    #[arg(long = "rule", help_heading = HEADING, value_name = "NAME", requires = "since")]
    rules: Vec<String>,
}

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct What {
    from: Timestamp,
    until: Timestamp,
    rules: Vec<String>,
}

impl Period {
    /// What of the archive is wanted, if it is.
    pub(super) fn span(&self, times: &Times, with_stale: bool) -> Result<Option<What>, Failure> {
        let Some(since) = self.since else { return Ok(None) };
        let from = since.time(times)?;
        let until = self.until.map_or(Ok(times.now), |until| until.time(times))?;
        if from >= until {
            return Err(Failure::new(format!("there is nothing to replay from {from} until {until}"))
                .hint("--since is the earlier time, --until the later one"));
        }
        if !with_stale && let Some(reason) = stale::of_age(from, times.now) {
            return Err(Failure::new(format!("what --since names is stale: {reason}")).hint(stale::HINT));
        }
        Ok(Some(What { from, until, rules: self.rules.clone() }))
    }
}

/// Starts a replay and looks on until it ends.
pub(super) async fn run(
    remote: &Remote,
    what: &What,
    format: Format,
    times: &Times,
) -> Result<Answer, Failure> {
    let Some(stack) = &remote.stack else {
        return Err(Failure::new("only a fleet on AWS has an archive").hint("--stack names one"));
    };
    let place = Deployed::find(stack, remote).await?;
    let Some(archive) = place.stack.optional(of_stack::ARCHIVE) else {
        return Err(Failure::new(format!("the stack {stack} keeps no archive of its bus"))
            .hint("recorded envelopes can be replayed one by one: fleetfoot replay --stack NAME FILE"));
    };
    let bus = place.stack.output(of_stack::BUS_ARN)?;
    let replay = Replay { client: Client::new(&place.sdk), name: format!("fleetfoot-{}", Uuid::new_v4()) };
    let rules = replay.rules(place.stack.output(of_stack::BUS)?, stack, &what.rules).await?;
    replay.start(archive, bus, rules, what).await?;
    let (from, until) = (times.date_time(what.from), times.date_time(what.until));
    output::note(&format!("replay {} of {from} until {until} ({}) ...", replay.name, times.zone_name()));
    tokio::select! {
        ended = replay.follow(times) => replay.answer(&ended?, what, format),
        _ = tokio::signal::ctrl_c() => Ok(Answer::default().note(format!(
            "the replay goes on; how it stands: aws events describe-replay --replay-name {0}, to end it: aws events \
             cancel-replay --replay-name {0}",
            replay.name
        ))),
    }
}

struct Replay {
    client: Client,
    name: String,
}

impl Replay {
    /// The ARNs of rules that are named as they are, or as the template calls them: `CloudFormation` makes
    /// `STACK-LogicalId-SUFFIX` of that.
    async fn rules(&self, bus: &str, stack: &str, wanted: &[String]) -> Result<Vec<String>, Failure> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = Vec::new();
        let mut next = None;
        loop {
            let answer = self.client.list_rules().event_bus_name(bus).set_next_token(next).send().await;
            let answer = answer
                .map_err(|error| failure("the bus's rules cannot be listed", "events:ListRules", &error))?;
            known.extend(answer.rules.unwrap_or_default().into_iter().filter_map(|it| it.name.zip(it.arn)));
            next = answer.next_token;
            if next.is_none() {
                break;
            }
        }
        wanted.iter().map(|wanted| find_rule(wanted, stack, &known)).collect()
    }

    async fn start(&self, archive: &str, bus: &str, rules: Vec<String>, what: &What) -> Result<(), Failure> {
        let rules = (!rules.is_empty()).then_some(rules);
        let destination = ReplayDestination::builder().arn(bus).set_filter_arns(rules).build();
        let destination = destination.map_err(|error| Failure::new("the bus has no ARN").because(&error))?;
        let request = self
            .client
            .start_replay()
            .replay_name(&self.name)
            .event_source_arn(archive)
            .event_start_time(DateTime::from_millis(what.from.as_millisecond()))
            .event_end_time(DateTime::from_millis(what.until.as_millisecond()))
            .destination(destination);
        let sent = request.send().await;
        sent.map(drop).map_err(|error| failure("the replay cannot be started", "events:StartReplay", &error))
    }

    /// Looks on until it has ended. Tells each new state.
    #[expect(
        clippy::disallowed_methods,
        reason = "EventBridge does the work; all that is left here is to wait"
    )]
    async fn follow(&self, times: &Times) -> Result<DescribeReplayOutput, Failure> {
        let mut told = None;
        loop {
            let asked = self.client.describe_replay().replay_name(&self.name).send().await;
            let now = asked.map_err(|error| {
                let what = format!("how the replay {} stands cannot be asked; it goes on", self.name);
                failure(what, "events:DescribeReplay", &error)
            })?;
            if matches!(
                now.state,
                Some(ReplayState::Completed | ReplayState::Cancelled | ReplayState::Failed)
            ) {
                return Ok(now);
            }
            let line = (now.state.clone(), now.event_last_replayed_time);
            if told.as_ref() != Some(&line) {
                let reached = reached(&now).map(|at| format!(", reached {}", times.date_time(at)));
                output::note(&format!("  {}{}", state(&now), reached.unwrap_or_default()));
                told = Some(line);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn answer(&self, ended: &DescribeReplayOutput, what: &What, format: Format) -> Result<Answer, Failure> {
        let name = &self.name;
        let mut answer = if format.json {
            Answer::data(output::json(&json!({
                "replay": name,
                "state": state(ended),
                "reason": ended.state_reason,
                "from": what.from,
                "until": what.until,
                "reached": reached(ended),
            }))?)
        } else {
            Answer::data(format!("replay {name}: {}\n", state(ended).to_lowercase()))
        };
        if ended.state != Some(ReplayState::Completed) {
            let failure = Failure::new(format!("the replay {name} was not completed: {}", state(ended)))
                .hint("start it again: handling an event twice changes nothing");
            answer.failures =
                vec![Failure { causes: ended.state_reason.iter().cloned().collect(), ..failure }];
        }
        Ok(answer)
    }
}

fn find_rule(wanted: &str, stack: &str, known: &[(String, String)]) -> Result<String, Failure> {
    let logical = format!("{stack}-{wanted}-");
    let found = known.iter().find(|(name, _)| name == wanted || name.starts_with(&logical));
    found.map(|(_, arn)| arn.clone()).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| name.as_str()).collect();
        Failure::new(format!("the bus has no rule {wanted}"))
            .hint(format!("its rules are {}; EventBridge's own for the archive is not one", names.join(", ")))
    })
}

fn state(replay: &DescribeReplayOutput) -> &str {
    replay.state.as_ref().map_or("in an unknown state", ReplayState::as_str)
}

fn reached(replay: &DescribeReplayOutput) -> Option<Timestamp> {
    Timestamp::from_second(replay.event_last_replayed_time?.secs()).ok()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn what(since: &str, until: Option<&str>) -> Result<What, Failure> {
        let until = until.map(|until| until.parse().unwrap());
        let period = Period { since: Some(since.parse().unwrap()), until, rules: Vec::new() };
        let times = Times { now: "2026-11-21T12:00:00Z".parse().unwrap(), zone: TimeZone::UTC };
        period.span(&times, false).map(Option::unwrap)
    }

    #[test]
    fn times_are_absolute_or_ago() {
        for (since, until, from, to) in [
            ("2h", None, "2026-11-21T10:00:00Z", "2026-11-21T12:00:00Z"),
            ("23h 30m", Some("90m"), "2026-11-20T12:30:00Z", "2026-11-21T10:30:00Z"),
            ("2026-11-21T08:00:00+01:00", Some("1 hour ago"), "2026-11-21T07:00:00Z", "2026-11-21T11:00:00Z"),
        ] {
            let what = what(since, until).unwrap();
            assert_eq!((what.from.to_string(), what.until.to_string()), (from.to_owned(), to.to_owned()));
        }
        assert_eq!(
            what("1d 1m", None).unwrap_err().what,
            "what --since names is stale: it is of 24h 1m ago, and GitHub drops a job after 24 hours"
        );
        assert!(what("1h", Some("2h")).is_err(), "backwards");
        assert!(what("5000000d", None).is_err(), "before all times");
    }

    #[test]
    fn a_rule_is_found_by_its_name_in_the_template() {
        let known = ["fleet-JobQueuedToLaunch-1XYZ", "fleet-JobQueued-2", "by-hand"]
            .map(|name| (name.to_owned(), format!("arn/{name}")));
        let find = |wanted| find_rule(wanted, "fleet", &known);
        assert_eq!(find("JobQueued").unwrap(), "arn/fleet-JobQueued-2");
        assert_eq!(find("by-hand").unwrap(), "arn/by-hand");
        assert_eq!(find("JobQueuedTo").unwrap_err().what, "the bus has no rule JobQueuedTo");
    }
}
