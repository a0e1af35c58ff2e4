//! What is asked about: a job by its id or its page, or all jobs of a run by its page.

use fleetfoot_model::ids::{JobId, Repository, RunId};

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Job {
        id: JobId,
        /// Its page, if it is one of old, on which the last number is not the job's id: all rows are looked through for it.
        page: Option<String>,
        /// Its repository, if the page tells.
        repository: Option<Repository>,
    },
    Run {
        id: RunId,
    },
}

/// Reads `2`, `https://github.com/acme/app/actions/runs/1/job/2?pr=3#step:4:5`, `.../actions/jobs/2`, or a run's page:
/// `.../actions/runs/1`, `.../actions/runs/1/attempts/2`.
pub(super) fn wanted(text: &str) -> Result<Wanted, String> {
    let page = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let parts: Vec<&str> = page.split('/').collect();
    match parts.as_slice() {
        [id] => number(id).map(|id| Wanted::Job { id: JobId(id), page: None, repository: None }),
        [.., kind @ ("job" | "jobs"), id] => number(id).map(|id| Wanted::Job {
            id: JobId(id),
            page: (*kind == "jobs").then(|| page.to_owned()),
            repository: repository(&parts),
        }),
        [.., "runs", id] | [.., "runs", id, "attempts", _] => {
            number(id).map(|id| Wanted::Run { id: RunId(id) })
        }
        _ => None,
    }
    .ok_or_else(|| {
        "a job's id, or the address of a job's or a run's page (ends with /job/ID or /runs/ID) is allowed"
            .to_owned()
    })
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// What stands before `/actions/`.
fn repository(parts: &[&str]) -> Option<Repository> {
    let actions = parts.iter().position(|part| *part == "actions")?;
    let [owner, name] = parts.get(actions.checked_sub(2)?..actions)? else { return None };
    format!("{owner}/{name}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_by_its_id_or_its_page() {
        assert_eq!(wanted("2"), Ok(Wanted::Job { id: JobId(2), page: None, repository: None }));
        for (text, at) in [
            ("https://github.com/acme/app/actions/runs/1/job/2", Some("acme/app")),
            ("https://github.com/acme/app/actions/runs/1/job/2/", Some("acme/app")),
            ("https://github.com/acme/app/actions/runs/1/job/2?pr=3#step:4:5", Some("acme/app")),
            ("https://github.example/api/v3/repos/acme/app/actions/jobs/2", Some("acme/app")),
            ("/jobs/2", None),
            ("actions/jobs/2", None),
        ] {
            let Ok(Wanted::Job { id, repository, .. }) = wanted(text) else { panic!("{text}") };
            assert_eq!((id, repository.as_ref().map(Repository::as_str)), (JobId(2), at), "{text}");
        }
    }

    #[test]
    fn a_run_is_named_by_its_page() {
        for text in [
            "https://github.com/acme/app/actions/runs/1",
            "https://github.com/acme/app/actions/runs/1/",
            "https://github.com/acme/app/actions/runs/1/attempts/2?pr=3",
        ] {
            assert_eq!(wanted(text), Ok(Wanted::Run { id: RunId(1) }), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "x",
            "-1",
            "2.5",
            "https://github.com/acme/app/pull/7",
            "99999999999999999999999",
            "job/",
            "runs/x",
        ] {
            assert!(wanted(text).is_err(), "{text}");
        }
    }
}
