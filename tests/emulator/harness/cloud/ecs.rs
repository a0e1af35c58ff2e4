//! Tasks and their definitions.

use axum::http::StatusCode;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::TaskId;
use fleetfoot_model::ports::{FleetError, LaunchRequest, Tickets as _};
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_shell::clock::SystemTickets;
use fleetfoot_stand_in::fargate::Times;
use serde_json::{Value, json};

use super::super::now;
use super::{Answer, Inside, unknown};

/// Names the task that has the token, in `resourceIds`.
pub(super) const CONFLICT: &str = "ConflictException";

/// Every step takes moments instead of minutes.
pub(super) fn quick() -> Times {
    let millis = SignedDuration::from_millis;
    Times {
        start: millis(200)..=millis(500),
        giving_up: millis(500)..=millis(800),
        stop: millis(50)..=millis(150),
        grace: SignedDuration::from_secs(10),
        until_interruption: millis(0)..=millis(0),
        event: millis(5)..=millis(50),
        ..Times::default()
    }
}

pub(super) fn answer(inside: &mut Inside, operation: &str, request: &Value) -> Answer {
    match operation {
        "RunTask" => run(inside, request),
        "StopTask" => {
            let task = task(&request["task"])?;
            inside.fargate.stop(now(), &task, text(&request["reason"])).map_err(refused)?;
            Ok(json!({ "task": { "taskArn": task } }))
        }
        "ListTasks" => {
            let stopped = request["desiredStatus"] == "STOPPED";
            let tasks = inside.fargate.list(now()).map_err(refused)?;
            let arns = tasks.into_iter().filter(|task| task.stopping == stopped).map(|task| task.id);
            Ok(json!({ "taskArns": arns.collect::<Vec<_>>() }))
        }
        "DescribeTasks" => describe(inside, request),
        "DescribeTaskDefinition" => {
            let family = text(&request["taskDefinition"]);
            let known = inside.families.contains(family);
            known.then(|| definition(family)).ok_or_else(|| client("Unable to describe task definition."))
        }
        "RegisterTaskDefinition" => {
            let family = text(&request["family"]);
            inside.families.insert(family.to_owned());
            Ok(definition(family))
        }
        "ListTaskDefinitionFamilies" => Ok(json!({ "families": inside.families })),
        _ => Err(unknown(operation)),
    }
}

/// The same token with the same request is the same task; with another it is a conflict that names the task.
fn run(inside: &mut Inside, request: &Value) -> Answer {
    let token = text(&request["clientToken"]).to_owned();
    if let Some(before) = inside.requests.get(&token).filter(|before| *before != request) {
        let runner = before["startedBy"].as_str().and_then(|it| it.parse().ok());
        if let Some(arn) = runner.and_then(|runner| inside.fargate.task_of(&runner).cloned()) {
            return Err((StatusCode::BAD_REQUEST, CONFLICT, arn.to_string()));
        }
    }
    let wanted = launch(request)?;
    let launched = inside.fargate.launch(now(), &wanted);
    // A task whose answer was lost is there all the same.
    if inside.fargate.task_of(&wanted.runner).is_some() {
        inside.requests.entry(token).or_insert_with(|| request.clone());
    }
    match launched {
        Ok(arn) => Ok(json!({ "tasks": [{ "taskArn": arn, "lastStatus": "PROVISIONING" }], "failures": [] })),
        // Success to HTTP, with the reason in the answer.
        Err(FleetError::NoCapacity(reason)) => Ok(json!({ "tasks": [], "failures": [{ "reason": reason }] })),
        Err(error) => Err(refused(error)),
    }
}

fn launch(request: &Value) -> Result<LaunchRequest, (StatusCode, &'static str, String)> {
    let overrides = &request["overrides"];
    let number = |value: &Value| text(value).parse().map_err(|_| client("No size"));
    let disk = overrides["ephemeralStorage"]["sizeInGiB"].as_u64();
    let spot = request["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE_SPOT";
    let capacity = if spot { Capacity::Spot } else { Capacity::OnDemand };
    let spec = Spec {
        class: "of-a-class".parse().map_err(|_| client("No class"))?,
        cpu: number(&overrides["cpu"])?,
        memory_mib: number(&overrides["memory"])?,
        disk_gib: disk.and_then(|gib| gib.try_into().ok()).unwrap_or(20),
        arch: Arch::X64,
        capacity,
        image: None,
    };
    Ok(LaunchRequest {
        runner: text(&request["startedBy"]).parse().map_err(|_| client("startedBy is no runner"))?,
        spec,
        capacity,
        image: None,
        // Nobody's: its agent finds the true one in its environment.
        ticket: SystemTickets.draw(),
        attempt: 0,
        debug: false,
    })
}

fn describe(inside: &mut Inside, request: &Value) -> Answer {
    let listed = inside.fargate.list(now()).map_err(refused)?;
    let wanted = request["tasks"].as_array().cloned().unwrap_or_default();
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for arn in &wanted {
        match listed.iter().find(|task| task.id.as_str() == text(arn)) {
            Some(task) => {
                let status = if task.stopping { "STOPPED" } else { "RUNNING" };
                tasks.push(json!({
                    "taskArn": task.id,
                    "startedBy": task.runner,
                    "lastStatus": if task.stopping { "STOPPING" } else { "RUNNING" },
                    "desiredStatus": status,
                    "createdAt": task.created_at.as_second(),
                }));
            }
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}

fn definition(family: &str) -> Value {
    let arn = format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:1");
    json!({ "taskDefinition": { "taskDefinitionArn": arn, "family": family, "status": "ACTIVE" } })
}

fn task(arn: &Value) -> Result<TaskId, (StatusCode, &'static str, String)> {
    text(arn).parse().map_err(|_| client("The referenced task was not found."))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: FleetError) -> (StatusCode, &'static str, String) {
    let text = error.to_string();
    match error {
        FleetError::Throttled { .. } => (StatusCode::BAD_REQUEST, "ThrottlingException", text),
        FleetError::Unavailable(_) => (StatusCode::INTERNAL_SERVER_ERROR, "ServerException", text),
        FleetError::NoCapacity(_) | FleetError::Impossible(_) => {
            (StatusCode::BAD_REQUEST, "InvalidParameterException", text)
        }
    }
}

fn client(text: &str) -> (StatusCode, &'static str, String) {
    (StatusCode::BAD_REQUEST, "ClientException", text.to_owned())
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
