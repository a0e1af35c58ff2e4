//! A build and the events that tell of it: sample ones, with what the stand-in knows patched in.

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::BuildId;
use fleetfoot_model::ports::{BuildRequest, BuildStatus};
use fleetfoot_model::spec::Arch;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
const PROJECT: &str = "fleetfoot-images";
/// What a failed build says.
const FAILURE: &str = "COMMAND_EXECUTION_ERROR: Error while executing command: docker buildx build. \
                       Reason: exit status 1";

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Running,
    Succeeded,
    Failed,
}

/// A build.
#[derive(Debug)]
pub(super) struct Build {
    id: BuildId,
    pub(super) request: BuildRequest,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    fails: bool,
    pub(super) outcome: Outcome,
}

impl Build {
    pub(super) fn new(id: BuildId, request: BuildRequest, now: Timestamp, fails: bool) -> Self {
        Self { id, request, started_at: now, ended_at: None, fails, outcome: Outcome::Running }
    }

    /// Ends it. Answers where its image can be pulled, if there is one.
    pub(super) fn end(&mut self, at: Timestamp) -> Option<String> {
        self.ended_at = Some(at);
        self.outcome = if self.fails { Outcome::Failed } else { Outcome::Succeeded };
        let key = &self.request.key;
        (!self.fails).then(|| format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fleetfoot:{key}"))
    }

    pub(super) fn status(&self) -> BuildStatus {
        match self.outcome {
            Outcome::Running => BuildStatus::Running,
            Outcome::Succeeded => BuildStatus::Succeeded,
            Outcome::Failed => BuildStatus::Failed(format!("BUILD: {FAILURE}")),
        }
    }

    fn sample(&self) -> &'static str {
        match self.outcome {
            Outcome::Running => include_str!("../../../../events/foreign/codebuild/in-progress.json"),
            Outcome::Succeeded => include_str!("../../../../events/foreign/codebuild/succeeded.json"),
            Outcome::Failed => include_str!("../../../../events/foreign/codebuild/failed.json"),
        }
    }

    /// The event that tells how it is now.
    pub(super) fn event(&self, event_id: &str, now: Timestamp) -> Envelope {
        let mut event: Envelope = serde_json::from_str(self.sample()).expect("the samples are envelopes");
        event_id.clone_into(&mut event.id);
        event.time = now;
        event.resources = vec![self.id.to_string()];
        event.detail["build-id"] = json!(self.id);
        event.detail["project-name"] = json!(PROJECT);
        self.fill(&mut event.detail["additional-information"]);
        event
    }

    fn fill(&self, information: &mut Value) {
        let platform = match self.request.arch {
            Arch::X64 => "linux/amd64",
            Arch::Arm64 => "linux/arm64",
        };
        let variable = |name: &str, value: &str| json!({ "name": name, "type": "PLAINTEXT", "value": value });
        information["environment"]["environment-variables"] = json!([
            variable("BASE_IMAGE", &self.request.base),
            variable("IMAGE_KEY", self.request.key.as_str()),
            variable("PLATFORM", platform),
        ]);
        information["build-start-time"] = json!(written(self.started_at));
        let stream = self.id.as_str().rsplit(':').next().unwrap_or_default();
        information["logs"] = json!({
            "group-name": format!("/aws/codebuild/{PROJECT}"),
            "stream-name": stream,
            "deep-link": format!(
                "https://console.aws.amazon.com/cloudwatch/home?region={REGION}#logsV2:log-groups/log-group/\
                 $252Faws$252Fcodebuild$252F{PROJECT}/log-events/{stream}"
            ),
        });
        let phases = information.get_mut("phases").and_then(Value::as_array_mut);
        for phase in phases.into_iter().flatten() {
            phase["start-time"] = json!(written(self.started_at));
            if let (Some(at), true) = (self.ended_at, phase["end-time"].is_string()) {
                phase["end-time"] = json!(written(at));
            }
            if phase["phase-status"] == "FAILED" {
                phase["phase-context"] = json!([FAILURE]);
            }
        }
    }
}

/// A time as CodeBuild writes it: `Nov 2, 2026 9:00:00 AM`.
fn written(at: Timestamp) -> String {
    at.strftime("%b %-d, %Y %-I:%M:%S %p").to_string()
}

/// The ARN of a build.
pub(super) fn arn(id: &str) -> BuildId {
    format!("arn:aws:codebuild:{REGION}:{ACCOUNT}:build/{PROJECT}:{id}")
        .parse()
        .expect("an ARN is a legal id")
}
