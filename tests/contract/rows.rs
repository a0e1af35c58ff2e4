//! Rows to write.

use std::collections::BTreeSet;

use fleetfoot_model::base::{Base, BaseState, Resolved, Serving};
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::{ImageKey, JobId, RunId};
use fleetfoot_model::image_key::{ImageMode, Recipe};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::Stored;
use fleetfoot_model::ports::{BaseImage, TaskImage};
use fleetfoot_model::record::{Image, ImageState, Record, WorkflowRun};
use fleetfoot_model::runner::{Reservation, Runner, Scope};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use fleetfoot_model::{SignedDuration, Timestamp};

/// So many seconds after the suite's beginning of time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn job(id: u64, created_at: Timestamp) -> Job {
    let description = JobDescription {
        id: JobId(id),
        run_id: RunId(id + 1000),
        run_attempt: 1,
        repository: "acme/app".parse().unwrap(),
        public: false,
        workflow: "build".to_owned(),
        name: "test".to_owned(),
        labels: vec!["self-hosted".parse().unwrap()],
        html_url: String::new(),
        head_sha: None,
        created_at,
    };
    Job::new(description, created_at)
}

pub(crate) fn runner(name: &str, reserved_at: Timestamp) -> Runner {
    let reservation = Reservation {
        name: name.parse().unwrap(),
        pool: None,
        job: None,
        scope: Scope::Repository("acme/app".parse().unwrap()),
        spec: Spec {
            class: "small".parse().unwrap(),
            cpu: 512,
            memory_mib: 1024,
            disk_gib: 20,
            arch: Arch::X64,
            capacity: Capacity::OnDemand,
            image: None,
        },
        labels: vec!["self-hosted".parse().unwrap()],
        counters: Vec::new(),
        register_by: reserved_at + SignedDuration::from_mins(10),
    };
    let seed = &mut fleetfoot_shell::clock::SeededTickets::new(1);
    let ticket: Ticket = fleetfoot_model::ports::Tickets::draw(seed);
    Runner::reserve(reservation, &ticket, reserved_at)
}

pub(crate) fn image(digit: char, state: ImageState) -> Image {
    let key: ImageKey = std::iter::repeat_n(digit, 64).collect::<String>().parse().unwrap();
    Image {
        key,
        image: "ubuntu:22.04".parse().unwrap(),
        base: format!("docker.io/library/ubuntu@sha256:{}", "0".repeat(64)),
        arch: Arch::X64,
        mode: ImageMode::Build,
        wanted_by: BTreeSet::from(["0".repeat(64).parse().unwrap()]),
        repository: Some("acme/app".parse().unwrap()),
        is_counted: false,
        unused_since: None,
        state,
        serving: None,
        builds: 1,
        changed_at: at(0),
    }
}

pub(crate) fn base(digit: char) -> Base {
    let digits = digit.to_string().repeat(64);
    let image: ImageKey = digits.parse().unwrap();
    let uri = format!("docker.io/library/ubuntu@sha256:{digits}");
    let base = BaseImage { digest: format!("sha256:{digits}").parse().unwrap(), uri: uri.clone() };
    let recipe = Recipe::current(ImageMode::Inject);
    let served = TaskImage { uri, injector: Some("registry/injector".to_owned()) };
    Base {
        state: BaseState::Refused { reason: "no".to_owned(), until: at(9) },
        resolved: Some(Resolved { base, image: image.clone(), recipe, at: at(0) }),
        serving: Some(Serving { by: image, image: served, since: at(0) }),
        ..Base::new("ubuntu:22.04".parse().unwrap(), Arch::X64, at(0))
    }
}

pub(crate) fn run(id: u64, heard_at: Timestamp) -> WorkflowRun {
    WorkflowRun {
        id: RunId(id),
        repository: "acme/app".parse().unwrap(),
        head_repository: Some("fork/app".parse().unwrap()),
        heard_at,
    }
}

/// A row that is not there yet.
pub(crate) fn new(row: impl Into<Record>) -> Stored<Record> {
    Stored::new(row.into())
}
