//! Watches the release of GitHub's runner that images are made with: people hear in time that GitHub is about to stop
//! serving it.

use fleetfoot_model::events::{Fact, RunnerReleaseAging};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::image_key::RUNNER_VERSION;
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::ports::{GitHub, GitHubError};
use fleetfoot_model::runner_release::{RunnerRelease, RunnerVersion, Standing};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::ImageBuild;

/// How often GitHub is asked, and people are told at most.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// When it is asked again after it did not answer. Without credentials 60 requests an hour are allowed to an address, and
/// functions share theirs with others.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

impl ImageBuild {
    /// Warns once a day from 14 days before the end.
    pub(crate) async fn watch_release(&self, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        watch(&*self.ledger, &*self.github, now).await
    }
}

/// Asks, unless it has just done so. Whoever dies after having asked leaves the warning to the next day.
async fn watch(ledger: &dyn Ledger, github: &dyn GitHub, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
    let mut memory = ledger::images_memory(ledger).await?;
    if memory.value.ask_releases_at.is_some_and(|at| now < at) {
        return Ok(Vec::new());
    }
    let answer = github.runner_releases().await;
    memory.value.ask_releases_at = Some(now + pause(&answer, now));
    ledger::put(ledger, memory).await?;
    match answer {
        Ok(releases) => Ok(aging(&releases, now).into_iter().collect()),
        Err(GitHubError::Unavailable(reason)) => Err(FunctionError::Again(reason)),
        // A limit is no trouble that anybody has to see to, and a GitHub that publishes no releases has none that end.
        Err(_) => Ok(Vec::new()),
    }
}

fn pause(answer: &Result<Vec<RunnerRelease>, GitHubError>, now: Timestamp) -> SignedDuration {
    match answer {
        // A GitHub Enterprise Server publishes none, or none to strangers.
        Ok(_) | Err(GitHubError::NotFound(_) | GitHubError::Unauthorized(_) | GitHubError::Forbidden(_)) => {
            EVERY
        }
        Err(GitHubError::RateLimited { until }) => until.duration_since(now).max(AGAIN_AFTER),
        Err(_) => AGAIN_AFTER,
    }
}

/// The warning, if it is time for one.
fn aging(releases: &[RunnerRelease], now: Timestamp) -> Option<Fact> {
    let version: RunnerVersion = RUNNER_VERSION.parse().ok()?;
    let standing = Standing::of(version, releases);
    let served_until = standing.served_until.filter(|_| standing.is_aging(now))?;
    let (version, newest) = (version.to_string(), standing.newest.to_string());
    Some(RunnerReleaseAging { version, newest, served_until }.into())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use fleetfoot_local::ledger::MemoryLedger;
    use fleetfoot_model::ports::Clock;
    use fleetfoot_model::secret::Secret;
    use fleetfoot_stand_in::github::{Call, InProcessGitHub, Settings, StandInGitHub};

    use super::*;

    /// The next release after the pinned one was published at the beginning of this.
    const PUBLISHED: &str = "2026-10-01T00:00:00Z";

    struct At(Mutex<Timestamp>);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    struct World {
        ledger: MemoryLedger,
        github: InProcessGitHub,
        clock: Arc<At>,
    }

    impl World {
        fn new(adjust: impl FnOnce(&mut Settings)) -> Self {
            let mut settings = Settings::new(1, Secret::new("secret"));
            let newer = |version: &str, at: &str| RunnerRelease {
                version: version.parse().unwrap(),
                published_at: at.parse().unwrap(),
                checksums: None,
            };
            settings.runner_releases =
                vec![newer("999.2.0", "2026-10-20T00:00:00Z"), newer("999.1.0", PUBLISHED)];
            adjust(&mut settings);
            let clock = Arc::new(At(Mutex::new(PUBLISHED.parse().unwrap())));
            let state = Arc::new(Mutex::new(StandInGitHub::new(settings)));
            Self {
                ledger: MemoryLedger::default(),
                github: InProcessGitHub::new(state, Arc::clone(&clock) as Arc<dyn Clock>),
                clock,
            }
        }

        /// What the schedule's run tells at an hour after the next release.
        async fn run(&self, hour: i64) -> Result<Vec<Fact>, FunctionError> {
            let now = PUBLISHED.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour);
            *self.clock.0.lock().unwrap() = now;
            watch(&self.ledger, &self.github, now).await
        }

        fn asked(&self) -> u64 {
            self.github.state().calls_of(Call::Releases)
        }
    }

    #[tokio::test]
    async fn people_hear_of_it_once_a_day_from_fourteen_days_before_the_end() {
        let world = World::new(|_| ());
        let mut told = Vec::new();
        for hour in 0..40 * 24 {
            let facts = world.run(hour).await.unwrap();
            told.extend(facts.into_iter().map(|fact| (hour, fact)));
        }
        let hours: Vec<i64> = told.iter().map(|(hour, _)| *hour).collect();
        assert_eq!(hours, (16..40).map(|day| day * 24).collect::<Vec<_>>(), "30 - 14 is 16");
        let expected = RunnerReleaseAging {
            version: RUNNER_VERSION.to_owned(),
            newest: "999.2.0".to_owned(),
            served_until: "2026-10-31T00:00:00Z".parse().unwrap(),
        };
        assert_eq!(told[0].1, expected.into());
        assert_eq!(world.asked(), 40, "once a day");
    }

    #[tokio::test]
    async fn nothing_is_told_of_the_newest_release() {
        let world = World::new(|settings| settings.runner_releases.clear());
        for day in 0..60 {
            assert_eq!(world.run(day * 24).await, Ok(vec![]));
        }
    }

    #[tokio::test]
    async fn a_github_that_does_not_answer_is_asked_again_after_an_hour_and_not_before() {
        let world = World::new(|settings| settings.faults.request_failed = 1.0);
        assert!(matches!(world.run(480).await, Err(FunctionError::Again(_))));
        // The queue's own retry of the same event.
        assert_eq!(world.run(480).await, Ok(vec![]));
        assert_eq!(world.asked(), 1);
        assert!(matches!(world.run(481).await, Err(FunctionError::Again(_))));
        assert_eq!(world.asked(), 2);
    }

    #[test]
    fn limits_and_servers_without_releases_are_no_trouble() {
        let now: Timestamp = PUBLISHED.parse().unwrap();
        let until = now + SignedDuration::from_hours(3);
        let limited = |until| pause(&Err(GitHubError::RateLimited { until }), now);
        assert_eq!(limited(until), SignedDuration::from_hours(3));
        assert_eq!(limited(now), AGAIN_AFTER);
        assert_eq!(pause(&Err(GitHubError::NotFound(String::new())), now), EVERY);
    }
}
