//! Commands in a task, by ECS Exec.

use async_trait::async_trait;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Session, Task};
use fleetfoot_model::runner::Runner;
use serde_json::json;
use tokio::process::Command;

use super::{Exec, Prepared};
use crate::aws::failure::failure;
use crate::failure::Failure;

/// The container that jobs run in (`shared/aws/src/fleet/launching.rs`).
const CONTAINER: &str = "runner";
/// Every image of runners has it, whatever its base.
const SHELL: &str = "/bin/sh";
/// From which the plugin takes a session's token out of its environment, and not from its command line, which everybody
/// on this machine can read (session-manager-plugin 1.2.497, release notes).
const SESSION: &str = "AWS_SSM_START_SESSION_RESPONSE";
const PLUGIN: &str = "session-manager-plugin";
const INSTALL: &str = "install the Session Manager plugin of the AWS CLI, 1.2.497 or newer: AWS Systems Manager user guide, \"Install the Session Manager plugin for the AWS CLI\"";

/// In the tasks of a cluster.
pub(crate) struct ExecDeployed {
    pub(crate) client: Client,
    pub(crate) cluster: String,
    pub(crate) region: String,
    /// Whether the stack allows it.
    pub(crate) is_enabled: bool,
}

#[async_trait]
impl Exec for ExecDeployed {
    async fn prepare(&self, runner: &Runner, words: &[String]) -> Result<Prepared, Failure> {
        if !self.is_enabled {
            return Err(Failure::new("the stack does not allow commands in runners").hint(
                "deploy it with RunnerExec=yes (docs/observability.md tells who sees what then); runners that are \
                 launched from then on can be entered",
            ));
        }
        let name = &runner.name;
        let Some(task) = runner.task.as_ref().map(ToString::to_string) else {
            return Err(Failure::new(format!("runner {name} has no task yet")).hint("try again"));
        };
        let target = self.target(name.as_str(), &task).await?;
        let command = if words.is_empty() { SHELL.to_owned() } else { line(words) };
        let request = self.client.execute_command().cluster(&self.cluster).task(&task).container(CONTAINER);
        let answer = request.interactive(true).command(command).send().await.map_err(|error| {
            failure(format!("runner {name} cannot be entered"), "ecs:ExecuteCommand", &error)
        })?;
        let session = answer
            .session
            .ok_or_else(|| Failure::new(format!("ECS gave no session in runner {name}")).hint("try again"))?;
        Ok(Prepared { command: self.plugin(&session, &target), if_missing: INSTALL })
    }
}

impl ExecDeployed {
    /// What Session Manager calls the container, once it can be entered.
    async fn target(&self, name: &str, task: &str) -> Result<String, Failure> {
        let what = format!("the task of runner {name} cannot be looked at");
        let request = self.client.describe_tasks().cluster(&self.cluster).tasks(task).send().await;
        let answer = request.map_err(|error| failure(what, "ecs:DescribeTasks", &error))?;
        let Some(found) = answer.tasks().first() else {
            return Err(Failure::new(format!("ECS does not know the task of runner {name} any more"))
                .hint(format!("`fleetfoot logs {name}` shows what it said")));
        };
        let runtime = can_be_entered(name, found)?;
        let last = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(format!("ecs:{}_{}_{runtime}", last(&self.cluster), last(task)))
    }

    /// As the AWS CLI calls it for `aws ecs execute-command`.
    fn plugin(&self, session: &Session, target: &str) -> Command {
        let response = json!({
            "SessionId": session.session_id(),
            "StreamUrl": session.stream_url(),
            "TokenValue": session.token_value(),
        });
        let mut command = Command::new(PLUGIN);
        command
            .env(SESSION, response.to_string())
            .args([SESSION, &self.region, "StartSession", ""])
            .arg(json!({ "Target": target }).to_string())
            .arg(format!("https://ecs.{}.amazonaws.com", self.region));
        command
    }
}

/// The runtime id of the container, if its agent for commands is there.
fn can_be_entered(name: &str, task: &Task) -> Result<String, Failure> {
    if !task.enable_execute_command() {
        return Err(Failure::new(format!(
            "runner {name} was launched before commands in runners were allowed"
        ))
        .hint("runners that are launched from now on can be entered"));
    }
    let container = task.containers().iter().find(|it| it.name() == Some(CONTAINER));
    let is_ready = container.is_some_and(|container| {
        container.managed_agents().iter().any(|agent| agent.last_status() == Some("RUNNING"))
    });
    match container.and_then(|container| container.runtime_id()) {
        Some(runtime) if is_ready => Ok(runtime.to_owned()),
        _ => Err(Failure::new(format!("runner {name} cannot be entered yet")).hint(
            "ECS starts what takes commands some seconds after the task, if the role of its class may reach Session \
             Manager; try again",
        )),
    }
}

/// Words as one line for a shell that splits them again.
fn line(words: &[String]) -> String {
    let is_plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c))
    };
    let quoted = words
        .iter()
        .map(|word| if is_plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, ManagedAgent};

    use super::*;

    fn task(enabled: bool, agent: &str) -> Task {
        let agent = ManagedAgent::builder().last_status(agent).build();
        let container =
            Container::builder().name(CONTAINER).runtime_id("abc-1").managed_agents(agent).build();
        Task::builder().enable_execute_command(enabled).containers(container).build()
    }

    #[test]
    fn a_task_is_entered_once_its_agent_runs() {
        assert_eq!(can_be_entered("ff-1-1", &task(true, "RUNNING")).unwrap(), "abc-1");
        let early = can_be_entered("ff-1-1", &task(true, "PENDING")).unwrap_err();
        assert_eq!(early.what, "runner ff-1-1 cannot be entered yet");
        let old = can_be_entered("ff-1-1", &task(false, "RUNNING")).unwrap_err();
        assert_eq!(old.what, "runner ff-1-1 was launched before commands in runners were allowed");
    }

    #[test]
    fn words_arrive_as_they_are() {
        for (words, expected) in [
            (vec!["ls", "-l", "/tmp"], "ls -l /tmp"),
            (vec!["sh", "-c", "echo $HOME; it's"], r"sh -c 'echo $HOME; it'\''s'"),
            (vec!["echo", ""], "echo ''"),
        ] {
            assert_eq!(line(&words.into_iter().map(str::to_owned).collect::<Vec<_>>()), expected);
        }
    }

    #[test]
    fn the_sessions_token_is_not_on_the_command_line() {
        let config = aws_sdk_ecs::Config::builder().behavior_version_latest().build();
        let exec = ExecDeployed {
            client: Client::from_conf(config),
            cluster: "arn:aws:ecs:eu-west-1:1:cluster/ff".to_owned(),
            region: "eu-west-1".to_owned(),
            is_enabled: true,
        };
        let session =
            Session::builder().session_id("s-1").stream_url("wss://x").token_value("secret").build();
        let command = exec.plugin(&session, "ecs:ff_1_abc-1");
        let arguments: Vec<_> =
            command.as_std().get_args().map(|it| it.to_string_lossy().into_owned()).collect();
        assert_eq!(
            arguments,
            [
                SESSION,
                "eu-west-1",
                "StartSession",
                "",
                r#"{"Target":"ecs:ff_1_abc-1"}"#,
                "https://ecs.eu-west-1.amazonaws.com"
            ]
        );
        let hidden =
            command.as_std().get_envs().find(|(name, _)| *name == SESSION).and_then(|(_, value)| value);
        assert!(hidden.unwrap().to_string_lossy().contains("secret"));
    }
}
