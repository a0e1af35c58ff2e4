//! One job's timeline.

use fleetfoot_model::timeline::Timeline;
use fleetfoot_report::overview::{JobPhase, Wait};
use fleetfoot_report::view;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::app::Opened;
use super::draw::{BOLD, DIM, Look};
use crate::jobs::title;
use crate::text::safe;
use crate::times::{Times, span, time_of_day};

/// Draws it, from the line to which it was scrolled.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, opened: &mut Opened, look: Look, times: &Times) {
    let lines = lines(opened, look, times);
    let last = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(1);
    opened.scroll = opened.scroll.min(last);
    let paragraph = Paragraph::new(lines).wrap(Wrap { trim: false }).scroll((opened.scroll, 0));
    frame.render_widget(paragraph, area);
}

fn lines(opened: &Opened, look: Look, times: &Times) -> Vec<Line<'static>> {
    let Some(timeline) = &opened.timeline else {
        return vec![Line::styled(format!("job {} is being read ...", opened.id), DIM)];
    };
    let job = &timeline.job;
    let phase = JobPhase::of(job);
    let mut lines = vec![
        Line::from(vec![
            Span::styled(format!("job {} ", job.id()), BOLD),
            Span::raw(format!("{}: {}", phase.name(), title(&job.description))),
        ]),
        Line::raw(format!(
            "{}  {}",
            job.description.repository,
            crate::text::labels(&job.description.labels)
        )),
    ];
    if let Some(reason) = view::reason(&job.state) {
        lines.push(Line::styled(safe(reason), look.bad()));
    }
    if let Some(wait) = Wait::of(job, timeline.runner.as_ref()) {
        lines.push(Line::styled(safe(&wait.on), look.waiting()));
        lines.push(Line::raw(format!("what helps: {}", wait.remedy)));
    }
    lines.push(Line::raw(""));
    lines.extend(steps(&job.timeline, times));
    if let Some(runner) = &timeline.runner {
        lines.push(Line::raw(""));
        lines.push(Line::styled(format!("runner {}: {}", runner.name, runner.state.name()), BOLD));
        lines.extend(steps(&runner.timeline, times));
    }
    lines
}

fn steps(timeline: &Timeline, times: &Times) -> Vec<Line<'static>> {
    let steps = view::with_spans(timeline).map(|(step, since)| {
        let after = since.map(|since| {
            let sign = if since.is_negative() { '-' } else { '+' };
            format!("{sign}{}", span(since))
        });
        let time = time_of_day(step.at, &times.zone);
        Line::from(vec![
            Span::styled(format!("  {time} {:>9}  ", after.unwrap_or_default()), DIM),
            Span::raw(safe(&step.what)),
        ])
    });
    steps.collect()
}
