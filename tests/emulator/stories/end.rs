//! What is left at the end.

use serde_json::json;

use crate::harness::wait::until;
use crate::harness::{APP_KEY, OWNER, System, WEBHOOK_SECRET};

/// No task, no registration, no message, no dead letter.
pub(crate) async fn nothing_is_left(system: &System) {
    system.minute("CleanupFunction").await;
    system.nothing_runs().await;
    for queue in ["LaunchQueue", "UnlaunchedEvents", "FailedEvents", "UndeliveredEvents"] {
        let url = system.stack.resource(queue);
        assert_eq!(system.aws.depth(url).await, 0, "{queue}: {:#?}", system.aws.take(url).await);
    }
    assert_eq!(system.github.state().jobs_run_twice(), []);
    assert_eq!(system.github.state().open_jobs(), 0);
    let calls = system.cloud.calls();
    let unknown: Vec<_> = calls.keys().filter(|call| call.starts_with("unknown")).collect();
    assert!(unknown.is_empty(), "the stand-in was asked for what it does not know: {unknown:?}");
}

/// Every line that a function has written, and no secret in any.
pub(crate) async fn no_secret_is_in_a_log(system: &System) {
    let key = APP_KEY.lines().nth(1).expect("a key has lines");
    // JIT configurations and the App's own tokens are JSON in Base64, which begins with `eyJ`.
    let mut secrets = vec![key, WEBHOOK_SECRET, "test-only-slack-secret", "sha256=", "ghs_", "eyJ"];
    let tickets = system.cloud.tickets();
    assert!(tickets.len() > 50, "{} tickets", tickets.len());
    secrets.extend(tickets.iter().map(String::as_str));
    let mut lines = 0;
    for group in system.stack.all_of("AWS::Logs::LogGroup") {
        for line in system.aws.logs(group).await {
            lines += 1;
            for secret in &secrets {
                assert!(!line.contains(secret), "{group}: {secret:?} is in {line}");
            }
        }
    }
    assert!(lines > 100, "the functions have written {lines} lines; they cannot have been looked at");
}

/// GitHub's description was kept by both sides; and the proxy would have noticed otherwise.
pub(crate) async fn github_was_asked_as_it_describes(system: &System) {
    assert_eq!(system.github.violations(), Vec::<String>::new());
    let path = format!("{}/orgs/{OWNER}/actions/runners/generate-jitconfig", system.github.address);
    let request =
        system.http.post(path).header("authorization", "Bearer something").json(&json!({ "name": "ff-1-1" }));
    let refused = request.send().await.expect("the proxy answers");
    assert_eq!(refused.status(), 422);
    until("the proxy has said so", || system.github.violations().len() == 1).await;
}
