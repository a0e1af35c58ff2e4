//! What leaves for ECS, and what its answers mean.

mod definitions;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ports::Tickets;
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_shell::clock::SeededTickets;
use serde_json::{Value, json};

use super::*;
use crate::script::{Script, clock, noon};

const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ff@sha256:00";
const DEFINITION: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/ff-runner-0:1";

fn task(id: &str) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task/ff/{id}")
}

fn launching() -> Launching {
    Launching {
        subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
        security_groups: vec!["sg-1".to_owned()],
        public_address: true,
        execution_role: "arn:aws:iam::123456789012:role/execution".to_owned(),
        task_role: "arn:aws:iam::123456789012:role/nothing".to_owned(),
        class_roles: BTreeMap::from([(
            "deploy".parse().unwrap(),
            "arn:aws:iam::123456789012:role/deploy".to_owned(),
        )]),
        exec: false,
        log_group: "/fleetfoot/ff/runners".to_owned(),
        task_family: "ff-runner".to_owned(),
        api_url: "https://api.example".to_owned(),
        register: SignedDuration::from_secs(600),
        idle: SignedDuration::from_secs(300),
    }
}

fn fleet_with(script: &Script, launching: Launching) -> EcsFleet {
    EcsFleet::new(Client::new(&script.sdk()), "ff", Some(launching), clock())
}

fn fleet(script: &Script) -> EcsFleet {
    fleet_with(script, launching())
}

fn image(uri: &str) -> TaskImage {
    TaskImage { uri: uri.to_owned(), injector: None }
}

fn request(name: &str) -> LaunchRequest {
    let spec = Spec {
        class: "small".parse().unwrap(),
        cpu: 1024,
        memory_mib: 2048,
        disk_gib: 20,
        arch: Arch::X64,
        capacity: Capacity::OnDemand,
        image: None,
    };
    LaunchRequest {
        runner: name.parse().unwrap(),
        capacity: spec.capacity,
        spec,
        image: Some(image(IMAGE)),
        ticket: SeededTickets::new(1).draw(),
        attempt: 0,
        debug: false,
    }
}

fn described() -> Value {
    json!({ "taskDefinition": { "taskDefinitionArn": DEFINITION, "status": "ACTIVE" } })
}

fn unknown_family() -> Value {
    json!({ "__type": "ClientException", "message": "Unable to describe task definition." })
}

fn started(id: &str) -> Value {
    json!({ "tasks": [{ "taskArn": task(id) }], "failures": [] })
}

