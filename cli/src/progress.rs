//! How far long work is: one line on stderr, for whoever looks on.
//!
//! Nothing is written where stderr is no terminal or a dumb one, beside `--json`, or of what ends at once. The line has no
//! colours and is no wider than the terminal; what else is written to stderr meanwhile stands above it. Nothing of it is
//! left at the end, after a failure or Ctrl-C.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;
use std::{io, process};

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::arguments::Format;
use crate::text::safe;

/// What ends sooner is not told of.
const DELAY: Duration = Duration::from_millis(400);
/// How often the line is drawn anew, so that it is seen to be alive.
const PACE: Duration = Duration::from_millis(150);
/// How often a second it is drawn at most, however fast steps are done.
const MOST_OFTEN: u8 = 20;
/// What a command ends with that Ctrl-C ended: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// The line that is on the screen now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);
static WATCHING: Once = Once::new();

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Work that is under way. Its line goes when this is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    showing: Option<JoinHandle<()>>,
}

impl Progress {
    /// Work of so many steps: `12 of 100 seeds`.
    pub(crate) fn steps(total: usize, what: &str, format: Format) -> Self {
        Self::begin(bar(Some(total), "{spinner} {pos} of {len} {wide_msg}", what), format)
    }

    /// Work of which nobody knows when it ends: `waiting for the runner`.
    pub(crate) fn waiting(what: &str, format: Format) -> Self {
        Self::begin(bar(None, "{spinner} {wide_msg}", what), format)
    }

    fn begin(bar: ProgressBar, format: Format) -> Self {
        // A test may be run from a terminal, which is not its own.
        let is_seen = !cfg!(test) && !format.json && !ProgressDrawTarget::stderr().is_hidden();
        let runtime = Handle::try_current().ok().filter(|_| is_seen);
        let showing = runtime.map(|runtime| runtime.spawn(show_later(bar.clone())));
        Self { bar, showing }
    }

    /// A step is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// What counts steps for somebody who outlives this.
    pub(crate) fn counter(&self) -> Counter {
        Counter(self.bar.clone())
    }

    /// What is being done now.
    pub(crate) fn says(&self, what: &str) {
        self.bar.set_message(safe(what));
    }
}

/// Counts steps of work.
pub(crate) struct Counter(ProgressBar);

impl Counter {
    /// A step is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(showing) = self.showing.take() {
            showing.abort();
        }
        // Held until the end: another line takes the place of this one, or comes after it.
        let mut shown = shown();
        self.bar.finish_and_clear();
        if !self.bar.is_hidden() {
            *shown = None;
        }
    }
}

/// Writes something to stderr, above the line if there is one.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Asks somebody, without the line. Ctrl-C finds none to take away meanwhile: it would wait for the answer.
pub(crate) fn asking<T>(ask: impl FnOnce() -> T) -> T {
    let bar = shown().take();
    let answer = match &bar {
        Some(bar) => bar.suspend(ask),
        None => ask(),
    };
    *shown() = bar;
    answer
}

fn bar(total: Option<usize>, template: &str, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    // Hidden at first.
    let bar = ProgressBar::with_draw_target(total.map(|total| total as u64), ProgressDrawTarget::hidden());
    bar.with_style(style.tick_chars("|/-\\ ")).with_message(safe(what))
}

#[expect(clippy::disallowed_methods, reason = "what ends at once is not worth a line")]
async fn show_later(bar: ProgressBar) {
    tokio::time::sleep(DELAY).await;
    WATCHING.call_once(end_on_interrupt);
    if show(&bar, target(Term::buffered_stderr())) {
        bar.enable_steady_tick(PACE);
    }
}

fn target(terminal: impl TermLike + 'static) -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(AtItsBegin(terminal)), MOST_OFTEN)
}

/// A terminal whose cursor stands at the line's begin. Otherwise it stands at the right edge, and the `^C` that a terminal
/// echoes goes to the next line, so that this one would be left on the screen for ever.
#[derive(Debug)]
struct AtItsBegin<T>(T);

impl<T: TermLike> TermLike for AtItsBegin<T> {
    fn width(&self) -> u16 {
        self.0.width()
    }

