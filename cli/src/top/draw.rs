//! One frame. Whatever comes from outside is made harmless before it becomes a cell.

use fleetfoot_model::SignedDuration;
use fleetfoot_report::overview::{Gauge, Overview};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};

use super::app::{App, Tab};
use super::{columns, job};
use crate::text::{counted, cut, safe};
use crate::times::{Times, span};

/// How things look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// False with `NO_COLOR`: then only bold, dim and reversed tell things apart.
    pub(super) has_colour: bool,
}

impl Look {
    pub(super) fn of(self, colour: Color) -> Style {
        if self.has_colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub(super) fn good(self) -> Style {
        self.of(Color::Green)
    }

    pub(super) fn waiting(self) -> Style {
        self.of(Color::Yellow)
    }

    pub(super) fn bad(self) -> Style {
        if self.has_colour { Style::new().fg(Color::Red) } else { Style::new().add_modifier(Modifier::BOLD) }
    }
}

pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
pub(super) const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, look: Look, times: &Times) {
    let area = frame.area();
    // A few rows are for the list, however small the terminal is.
    let head_rows = match area.height {
        0..=5 => 1,
        6..=11 => 2,
        _ => 4,
    };
    let [head, tabs, body, foot] = Layout::vertical([
        Constraint::Length(head_rows),
        Constraint::Length(u16::from(area.height > 4)),
        Constraint::Fill(1),
        Constraint::Length(u16::from(area.height > 2)),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head_lines(app, look, times, area.width)), head);
    frame.render_widget(Paragraph::new(tab_line(app, area.width)), tabs);
    match &mut app.opened {
        Some(opened) => job::draw(frame, body, opened, look, times),
        None => list(frame, body, app, look, times),
    }
    frame.render_widget(Paragraph::new(foot_line(app, look, area.width)), foot);
}

fn head_lines(app: &App, look: Look, times: &Times, width: u16) -> Vec<Line<'static>> {
    let Some(overview) = &app.overview else {
        return vec![Line::styled("the fleet is being read ...", DIM)];
    };
    vec![
        counts(overview, look, times, width),
        gauges(&overview.capacity, look, width),
        starts(overview, width),
        trouble(overview, look, times, width),
    ]
}

/// Where there is no room for all, what counts to zero is left out first.
fn counts(overview: &Overview, look: Look, times: &Times, width: u16) -> Line<'static> {
    let all = count_spans(overview, look, times, true);
    let columns: usize = all.iter().map(|span| crate::text::width(&span.content)).sum();
    let spans = if columns <= usize::from(width) { all } else { count_spans(overview, look, times, false) };
    fitting(spans, width)
}

fn count_spans(overview: &Overview, look: Look, times: &Times, with_zeros: bool) -> Vec<Span<'static>> {
    let counts = &overview.counts;
    let jobs = [
        (counts.waiting, "waiting", look.waiting()),
        (counts.starting, "starting", look.waiting()),
        (counts.running, "running", look.good()),
    ];
    let runners = [
        (counts.runners_busy, "busy", look.good()),
        (counts.runners_idle, "idle", Style::new()),
        (counts.refused_today, "refused today", look.bad()),
    ];
    let time = crate::times::time_of_day(overview.at, &times.zone);
    let mut spans = vec![Span::styled(format!("{} ", safe(&overview.fleet)), BOLD), Span::raw(time)];
    for (group, mut before) in [(jobs, "  "), (runners, "  | ")] {
        for (number, name, style) in group.into_iter().filter(|(number, ..)| with_zeros || *number > 0) {
            let style = if number > 0 { style } else { DIM };
            spans.extend([Span::raw(before), Span::styled(format!("{number} {name}"), style)]);
            before = "  ";
        }
    }
    let usd = overview.cost.ended_usd + overview.cost.running_usd;
    spans.push(Span::raw(format!("  | {} done", counts.finished_today)));
    spans.push(Span::raw(format!(", {usd:.4} USD today")));
    spans
}

/// As many as there is room for, each whole, and nothing that would stand between them and the next.
fn fitting(spans: Vec<Span<'static>>, width: u16) -> Line<'static> {
    let mut columns = 0;
    let fitting = spans.into_iter().take_while(|span| {
        columns += crate::text::width(&span.content);
        columns <= usize::from(width)
    });
    let mut fitting: Vec<_> = fitting.collect();
    while fitting.last().is_some_and(|span| span.content.trim_matches([' ', '|']).is_empty()) {
        fitting.pop();
    }
    Line::from(fitting)
}

/// `fleet ######---- 6/10  small ##-- 2/4`
fn gauges(gauges: &[Gauge], look: Look, width: u16) -> Line<'static> {
    let mut spans = Vec::new();
    let mut columns = 0;
    for gauge in gauges {
        let Some(limit) = gauge.limit else { continue };
        let name = if spans.is_empty() { "runners".to_owned() } else { cut(&gauge.name, 24) };
        let text = format!("{name} {} {}/{limit}  ", bar(gauge.used, limit, 10), gauge.used);
        columns += crate::text::width(&text);
        if columns > usize::from(width) {
            break;
        }
        spans.push(Span::styled(text, fullness(gauge.used, limit, look)));
    }
    Line::from(spans)
}

