use std::collections::BTreeMap;

use fleetfoot_model::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use super::{BusName, Mapping, Redrive, Route, Target, Wiring};

const TEMPLATE: &str = include_str!("../../../../template.yaml");

fn read(template: &str) -> Result<Wiring, String> {
    Wiring::read(template, &BTreeMap::new()).map_err(|error| error.to_string())
}

fn wiring() -> Wiring {
    read(TEMPLATE).unwrap_or_else(|error| panic!("{error}"))
}

/// What is said of the template after one change.
fn after(from: &str, to: &str) -> String {
    assert!(TEMPLATE.contains(from), "the template does not contain {from:?}");
    read(&TEMPLATE.replacen(from, to, 1)).expect_err("the changed template was read")
}

fn woken_by(function: &str) -> Vec<String> {
    let wiring = wiring();
    let target = Target::Function(function.to_owned());
    let rules = wiring.rules.iter().filter(|rule| rule.targets.contains(&target));
    let schedules = wiring.schedules.iter().filter(|schedule| schedule.targets.contains(&target));
    rules.map(|it| it.name.clone()).chain(schedules.map(|it| it.name.clone())).collect()
}

#[test]
fn the_template_wires_the_nine_functions() {
    let wiring = wiring();
    let names: Vec<&str> = wiring.functions.keys().map(String::as_str).collect();
    let nine = [
        "alarm",
        "cleanup",
        "image-build",
        "ingest",
        "job-state",
        "launch",
        "pool",
        "register",
        "task-state",
    ];
    assert_eq!(names, nine);
    assert_eq!(woken_by("job-state"), ["JobsAtGitHub"]);
    assert_eq!(woken_by("task-state"), ["TaskStates"]);
    assert_eq!(woken_by("image-build"), ["BuildStates", "ImagesToBuild", "ImageSchedule"]);
    assert_eq!(woken_by("pool"), ["RunnersLeavingPools", "PoolSchedule"]);
    assert_eq!(woken_by("cleanup"), ["CleanupSchedule"]);
    assert_eq!(wiring.subscriptions, ["alarm"]);
    assert_eq!(wiring.functions["cleanup"].timeout, SignedDuration::from_secs(55));
    assert_eq!(wiring.functions["pool"].timeout, SignedDuration::from_secs(30));
    assert_eq!(wiring.functions["pool"].retries, 2);
    assert_eq!(wiring.functions["pool"].dead_letters.as_deref(), Some("FailedEvents"));
}

#[test]
fn routes_queue_and_schedules_are_read() {
    let wiring = wiring();
    let route = |method: &str, path: &str, function: &str| Route {
        method: method.to_owned(),
        path: path.to_owned(),
        function: function.to_owned(),
    };
    for expected in [
        route("POST", "/webhook", "ingest"),
        route("GET", "/health", "ingest"),
        route("POST", "/runners/{name}/register", "register"),
    ] {
        assert!(wiring.routes.contains(&expected), "{expected:?}");
    }
    let queue = &wiring.queues["LaunchQueue"];
    assert_eq!(queue.visibility, SignedDuration::from_secs(180));
    assert_eq!(queue.redrive, Some(Redrive { dead_letters: "UnlaunchedEvents".to_owned(), after: 5 }));
    let mapping = |queue: &str, batch, concurrency| Mapping {
        queue: queue.to_owned(),
        function: "launch".to_owned(),
        batch,
        concurrency,
    };
    assert_eq!(wiring.mappings, [mapping("LaunchQueue", 10, 10), mapping("PaceQueue", 1, 2)]);
    assert_eq!(queue.delay, SignedDuration::ZERO);
    assert_eq!(wiring.queues["PaceQueue"].delay, SignedDuration::from_secs(5));
    let every: Vec<i64> = wiring.schedules.iter().map(|schedule| schedule.every.as_secs()).collect();
    assert_eq!(every, [60, 60, 3600, 60]);
}

