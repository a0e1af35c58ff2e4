//! What is told of the deployed pipeline, in this order.

mod github;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::harness::Stage;

/// Every story.
pub(crate) fn all(stage: &Arc<Stage>) -> Vec<Trial> {
    let mut trials = Vec::new();
    macro_rules! story {
        ($($room:ident::$name:ident),+ $(,)?) => {$({
            let stage = Arc::clone(stage);
            trials.push(Trial::test(stringify!($name), move || stage.play($room::$name)));
        })+};
    }
    story!(github::every_request_is_as_github_describes_it,);
    trials
}
