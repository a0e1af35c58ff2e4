//! What one run may ask of GitHub and of the fleet.

use fleetfoot_model::ids::JobId;
use fleetfoot_model::ports::GitHubError;

/// The most requests to GitHub in one run, search excepted. If each is a DELETE (5 points) that is 220 of the 900 points that
/// GitHub allows a minute; `register` takes up to 875 when jobs come at full pace, and both are then slowed by the same
/// limit. With a run a minute it is 2,640 requests an hour of the 5,000 that the smallest installation has, and the search
/// adds at most 792. A run without anything odd makes one or two. Where commits show no check runs 4 of them are nobody's.
///
/// Only a list is read to its end once it is begun, since half a list tells nothing: 20 pages of deliveries at most, and a
/// page for each hundred runners, every five minutes or, up to 2,000 runners, every minute while some are left to remove.
pub(crate) const GITHUB_REQUESTS: u32 = 44;
/// How many of them each part has for itself, whatever the parts before it need: two repairs. The rest is for whoever comes
/// first.
pub(crate) const OWN_REQUESTS: u32 = 4;
/// The most tasks that are stopped in one run. `StopTask` shares 40 calls a second with `RunTask`, which `launch` needs:
/// this is little more than a second's worth a minute.
pub(crate) const STOPS: u32 = 50;

/// The parts that ask GitHub, in their order. The search has a bound of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Tasks,
    Runners,
    Jobs,
    Reruns,
    Deliveries,
    Registrations,
    Checks,
}

impl Part {
    /// What the parts after it have for themselves.
    fn owed_to_later(self) -> u32 {
        let later = Self::Checks as u32 - self as u32;
        later * OWN_REQUESTS
    }
}

/// What is left of a run's requests.
#[derive(Debug)]
pub(crate) struct Budget {
    github: u32,
    stops: u32,
    is_closed: bool,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { github: GITHUB_REQUESTS, stops: STOPS, is_closed: false }
    }

    /// How many requests a part may still make.
    pub(crate) fn left(&self, part: Part) -> u32 {
        if self.is_closed { 0 } else { self.github.saturating_sub(part.owed_to_later()) }
    }

    /// Whether a part may make these requests. A repair that needs more than is left waits for the next run, unless it needs
    /// more than a part can be sure of ever having: then anything left is enough, or its turn would never come.
    pub(crate) fn ask(&mut self, part: Part, requests: u32) -> bool {
        let left = self.left(part);
        let enough = left >= requests.min(OWN_REQUESTS);
        if enough {
            self.github = self.github.saturating_sub(requests);
        }
        enough
    }

    /// A list was read, in pages of a hundred entries. How long it is shows only then; what a part has for itself it keeps
    /// for the repairs, or a long list would leave none ever.
    pub(crate) fn listed(&mut self, part: Part, entries: usize) {
        let pages = u32::try_from(entries / 100).unwrap_or(u32::MAX).saturating_add(1);
        let kept = self.github.min(part.owed_to_later() + OWN_REQUESTS);
        self.github = self.github.saturating_sub(pages).max(kept);
    }

    /// Whether one more task may be stopped.
    pub(crate) fn stop(&mut self) -> bool {
        let enough = self.stops > 0;
        self.stops = self.stops.saturating_sub(1);
        enough
    }

    /// Nothing more is asked of GitHub in this run if it answers nobody now. Says whether that is so.
    pub(crate) fn heed(&mut self, error: &GitHubError) -> bool {
        let answers_nobody = matches!(
            error,
            GitHubError::RateLimited { .. } | GitHubError::Unavailable(_) | GitHubError::Unauthorized(_)
        );
        if answers_nobody {
            self.is_closed = true;
        }
        answers_nobody
    }

    /// Whether GitHub answers nobody now.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }
}

