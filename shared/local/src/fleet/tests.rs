//! The steps of a task, and how they are told.

use fleetfoot_agent::{Phases, Report};
use fleetfoot_model::decide::task::stop_reason;
use fleetfoot_model::foreign::TaskStateChange;
use fleetfoot_model::ports::LaunchRequest;
use fleetfoot_model::runner::StopReason;
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_model::{SignedDuration, Timestamp};
use rand::SeedableRng;

use super::record::{Life, Record, StopRequest};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

fn accepted() -> Record {
    let spec = Spec {
        class: "small".parse().unwrap(),
        cpu: 512,
        memory_mib: 1024,
        disk_gib: 20,
        arch: Arch::X64,
        capacity: Capacity::Spot,
        image: None,
    };
    let request = LaunchRequest {
        runner: "ff-1-1".parse().unwrap(),
        capacity: spec.capacity,
        spec,
        image: None,
        ticket: Ticket::draw(&mut rand::rngs::StdRng::seed_from_u64(1)),
        attempt: 0,
        debug: false,
    };
    Record::accepted(&request, at(0))
}

fn report(exit_code: Option<i32>) -> Report {
    let phases = Phases { up: Some(at(1)), exit: exit_code.map(|_| at(9)), ..Phases::default() };
    Report { pid: 7, exit_code, phases, ..Report::default() }
}

/// All steps from the acceptance, each taken at once.
fn steps(life: &Life, stop: Option<&StopRequest>) -> Vec<TaskStateChange> {
    let mut record = accepted();
    let mut told = Vec::new();
    while let Some(next) = record.next(life, stop, at(10)) {
        told.push(serde_json::from_value(next.envelope(at(10)).detail).unwrap());
        record = next.told();
    }
    told
}

fn statuses(life: &Life) -> Vec<String> {
    steps(life, None).into_iter().map(|change| format!("{} {}", change.version, change.last_status)).collect()
}

fn end(life: &Life, stop: Option<&StopRequest>) -> StopReason {
    stop_reason(steps(life, stop).last().unwrap(), None)
}

#[test]
fn every_step_is_told_once_and_in_order_also_of_a_task_that_is_over_already() {
    assert_eq!(statuses(&Life::Starting), ["1 PENDING"]);
    assert_eq!(statuses(&Life::Alive(report(None))), ["1 PENDING", "2 RUNNING"]);
    let all = ["1 PENDING", "2 RUNNING", "3 STOPPED"];
    assert_eq!(statuses(&Life::Ended(report(Some(0)))), all);
    assert_eq!(statuses(&Life::Killed(report(None))), all);
    assert_eq!(statuses(&Life::NeverStarted("no".to_owned())), ["1 PENDING", "2 STOPPED"]);
}

#[test]
fn a_step_that_was_not_taken_is_the_same_event_again() {
    let record = accepted();
    let again = record.next(&Life::Ended(report(Some(0))), None, at(10)).unwrap();
    assert_eq!(again, record);
    assert_eq!(again.envelope(at(1)).id, record.envelope(at(2)).id);
    let next = record.clone().told().next(&Life::Alive(report(None)), None, at(10)).unwrap();
    assert_ne!(next.envelope(at(1)).id, record.envelope(at(1)).id);
}

#[test]
fn an_end_is_understood_as_one_of_aws_would_be() {
    assert_eq!(end(&Life::Ended(report(Some(0))), None), StopReason::Done);
    let refused = StopReason::Failed { exit_code: Some(3), reason: "its ticket was not accepted".to_owned() };
    assert_eq!(end(&Life::Ended(report(Some(3))), None), refused);
    let reason = "killed, perhaps for want of memory".to_owned();
    assert_eq!(end(&Life::Killed(report(None)), None), StopReason::Failed { exit_code: Some(137), reason });
    let never = Life::NeverStarted("the agent did not come up".to_owned());
    let reason = "the agent did not come up".to_owned();
    assert_eq!(end(&never, None), StopReason::NeverStarted { reason });

    let request = StopRequest { at: at(5), reason: "no work for it".to_owned() };
    let stopped = StopReason::Stopped { reason: "no work for it".to_owned() };
    for life in [Life::Ended(report(Some(1))), Life::Killed(report(None)), never] {
        assert_eq!(end(&life, Some(&request)), stopped, "{life:?}");
    }
}

#[test]
fn an_event_has_the_shape_of_aws() {
    let mut ended = report(Some(3));
    ended.reason = Some("the ticket was not accepted".to_owned());
    let life = Life::Ended(ended);
    let running = accepted().told().next(&life, None, at(10)).unwrap();
    let stopped = running.told().next(&life, None, at(10)).unwrap().envelope(at(10));
    let expected = serde_json::json!({
        "version": "0",
        "id": stopped.id,
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": "000000000000",
        "time": "2027-01-15T08:00:09Z",
        "region": "local",
        "resources": ["local:task/ff-1-1"],
        "detail": {
            "clusterArn": "local:cluster/fleetfoot",
            "taskArn": "local:task/ff-1-1",
            "startedBy": "ff-1-1",
            "group": "family:fleetfoot-runner",
            "launchType": "FARGATE",
            "capacityProviderName": "FARGATE_SPOT",
            "cpu": "512",
            "memory": "1024",
            "version": 3,
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "createdAt": "2027-01-15T08:00:00Z",
            "startedAt": "2027-01-15T08:00:01Z",
            "stoppedAt": "2027-01-15T08:00:09Z",
            "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited",
            "containers": [{
                "containerArn": "local:container/ff-1-1/runner",
                "name": "runner",
                "lastStatus": "STOPPED",
                "taskArn": "local:task/ff-1-1",
                "exitCode": 3,
                "reason": "the ticket was not accepted",
            }],
        },
    });
    assert_eq!(serde_json::to_value(&stopped).unwrap(), expected);
}
