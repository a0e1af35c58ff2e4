//! Secrets are where they are needed and nowhere else, and what is logged of one event is not logged of the next.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_simulation::watch::{Happening, Watch};
use fleetfoot_stand_in::FaultLevel;
use fleetfoot_tests::world::{Plan, WEBHOOK_SECRET, World, order, text_of};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;

/// What this thread logs while it is there: everything, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

/// Keeps the captured log from being the only one there is. Then a place in the code that is reached first by another
/// thread, which logs nowhere, would be switched off for all (`Rebuilder::JustOne` of tracing-core 0.1.36).
static NOT_ALONE: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(tracing_subscriber::fmt().with_max_level(LevelFilter::OFF).finish()));

impl Log {
    fn capture() -> (Self, DefaultGuard) {
        LazyLock::force(&NOT_ALONE);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every ticket that was drawn, every configuration that a task was given, and every row as it was ever written.
#[derive(Default)]
struct Seen {
    tickets: Vec<String>,
    configurations: Vec<String>,
    rows: Vec<String>,
}

impl Watch for Seen {
    fn happened(&mut self, _: Timestamp, what: &Happening<'_>) {
        match what {
            Happening::TicketDrawn(ticket) => self.tickets.push(ticket.expose().to_owned()),
            Happening::ConfigurationGiven(_, configuration) => {
                self.configurations.push(configuration.expose().to_owned());
            }
            Happening::Written(rows) => self.rows.extend(rows.iter().map(|row| text_of(&row.value))),
            _ => {}
        }
    }
}

/// A day on which everything goes wrong that can, so that every refusal and every repair is logged.
fn terrible_day(seen: &Arc<Mutex<Seen>>) -> World {
    let mut plan =
        Plan::new(7).with("[limits]\nrunners = 8\n[[pools]]\nlabels = [\"self-hosted\"]\nsize = 1\n");
    plan.github.faults = FaultLevel::Heavy.into();
    plan.fargate.faults = FaultLevel::Heavy.into();
    let mut world = plan.world();
    world.watch(seen.clone());
    for n in 0..25 {
        let labels = ["self-hosted", "self-hosted class:small image:ubuntu:22.04", "self-hosted class:smal"];
        let mut job = order(labels[n % 3]);
        job.cancel_after = (n % 6 == 5).then(|| SignedDuration::from_secs(60));
        world.order(job);
        world.run_for(SignedDuration::from_secs(4));
    }
    world.ledger.set_away(true);
    world.run_for(SignedDuration::from_mins(2));
    world.ledger.set_away(false);
    world.secrets.set_away(true);
    world.run_for(SignedDuration::from_mins(1));
    world.secrets.set_away(false);
    let body = include_bytes!("../../events/foreign/github/workflow-job-queued-1.json");
    world.post("workflow_job", body, Some("another secret"));
    world.settle();
    world
}

/// lesson 14: secrets in environments, control events and logs.
#[test]
fn no_secret_is_in_any_event_row_message_or_log_line() {
    let (log, _guard) = Log::capture();
    let seen = Arc::default();
    let world = terrible_day(&seen);
    let Seen { tickets, configurations, rows } = std::mem::take(&mut *seen.lock().expect("nobody panicked"));
    assert!(tickets.len() >= 10 && configurations.len() >= 10, "there is something to look for");
    // A part of each is enough to know it by; a log line may cut it.
    let mut needles: Vec<&str> = tickets.iter().map(|ticket| &ticket[..16]).collect();
    needles.push(WEBHOOK_SECRET);
    for configuration in &configurations {
        needles.extend((1000..configuration.len() - 40).step_by(1500).map(|at| &configuration[at..at + 40]));
    }
    let history = world.bus.history(0, usize::MAX).expect("the bus answers");
    let mut texts: Vec<String> = history.iter().map(|event| text_of(&*event.envelope)).collect();
    texts.extend(rows);
    texts.extend(world.slack.messages());
    texts.extend(world.bus.dead_letters(1000).expect("the bus answers").iter().map(|it| format!("{it:?}")));
    texts.push(log.text());
    let all = texts.join("\n");
    assert!(all.len() > 500_000 && log.text().lines().count() > 20, "there is something to look through");
    for needle in needles {
        let found = all.find(needle).map(|at| &all[at.saturating_sub(300)..at]);
        assert_eq!(found, None, "a secret comes after this");
    }
}

/// lesson 7: the log context of one job leaked into the next. (That a client is kept from one event to the next belongs
/// to the shells.)
#[test]
fn a_log_line_names_the_one_event_that_it_is_about() {
    let (log, _guard) = Log::capture();
    terrible_day(&Arc::default());
    let text = log.text();
    let (inside, outside): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains("invoke{"));
    assert!(!inside.is_empty() && !outside.is_empty(), "{text}");
    for line in inside {
        assert_eq!(line.matches("invoke{").count(), 1, "{line}");
        assert_eq!(line.matches("event.id=").count(), 1, "{line}");
    }
    assert!(outside.iter().all(|line| !line.contains("event.id=")), "{text}");
}
