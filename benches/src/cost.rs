//! What the control plane costs: counts that were measured, times list prices.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::prices::{self, allowance};
use crate::routing::TEMPLATE;
use crate::step::Step;

/// The memory size of the template, in MiB.
pub(crate) const MEMORY_MIB: u32 = 256;
/// What Lambda writes of each invocation into its log, in bytes: `platform.start` and `platform.report` as JSON.
const PLATFORM_LOG: f64 = 600.0;
/// What the HTTP API writes of each request, in bytes: the template's format.
const ACCESS_LOG: f64 = 300.0;
/// `SendMessage` by the rule, `ReceiveMessage` and `DeleteMessage` by Lambda.
const REQUESTS_A_MESSAGE: f64 = 3.0;
const MINUTES_A_MONTH: f64 = 43_800.0;
/// Lambda asks an empty queue with five pollers, each for 20 seconds at a time (AWS Lambda developer guide, "Using Lambda
/// with Amazon SQS").
const POLLS_A_MINUTE: f64 = 15.0;

/// One line of a bill.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) count: f64,
    price: f64,
    /// How much of the count an account has for nothing each month.
    allowance: f64,
}

impl Line {
    fn new(what: &'static str, count: f64, price: f64) -> Self {
        Self { what, count, price, allowance: 0.0 }
    }

    fn allow(self, allowance: f64) -> Self {
        Self { allowance, ..self }
    }

    pub(crate) fn usd(&self) -> f64 {
        self.count * self.price
    }

    pub(crate) fn usd_beyond_allowance(&self) -> f64 {
        (self.count - self.allowance).max(0.0) * self.price
    }
}

/// What invocations use up.
#[derive(Debug, Default, Clone, Copy)]
struct Usage {
    invocations: f64,
    gb_seconds: f64,
    requests: f64,
    messages: f64,
    events: f64,
    event_bytes: f64,
    reads: f64,
    writes: f64,
    logged: f64,
}