#[tokio::test]
async fn a_launch_says_everything_and_its_definition_is_registered_once() {
    let script = Script::default();
    script
        .answer("DescribeTaskDefinition", 400, &unknown_family())
        .answer("RegisterTaskDefinition", 200, &described())
        .answer("RunTask", 200, &started("1"))
        .answer("RunTask", 200, &started("2"));
    let fleet = fleet(&script);
    let id = fleet.launch(&request("ff-10-1")).await.unwrap();
    assert_eq!(id.as_str(), task("1"));
    let large = LaunchRequest {
        capacity: Capacity::Spot,
        attempt: 1,
        debug: true,
        spec: Spec { class: "deploy".parse().unwrap(), disk_gib: 100, ..request("ff-10-2").spec },
        ..request("ff-10-2")
    };
    fleet.launch(&large).await.unwrap();

    let requests = script.requests();
    let family = requests[0].1["taskDefinition"].as_str().unwrap();
    assert!(family.starts_with("ff-runner-"), "{family}");
    let definition = json!({
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "runtimePlatform": { "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" },
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "taskRoleArn": "arn:aws:iam::123456789012:role/nothing",
        "containerDefinitions": [{
            "name": "runner",
            "image": IMAGE,
            // The SDK sends it unasked; to ECS it is none.
            "cpu": 0,
            "essential": true,
            "stopTimeout": 120,
            "linuxParameters": { "initProcessEnabled": false },
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "/fleetfoot/ff/runners",
                "awslogs-region": "eu-west-1",
                "awslogs-stream-prefix": "runner",
                "mode": "non-blocking",
                "max-buffer-size": "4m",
            } },
        }],
    });
    assert_eq!(requests[1].1, definition);
    let variable = |name: &str, value: &str| json!({ "name": name, "value": value });
    let ticket = large.ticket.expose();
    let mut run = json!({
        "cluster": "ff",
        "taskDefinition": DEFINITION,
        "count": 1,
        "clientToken": "ff-10-1",
        "startedBy": "ff-10-1",
        "capacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1, "base": 0 }],
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-a"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
        } },
        "overrides": { "cpu": "1024", "memory": "2048", "containerOverrides": [{ "name": "runner", "environment": [
            variable("FLEETFOOT_REGISTER_URL", "https://api.example/runners/ff-10-1/register"),
            variable("FLEETFOOT_TICKET", ticket),
            variable("FLEETFOOT_REGISTER_SECONDS", "600"),
            variable("FLEETFOOT_IDLE_SECONDS", "300"),
            variable("FLEETFOOT_STOP_SECONDS", "110"),
        ] }] },
        "enableECSManagedTags": true,
        "tags": [
            { "key": "fleetfoot:fleet", "value": "ff" },
            { "key": "fleetfoot:runner", "value": "ff-10-1" },
        ],
    });
    assert_eq!(requests[2].1, run);
    run = requests[3].1.clone();
    assert_eq!(run["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE_SPOT");
    assert_eq!(run["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!(["subnet-b"]));
    assert_eq!(run["overrides"]["ephemeralStorage"], json!({ "sizeInGiB": 100 }));
    assert_eq!(run["overrides"]["taskRoleArn"], "arn:aws:iam::123456789012:role/deploy");
    assert_eq!(run["overrides"]["containerOverrides"][0]["environment"][5], variable("DEBUG", "1"));
}

/// A warm runner that left when it had no job for a while would not be warm.
#[tokio::test]
async fn a_runner_of_a_pool_waits_for_ever() {
    let launching = launching();
    let idle_of = |name: &str| {
        let overrides = launching.overrides_of(&request(name)).unwrap();
        let variables = overrides.container_overrides()[0].environment().to_vec();
        let idle = variables.iter().find(|it| it.name() == Some("FLEETFOOT_IDLE_SECONDS"));
        idle.and_then(|it| it.value()).map(str::to_owned)
    };
    assert_eq!(idle_of("ff-7-1").as_deref(), Some("300"));
    assert_eq!(idle_of("ff-pool-office-7").as_deref(), Some("0"));
}

#[tokio::test]
async fn a_definition_that_is_there_is_used_and_one_that_is_gone_is_made_again() {
    let inactive = json!({ "taskDefinition": { "taskDefinitionArn": DEFINITION, "status": "INACTIVE" } });
    let gone = json!({ "__type": "ClientException", "message": "TaskDefinition is inactive" });
    let script = Script::default();
    let fleet = fleet(&script);
    script.answer("DescribeTaskDefinition", 200, &described()).answer("RunTask", 400, &gone);
    let error = fleet.launch(&request("ff-1-1")).await.unwrap_err();
    assert!(matches!(error, FleetError::Unavailable(_)), "{error}");
    script
        .answer("DescribeTaskDefinition", 200, &inactive)
        .answer("RegisterTaskDefinition", 200, &described())
        .answer("RunTask", 200, &started("1"));
    fleet.launch(&request("ff-1-1")).await.unwrap();
    script.requests();
}

#[tokio::test]
async fn the_same_name_once_more_is_the_same_task() {
    let script = Script::default();
    let conflict = json!({ "__type": "ConflictException", "message": "used", "resourceIds": [task("7")] });
    script.answer("DescribeTaskDefinition", 200, &described()).answer("RunTask", 400, &conflict);
    assert_eq!(fleet(&script).launch(&request("ff-1-1")).await.unwrap().as_str(), task("7"));
}

/// One word per variant, as callers branch on it.
fn kind(error: &FleetError) -> &'static str {
    match error {
        FleetError::NoCapacity(_) => "no capacity",
        FleetError::Throttled { until, .. } if *until == noon() + SignedDuration::from_secs(1) => {
            "in a second"
        }
        FleetError::Throttled { .. } => "later",
        FleetError::Impossible(_) => "impossible",
        FleetError::Unavailable(_) => "unavailable",
    }
}

#[tokio::test]
async fn every_refusal_of_a_task_has_its_meaning() {
    let failure = |reason: &str| (200, json!({ "tasks": [], "failures": [{ "reason": reason }] }));
    let error = |name: &str, message: &str| (400, json!({ "__type": name, "message": message }));
    let capacity = "Capacity is unavailable at this time. Please try again later or in a different \
                    availability zone";
    let quota = "You've reached the limit on the number of vCPUs you can run concurrently";
    for ((status, body), expected) in [
        (failure(capacity), "no capacity"),
        (failure(quota), "no capacity"),
        (failure("RESOURCE:ENI"), "no capacity"),
        (failure("AGENT"), "no capacity"),
        (failure("something nobody has heard of"), "no capacity"),
        ((200, json!({ "tasks": [], "failures": [] })), "no capacity"),
        (failure("MISSING"), "impossible"),
        (failure("The requested CPU configuration is above your limit"), "impossible"),
        (error("ClientException", capacity), "no capacity"),
        (error("ClientException", quota), "no capacity"),
        (error("ClientException", "Tasks provisioning capacity limit exceeded."), "no capacity"),
        (error("ThrottlingException", "Rate exceeded"), "in a second"),
        (
            error(
                "InvalidParameterException",
                "Error: Request limit exceeded. (ErrorCode: RequestLimitExceeded)",
            ),
            "in a second",
        ),
        (
            error("InvalidParameterException", "No Fargate configuration exists for given values"),
            "impossible",
        ),
        (error("AccessDeniedException", "not authorized to perform: iam:PassRole"), "impossible"),
        (error("ClusterNotFoundException", "Cluster not found."), "impossible"),
        (error("ServerException", "Service Unavailable. Please try again later."), "unavailable"),
        (error("ExpiredTokenException", "the token has expired"), "unavailable"),
    ] {
        let script = Script::default();
        script.answer("DescribeTaskDefinition", 200, &described()).answer("RunTask", status, &body);
        let error = fleet(&script).launch(&request("ff-1-1")).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{body}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_open_what_was_done() {
    let script = Script::default();
    script.answer("DescribeTaskDefinition", 200, &described()).raw("RunTask", 200, "<html>");
    let error = fleet(&script).launch(&request("ff-1-1")).await.unwrap_err();
    assert_eq!(kind(&error), "unavailable", "{error}");
}

#[tokio::test]
async fn registrations_wait_their_turn() {
    let script = Script::default();
    let busy = json!({ "__type": "ClientException",
        "message": "Too many concurrent attempts to create a new revision of the specified family." });
    script.answer("DescribeTaskDefinition", 400, &unknown_family()).answer(
        "RegisterTaskDefinition",
        400,
        &busy,
    );
    let error = fleet(&script).launch(&request("ff-1-1")).await.unwrap_err();
    assert_eq!(kind(&error), "in a second", "{error}");
}

#[tokio::test]
async fn what_cannot_be_launched_is_not_asked_for() {
    let script = Script::default();
    let none = LaunchRequest { image: None, ..request("ff-1-1") };
    assert_eq!(kind(&fleet(&script).launch(&none).await.unwrap_err()), "impossible");
    let only_stops = EcsFleet::new(Client::new(&script.sdk()), "ff", None, clock());
    assert_eq!(kind(&only_stops.launch(&request("ff-1-1")).await.unwrap_err()), "impossible");
    let far = Launching { api_url: "x".repeat(9000), ..launching() };
    script.answer("DescribeTaskDefinition", 200, &described());
    assert_eq!(kind(&fleet_with(&script, far).launch(&request("ff-1-1")).await.unwrap_err()), "impossible");
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn a_task_that_is_gone_needs_no_stop() {
    let script = Script::default();
    let gone =
        json!({ "__type": "InvalidParameterException", "message": "The referenced task was not found." });
    let busy = json!({ "__type": "ThrottlingException", "message": "Rate exceeded" });
    script
        .answer("StopTask", 200, &json!({ "task": {} }))
        .answer("StopTask", 400, &gone)
        .answer("StopTask", 400, &busy);
    let (fleet, id) = (fleet(&script), task("1").parse().unwrap());
    fleet.stop(&id, &"why ".repeat(100)).await.unwrap();
    fleet.stop(&id, "why").await.unwrap();
    assert_eq!(kind(&fleet.stop(&id, "why").await.unwrap_err()), "in a second");
    let requests = script.requests();
    assert_eq!(requests[0].1["reason"].as_str().unwrap().len(), 255);
    assert_eq!(requests[1].1, json!({ "cluster": "ff", "task": task("1"), "reason": "why" }));
}

fn listed(id: &str, runner: &str, desired: &str, last: &str) -> Value {
    json!({ "taskArn": task(id), "startedBy": runner, "desiredStatus": desired, "lastStatus": last,
        "createdAt": noon().as_second() })
}

/// A task in its last two minutes is not among those that are to run, and must not be taken for lost.
#[tokio::test]
async fn a_task_is_listed_until_it_has_stopped() {
    let script = Script::default();
    let fleet = fleet(&script);
    let gone = json!([{ "arn": task("9"), "reason": "MISSING" }]);
    script
        .answer("ListTasks", 200, &json!({ "taskArns": [task("1")], "nextToken": "more" }))
        .answer("ListTasks", 200, &json!({ "taskArns": [task("2"), task("9")] }))
        .answer("ListTasks", 200, &json!({ "taskArns": [task("3"), task("4")] }))
        .answer(
            "DescribeTasks",
            200,
            &json!({ "failures": gone, "tasks": [
            listed("1", "ff-1-1", "RUNNING", "RUNNING"),
            listed("2", "somebody-else", "RUNNING", "RUNNING"),
            listed("3", "ff-3-1", "STOPPED", "RUNNING"),
            listed("4", "ff-4-1", "STOPPED", "STOPPED"),
        ] }),
        );
    let names = |tasks: Vec<Task>| -> Vec<(String, bool)> {
        tasks.into_iter().map(|task| (task.runner.to_string(), task.stopping)).collect()
    };
    let first = fleet.list().await.unwrap();
    assert_eq!(first[0].created_at, noon());
    assert_eq!(names(first), [("ff-1-1".to_owned(), false), ("ff-3-1".to_owned(), true)]);
    let requests = script.requests();
    assert_eq!(requests[1].1["nextToken"], "more");
    assert_eq!(requests[2].1["desiredStatus"], "STOPPED");

    // One is told to stop, the other has stopped.
    script.answer("ListTasks", 200, &json!({ "taskArns": [] })).answer(
        "DescribeTasks",
        200,
        &json!({ "tasks": [
        listed("1", "ff-1-1", "STOPPED", "DEPROVISIONING"),
        listed("3", "ff-3-1", "STOPPED", "STOPPED"),
    ] }),
    );
    assert_eq!(names(fleet.list().await.unwrap()), [("ff-1-1".to_owned(), true)]);
    assert_eq!(script.requests()[1].1["tasks"], json!([task("1"), task("3")]));

    script.answer("ListTasks", 200, &json!({ "taskArns": [] })).answer(
        "DescribeTasks",
        200,
        &json!({ "tasks": [listed("1", "ff-1-1", "STOPPED", "STOPPED")] }),
    );
    assert!(fleet.list().await.unwrap().is_empty());
    script.answer("ListTasks", 200, &json!({ "taskArns": [] }));
    assert!(fleet.list().await.unwrap().is_empty());
    script.requests();
}

#[tokio::test]
async fn a_fleet_with_a_long_past_looks_at_a_bounded_part_of_it() {
    let script = Script::default();
    script.answer("ListTasks", 200, &json!({ "taskArns": [] }));
    for page in 0..5 {
        let arns: Vec<_> = (0..100).map(|n| task(&format!("{page}-{n}"))).collect();
        script.answer("ListTasks", 200, &json!({ "taskArns": arns, "nextToken": page.to_string() }));
    }
    for _ in 0..5 {
        script.answer("DescribeTasks", 200, &json!({ "tasks": [] }));
    }
    assert!(fleet(&script).list().await.unwrap().is_empty());
    let described = script.requests().into_iter().filter(|(operation, _)| operation == "DescribeTasks");
    assert!(described.into_iter().all(|(_, body)| body["tasks"].as_array().unwrap().len() == 100));
}
