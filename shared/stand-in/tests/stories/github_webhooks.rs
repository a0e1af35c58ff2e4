//! What becomes of webhooks, requests and limits at the stand-in GitHub.

use fleetfoot_model::foreign::{WorkflowJobWebhook, WorkflowRunWebhook};
use fleetfoot_model::ports::{GitHubError, Hook};
use fleetfoot_model::secret::Secret;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::{
    Call, Faults, HookKind, JobOrder, Limits, OutgoingWebhook, Settings, StandInGitHub, sign,
};

use crate::support::{
    SECRET, acme, after, app, connect, github, labels, order, read, settings, start, webhooks,
};

/// Every webhook that is sent until a time, with when it was; answered with a status.
fn sent(github: &mut StandInGitHub, until: Timestamp, status: u16) -> Vec<(Timestamp, OutgoingWebhook)> {
    let mut sent = Vec::new();
    while let Some(at) = github.next_due().filter(|at| *at <= until) {
        for webhook in github.due(at) {
            github.delivered(at, webhook.delivery_id, status);
            sent.push((at, webhook));
        }
        github.messages(at);
    }
    sent
}

fn with(faults: Faults) -> StandInGitHub {
    StandInGitHub::new(settings(faults))
}

#[test]
fn a_webhook_is_signed_and_carries_the_job() {
    let mut github = github();
    let ordered = JobOrder {
        public: true,
        workflow: "Nightly".to_owned(),
        name: "linux / test".to_owned(),
        head_repository: Some("mallory/app".parse().unwrap()),
        ..order()
    };
    let job = github.queue_job(start(), ordered);
    let mut sent: Vec<_> =
        sent(&mut github, after(10), 202).into_iter().map(|(_, webhook)| webhook).collect();
    sent.sort_by_key(|webhook| webhook.event);
    let [queued, run] = &sent[..] else { panic!("two webhooks, not {}", sent.len()) };

    let header = |name| queued.headers.iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_str());
    assert_eq!(header("x-hub-signature-256"), Some(sign(&Secret::new(SECRET), &queued.body).as_str()));
    assert_eq!(header("x-github-event"), Some("workflow_job"));
    assert_eq!(header("x-github-delivery"), Some(queued.guid.as_str()));

    let told: WorkflowJobWebhook = serde_json::from_slice(&queued.body).unwrap();
    assert_eq!(told.repository.full_name, "acme/app");
    assert_eq!(told.repository.private, Some(false));
    assert_eq!(told.workflow_job.id, job.0);
    assert_eq!(told.workflow_job.workflow_name.as_deref(), Some("Nightly"));
    assert_eq!(told.workflow_job.name.as_deref(), Some("linux / test"));
    assert_eq!(told.workflow_job.labels, ["self-hosted", "class:small"]);
    assert_eq!(told.workflow_job.created_at, Some(start()));
    assert_eq!(told.workflow_job.runner_id, None);
    let body = String::from_utf8(queued.body.clone()).unwrap();
    assert!(!body.contains("elastic-machines-testing"), "nothing is left of the recorded repository");
    assert!(!body.contains("deployment_status") && !body.contains("\"deployment\""));

    let run: WorkflowRunWebhook = serde_json::from_slice(&run.body).unwrap();
    assert_eq!(run.workflow_run.id, told.workflow_job.run_id);
    assert_eq!(run.workflow_run.event.as_deref(), Some("pull_request"));
    assert_eq!(run.workflow_run.head_repository.unwrap().full_name, "mallory/app");
}

