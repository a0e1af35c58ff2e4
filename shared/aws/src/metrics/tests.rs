use fleetfoot_model::description::JobDescription;
use fleetfoot_model::events::{
    FleetMeasured, JobDeferred, JobFinished, JobQueued, JobRejected, LaunchFailed, QueueCause, RunnerStopped,
};
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::runner::StopReason;
use fleetfoot_model::waiting::Waiting;

use super::*;

/// What the embedded metric format says of a document's structure (Amazon CloudWatch user guide, "Specification: Embedded
/// metric format"), for documents without high resolution.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["_aws"],
        "properties": { "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": { "type": "integer" },
                "CloudWatchMetrics": { "type": "array", "minItems": 1, "items": {
                    "type": "object",
                    "required": ["Namespace", "Dimensions", "Metrics"],
                    "properties": {
                        "Namespace": { "type": "string", "minLength": 1, "maxLength": 1024 },
                        "Dimensions": { "type": "array", "minItems": 1, "items": {
                            "type": "array", "minItems": 1, "maxItems": 30,
                            "items": { "type": "string", "minLength": 1, "maxLength": 250 },
                        } },
                        "Metrics": { "type": "array", "minItems": 1, "maxItems": 100, "items": {
                            "type": "object",
                            "required": ["Name"],
                            "additionalProperties": false,
                            "properties": {
                                "Name": { "type": "string", "minLength": 1, "maxLength": 1024 },
                                "Unit": { "enum": ["Count", "Seconds", "Milliseconds", "None"] },
                            },
                        } },
                    },
                } },
            },
        } },
    })
}

/// What JSON Schema cannot say: that what is named is there, and as what.
fn check(document: &Value) {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {document}");
    let directive = &document["_aws"]["CloudWatchMetrics"][0];
    for dimension in directive["Dimensions"].as_array().unwrap().iter().flat_map(|it| it.as_array().unwrap())
    {
        let value = document[dimension.as_str().unwrap()].as_str().unwrap();
        assert!((1..=1024).contains(&value.len()), "{document}");
    }
    for metric in directive["Metrics"].as_array().unwrap() {
        let name = metric["Name"].as_str().unwrap();
        let defined = METRICS.iter().find(|it| it.name == name).unwrap();
        assert_eq!(metric["Unit"], defined.unit.name());
        match &document[name] {
            Value::Array(values) => {
                assert!((2..=100).contains(&values.len()) && values.iter().all(Value::is_number));
            }
            value => assert!(value.is_number(), "{name} in {document}"),
        }
    }
    assert!(!document.to_string().contains('\n'));
}

fn now() -> Timestamp {
    "2026-11-21T06:00:00Z".parse().unwrap()
}

fn job() -> JobDescription {
    serde_json::from_value(json!({
        "id": 7, "runId": 1, "runAttempt": 1, "repository": "o/r", "public": false, "name": "build",
        "labels": ["self-hosted"], "createdAt": "2026-11-21T05:59:58Z",
    }))
    .unwrap()
}

fn told(facts: &[Fact]) -> Vec<Value> {
    let documents = of("ff", facts, now());
    documents.iter().for_each(check);
    documents
}

fn stopped(reason: StopReason, cost_usd: f64) -> Fact {
    RunnerStopped { runner: "ff-7-1".parse().unwrap(), job: None, reason, cost_usd }.into()
}

#[test]
fn the_fleet_is_measured_in_one_document() {
    let measured = FleetMeasured {
        jobs_waiting: 3,
        jobs_launched: 2,
        jobs_running: 1,
        runners_starting: 2,
        runners_idle: 0,
        runners_busy: 1,
        oldest_waiting_seconds: 90,
    };
    let documents = told(&[measured.into()]);
    let [document] = documents.as_slice() else { panic!("{documents:?}") };
    let values = ["JobsWaiting", "JobsLaunched", "JobsRunning", "RunnersIdle", "OldestWaiting", "Stack"];
    let values: Vec<&Value> = values.iter().map(|name| &document[name]).collect();
    assert_eq!(json!(values), json!([3, 2, 1, 0, 90, "ff"]));
    assert_eq!(document["_aws"]["Timestamp"], 1_795_240_800_000_i64);
    let directive = &document["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(
        (&directive["Namespace"], &directive["Dimensions"]),
        (&json!("Fleetfoot"), &json!([["Stack"]]))
    );
}

