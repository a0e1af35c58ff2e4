//! The terminal: keys in, frames out, and everything as it was before at the end.

use std::io;
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
use rustix::process::{Signal as ProcessSignal, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::app::{App, Wish};
use super::draw::{self, Look};
use super::watched::Watched;
use crate::failure::{Failure, OrFail};
use crate::times::Times;

/// How long the thread that reads keys may go on after the end.
const KEY_PAUSE: Duration = Duration::from_millis(100);

/// What is read, and how often.
pub(super) struct Source {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) config: Arc<Config>,
    pub(super) interval: Duration,
    /// Of a fleet on this machine: what must not be taken away meanwhile.
    pub(super) file: Option<Watched>,
}

/// What was read.
enum News {
    Overview(Result<Box<Overview>, LedgerError>),
    Job(JobId, Result<Option<Box<JobTimeline>>, LedgerError>),
    /// The fleet's state is no more where it was.
    Gone,
}

/// What is to be read beside what is read regularly.
enum Ask {
    Overview,
    Job(JobId),
}

const UNRESTORED: &str = "the terminal cannot be restored; `reset` does it";

/// What others may want of this process.
struct Signals {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    /// SIGTSTP, as a shell sends it.
    stop: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(ProcessSignal::TSTP.as_raw()))?,
        })
    }
}

/// Gives the terminal back as it was and stops this process, until its shell lets it go on.
fn suspend(terminal: &mut DefaultTerminal) -> Result<(), Failure> {
    terminal.show_cursor().and_then(|()| ratatui::try_restore()).or_fail(UNRESTORED)?;
    kill_process(getpid(), ProcessSignal::STOP).or_fail("this process cannot be stopped")?;
    *terminal = ratatui::try_init().or_fail("the terminal cannot be drawn on")?;
    Ok(())
}

/// Shows the fleet until somebody quits, or a signal ends the process.
pub(super) async fn run(source: Source, look: Look, times: &Times) -> Result<(), Failure> {
    let mut signals = Signals::listen().or_fail("signals cannot be listened to")?;
    // A panic restores the terminal before it says anything: ratatui sets a hook for that.
    let mut terminal = ratatui::try_init().or_fail("the terminal cannot be drawn on")?;
    let ended = show(&mut terminal, source, look, times, &mut signals).await;
    let restored = ratatui::try_restore().or_fail(UNRESTORED);
    ended.and(restored)
}

async fn show(
    terminal: &mut DefaultTerminal,
    source: Source,
    look: Look,
    times: &Times,
    signals: &mut Signals,
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
            _ = signals.terminate.recv() => Wish::Quit,
            _ = signals.hangup.recv() => Wish::Quit,
            _ = signals.interrupt.recv() => Wish::Quit,
            _ = signals.stop.recv() => Wish::Suspend,
        };
        // The reader ends only after this.
        let _ = match wish {
            Wish::Quit => return Ok(()),
            Wish::Nothing => Ok(()),
            Wish::Suspend => {
                suspend(terminal)?;
                asks.send(Ask::Overview)
            }
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
        News::Gone => {
            app.failure =
                Some("the fleet's state was taken away; what is shown is as it was before".to_owned());
        }
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
        let Source { ledger, config, interval, file } = source;
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
                Some(_) if file.as_ref().is_some_and(Watched::is_gone) => News::Gone,
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
