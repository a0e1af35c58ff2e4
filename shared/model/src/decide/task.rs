//! What the end of a task means.

use crate::foreign::TaskStateChange;
use crate::runner::StopReason;

/// Exit codes of the runner's agent that are not failures of the job's machine (the agent's own documentation).
fn meaning(exit_code: i32) -> &'static str {
    match exit_code {
        1 => "stopped before it had a job",
        2 => "its agent is not set up rightly; its log says more",
        3 => "its ticket was not accepted",
        4 => "it could not register in time",
        5 => "GitHub already has a session for this runner",
        6 => "no job came in time",
        7 => "this runner release is no longer served by GitHub; use a newer one",
        137 => "killed, perhaps for want of memory",
        143 => "terminated",
        _ => "the runner failed; its log says more",
    }
}

/// Why a task stopped. `dismissed` is our own reason, if we let the runner go.
pub fn stop_reason(task: &TaskStateChange, dismissed: Option<&str>) -> StopReason {
    let words = task.stopped_reason.clone().unwrap_or_default();
    if let Some(reason) = dismissed {
        return StopReason::Stopped { reason: reason.to_owned() };
    }
    match task.stop_code.as_deref() {
        Some("TaskFailedToStart") => StopReason::NeverStarted { reason: with_container_reason(task, words) },
        Some("SpotInterruption" | "TerminationNotice") => StopReason::Interrupted,
        Some("UserInitiated" | "ServiceSchedulerInitiated") => StopReason::Stopped { reason: words },
        Some("InfrastructureHealth") => StopReason::MachineFailed { reason: words },
        Some("EssentialContainerExited") | None => ended(task, words),
        Some(other) => StopReason::Other { reason: format!("{other}: {words}") },
    }
}

/// Whether this is the warning that the task is about to be taken away. The states after it name the same stop code.
pub fn is_interruption(task: &TaskStateChange) -> bool {
    let warned = matches!(task.stop_code.as_deref(), Some("SpotInterruption" | "TerminationNotice"));
    warned && task.last_status == "RUNNING"
}

fn ended(task: &TaskStateChange, words: String) -> StopReason {
    let exit_code = task.containers.iter().find_map(|container| container.exit_code);
    match exit_code {
        Some(0) => StopReason::Done,
        Some(code) => StopReason::Failed { exit_code, reason: meaning(code).to_owned() },
        None if task.started_at.is_none() => {
            StopReason::NeverStarted { reason: with_container_reason(task, words) }
        }
        None => StopReason::Failed { exit_code: None, reason: with_container_reason(task, words) },
    }
}

fn with_container_reason(task: &TaskStateChange, words: String) -> String {
    match task.containers.iter().find_map(|container| container.reason.as_deref()) {
        Some(reason) if words.is_empty() => reason.to_owned(),
        Some(reason) if !words.contains(reason) => format!("{words}: {reason}"),
        _ => words,
    }
}
