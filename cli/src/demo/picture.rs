//! Each job's time as a bar, and its steps.

use std::fmt::Write as _;

use fleetfoot_model::job::JobState;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::stage::{Act, Played};
use crate::output::{BAD, DIM, GOOD, HEADING, WAITING, paint};
use crate::text::{cut, labels};
use crate::times::span;

/// The width of a job's name, and of how it ended.
const NAME: usize = 12;
const END: usize = 24;
/// The most jobs that are drawn and told step by step.
const MOST: usize = 40;

/// How wide the columns are that give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Widths {
    labels: usize,
    bars: usize,
}

impl Widths {
    /// Where there is room for all.
    const WIDEST: Self = Self { labels: 34, bars: 48 };

    /// Within a terminal of so many columns, if it is known.
    fn within(columns: Option<u16>) -> Self {
        let Some(columns) = columns else { return Self::WIDEST };
        let rest = usize::from(columns).saturating_sub(NAME + END);
        let labels = (rest * 2 / 5).clamp(8, Self::WIDEST.labels);
        Self { labels, bars: rest.saturating_sub(labels).clamp(8, Self::WIDEST.bars) }
    }
}

/// The picture, as wide as the terminal has columns.
pub(crate) fn draw(played: &Played, columns: Option<u16>) -> String {
    let (from, until) = extent(&played.acts);
    let Widths { labels: wide, bars } = Widths::within(columns);
    let mut text = String::new();
    for act in played.acts.iter().take(MOST) {
        let _ = write!(text, "{}", steps(act));
    }
    let _ = writeln!(
        text,
        "\n{}",
        paint(
            HEADING,
            &format!(
                "{:<NAME$}{:<wide$}0{:>width$}",
                "job",
                "runs-on",
                span(until.duration_since(from)),
                width = bars - 1
            )
        )
    );
    for act in played.acts.iter().take(MOST) {
        let _ = writeln!(
            text,
            "{:<NAME$}{:<wide$}{}  {}",
            cut(&act.role.order.name, NAME - 1),
            cut(&labels(&act.role.order.labels), wide - 1),
            bar(act, from, until, bars),
            end(act)
        );
    }
    if let Some(more) = played.acts.len().checked_sub(MOST).filter(|more| *more > 0) {
        let _ = writeln!(text, "... and {more} more");
    }
    let legend = format!("{:indent$}· waits for a runner   █ runs", "", indent = NAME + wide);
    let _ = writeln!(text, "{}", paint(DIM, &legend));
    text
}

fn extent(acts: &[Act]) -> (Timestamp, Timestamp) {
    let from = acts.iter().map(|act| act.at_github.ordered_at).min().unwrap_or_default();
    let until = acts.iter().filter_map(|act| act.at_github.completed_at).max().unwrap_or(from);
    (from, until)
}

fn bar(act: &Act, from: Timestamp, until: Timestamp, width: usize) -> String {
    let total = until.duration_since(from).as_millis().max(1);
    let column = |at: Timestamp| {
        let share = at.duration_since(from).as_millis().clamp(0, total) * (width as i128) / total;
        usize::try_from(share).unwrap_or(0)
    };
    let queued = column(act.at_github.ordered_at);
    let ended = act.at_github.completed_at.map_or(queued + 1, column).max(queued + 1);
    let started = act.at_github.started().map_or(ended, |(at, _)| column(at).clamp(queued, ended - 1));
    let waits = "·".repeat(started - queued);
    let runs = "█".repeat(ended - started);
    let after = " ".repeat(width.saturating_sub(ended));
    format!("{}{}{}{after}", " ".repeat(queued), paint(WAITING, &waits), paint(GOOD, &runs))
}

fn end(act: &Act) -> String {
    let waited = act.at_github.started().map(|(at, _)| span(at.duration_since(act.at_github.ordered_at)));
    match act.in_fleet.as_ref().map(|job| &job.state) {
        Some(JobState::Rejected { .. }) => paint(BAD, "rejected"),
        Some(JobState::Finished { conclusion, .. }) if conclusion == "success" => {
            format!("{} after {}", paint(GOOD, "success"), waited.unwrap_or_default())
        }
        Some(JobState::Finished { conclusion, .. }) => paint(WAITING, conclusion),
        None => paint(WAITING, act.at_github.conclusion.as_deref().unwrap_or("unknown")),
        Some(_) => paint(BAD, "not ended"),
    }
}

/// What happened to a job, with every reason.
fn steps(act: &Act) -> String {
    let title = format!("\njob {} {} [{}]", act.id, act.role.order.name, labels(&act.role.order.labels));
    let mut text = format!("{}\n", paint(HEADING, &title));
    let Some(job) = &act.in_fleet else {
        text += "  no word of it came through before it had ended\n";
        return text;
    };
    for step in job.timeline.steps() {
        // GitHub tells its own times in whole seconds.
        let after = step.at.duration_since(act.at_github.ordered_at).max(SignedDuration::ZERO);
        let _ = writeln!(text, "  {:>8}  {}", span(after), crate::text::safe(&step.what));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_no_wider_than_its_terminal() {
        assert_eq!(Widths::within(None), Widths::WIDEST);
        assert_eq!(Widths::within(Some(200)), Widths::WIDEST);
        for columns in 52..200 {
            let Widths { labels, bars } = Widths::within(Some(columns));
            assert!(NAME + labels + bars + END <= usize::from(columns), "{columns}");
        }
        assert_eq!(Widths::within(Some(1)), Widths { labels: 8, bars: 8 });
    }
}
