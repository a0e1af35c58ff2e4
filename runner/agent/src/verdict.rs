//! What the end of a runner means.

use std::time::Duration;

use crate::End;
use crate::exit::Exit;
use crate::processes::Ended;

/// Why the runner was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The agent was.
    Asked,
    /// No job came within this time.
    Idle(Duration),
    /// It did not listen for jobs within this time.
    Mute(Duration),
    /// It did not end within this time after its job.
    Lingering(Duration),
}

/// All that is known at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    /// Whether and why it was told to stop.
    pub(crate) stopped: Option<Cause>,
    /// Whether it had to be killed after that.
    pub(crate) killed: bool,
    /// Whether it had a job, if that is known.
    pub(crate) ran_job: Option<bool>,
    pub(crate) job_ended: bool,
    /// What its helper script complained of, although it ends with 0 then.
    pub(crate) complaint: Option<Complaint>,
}

/// Why the runner's listener ended (`run-helper.sh`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Complaint {
    SessionConflict,
    /// Such as a registration that is gone or a configuration that is not accepted.
    GaveUp,
    /// It could not run, such as for want of a library.
    Failed,
}

/// With the remedy: from this release on, no runner of the fleet gets a job.
const DEPRECATED: &str = "GitHub does not serve this runner release any more: \
    `fleetfoot runner bump` pins the newest one, a deployment builds the images with it";

/// SIGKILL.
const KILL: i32 = 9;

pub(crate) fn verdict(outcome: &Outcome) -> End {
    let (exit, reason) = match outcome.stopped {
        Some(cause) => after_stop(outcome, cause),
        None => by_itself(outcome),
    };
    End { exit, ran_job: outcome.ran_job, reason }
}

fn after_stop(outcome: &Outcome, cause: Cause) -> (Exit, String) {
    let how = if outcome.killed { "; it had to be killed" } else { "" };
    match (outcome.ran_job, cause) {
        (_, Cause::Lingering(time)) => {
            let seconds = time.as_secs();
            (
                Exit::Hung,
                format!("its job was done, but the runner did not end within {seconds} seconds{how}"),
            )
        }
        (Some(true), _) if outcome.job_ended && !outcome.killed => {
            (Exit::Done, "the job was done, although told to stop".to_owned())
        }
        (Some(true), _) => (Exit::Terminated, format!("told to stop while it had a job{how}")),
        (_, Cause::Asked) => (Exit::Stopped, format!("told to stop while it had no job{how}")),
        (_, Cause::Idle(idle)) => (Exit::Idle, format!("no job came within {} seconds{how}", idle.as_secs())),
        (_, Cause::Mute(time)) => {
            (Exit::Hung, format!("the runner did not listen for jobs within {} seconds{how}", time.as_secs()))
        }
    }
}

fn by_itself(outcome: &Outcome) -> (Exit, String) {
    let complaint = outcome.complaint.filter(|_| outcome.ran_job != Some(true));
    match outcome.ended {
        Ended::Code(5) => (Exit::SessionConflict, session_conflict()),
        Ended::Code(0) if complaint == Some(Complaint::SessionConflict) => {
            (Exit::SessionConflict, session_conflict())
        }
        Ended::Code(0) if complaint == Some(Complaint::GaveUp) => {
            (Exit::RunnerFailed, "the runner's listener gave up; its log says why".to_owned())
        }
        Ended::Code(0) if complaint == Some(Complaint::Failed) => {
            (Exit::RunnerFailed, "the runner's listener could not run; its log says why".to_owned())
        }
        Ended::Code(0) if outcome.ran_job == Some(false) => {
            (Exit::Done, "the runner ended without a job".to_owned())
        }
        Ended::Code(0) => (Exit::Done, "the runner ended".to_owned()),
        Ended::Code(7) => (Exit::VersionDeprecated, DEPRECATED.to_owned()),
        Ended::Code(code) => (Exit::RunnerFailed, format!("run.sh ended with exit code {code}")),
        Ended::Signal(KILL) => (Exit::Killed, "run.sh was killed".to_owned()),
        Ended::Signal(signal) => (Exit::RunnerFailed, format!("run.sh was ended by signal {signal}")),
    }
}