#[test]
fn a_dropped_webhook_is_listed_as_failed_and_can_be_delivered_again() {
    let mut github = with(Faults { webhook_dropped: 1.0, ..Faults::NONE });
    github.queue_job(start(), order());
    assert!(sent(&mut github, after(10), 202).is_empty());
    github.set_faults(Faults::NONE);

    let listed = github.list_deliveries(after(60), &Hook::App, None, 100).unwrap().items;
    assert_eq!(listed.len(), 2);
    let failed = listed.iter().find(|it| it.delivery.event == "workflow_job").unwrap();
    assert!(!failed.delivery.succeeded);
    assert_eq!((failed.action, failed.redelivery), ("queued", false));

    github.redeliver(after(60), &Hook::App, failed.delivery.id).unwrap();
    let again = sent(&mut github, after(70), 202);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].1.guid, failed.delivery.guid);
    assert_ne!(again[0].1.delivery_id, failed.delivery.id);
    let newest = github.list_deliveries(after(80), &Hook::App, None, 1).unwrap().items.remove(0);
    assert!(newest.redelivery && newest.delivery.succeeded);
    github.advance(after(4 * 86_400));
    sent(&mut github, after(4 * 86_400), 202);
    let gone = github.redeliver(after(4 * 86_400), &Hook::App, failed.delivery.id);
    assert!(matches!(gone, Err(GitHubError::NotFound(_))), "deliveries are kept for three days");
}

#[test]
fn a_delivery_made_again_later_still_tells_of_its_own_moment() {
    let mut github = github();
    github.queue_job(start(), order());
    let first = sent(&mut github, after(10), 503);
    let session = connect(&mut github, after(20), "ff-1-1", &["self-hosted", "class:small"]);
    sent(&mut github, after(30), 202);
    github.done(after(80), session, true).unwrap();

    for (_, webhook) in first {
        github.redeliver(after(90), &Hook::App, webhook.delivery_id).unwrap();
        let again =
            sent(&mut github, after(100), 202).into_iter().find(|it| it.1.guid == webhook.guid).unwrap();
        assert!(again.1.body == webhook.body, "the same bytes");
    }
    assert_eq!(github.webhooks().failed, 2);
}

#[test]
fn a_lost_webhook_leaves_no_trace_and_a_doubled_one_keeps_its_guid() {
    let mut github = with(Faults { webhook_lost: 1.0, ..Faults::NONE });
    github.queue_job(start(), order());
    assert!(sent(&mut github, after(10), 202).is_empty());
    assert!(github.list_deliveries(after(10), &Hook::App, None, 100).unwrap().items.is_empty());

    github.set_faults(Faults { webhook_doubled: 1.0, ..Faults::NONE });
    github.queue_job(after(20), order());
    let twice = sent(&mut github, after(40), 202);
    assert_eq!(twice.len(), 4);
    let mut guids: Vec<_> = twice.iter().map(|(_, webhook)| webhook.guid.as_str()).collect();
    guids.sort_unstable();
    guids.dedup();
    assert_eq!(guids.len(), 2);
}

#[test]
fn webhooks_come_late_and_out_of_order_under_faults() {
    let late = Faults { webhook_delayed: 1.0, longest_delay: SignedDuration::from_secs(600), ..Faults::NONE };
    let mut github = with(late);
    for _ in 0..20 {
        github.queue_job(start(), order());
    }
    let last = sent(&mut github, after(3600), 202).last().map(|(at, _)| *at).unwrap();
    assert!(last > after(300) && last < after(610), "{last}");

    let reordered = (0..20).any(|seed| {
        let faults = Faults { webhook_reordered: 0.5, ..Faults::NONE };
        let mut github = StandInGitHub::new(Settings { seed, ..settings(faults) });
        connect(&mut github, start(), "ff-1-1", &["self-hosted", "class:small"]);
        github.queue_job(start(), order());
        let told: Vec<_> = sent(&mut github, after(60), 202).iter().map(|(_, it)| read(it)).collect();
        told.iter().position(|it| it.starts_with("in_progress")) < told.iter().position(|it| it == "queued")
    });
    assert!(reordered);
}

#[test]
fn while_github_is_down_requests_fail_and_webhooks_wait() {
    let mut github = github();
    github.add_outage(after(0), after(300));
    github.queue_job(start(), order());
    let down = github.register(after(10), &acme(), "ff-1-1", &labels(&["self-hosted"]));
    assert!(matches!(down, Err(GitHubError::Unavailable(_))));
    assert!(github.due(after(299)).is_empty());
    assert_eq!(webhooks(&mut github, after(310)).len(), 2);
    github.register(after(300), &acme(), "ff-1-1", &labels(&["self-hosted"])).unwrap();
}