pub(super) fn fullness(used: u64, limit: u64, look: Look) -> Style {
    if used >= limit {
        look.bad()
    } else if used * 4 >= limit * 3 {
        look.waiting()
    } else {
        look.good()
    }
}

pub(super) fn bar(used: u64, limit: u64, wide: u64) -> String {
    let filled = (used * wide).div_ceil(limit.max(1)).min(wide);
    let filled = usize::try_from(filled).unwrap_or(0);
    let wide = usize::try_from(wide).unwrap_or(0);
    format!("[{}{}]", "#".repeat(filled), "-".repeat(wide - filled))
}

fn starts(overview: &Overview, width: u16) -> Line<'static> {
    let shown = |millis: Option<u64>| {
        millis.map_or_else(
            || "-".to_owned(),
            |millis| span(SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))),
        )
    };
    let mut spans = Vec::new();
    for times in &overview.queue_to_start {
        let before = if spans.is_empty() { "queue to start, " } else { "; " };
        spans.push(Span::raw(format!("{before}{}h: p50 {}", times.hours, shown(times.p50_millis))));
        spans.push(Span::raw(format!(" p90 {}", shown(times.p90_millis))));
        spans.push(Span::raw(format!(" p99 {}", shown(times.p99_millis))));
        spans.push(Span::raw(format!(" ({})", counted(times.jobs, "job"))));
    }
    fitting(spans, width)
}

/// What holds the whole fleet up.
fn trouble(overview: &Overview, look: Look, times: &Times, width: u16) -> Line<'static> {
    let mut parts = Vec::new();
    if let Some(pause) = &overview.pause {
        parts.push(format!(
            "launches are paused until {}: {}",
            crate::times::time_of_day(pause.until, &times.zone),
            safe(&pause.reason)
        ));
    }
    if overview.breaker.is_open {
        parts.push(format!(
            "{} runners were replaced within ten minutes: no more until {}",
            overview.breaker.used,
            crate::times::time_of_day(overview.breaker.until, &times.zone)
        ));
    }
    if overview.cut.open {
        parts.push("there is more than is shown".to_owned());
    }
    Line::styled(cut(&parts.join("; "), usize::from(width)), look.bad())
}

fn tab_line(app: &App, width: u16) -> Line<'static> {
    let is_narrow = width < 70;
    let spans = Tab::ALL.into_iter().enumerate().map(|(n, tab)| {
        let name = if is_narrow && tab != app.tab { &tab.name()[..3] } else { tab.name() };
        let style = if tab == app.tab { CHOSEN } else { DIM };
        Span::styled(format!(" {}:{name} ", n + 1), style)
    });
    Line::from(spans.collect::<Vec<_>>())
}

fn foot_line(app: &App, look: Look, width: u16) -> Line<'static> {
    let most = usize::from(width);
    if app.is_typing {
        return Line::from(vec![
            Span::styled("/", BOLD),
            Span::raw(safe(&app.filter)),
            Span::styled("_", CHOSEN),
        ]);
    }
    if let Some(failure) = &app.failure {
        return Line::styled(cut(failure, most), look.bad());
    }
    if app.opened.is_some() {
        return Line::styled(cut("j/k scroll  esc back  r read again  q quit", most), DIM);
    }
    let filter =
        if app.filter.is_empty() { String::new() } else { format!("filter {:?} (esc clears)  ", app.filter) };
    let keys = "tab next  j/k move  / filter  enter timeline  r read now  q quit";
    Line::styled(cut(&format!("{filter}{keys}"), most), DIM)
}

fn list(frame: &mut Frame<'_>, area: Rect, app: &mut App, look: Look, times: &Times) {
    if app.overview.is_none() {
        return;
    }
    let shown = columns::of(app, look, times, area.width);
    if shown.rows.is_empty() {
        let nothing = if app.filter.is_empty() { "nothing" } else { "nothing fits the filter" };
        frame.render_widget(Paragraph::new(Line::styled(nothing, DIM)), area);
        return;
    }
    let table = Table::new(shown.rows, shown.widths)
        .header(Row::new(shown.titles).style(BOLD))
        .column_spacing(2)
        .row_highlight_style(CHOSEN);
    frame.render_stateful_widget(table, area, &mut app.table);
}
