//! What happens in stories.

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, ReplayDestination, ReplayState};
use fleetfoot_model::ids::JobId;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::JobOrder;
use serde_json::{Value, json};

use super::deploy::STACK;
use super::wait::eventually;
use super::{REPOSITORY, System, fleet, now};

/// The name of the bus's archive.
const ARCHIVE: &str = "everything";

/// A job that takes a moment.
pub(crate) fn order(labels: &[&str]) -> JobOrder {
    let labels = labels.iter().map(|label| label.parse().expect("a label")).collect();
    let order = JobOrder::new(REPOSITORY.parse().expect("a repository"), labels);
    JobOrder { run_for: SignedDuration::from_millis(200), ..order }
}

impl System {
    /// Writes the fleet's configuration as it should be done.
    pub(crate) async fn configure(&self, text: &str) -> (bool, String) {
        let file = self.folder.path().join("fleet.toml");
        std::fs::write(&file, text).expect("a configuration can be written");
        self.fleetfoot(&["config", "put", &file.display().to_string()]).await
    }

    /// Sees to it that the fleet has its configuration.
    pub(crate) async fn be_configured(&self) {
        let configure = async || {
            let (written, told) = self.configure(&fleet(&self.github, &self.registry)).await;
            assert!(written, "{told}");
        };
        self.configured.get_or_init(configure).await;
    }

    /// Writes the fleet's configuration without looking at it.
    pub(crate) async fn configure_blindly(&self, text: &str) {
        self.aws.put_parameter(&format!("/fleetfoot/{STACK}/config"), text, false).await;
    }

    /// Somebody pushes, and one job has these labels.
    pub(crate) fn push(&self, labels: &[&str]) -> JobId {
        self.github.queue(order(labels))
    }

    /// When a job started, and on which runner.
    pub(crate) fn started(&self, job: JobId) -> (Timestamp, String) {
        let history = self.github.history(job);
        let (at, runner) = history.started().expect("the job has started");
        (at, runner.to_owned())
    }

    /// Lets the next minute begin for a function that a schedule wakes.
    pub(crate) async fn minute(&self, function: &str) {
        let event = json!({
            "version": "0", "id": "00000000-0000-0000-0000-000000000000", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "123456789012", "time": now(), "region": self.aws.region,
            "resources": [], "detail": {},
        });
        let done = self.aws.invoke(self.stack.resource(function), &event).await;
        assert!(!done.failed, "{function}: {}", done.payload);
    }

    /// Puts something on the fleet's bus, as whoever may do that.
    pub(crate) async fn tell(&self, detail_type: &str, detail: &Value) {
        let entry = PutEventsRequestEntry::builder().event_bus_name(self.stack.resource("FleetBus"));
        let entry = entry.source("fleetfoot").detail_type(detail_type).detail(detail.to_string()).build();
        let put = self.aws.events.put_events().entries(entry).send().await.expect("the bus is there");
        assert_eq!(put.failed_entry_count(), 0, "{put:?}");
    }

    /// From now on the archive has everything that is on the fleet's bus.
    pub(crate) async fn keep_archive(&self) {
        let archive = self.aws.events.create_archive().archive_name(ARCHIVE);
        archive.event_source_arn(self.bus_arn()).send().await.expect("an archive can be made");
    }

    /// Tells everything again that the archive has, and waits until it is told. Answers how much that is.
    pub(crate) async fn replay_everything(&self) -> i64 {
        let described = self.aws.events.describe_archive().archive_name(ARCHIVE).send().await;
        let archive = described.expect("the archive is there");
        let to = ReplayDestination::builder().arn(self.bus_arn()).build().expect("a destination");
        let replay = self.aws.events.start_replay().replay_name("all-of-it").destination(to);
        let replay = replay.event_source_arn(archive.archive_arn().expect("an archive has an ARN"));
        let until = now() + SignedDuration::from_mins(1);
        let replay = replay.event_start_time(DateTime::from_secs(0));
        let replay = replay.event_end_time(DateTime::from_secs(until.as_second()));
        replay.send().await.expect("a replay can be started");
        eventually("the replay is over", async || {
            let asked = self.aws.events.describe_replay().replay_name("all-of-it").send().await;
            let state = asked.expect("the replay is there").state;
            (state == Some(ReplayState::Completed)).then_some(())
        })
        .await;
        archive.event_count()
    }

    fn bus_arn(&self) -> String {
        let (region, bus) = (&self.aws.region, self.stack.resource("FleetBus"));
        format!("arn:aws:events:{region}:123456789012:event-bus/{bus}")
    }
}
