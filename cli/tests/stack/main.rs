//! The command line against a stack that is deployed on an AWS of this machine.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

mod configuration;
mod dead_letters;
mod doctor;
mod logs;
mod replay;
mod setup;
mod stage;

use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::Job;
use stage::{Stage, event_file};

fn job(id: u64) -> Job {
    let event: serde_json::Value = serde_json::from_str(&event_file("job-queued.json")).unwrap();
    let mut description: JobDescription = serde_json::from_value(event["detail"]["job"].clone()).unwrap();
    description.id = JobId(id);
    let heard = description.created_at;
    let mut job = Job::new(description, heard);
    job.timeline.note(heard, "heard of");
    job
}

#[tokio::test]
async fn jobs_and_runners_are_read_from_the_table() {
    let stage = Stage::deployed("reading").await;
    stage.put(job(101)).await;
    let jobs = stage.run("jobs list --json").await.json();
    assert_eq!(jobs["jobs"][0]["id"], 101);
    let why = stage.run("why 101").await;
    assert_eq!((why.code, why.rest.as_str()), (0, ""));
    assert!(why.data.starts_with("Job 101: queued, waits to be looked at"), "{}", why.data);
    let unknown = stage.run("why 102").await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.rest.starts_with("error: job 102 is not known to this fleet"), "{}", unknown.rest);
    let runners = stage.run("runners list").await;
    assert_eq!(runners.rest, "there are no runners now; --all lists those that have ended, too\n");
    let details = stage.run("runners details ff-1-1").await;
    assert!(details.rest.starts_with("error: there is no runner ff-1-1"), "{}", details.rest);

    // The environment names the stack as well as the command line does.
    let named = stage.command("jobs list --json").env("FLEETFOOT_STACK", "reading").output().await.unwrap();
    assert!(String::from_utf8(named.stdout).unwrap().contains("101"));
}

#[tokio::test]
async fn what_is_no_fleet_is_told_from_what_is_not_there() {
    let missing = Stage::bare("nobody").run("jobs list").await;
    assert_eq!(missing.code, 1);
    assert_eq!(
        missing.rest,
        "error: there is no stack nobody in eu-west-1\n\
         hint: --region or --profile names another place; `sam deploy` makes one, as docs/deploy.md tells\n"
    );
    let other = Stage::bare("another");
    other.deploy("Resources: { Topic: { Type: AWS::SNS::Topic } }", Vec::new()).await;
    let other = other.run("classes list").await;
    assert_eq!(other.code, 1);
    assert!(
        other.rest.starts_with("error: the stack another in eu-west-1 is none of Fleetfoot's\n"),
        "{other:?}"
    );
}

#[tokio::test]
async fn a_region_and_credentials_are_asked_for() {
    let stage = Stage::bare("nobody");
    let region = stage.run_with("jobs list", &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")]).await;
    assert_eq!(
        region.rest,
        "error: no AWS region is named\n\
         hint: --region, AWS_REGION, or `region` of the profile that --profile or AWS_PROFILE names\n"
    );
    let elsewhere = stage.run("jobs list --region eu-central-1").await;
    assert!(elsewhere.rest.starts_with("error: there is no stack nobody in eu-central-1"), "{elsewhere:?}");
    let variables = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    let nobody = stage.run_with("jobs list", &variables).await;
    assert_eq!(nobody.code, 1);
    assert!(nobody.rest.starts_with("error: the stack nobody cannot be looked at\n"), "{nobody:?}");
    assert!(nobody.rest.contains("hint: `aws configure`"), "{nobody:?}");
    let profile = stage.run("jobs list --profile not-there").await;
    assert!(profile.rest.contains("not-there"), "{profile:?}");
}
