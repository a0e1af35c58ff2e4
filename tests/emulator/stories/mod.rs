//! What is told of the deployed pipeline, in this order.

mod configuration;
mod end;
mod events;
mod getting_started;
mod github;
mod jobs;
mod people;
mod tasks;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::harness::{Stage, System};

/// Every story.
pub(crate) fn all(stage: &Arc<Stage>) -> Vec<Trial> {
    let mut trials = Vec::new();
    macro_rules! story {
        ($($room:ident::$name:ident),+ $(,)?) => {$({
            let stage = Arc::clone(stage);
            let name = concat!(stringify!($room), "::", stringify!($name));
            let story = async |system: &System| {
                // A story that is told alone finds a configuration, too; the first is about having none.
                if !name.starts_with("configuration::") {
                    system.be_configured().await;
                }
                $room::$name(system).await;
            };
            trials.push(Trial::test(name, move || stage.play(&story)));
        })+};
    }
    story!(
        // First: there is no configuration yet.
        configuration::without_one_no_delivery_is_lost,
        github::every_request_is_as_github_describes_it,
        jobs::a_job,
        jobs::a_job_with_an_image,
        jobs::a_job_whose_image_is_not_there,
        jobs::a_refused_job,
        jobs::capacity_reached_and_freed,
        jobs::fifty_jobs_at_once,
        tasks::a_spot_interruption,
        tasks::a_task_that_never_starts,
        events::deliveries_that_come_twice,
        people::an_alarm_reaches_slack,
        events::a_replay_of_the_archive,
        events::malformed_facts,
        // Last: they look at what all others have left.
        end::nothing_is_left,
        end::no_secret_is_in_a_log,
        end::github_was_asked_as_it_describes,
    );
    // On a stage of its own, where nothing is deployed yet.
    trials.push(Trial::test("getting_started::as_it_is_written", || {
        getting_started::as_it_is_written();
        Ok(())
    }));
    trials
}
