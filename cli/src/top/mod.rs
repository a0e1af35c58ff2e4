//! `fleetfoot top`: the fleet in a terminal, as the dashboard shows it in a browser.

mod app;
mod columns;
mod draw;
mod job;
mod screen;
#[cfg(test)]
mod tests;
mod watched;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::SignedDuration;
use fleetfoot_report::overview::Overview;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use self::app::App;
use self::draw::Look;
use self::screen::Source;
use self::watched::Watched;
use crate::arguments::DATABASE;
use crate::failure::{Failure, OrFail};
use crate::output::Answer;
use crate::place::Location;
use crate::text::width;
use crate::times::Times;

pub(crate) const EXAMPLES: &str = "\
Examples:
  fleetfoot top
  fleetfoot top --stack fleetfoot --interval 30s
  fleetfoot top --once                one frame as text, for scripts

Keys:
  tab, left, right, 1 to 6   Jobs, Runners, Capacity, Images, Failures, Cost
  arrows, j and k, space     move; g and G: to the first, to the last
  enter                      what happened to the chosen job; esc: back
  /                          show only what has a text in it; esc: all again
  r                          read the fleet at once
  q, ctrl-c                  quit; ctrl-z: back to the shell for a while, `fg` goes on

Each reading asks for the rows of open jobs and runners and of what ended since; on AWS that
costs a little: some ten requests to DynamoDB.";

/// How often a fleet on this machine is read, and the least.
const HERE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(1));
/// The same of a fleet on AWS.
const DEPLOYED: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));
const LONGEST: Duration = Duration::from_hours(1);
/// Where there is no terminal: wide enough for every column.
const WIDE: u16 = 140;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often the fleet is read, such as 2s or 1m; by default 2s here and 10s on AWS
    #[arg(long, value_name = "SPAN", value_parser = interval)]
    interval: Option<Duration>,
    /// Print one frame as text and end
    #[arg(long, conflicts_with = "interval")]
    once: bool,
    #[command(flatten)]
    place: Location,
}

fn interval(text: &str) -> Result<Duration, String> {
    let allowed = || "1s to 1h is allowed, such as 2s or 1m".to_owned();
    let span: SignedDuration = text.parse().map_err(|_| allowed())?;
    let span = Duration::try_from(span).map_err(|_| allowed())?;
    if (HERE.1..=LONGEST).contains(&span) { Ok(span) } else { Err(allowed()) }
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if !args.once && !is_terminal {
        return Err(no_terminal());
    }
    let interval = pace(args.interval, args.place.remote.stack.is_some())?;
    let file = args.place.folder().map(|folder| folder.join(DATABASE));
    let place = args.place.open().await?;
    let (ledger, config) = (place.ledger()?, place.config().await?);
    if args.once {
        let overview =
            Overview::read(&*ledger, &config, times.now).await.or_fail("the fleet cannot be read")?;
        let size = ratatui::crossterm::terminal::size().ok().filter(|_| is_terminal);
        return Ok(Answer::data(once(overview, size, times)?));
    }
    let has_colour = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let source = Source { ledger, config: Arc::new(config), interval, file: file.map(Watched::new) };
    screen::run(source, Look { has_colour }, times).await?;
    Ok(Answer::default())
}

fn no_terminal() -> Failure {
    Failure::new("top needs a terminal to draw on, and keys from it")
        .hint("`fleetfoot top --once` prints one frame as text; `fleetfoot jobs list --json` is for scripts")
}

/// How often is read: what was asked for, unless that is too often.
fn pace(asked: Option<Duration>, is_deployed: bool) -> Result<Duration, Failure> {
    let (default, least) = if is_deployed { DEPLOYED } else { HERE };
    match asked {
        Some(asked) if asked < least => Err(Failure::new(format!(
            "a fleet on AWS is not read every {} s: each reading costs",
            asked.as_secs()
        ))
        .hint(format!("--interval {}s is the least there", least.as_secs()))),
        asked => Ok(asked.unwrap_or(default)),
    }
}

/// One frame as text. Without a terminal every job is in it.
fn once(overview: Overview, size: Option<(u16, u16)>, times: &Times) -> Result<String, Failure> {
    let rows = u16::try_from(overview.jobs.len()).unwrap_or(u16::MAX).saturating_add(8);
    let (wide, high) = size.unwrap_or((WIDE, rows.min(1_000)));
    let mut app = App::default();
    app.show(overview);
    let mut terminal = Terminal::new(TestBackend::new(wide, high)).or_fail("a frame cannot be drawn")?;
    let look = Look { has_colour: false };
    terminal.draw(|frame| draw::draw(frame, &mut app, look, times)).or_fail("a frame cannot be drawn")?;
    Ok(text_of(terminal.backend().buffer()))
}

/// What a frame shows, without what is blank at the ends.
fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // The cells that a wide character covers are blank.
            x += u16::try_from(width(symbol)).unwrap_or(1).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    format!("{}\n", text.trim_end())
}