#[test]
fn of_an_idle_fleet_nothing_is_told() {
    let idle = FleetMeasured {
        jobs_waiting: 0,
        jobs_launched: 0,
        jobs_running: 0,
        runners_starting: 0,
        runners_idle: 0,
        runners_busy: 0,
        oldest_waiting_seconds: 0,
    };
    assert_eq!(told(&[idle.clone().into()]), Vec::<Value>::new());
    assert_eq!(told(&[FleetMeasured { runners_idle: 1, ..idle }.into()]).len(), 1);
}

#[test]
fn reasons_are_few_words_and_told_beside_the_sum() {
    let failed = |reason: &str| StopReason::Failed { exit_code: Some(1), reason: reason.to_owned() };
    let documents = told(&[
        stopped(failed("one thing"), 0.001),
        stopped(failed("another thing"), 0.002),
        stopped(StopReason::Interrupted, 0.25),
    ]);
    let by_reason: Vec<[&Value; 3]> =
        documents.iter().map(|it| [&it["Reason"], &it["RunnersStopped"], &it["RunnerCost"]]).collect();
    assert_eq!(json!(by_reason), json!([[null, null, 0.253], ["failed", 2, null], ["interrupted", 1, null]]));
    let directive = &documents[1]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Dimensions"], json!([["Stack"], ["Stack", "Reason"]]));
    assert!(!documents.iter().any(|it| it.to_string().contains("thing")));
}

#[test]
fn times_are_listed_and_counts_are_summed() {
    let finished = |millis: Option<u64>| -> Fact {
        let conclusion = "success".to_owned();
        JobFinished {
            job: JobId(7),
            repository: "o/r".parse().unwrap(),
            conclusion,
            runner: None,
            queue_to_start_millis: millis,
            created_at: None,
            started_at: None,
            completed_at: None,
        }
        .into()
    };
    let documents = told(&[finished(Some(1500)), finished(None), finished(Some(2500))]);
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0]["JobsFinished"], 3);
    assert_eq!(documents[0]["QueueToStart"], json!([1500, 2500]));

    let many: Vec<Fact> = (0..250).map(|n| finished(Some(n))).collect();
    let documents = told(&many);
    let counts: Vec<usize> =
        documents.iter().map(|it| it["QueueToStart"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [100, 100, 50]);
    assert_eq!(documents.iter().filter_map(|it| it["JobsFinished"].as_u64()).sum::<u64>(), 250);
}

#[test]
fn only_a_webhook_tells_how_long_it_took() {
    let queued = |cause| Fact::from(JobQueued { job: job(), cause });
    let documents = told(&[queued(QueueCause::Webhook), queued(QueueCause::RunnerTaken)]);
    assert_eq!(documents.len(), 1);
    assert_eq!((&documents[0]["JobsQueued"], &documents[0]["QueueToWebhook"]), (&json!(1), &json!(2000)));
    let mut later = job();
    later.created_at = now() + fleetfoot_model::SignedDuration::from_secs(5);
    let documents = told(&[JobQueued { job: later, cause: QueueCause::Webhook }.into()]);
    assert_eq!(documents[0]["QueueToWebhook"], 0, "GitHub's clock may be ahead");
}

#[test]
fn each_failure_has_its_metric() {
    let (job, repository) = (JobId(7), "o/r".parse::<Repository>().unwrap());
    let waiting = Waiting::Throttled { until: now(), reason: "ECS".to_owned() };
    let documents = told(&[
        JobRejected {
            job,
            repository: repository.clone(),
            name: "build".to_owned(),
            html_url: String::new(),
            reason: "class:mediun".to_owned(),
        }
        .into(),
        JobDeferred { job, repository, waiting }.into(),
        LaunchFailed {
            runner: "ff-7-1".parse().unwrap(),
            job: None,
            reason: "no capacity".to_owned(),
            for_good: false,
        }
        .into(),
    ]);
    let found: Vec<[&Value; 4]> = documents
        .iter()
        .map(|it| [&it["Reason"], &it["JobsRejected"], &it["JobsDeferred"], &it["LaunchesFailed"]])
        .collect();
    assert_eq!(
        json!(found),
        json!([[null, 1, null, null], ["again", null, null, 1], ["throttled", null, 1, null]])
    );
}

