//! The terminal: keys in, frames out, and everything as it was before at the end.

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::config::Config;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::ports::Clock;
use fleetfoot_report::overview::{JobTimeline, Overview, Reader, job_timeline};
use fleetfoot_shell::clock::SystemClock;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::app::{App, Wish};
use super::draw::{self, Look};
use crate::failure::{Failure, OrFail};
use crate::times::Times;

/// How long the thread that reads keys may go on after the end.
const KEY_PAUSE: Duration = Duration::from_millis(100);

/// What is read, and how often.
pub(super) struct Source {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) config: Arc<Config>,
    pub(super) interval: Duration,
}

/// What was read.
enum News {
    Overview(Result<Box<Overview>, LedgerError>),
    Job(JobId, Result<Option<Box<JobTimeline>>, LedgerError>),
}

/// What is to be read beside what is read regularly.
enum Ask {
    Overview,
    Job(JobId),
}

/// Shows the fleet until somebody quits, or a signal ends the process.
pub(super) async fn run(source: Source, look: Look, times: &Times) -> Result<(), Failure> {
    let signals = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
    let [terminate, hangup, interrupt] = signals.map(signal);
    let unheard = "signals cannot be listened to";
    let mut signals = (terminate.or_fail(unheard)?, hangup.or_fail(unheard)?, interrupt.or_fail(unheard)?);
    // A panic restores the terminal before it says anything: ratatui sets a hook for that.
    let mut terminal = ratatui::try_init().or_fail("the terminal cannot be drawn on")?;
    let ended = show(&mut terminal, source, look, times, &mut signals).await;
    let restored = ratatui::try_restore().or_fail("the terminal cannot be restored; `reset` does it");
    ended.and(restored)
}

async fn show(
    terminal: &mut DefaultTerminal,
    source: Source,
    look: Look,
    times: &Times,
    signals: &mut (Signal, Signal, Signal),
) -> Result<(), Failure> {
    let mut app = App::default();
    let mut keys = keys();
    let (asks, mut news) = reading(source);
    loop {
        let times = Times { now: SystemClock.now(), zone: times.zone.clone() };
        terminal
            .draw(|frame| draw::draw(frame, &mut app, look, &times))
            .or_fail("the terminal cannot be drawn on")?;
        let wish = tokio::select! {
            key = keys.recv() => match key {
                Some(Event::Key(key)) => app.on_key(key),
                Some(_) => Wish::Nothing,
                // Whoever could press one is gone.
                None => Wish::Quit,
            },
            told = news.recv() => told.map_or(Wish::Nothing, |told| take(&mut app, told)),
            _ = signals.0.recv() => Wish::Quit,
            _ = signals.1.recv() => Wish::Quit,
            _ = signals.2.recv() => Wish::Quit,
        };
        // The reader ends only after this.
        let _ = match wish {
            Wish::Quit => return Ok(()),
            Wish::Nothing => Ok(()),
            Wish::Refresh => asks.send(Ask::Overview),
            Wish::Open(id) => asks.send(Ask::Job(id)),
        };
    }
}

/// What is to be read next: a job that is looked at is as new as the fleet.
fn take(app: &mut App, news: News) -> Wish {
    match news {
        News::Overview(Ok(overview)) => {
            app.show(*overview);
            return app.opened.as_ref().map_or(Wish::Nothing, |opened| Wish::Open(opened.id));
        }
        News::Job(id, Ok(timeline)) => app.show_job(id, timeline.map(|timeline| *timeline)),
        News::Overview(Err(error)) | News::Job(_, Err(error)) => {
            app.failure = Some(format!("the fleet cannot be read: {error}"));
        }
    }
    Wish::Nothing
}

/// Keys and changes of the size, from a thread of their own: reading them blocks.
fn keys() -> mpsc::UnboundedReceiver<Event> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while !tell.is_closed() {
            match event::poll(KEY_PAUSE) {
                Ok(false) => {}
                Ok(true) => match event::read() {
                    Ok(event) => drop(tell.send(event)),
                    Err(_) => return,
                },
                Err(_) => return,
            }
        }
    });
    told
}

/// Reads the fleet again and again, beside the screen: a slow answer holds up no key.
fn reading(source: Source) -> (mpsc::UnboundedSender<Ask>, mpsc::UnboundedReceiver<News>) {
    let (ask, mut asks) = mpsc::unbounded_channel();
    let (tell, news) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let Source { ledger, config, interval } = source;
        let mut reader = Reader::default();
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = ticks.tick() => Some(Ask::Overview),
                asked = asks.recv() => asked,
            };
            let read = match asked {
                None => return,
                Some(Ask::Overview) => {
                    News::Overview(reader.read(&*ledger, &config, SystemClock.now()).await.map(Box::new))
                }
                Some(Ask::Job(id)) => {
                    News::Job(id, job_timeline(&*ledger, id).await.map(|found| found.map(Box::new)))
                }
            };
            if tell.send(read).is_err() {
                return;
            }
        }
    });
    (ask, news)
}