fn session_conflict() -> String {
    "GitHub has a session for this runner already".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: Outcome = Outcome {
        ended: Ended::Code(0),
        stopped: None,
        killed: false,
        ran_job: Some(true),
        job_ended: true,
        complaint: None,
    };
    const WITHOUT_JOB: Outcome = Outcome { ran_job: Some(false), job_ended: false, ..ENDED };
    const IDLE: Option<Cause> = Some(Cause::Idle(Duration::from_mins(1)));
    const ASKED: Option<Cause> = Some(Cause::Asked);

    fn check(outcome: Outcome, exit: Exit, reason: &str) {
        let end = verdict(&outcome);
        assert_eq!((end.exit, end.reason.as_str()), (exit, reason), "{outcome:?}");
        assert_eq!(end.ran_job, outcome.ran_job);
    }

    #[test]
    fn a_runner_that_ends_by_itself() {
        check(ENDED, Exit::Done, "the runner ended");
        check(WITHOUT_JOB, Exit::Done, "the runner ended without a job");
        check(Outcome { ran_job: None, ..WITHOUT_JOB }, Exit::Done, "the runner ended");
        let code = |code| Outcome { ended: Ended::Code(code), ..WITHOUT_JOB };
        check(code(1), Exit::RunnerFailed, "run.sh ended with exit code 1");
        check(code(5), Exit::SessionConflict, "GitHub has a session for this runner already");
        check(code(7), Exit::VersionDeprecated, DEPRECATED);
        check(Outcome { ended: Ended::Signal(9), ..ENDED }, Exit::Killed, "run.sh was killed");
        check(
            Outcome { ended: Ended::Signal(11), ..ENDED },
            Exit::RunnerFailed,
            "run.sh was ended by signal 11",
        );
    }

    #[test]
    fn what_run_sh_hides_behind_exit_code_0() {
        let conflict = Outcome { complaint: Some(Complaint::SessionConflict), ..WITHOUT_JOB };
        check(conflict, Exit::SessionConflict, "GitHub has a session for this runner already");
        let gave_up = Outcome { complaint: Some(Complaint::GaveUp), ..WITHOUT_JOB };
        check(gave_up, Exit::RunnerFailed, "the runner's listener gave up; its log says why");
        let failed = Outcome { complaint: Some(Complaint::Failed), ..WITHOUT_JOB };
        check(failed, Exit::RunnerFailed, "the runner's listener could not run; its log says why");
        check(Outcome { complaint: Some(Complaint::GaveUp), ..ENDED }, Exit::Done, "the runner ended");
    }

    #[test]
    fn a_runner_that_was_told_to_stop() {
        let done = "the job was done, although told to stop";
        check(Outcome { stopped: ASKED, ..ENDED }, Exit::Done, done);
        let busy = Outcome { stopped: ASKED, job_ended: false, ..ENDED };
        check(busy, Exit::Terminated, "told to stop while it had a job");
        let killed = Outcome { killed: true, ..busy };
        check(killed, Exit::Terminated, "told to stop while it had a job; it had to be killed");
        check(Outcome { stopped: ASKED, ..WITHOUT_JOB }, Exit::Stopped, "told to stop while it had no job");
        check(Outcome { stopped: IDLE, ..WITHOUT_JOB }, Exit::Idle, "no job came within 60 seconds");
        let mute = Outcome { stopped: Some(Cause::Mute(Duration::from_mins(10))), ..WITHOUT_JOB };
        check(mute, Exit::Hung, "the runner did not listen for jobs within 600 seconds");
        let lingering = Outcome { stopped: Some(Cause::Lingering(Duration::from_mins(5))), ..ENDED };
        check(lingering, Exit::Hung, "its job was done, but the runner did not end within 300 seconds");
        // A job that came at the last moment.
        check(Outcome { stopped: IDLE, ..ENDED }, Exit::Done, done);
    }
}