/// What is to be looked at, from where the last run stopped, so that what cannot be mended does not stand before the rest
/// for ever. `up_to` is the last that was looked at.
pub(crate) fn in_turn<'a, K: Ord + 'a, T>(
    sorted: impl Iterator<Item = (&'a K, T)>,
    up_to: Option<&K>,
) -> Vec<T> {
    let (before, after): (Vec<_>, Vec<_>) =
        sorted.partition(|(key, _)| up_to.is_some_and(|up_to| *key <= up_to));
    after.into_iter().chain(before).map(|(_, item)| item).collect()
}

/// Whose turn it is to be asked about, where not all can be asked about in one run. Jobs are asked about in the order of
/// their ids, and the next run goes on where this one had to stop.
#[derive(Debug)]
pub(crate) struct Turns {
    after: Option<JobId>,
    last: Option<JobId>,
    was_short: bool,
}

impl Turns {
    pub(crate) fn after(after: Option<JobId>) -> Self {
        Self { after, last: None, was_short: false }
    }

    pub(crate) fn has_turn(&self, job: JobId) -> bool {
        self.after.is_none_or(|after| job > after)
    }

    pub(crate) fn asked(&mut self, job: JobId, was_asked: bool) {
        if was_asked {
            self.last = self.last.max(Some(job));
        } else {
            self.was_short = true;
        }
    }

    /// Where the next run goes on; with the first of them if this one got through, or got nowhere.
    pub(crate) fn next(&self) -> Option<JobId> {
        self.last.filter(|_| self.was_short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Part; 7] = [
        Part::Tasks,
        Part::Runners,
        Part::Jobs,
        Part::Reruns,
        Part::Deliveries,
        Part::Registrations,
        Part::Checks,
    ];

    #[test]
    fn each_part_has_its_own_however_much_the_others_need() {
        let mut budget = Budget::new();
        let asked = ALL.map(|part| (0..1000).filter(|_| budget.ask(part, 1)).count());
        assert_eq!(asked, [20, 4, 4, 4, 4, 4, 4]);
    }

    #[test]
    fn a_long_list_leaves_a_part_its_own() {
        let mut budget = Budget::new();
        budget.listed(Part::Deliveries, 250);
        assert_eq!((budget.left(Part::Deliveries), budget.left(Part::Registrations)), (33, 37));
        budget.listed(Part::Registrations, 10_000);
        assert_eq!(
            (budget.left(Part::Registrations), budget.left(Part::Checks)),
            (OWN_REQUESTS, 2 * OWN_REQUESTS)
        );
    }

    #[test]
    fn a_github_that_answers_nobody_is_left_alone() {
        let mut budget = Budget::new();
        assert!(!budget.heed(&GitHubError::Busy) && !budget.heed(&GitHubError::NotFound(String::new())));
        assert!(budget.ask(Part::Jobs, 1));
        assert!(budget.heed(&GitHubError::Unavailable(String::new())));
        assert!(!budget.ask(Part::Jobs, 1) && budget.ask(Part::Jobs, 0), "what needs nothing of it goes on");
    }

    #[test]
    fn one_part_alone_has_all_but_what_later_ones_are_owed() {
        for (part, most) in ALL.into_iter().zip([20, 24, 28, 32, 36, 40, 44]) {
            let mut budget = Budget::new();
            assert_eq!((0..1000).filter(|_| budget.ask(part, 1)).count(), most, "{part:?}");
        }
    }

    #[test]
    fn a_repair_that_needs_more_than_any_share_has_its_turn() {
        let mut budget = Budget::new();
        assert!(budget.ask(Part::Tasks, 100));
        assert!(!budget.ask(Part::Tasks, 100) && !budget.ask(Part::Checks, 1));
    }

    #[test]
    fn turns_go_round() {
        let all = || [1, 2, 3, 4].iter().map(|n| (n, *n));
        assert_eq!(in_turn(all(), None), [1, 2, 3, 4]);
        assert_eq!(in_turn(all(), Some(&2)), [3, 4, 1, 2]);
        assert_eq!(in_turn(all(), Some(&9)), [1, 2, 3, 4]);
    }
}