#[test]
fn limits_say_until_when() {
    let mut github = github();
    let names = labels(&["self-hosted"]);
    for n in 0..180 {
        github.register(start(), &acme(), &format!("ff-{n}-1"), &names).unwrap();
    }
    // 900 points a minute, 5 for a POST: 180 registrations, and then one each third of a second.
    let Err(GitHubError::RateLimited { until }) = github.register(start(), &acme(), "ff-180-1", &names)
    else {
        panic!("the 181st registration of a minute is refused");
    };
    assert!(until > start() && until < after(1), "{until}");
    github.register(until, &acme(), "ff-180-1", &names).unwrap();
    assert_eq!(github.calls_of(Call::Jit), 182, "refused requests are counted");

    let limits = Limits { requests_per_hour: 3, ..Limits::default() };
    let mut github = StandInGitHub::new(Settings { limits, ..settings(Faults::NONE) });
    for _ in 0..3 {
        github.list_runners(start(), &acme(), None, 1, 100).unwrap();
    }
    let refused = github.list_runners(after(1800), &acme(), None, 1, 100);
    assert_eq!(refused.unwrap_err(), GitHubError::RateLimited { until: after(3600) });
    github.list_runners(after(3600), &acme(), None, 1, 100).unwrap();

    let limits = Limits { registrations_per_five_minutes: 2, ..Limits::default() };
    let mut github = StandInGitHub::new(Settings { limits, ..settings(Faults::NONE) });
    github.register(start(), &acme(), "ff-1-1", &names).unwrap();
    github.register(start(), &acme(), "ff-2-1", &names).unwrap();
    let refused = github.register(start(), &acme(), "ff-3-1", &names);
    assert_eq!(refused.unwrap_err(), GitHubError::RateLimited { until: after(150) });
    let elsewhere = fleetfoot_model::runner::Scope::Repository(app());
    github.register(start(), &elsewhere, "ff-3-1", &names).unwrap();
}

#[test]
fn an_answer_can_be_lost_after_the_request_was_carried_out() {
    let mut github = with(Faults { answer_lost: 1.0, ..Faults::NONE });
    let names = labels(&["self-hosted"]);
    assert!(matches!(github.register(start(), &acme(), "ff-1-1", &names), Err(GitHubError::Unavailable(_))));
    assert_eq!(github.registrations().len(), 1);
    github.set_faults(Faults { request_failed: 1.0, ..Faults::NONE });
    assert!(matches!(github.register(after(1), &acme(), "ff-2-1", &names), Err(GitHubError::Unavailable(_))));
    assert_eq!(github.registrations().len(), 1);
}

#[test]
fn each_webhook_lists_its_own_deliveries() {
    let mut github = StandInGitHub::new(Settings { hook: HookKind::Repository, ..settings(Faults::NONE) });
    github.queue_job(start(), order());
    github.queue_job(start(), JobOrder::new("acme/lib".parse().unwrap(), labels(&["self-hosted"])));
    sent(&mut github, after(10), 202);
    let list = |github: &mut StandInGitHub, hook: &Hook| github.list_deliveries(after(20), hook, None, 100);
    assert!(matches!(list(&mut github, &Hook::App), Err(GitHubError::NotFound(_))));
    let own = Hook::Repository(app(), 109_948_940);
    let listed = list(&mut github, &own).unwrap().items;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|it| it.delivery.hook == own));
}

#[test]
fn the_same_seed_and_the_same_calls_are_the_same_story() {
    let story = |seed| {
        let faults: Faults = "heavy".parse().unwrap();
        let mut github = StandInGitHub::new(Settings { seed, ..settings(faults) });
        for n in 0..30 {
            github.queue_job(after(n), order());
            let labels = labels(&["self-hosted", "class:small"]);
            if let Ok(runner) = github.register(after(n), &acme(), &format!("ff-{n}-1"), &labels) {
                github.connect(after(n), &runner.configuration).unwrap();
            }
        }
        let told: Vec<_> =
            sent(&mut github, after(600), 202).into_iter().map(|(at, it)| (at, it.guid, it.body)).collect();
        (told, github.jobs().map(|(id, _, history)| (id, history.clone())).collect::<Vec<_>>())
    };
    assert_eq!(story(5), story(5));
    assert_ne!(story(5), story(6));
}