#[expect(clippy::needless_pass_by_value, reason = "each is made where it is used")]
fn fact(detail_type: &str, detail: Value) -> Fact {
    Fact::decode(detail_type, &detail).unwrap().unwrap()
}

#[test]
fn each_phase_of_a_start_is_told_by_who_sees_its_end() {
    let spec = json!({
        "class": "small", "cpu": 256, "memoryMib": 512, "diskGib": 20, "arch": "x64", "capacity": "on-demand",
    });
    let at = |second: u32| format!("2026-11-21T06:00:{second:02}Z");
    let documents = told(&[
        fact(
            "RunnerLaunched",
            json!({ "runner": "ff-7-1", "task": "arn:aws:ecs:eu-west-1:123456789012:task/c/1", "spec": spec,
                    "heardAt": at(1), "reservedAt": at(3) }),
        ),
        fact(
            "RunnerStarted",
            json!({ "runner": "ff-7-1", "task": "arn:aws:ecs:eu-west-1:123456789012:task/c/1",
                    "reservedAt": at(3), "upAt": at(28) }),
        ),
        fact(
            "RunnerBusy",
            json!({ "runner": "ff-7-1", "job": 7, "upAt": at(28), "registeredAt": at(30), "startedAt": at(34) }),
        ),
        fact(
            "RunnerBusy",
            json!({ "runner": "ff-pool-1-1", "job": 8, "upAt": at(0), "registeredAt": at(1), "startedAt": at(59) }),
        ),
    ]);
    let [document] = documents.as_slice() else { panic!("{documents:?}") };
    let names = ["WebhookToLaunch", "LaunchToUp", "UpToStart", "RunnerIdle", "Launches"];
    let values: Vec<&Value> = names.iter().map(|name| &document[*name]).collect();
    assert_eq!(json!(values), json!([2000, 25_000, 6000, [4, 58], 1]));
}

#[test]
fn clocks_that_disagree_and_old_facts_tell_nothing_wrong() {
    let busy = |detail| told(&[fact("RunnerBusy", detail)]);
    assert!(busy(json!({ "runner": "ff-7-1", "job": 7 })).is_empty());
    let later = json!({
        "runner": "ff-7-1", "job": 7, "upAt": "2026-11-21T06:00:05Z", "startedAt": "2026-11-21T06:00:04Z",
    });
    assert_eq!(busy(later)[0]["UpToStart"], 0);
}

#[test]
fn what_github_still_allows_is_told_if_it_was_asked() {
    assert!(of_budget("ff", None, now()).is_empty());
    let documents = of_budget("ff", Some(4711), now());
    documents.iter().for_each(check);
    assert_eq!(documents[0]["GitHubRequestsLeft"], 4711);
}

#[test]
fn an_invocation_tells_only_what_went_wrong() {
    assert!(of_outcome("ff", "launch", &Outcome::default(), now()).is_empty());
    let outcome = Outcome { failed: 2, unsent_notices: 1, ..Outcome::default() };
    let documents = of_outcome("ff", "launch", &outcome, now());
    documents.iter().for_each(check);
    assert_eq!(documents.len(), 1);
    let document = &documents[0];
    assert_eq!((&document["EventsFailed"], &document["NoticesUnsent"]), (&json!(2), &json!(1)));
    assert_eq!((&document["Function"], &document["FactsUnsent"]), (&json!("launch"), &Value::Null));
}

#[test]
fn nothing_is_told_without_a_stack_or_without_facts() {
    assert!(of("", &[stopped(StopReason::Done, 1.0)], now()).is_empty());
    assert!(of("ff", &[], now()).is_empty());
}

#[test]
fn the_table_holds_every_metric_once() {
    let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert!(names.len() <= 100, "a document may have 100 metrics");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), METRICS.len());
    for metric in METRICS {
        assert!(metric.meaning.ends_with('.'), "{}", metric.name);
        let Some((dimension, values)) = metric.by else { continue };
        assert!(["Function", "Reason"].contains(&dimension) && values.is_sorted() && values.len() < 10);
    }
}
