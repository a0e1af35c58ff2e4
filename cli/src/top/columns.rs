//! The lists: which columns there is room for, and what stands in them.

use fleetfoot_model::Timestamp;
use fleetfoot_report::overview::{
    FailureLine, Gauge, ImageLine, ImagePhase, JobLine, JobPhase, Limited, PoolLine, RepositoryCost,
    RunnerLine, RunnerPhase,
};
use ratatui::layout::Constraint;
use ratatui::style::Style;
use ratatui::widgets::{Cell, Row};

use super::app::{App, Tab};
use super::draw::{DIM, Look, bar, fullness};
use crate::text::cut;
use crate::times::Times;

/// The longest text of a cell; what is longer than its column is cut by the table.
const LONGEST: usize = 200;

/// A list as it fits a width.
pub(super) struct Shown {
    pub(super) titles: Vec<&'static str>,
    pub(super) widths: Vec<Constraint>,
    pub(super) rows: Vec<Row<'static>>,
}

/// A column: its title, its width, and from which width of the terminal on it is there.
type Column = (&'static str, Constraint, u16);

const JOBS: [Column; 7] = [
    ("JOB", Constraint::Length(12), 0),
    ("STATE", Constraint::Length(9), 0),
    ("AGE", Constraint::Length(8), 50),
    ("REPOSITORY", Constraint::Fill(2), 60),
    ("NAME", Constraint::Fill(3), 0),
    ("CLASS", Constraint::Length(10), 100),
    ("WHY, OR RUNNER", Constraint::Fill(4), 76),
];
const RUNNERS: [Column; 7] = [
    ("RUNNER", Constraint::Fill(3), 0),
    ("STATE", Constraint::Length(9), 0),
    ("AGE", Constraint::Length(8), 50),
    ("CLASS", Constraint::Length(10), 60),
    ("JOB", Constraint::Fill(3), 60),
    ("USD/HOUR", Constraint::Length(9), 100),
    ("WHY", Constraint::Fill(3), 76),
];
const CAPACITY: [Column; 4] = [
    ("LIMIT OF", Constraint::Length(11), 0),
    ("NAME", Constraint::Fill(1), 0),
    ("USED", Constraint::Length(13), 0),
    ("", Constraint::Length(22), 60),
];
const IMAGES: [Column; 5] = [
    ("IMAGE", Constraint::Fill(3), 0),
    ("STATE", Constraint::Length(10), 0),
    ("ARCH", Constraint::Length(6), 76),
    ("WAITING", Constraint::Length(8), 60),
    ("WHY", Constraint::Fill(3), 60),
];
const FAILURES: [Column; 5] = [
    ("COUNT", Constraint::Length(6), 0),
    ("WHAT", Constraint::Length(19), 60),
    ("LAST", Constraint::Length(8), 50),
    ("JOB", Constraint::Length(12), 90),
    ("WHY", Constraint::Fill(1), 0),
];
const COST: [Column; 3] = [
    ("USD TODAY", Constraint::Length(12), 0),
    ("RUNNERS", Constraint::Length(8), 40),
    ("REPOSITORY", Constraint::Fill(1), 0),
];

/// The list of the chosen tab.
pub(super) fn of(app: &App, look: Look, times: &Times, width: u16) -> Shown {
    let Some(overview) = &app.overview else {
        return Shown { titles: Vec::new(), widths: Vec::new(), rows: Vec::new() };
    };
    match app.tab {
        Tab::Jobs => shown(&JOBS, width, app.jobs().into_iter().map(|line| job(line, look, times))),
        Tab::Runners => {
            shown(&RUNNERS, width, app.runners().into_iter().map(|line| runner(line, look, times)))
        }
        Tab::Capacity => {
            let gauges = overview.capacity.iter().map(|line| gauge(line, look));
            shown(&CAPACITY, width, gauges.chain(overview.pools.iter().map(|line| pool(line, look))))
        }
        Tab::Images => shown(&IMAGES, width, overview.images.iter().map(|line| image(line, look))),
        Tab::Failures => shown(&FAILURES, width, overview.failures.iter().map(|line| failure(line, times))),
        Tab::Cost => shown(&COST, width, overview.cost.by_repository.iter().map(cost)),
    }
}

fn shown<const COLUMNS: usize>(
    columns: &[Column; COLUMNS],
    width: u16,
    rows: impl Iterator<Item = [Cell<'static>; COLUMNS]>,
) -> Shown {
    let has_room = |column: &Column| width >= column.2;
    let rows = rows.map(|cells| {
        let cells = cells.into_iter().zip(columns).filter(|(_, column)| has_room(column));
        Row::new(cells.map(|(cell, _)| cell).collect::<Vec<_>>())
    });
    Shown {
        titles: columns.iter().filter(|column| has_room(column)).map(|column| column.0).collect(),
        widths: columns.iter().filter(|column| has_room(column)).map(|column| column.1).collect(),
        rows: rows.collect(),
    }
}

fn text(text: &str) -> Cell<'static> {
    Cell::new(cut(text, LONGEST))
}

fn painted(shown: &str, style: Style) -> Cell<'static> {
    Cell::new(cut(shown, LONGEST)).style(style)
}