#[test]
fn patterns_are_read_with_the_parameters_that_are_given() {
    let task_states = |wiring: &Wiring| {
        wiring
            .rules
            .iter()
            .find(|rule| rule.name == "TaskStates")
            .map(|rule| (rule.bus, rule.pattern.clone()))
    };
    let prefix = |prefix: &str| {
        let pattern = json!({
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": { "lastStatus": ["RUNNING", "STOPPED"], "startedBy": [{ "prefix": prefix }] },
        });
        Some((BusName::Default, pattern))
    };
    assert_eq!(task_states(&wiring()), prefix("ff-"));
    let given = BTreeMap::from([("FleetName".to_owned(), "blue".to_owned())]);
    assert_eq!(task_states(&Wiring::read(TEMPLATE, &given).unwrap()), prefix("blue-"));
    let unknown = BTreeMap::from([("Fleet".to_owned(), "blue".to_owned())]);
    let error = Wiring::read(TEMPLATE, &unknown).unwrap_err().to_string();
    assert_eq!(error, "template: Parameters: there is no parameter Fleet");
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    for (from, to, expected) in [
        (
            "AWS::SNS::Topic\n",
            "AWS::SNS::Topik\n",
            "Notices (AWS::SNS::Topik): this type is not understood; read are AWS::ApiGatewayV2::Api,",
        ),
        (
            "      VisibilityTimeout: 180",
            "      ReceiveMessageWaitTimeSeconds: 5",
            "LaunchQueue (AWS::SQS::Queue): ReceiveMessageWaitTimeSeconds is not understood; allowed: DelaySeconds, RedrivePolicy, VisibilityTimeout,",
        ),
        (
            "        - Id: launch-queue",
            "        - Input: '{}'\n          Id: launch-queue",
            "JobsAndCapacity (AWS::Events::Rule): Targets[0].Input: unknown field `Input`, expected one of `Id`, `Arn`, `DeadLetterConfig`, `RetryPolicy`",
        ),
        ("            Type: SQS", "            Type: SNS", "OnFailure is of Type SNS, expected SQS"),
        ("    MemorySize: 256", "    MemorySise: 256", "Globals.Function: MemorySise is not understood"),
        ("Outputs:", "Output:", "template: Output is not understood"),
        (
            "  Notices:\n",
            "  Notices:\n    Condition: Wanted\n",
            "Notices (AWS::SNS::Topic): Condition is not understood on what wires",
        ),
        (
            "  NoticesToAlarm:\n",
            "  NoticesToAlarm:\n    Condition: Wanted\n",
            "NoticesToAlarm (AWS::SNS::Subscription): Condition is not understood on what wires",
        ),
        ("    Type: AWS::SNS::Topic\n", "    Kind: AWS::SNS::Topic\n", "Notices: Kind is not understood"),
        (
            "RouteKey: GET /health",
            "RouteKey: ANY /{proxy+}",
            "HealthRoute (AWS::ApiGatewayV2::Route): RouteKey is \"ANY /{proxy+}\", expected METHOD /path",
        ),
        ("ProtocolType: HTTP", "ProtocolType: WEBSOCKET", "ProtocolType is WEBSOCKET, expected HTTP"),
        (
            "rate(1 hour)",
            "cron(0 * * * ? *)",
            "ImageSchedule (AWS::Events::Rule): ScheduleExpression is \"cron(0 * * * ? *)\", expected rate(1 minute)",
        ),
        ("rate(1 hour)", "rate(1 hours)", "ScheduleExpression is \"rate(1 hours)\""),
        ("[ReportBatchItemFailures]", "[]", "expected [ReportBatchItemFailures]: without it one failed item"),
        (
            "- prefix: !Sub \"${FleetName}-\"",
            "- !Split [a, b]",
            "TaskStates (AWS::Events::Rule): EventPattern: Fn::Split is not understood",
        ),
        (
            "Protocol: lambda",
            "Protocol: sqs",
            "NoticesToAlarm (AWS::SNS::Subscription): Protocol is sqs, expected lambda, email or https",
        ),
        (
            "CodeUri: functions/pool",
            "CodeUri: .",
            "PoolFunction (AWS::Serverless::Function): CodeUri is \".\", expected functions/<package>",
        ),
        (
            "CodeUri: functions/pool",
            "CodeUri: functions/cleanup",
            "PoolFunction (AWS::Serverless::Function): functions/cleanup is another function's already",
        ),
        (
            "!GetAtt LaunchQueue.QueueName",
            "!Gett LaunchQueue.QueueName",
            "!Gett is no function of CloudFormation",
        ),
        (
            "      Timeout: 55",
            "      Timeout: !Ref FleetName",
            "CleanupFunction (AWS::Serverless::Function): Timeout: invalid type",
        ),
    ] {
        let error = after(from, to);
        assert!(error.contains(expected), "{from:?} to {to:?}: {error}");
    }
}

