//! A build's state as the event that `CodeBuild` would send.

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::foreign::{
    BUILD_STATE_CHANGE, BuildEnvironment, BuildInformation, BuildPhase, BuildStateChange, BuildVariable,
};
use uuid::Uuid;

use super::store::{Build, State};

pub(super) fn of(build: &Build, now: Timestamp) -> Envelope {
    let (status, phases) = match &build.state {
        State::Running => ("IN_PROGRESS", Vec::new()),
        State::Succeeded { .. } => ("SUCCEEDED", vec![phase("SUCCEEDED", None)]),
        State::Failed { reason } => ("FAILED", vec![phase("FAILED", Some(reason))]),
        State::TimedOut => ("TIMED_OUT", vec![phase("TIMED_OUT", None)]),
    };
    let variable = BuildVariable { name: "IMAGE_KEY".to_owned(), value: build.key.to_string() };
    let change = BuildStateChange {
        build_status: status.to_owned(),
        build_id: build.id.to_string(),
        project_name: "images".to_owned(),
        additional_information: BuildInformation {
            environment: BuildEnvironment { environment_variables: vec![variable] },
            phases,
            ..BuildInformation::default()
        },
    };
    // The same state of the same build is the same event.
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{status}", build.id).as_bytes());
    Envelope {
        version: "0".to_owned(),
        id: id.to_string(),
        detail_type: BUILD_STATE_CHANGE.to_owned(),
        source: "aws.codebuild".to_owned(),
        account: "000000000000".to_owned(),
        time: now,
        region: "local".to_owned(),
        resources: vec![build.id.to_string()],
        replay_name: None,
        detail: serde_json::to_value(change).unwrap_or_default(),
    }
}

fn phase(status: &str, message: Option<&String>) -> BuildPhase {
    BuildPhase {
        phase_type: "BUILD".to_owned(),
        phase_status: Some(status.to_owned()),
        phase_context: message.into_iter().cloned().collect(),
    }
}