/// How long an invocation takes with the template's memory size, by function and what woke it, without waiting for AWS.
pub(crate) type Durations = BTreeMap<(&'static str, String), Duration>;

impl Usage {
    fn add(&mut self, step: &Step, durations: &Durations, times: f64) {
        let measured = durations.get(&(step.function, step.woken_by.clone())).copied();
        let measured = measured.unwrap_or(step.latency).as_secs_f64() * 1000.0;
        let github = step.github.values().map(|count| number(*count) * prices::wait_millis("GitHub"));
        let waits = step.aws.iter().map(|call| prices::wait_millis(call)).chain(github).sum::<f64>();
        // Billed by the started millisecond.
        let millis = (measured + waits).ceil();
        let is_request = matches!(step.function, "ingest" | "register");
        let requests = if is_request { times } else { 0.0 };
        self.invocations += times;
        self.gb_seconds += times * f64::from(MEMORY_MIB) / 1024.0 * millis / 1000.0;
        self.requests += requests;
        self.messages += if step.queued { times } else { 0.0 };
        self.events += times * number(step.published.events);
        self.event_bytes += times * number(step.published.bytes);
        self.reads += times * number(step.units.half_reads) / 2.0;
        self.writes += times * number(step.units.writes);
        self.logged += times * (number(step.logged) + PLATFORM_LOG) + requests * ACCESS_LOG;
    }

    fn lines(self) -> Vec<Line> {
        vec![
            Line::new("requests to the HTTP API", self.requests, prices::API_REQUEST),
            Line::new("invocations (Lambda)", self.invocations, prices::INVOCATION)
                .allow(allowance::INVOCATIONS),
            Line::new("GB-seconds (Lambda, arm64)", self.gb_seconds, prices::GB_SECOND)
                .allow(allowance::GB_SECONDS),
            Line::new("facts on the bus (EventBridge)", self.events, prices::EVENT),
            Line::new("bytes into the archive (EventBridge)", self.event_bytes, prices::ARCHIVED_BYTE),
            Line::new(
                "requests to the queue (SQS)",
                self.messages * REQUESTS_A_MESSAGE,
                prices::QUEUE_REQUEST,
            )
            .allow(allowance::QUEUE_REQUESTS),
            Line::new("write units (DynamoDB)", self.writes, prices::WRITE_UNIT),
            Line::new("read units (DynamoDB)", self.reads, prices::READ_UNIT),
            Line::new("bytes of logs (CloudWatch)", self.logged, prices::LOGGED_BYTE)
                .allow(allowance::LOGGED_BYTES),
        ]
    }
}

/// Of 1,000 jobs, from the mean of those that were seen.
pub(crate) fn of_jobs(jobs: &[Vec<Step>], durations: &Durations) -> Vec<Line> {
    let times = 1000.0 / number(jobs.len().max(1) as u64);
    let mut usage = Usage::default();
    jobs.iter().flatten().for_each(|step| usage.add(step, durations, times));
    usage.lines()
}

/// Of a month without any job: what wakes by time, and what stands.
pub(crate) fn of_idle_month(
    minute: &[&Step],
    hour: &[&Step],
    metrics: usize,
    durations: &Durations,
) -> Vec<Line> {
    let mut usage = Usage::default();
    for step in minute {
        usage.add(step, durations, MINUTES_A_MONTH);
    }
    for step in hour {
        usage.add(step, durations, MINUTES_A_MONTH / 60.0);
    }
    let mut lines = vec![
        Line::new("alarms (CloudWatch)", resources("AWS::CloudWatch::Alarm"), prices::ALARM)
            .allow(allowance::ALARMS),
        Line::new("metrics that are told each minute (CloudWatch)", number(metrics as u64), prices::METRIC)
            .allow(allowance::METRICS),
        Line::new("dashboards (CloudWatch)", resources("AWS::CloudWatch::Dashboard"), prices::DASHBOARD)
            .allow(allowance::DASHBOARDS),
    ];
    lines.extend(usage.lines().into_iter().filter(|line| line.count > 0.0));
    let polls =
        Line::new("Lambda asking the queue (SQS)", POLLS_A_MINUTE * MINUTES_A_MONTH, prices::QUEUE_REQUEST);
    lines.push(polls.allow(allowance::QUEUE_REQUESTS));
    lines
}

/// How many resources of a type the template has.
pub(crate) fn resources(kind: &str) -> f64 {
    let is_one = |line: &&str| line.trim().strip_prefix("Type: ") == Some(kind);
    number(TEMPLATE.lines().filter(is_one).count() as u64)
}

/// The sum.
pub(crate) fn sum(lines: &[Line]) -> f64 {
    lines.iter().map(Line::usd).sum()
}

#[expect(clippy::cast_precision_loss, reason = "nothing here counts to 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_counts_what_an_invocation_does() {
        let step = Step {
            function: "launch",
            woken_by: "JobQueued".to_owned(),
            queued: true,
            latency: Duration::from_millis(9),
            processor_time: Duration::ZERO,
            aws: vec!["ECS.RunTask".to_owned()],
            github: BTreeMap::new(),
            facts: Vec::new(),
            published: crate::aws::Published { events: 1, bytes: 500 },
            units: crate::aws::Units { half_reads: 3, writes: 14 },
            logged: 400,
        };
        let durations = Durations::from([(("launch", "JobQueued".to_owned()), Duration::from_micros(2100))]);
        let lines = of_jobs(&[vec![step.clone()], vec![step]], &durations);
        let count = |what: &str| lines.iter().find(|line| line.what.starts_with(what)).unwrap().count;
        assert!((count("invocations") - 1000.0).abs() < 1e-6);
        // 703 ms of a quarter of a GB.
        assert!((count("GB-seconds") - 175.75).abs() < 1e-6);
        assert!((count("requests to the queue") - 3000.0).abs() < 1e-6);
        assert!((count("write units") - 14_000.0).abs() < 1e-6);
        assert!((count("read units") - 1500.0).abs() < 1e-6);
        assert!(count("requests to the HTTP API").abs() < 1e-6);
    }

    #[test]
    fn what_an_account_has_for_nothing_is_not_counted_twice() {
        let line = Line::new("alarms", 25.0, 0.1).allow(10.0);
        assert!((line.usd() - 2.5).abs() < 1e-9);
        assert!((line.usd_beyond_allowance() - 1.5).abs() < 1e-9);
        assert!(Line::new("few", 3.0, 1.0).allow(10.0).usd_beyond_allowance().abs() < 1e-9);
    }

    #[test]
    fn alarms_of_the_template_are_counted() {
        assert!(resources("AWS::CloudWatch::Alarm") > 9.0);
    }
}