#[test]
fn references_resolve_to_the_right_kind() {
    for (from, to, expected) in [
        (
            "Arn: !GetAtt LaunchQueue.Arn",
            "Arn: !GetAtt LunchQueue.Arn",
            "JobsAndCapacity (AWS::Events::Rule): LunchQueue is neither a parameter nor a resource of this template",
        ),
        (
            "aws:SourceArn: !Ref Notices",
            "aws:SourceArn: !Ref Notice",
            "UndeliveredEventsPolicy (AWS::SQS::QueuePolicy): Notice is neither",
        ),
        (
            "${Api.ApiEndpoint}/webhook",
            "${Apis.ApiEndpoint}/webhook",
            "Outputs: Apis is neither a parameter nor a resource",
        ),
        (
            "EventSourceArn: !GetAtt LaunchQueue.Arn",
            "EventSourceArn: !GetAtt Notices.Arn",
            "LaunchSource (AWS::Lambda::EventSourceMapping): Notices is of type AWS::SNS::Topic, expected AWS::SQS::Queue",
        ),
        (
            "integrations/${IngestIntegration}",
            "integrations/${ApiStage}",
            "expected AWS::ApiGatewayV2::Integration",
        ),
        (
            "Arn: !GetAtt LaunchQueue.Arn",
            "Arn: arn:aws:sqs:launch",
            "Targets[0].Arn: unknown variant `arn:aws:sqs:launch`, expected `Ref` or `Fn::GetAtt`",
        ),
    ] {
        let error = after(from, to);
        assert!(error.contains(expected), "{from:?} to {to:?}: {error}");
    }
}

#[test]
fn what_would_lose_events_is_refused() {
    let destination = "      EventInvokeConfig:\n        MaximumRetryAttempts: 2\n        DestinationConfig:\n          OnFailure:\n            Type: SQS\n            Destination: !GetAtt FailedEvents.Arn\n";
    let redrive = "      RedrivePolicy:\n        deadLetterTargetArn: !GetAtt UnlaunchedEvents.Arn\n        maxReceiveCount: 5\n";
    for (from, to, expected) in [
        (
            destination,
            "",
            "JobStateFunction: is invoked asynchronously and has no EventInvokeConfig.DestinationConfig.OnFailure",
        ),
        (redrive, "", "LaunchQueue: has no RedrivePolicy"),
        (
            "VisibilityTimeout: 180",
            "VisibilityTimeout: 179",
            "LaunchQueue: VisibilityTimeout is 179 s, expected at least 6 times the timeout of launch, 30 s",
        ),
        (
            "          DeadLetterConfig:\n            Arn: !GetAtt UndeliveredEvents.Arn\n",
            "",
            "missing field `DeadLetterConfig`",
        ),
        (
            "[JobStarted, JobCompleted, RunRequested]",
            "[JobStarted, JobComplete]",
            "JobsAtGitHub: EventPattern.detail-type: \"JobComplete\" is no fact of the fleet",
        ),
        (
            "      EventSourceArn: !GetAtt LaunchQueue.Arn",
            "      EventSourceArn: !GetAtt FailedEvents.Arn",
            "FailedEvents: VisibilityTimeout is 30 s",
        ),
        (
            "SourceArn: !GetAtt JobsAtGitHub.Arn",
            "SourceArn: !GetAtt PoolSchedule.Arn",
            "JobsAtGitHub (AWS::Events::Rule): an AWS::Lambda::Permission is missing: events.amazonaws.com on behalf of JobsAtGitHub to invoke JobStateFunction",
        ),
        (
            "Principal: sns.amazonaws.com",
            "Principal: events.amazonaws.com",
            "an AWS::Lambda::Permission is missing: sns.amazonaws.com on behalf of Notices to invoke AlarmFunction",
        ),
        (
            "      FunctionName: !Ref RegisterFunction",
            "      FunctionName: !Ref IngestFunction",
            "RegisterRoute (AWS::ApiGatewayV2::Route): an AWS::Lambda::Permission is missing",
        ),
        (
            "      Endpoint: !GetAtt AlarmFunction.Arn",
            "      Endpoint: !GetAtt PoolFunction.Arn",
            "NoticesToAlarm (AWS::SNS::Subscription): an AWS::Lambda::Permission is missing",
        ),
        (
            "  RegisterFunction:\n",
            "  IdleFunction:\n    Type: AWS::Serverless::Function\n    Properties: { CodeUri: functions/idle }\n\n  RegisterFunction:\n",
            "IdleFunction: nothing wakes this function",
        ),
    ] {
        let error = after(from, to);
        assert!(error.contains(expected), "{from:?} to {to:?}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(\\PC|\n){0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn no_cut_of_the_template_panics(end in 0..TEMPLATE.len(), skip in 0..200_usize) {
        let cut: String = TEMPLATE.chars().take(end).chain(TEMPLATE.chars().skip(end + skip)).collect();
        let _ = read(&cut);
    }
}