fn age(time: Timestamp, times: &Times) -> Cell<'static> {
    Cell::new(times.age(time))
}

fn job(line: &JobLine, look: Look, times: &Times) -> [Cell<'static>; 7] {
    let style = match line.phase {
        JobPhase::Waiting | JobPhase::Starting => look.waiting(),
        JobPhase::Running | JobPhase::Succeeded => look.good(),
        JobPhase::Failed | JobPhase::Rejected | JobPhase::Expired => look.bad(),
        JobPhase::Ended => DIM,
    };
    let turn = line.turn.map(|turn| format!("{turn}. in line, ")).unwrap_or_default();
    let why = match (&line.wait, &line.reason, &line.runner) {
        (Some(wait), _, _) => format!("{turn}{}", wait.on),
        (None, Some(reason), _) => reason.clone(),
        (None, None, Some(runner)) => runner.clone(),
        (None, None, None) => line.conclusion.clone().unwrap_or_default(),
    };
    let name = if line.workflow.is_empty() {
        line.name.clone()
    } else {
        format!("{} / {}", line.workflow, line.name)
    };
    [
        text(&line.id.to_string()),
        painted(line.phase.name(), style),
        age(line.created_at, times),
        text(line.repository.as_str()),
        text(&name),
        text(line.class.as_deref().unwrap_or("-")),
        text(&why),
    ]
}

fn runner(line: &RunnerLine, look: Look, times: &Times) -> [Cell<'static>; 7] {
    let style = match line.phase {
        RunnerPhase::Starting | RunnerPhase::Leaving => look.waiting(),
        RunnerPhase::Busy => look.good(),
        RunnerPhase::Failed => look.bad(),
        RunnerPhase::Idle => Style::new(),
        RunnerPhase::Done => DIM,
    };
    let job = match (line.job, &line.job_name, &line.pool) {
        (Some(id), Some(name), _) => format!("{id} {name}"),
        (Some(id), None, _) => id.to_string(),
        (None, _, Some(pool)) => format!("pool {pool}"),
        (None, _, None) => "-".to_owned(),
    };
    [
        text(line.name.as_str()),
        painted(line.phase.name(), style),
        age(line.reserved_at, times),
        text(&line.class),
        text(&job),
        text(&format!("{:.4}", line.usd_per_hour)),
        text(line.reason.as_deref().unwrap_or_default()),
    ]
}

fn gauge(line: &Gauge, look: Look) -> [Cell<'static>; 4] {
    let of = match line.of {
        Limited::Fleet => "the fleet",
        Limited::Class => "a class",
        Limited::Repository => "repository",
        Limited::Builds => "builds",
    };
    let (used, bar, style) = match line.limit {
        Some(limit) => {
            let style = fullness(line.used, limit, look);
            (format!("{} of {limit}", line.used), bar(line.used, limit, 20), style)
        }
        None => (line.used.to_string(), String::new(), Style::new()),
    };
    [text(of), text(&line.name), painted(&used, style), painted(&bar, style)]
}

fn pool(line: &PoolLine, look: Look) -> [Cell<'static>; 4] {
    let is_short = line.idle + line.starting < line.wanted;
    let style = if is_short { look.waiting() } else { look.good() };
    let starting = if line.starting > 0 { format!("{} starting", line.starting) } else { String::new() };
    let name = format!("{} ({})", line.name, line.class);
    [
        text("a pool"),
        text(&name),
        painted(&format!("{} of {} idle", line.idle, line.wanted), style),
        text(&starting),
    ]
}

fn image(line: &ImageLine, look: Look) -> [Cell<'static>; 5] {
    let style = match line.phase {
        ImagePhase::Failed => look.bad(),
        ImagePhase::Building | ImagePhase::Resolving => look.waiting(),
        ImagePhase::Ready => look.good(),
    };
    [
        text(&line.image),
        painted(line.phase.name(), style),
        text(&line.arch.to_string()),
        text(&line.waiting.to_string()),
        text(line.reason.as_deref().unwrap_or_default()),
    ]
}

fn failure(line: &FailureLine, times: &Times) -> [Cell<'static>; 5] {
    [
        text(&line.count.to_string()),
        text(line.what.name()),
        age(line.last_at, times),
        text(&line.job.map(|job| job.to_string()).unwrap_or_default()),
        text(&line.reason),
    ]
}

fn cost(line: &RepositoryCost) -> [Cell<'static>; 3] {
    let repository = line.repository.as_ref().map_or("(warm runners without a job)", |it| it.as_str());
    [text(&format!("{:.4}", line.usd)), text(&line.runners.to_string()), text(repository)]
}