    fn height(&self) -> u16 {
        self.0.height()
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}

/// Shows a line unless there is one already. Answers whether it did.
fn show(bar: &ProgressBar, target: ProgressDrawTarget) -> bool {
    let mut shown = shown();
    let is_free = shown.as_ref().is_none_or(ProgressBar::is_finished);
    if is_free {
        bar.set_draw_target(target);
        bar.tick();
        *shown = Some(bar.clone());
    }
    is_free
}

/// As Ctrl-C ends a process, with the line taken away before. From the first line to the end of the process: once a signal
/// has been listened to, it ends nothing by itself any more.
fn end_on_interrupt() {
    // Where nobody can listen it ends the process as it always does.
    let Ok(mut interrupts) = signal(SignalKind::interrupt()) else { return };
    let terminal = tcgetattr(io::stdin()).ok();
    tokio::spawn(async move {
        if interrupts.recv().await.is_some() {
            // Who asks for a secret has turned the echo off.
            if let Some(terminal) = terminal {
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &terminal);
            }
            interrupted();
        }
    });
}

/// Ends the process as Ctrl-C does, and leaves nothing on the screen.
pub(crate) fn interrupted() -> ! {
    if let Some(bar) = shown().take() {
        bar.finish_and_clear();
    }
    process::exit(INTERRUPTED)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A terminal of one line.
    #[derive(Debug, Clone)]
    struct Screen {
        width: u16,
        line: Arc<Mutex<String>>,
    }

    impl Screen {
        fn new(width: u16) -> Self {
            Self { width, line: Arc::default() }
        }

        fn line(&self) -> String {
            self.line.lock().unwrap().trim_end().to_owned()
        }

        fn target(&self) -> ProgressDrawTarget {
            ProgressDrawTarget::term_like(Box::new(AtItsBegin(self.clone())))
        }

        /// Whether what a terminal echoes would stand within the line, and go with it.
        fn is_at_its_begin(&self) -> bool {
            self.line.lock().unwrap().ends_with('\r')
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            self.width
        }

        fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
            assert_eq!(lines, 0, "there is one line only");
            Ok(())
        }

        fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
            self.move_cursor_up(lines)
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.line.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.line.lock().unwrap().clear();
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is on the screen; not in the moment in which another test writes aside.
    fn seen(progress: &Progress, screen: &Screen) -> String {
        let mut line = String::new();
        progress.bar.update(|_| line = screen.line());
        line
    }

    /// One test, as there is one line for all of the process.
    #[test]
    fn a_line_tells_how_far_it_is_gives_way_and_leaves_nothing() {
        let (screen, beside) = (Screen::new(60), Screen::new(60));
        let format = Format { json: false };
        let progress = Progress::steps(3, "seeds", format);
        assert!(show(&progress.bar, screen.target()));
        progress.step();
        assert!(seen(&progress, &screen).ends_with(" 1 of 3 seeds"), "{}", screen.line());
        assert!(screen.is_at_its_begin(), "what Ctrl-C echoes goes with the line");
        aside(|| assert_eq!(screen.line(), "", "what is written meanwhile has the line for itself"));
        assert!(seen(&progress, &screen).ends_with(" 1 of 3 seeds"), "{}", screen.line());
        asking(|| assert_eq!((screen.line(), shown().is_none()), (String::new(), true)));
        assert!(seen(&progress, &screen).ends_with(" 1 of 3 seeds"), "{}", screen.line());
        let within = Progress::waiting("another", format);
        assert!(!show(&within.bar, beside.target()), "there is one line");
        drop(within);
        progress.says("\u{1b}[2Jhostile");
        assert!(seen(&progress, &screen).ends_with("\\u{1b}[2Jhostile"), "{}", screen.line());
        drop(progress);
        assert_eq!((screen.line(), beside.line()), (String::new(), String::new()));

        let narrow = Screen::new(12);
        let progress = Progress::waiting("waiting for what takes its time", format);
        assert!(show(&progress.bar, narrow.target()), "the one before has gone");
        let line = seen(&progress, &narrow);
        assert!(line.contains(" waiting") && line.chars().count() <= 12, "{line}");
        asking(|| assert_eq!(narrow.line(), "", "somebody is asked something"));
    }
}
