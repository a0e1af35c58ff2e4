//! What `top` shows at a moment, and what a key changes about it.

use fleetfoot_model::ids::JobId;
use fleetfoot_report::overview::{JobLine, JobTimeline, Overview, RunnerLine};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::widgets::TableState;

/// What fills the screen below the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tab {
    #[default]
    Jobs,
    Runners,
    Capacity,
    Images,
    Failures,
    Cost,
}

impl Tab {
    pub(super) const ALL: [Self; 6] =
        [Self::Jobs, Self::Runners, Self::Capacity, Self::Images, Self::Failures, Self::Cost];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Runners => "Runners",
            Self::Capacity => "Capacity",
            Self::Images => "Images",
            Self::Failures => "Failures",
            Self::Cost => "Cost",
        }
    }

    pub(super) fn position(self) -> usize {
        Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0)
    }

    fn next(self, by: usize) -> Self {
        Self::ALL[(self.position() + by) % Self::ALL.len()]
    }
}

/// What a key asks for beyond the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Quit,
    /// To give the terminal to the shell for a while.
    Suspend,
    /// The timeline of a job.
    Open(JobId),
    /// To read the fleet at once.
    Refresh,
}

/// A job that is looked at.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) id: JobId,
    /// None until it was read.
    pub(super) timeline: Option<JobTimeline>,
    /// The first line that is shown.
    pub(super) scroll: u16,
}

/// The state of the screen.
#[derive(Debug, Default)]
pub(super) struct App {
    pub(super) overview: Option<Overview>,
    /// Why the last reading failed; what was read before is still shown.
    pub(super) failure: Option<String>,
    pub(super) tab: Tab,
    pub(super) table: TableState,
    pub(super) filter: String,
    /// Whether keys go into the filter.
    pub(super) is_typing: bool,
    pub(super) opened: Option<Opened>,
}

impl App {
    /// The fleet as it was just read.
    pub(super) fn show(&mut self, overview: Overview) {
        self.overview = Some(overview);
        self.failure = None;
        self.keep_selection();
    }

    /// The jobs that fit the filter.
    pub(super) fn jobs(&self) -> Vec<&JobLine> {
        let jobs = self.overview.iter().flat_map(|overview| &overview.jobs);
        jobs.filter(|job| {
            self.fits(&[
                &job.id.to_string(),
                job.repository.as_str(),
                &job.workflow,
                &job.name,
                job.phase.name(),
                job.class.as_deref().unwrap_or_default(),
                job.runner.as_deref().unwrap_or_default(),
                &job.labels.join(" "),
            ])
        })
        .collect()
    }

    /// The runners that fit the filter.
    pub(super) fn runners(&self) -> Vec<&RunnerLine> {
        let runners = self.overview.iter().flat_map(|overview| &overview.runners);
        runners
            .filter(|runner| {
                self.fits(&[
                    runner.name.as_str(),
                    runner.phase.name(),
                    &runner.class,
                    runner.job_name.as_deref().unwrap_or_default(),
                    &runner.job.map(|job| job.to_string()).unwrap_or_default(),
                    runner.repository.as_ref().map_or("", |repository| repository.as_str()),
                ])
            })
            .collect()
    }

    /// Whether one of some texts has the filter in it, whatever its case.
    pub(super) fn fits(&self, texts: &[&str]) -> bool {
        let wanted = self.filter.to_lowercase();
        wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    /// How many rows the tab has.
    fn rows(&self) -> usize {
        let Some(overview) = &self.overview else { return 0 };
        match self.tab {
            Tab::Jobs => self.jobs().len(),
            Tab::Runners => self.runners().len(),
            Tab::Capacity => overview.capacity.len() + overview.pools.len(),
            Tab::Images => overview.images.len(),
            Tab::Failures => overview.failures.len(),
            Tab::Cost => overview.cost.by_repository.len(),
        }
    }

    fn keep_selection(&mut self) {
        let last = self.rows().checked_sub(1);
        let selected = last.map(|last| self.table.selected().unwrap_or(0).min(last));
        self.table.select(selected);
    }

    /// What a key does.
    pub(super) fn on_key(&mut self, key: KeyEvent) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::Nothing;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c' | 'd') => Wish::Quit,
                KeyCode::Char('z') => Wish::Suspend,
                _ => Wish::Nothing,
            };
        }
        if self.is_typing {
            self.type_in(key.code);
            return Wish::Nothing;
        }
        if self.opened.is_some() {
            return self.on_key_in_job(key.code);
        }
        self.on_key_in_list(key.code)
    }

    fn type_in(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(letter) if self.filter.chars().count() < 60 => self.filter.push(letter),
            _ => {}
        }
        self.keep_selection();
    }

    fn on_key_in_job(&mut self, code: KeyCode) -> Wish {
        let Some(opened) = &mut self.opened else { return Wish::Nothing };
        match code {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace | KeyCode::Left | KeyCode::Char('h') => {
                self.opened = None;
            }
            KeyCode::Down | KeyCode::Char('j') => opened.scroll = opened.scroll.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => opened.scroll = opened.scroll.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => opened.scroll = opened.scroll.saturating_add(10),
            KeyCode::PageUp => opened.scroll = opened.scroll.saturating_sub(10),
            KeyCode::Home | KeyCode::Char('g') => opened.scroll = 0,
            KeyCode::Char('r') => return Wish::Open(opened.id),
            _ => {}
        }
        Wish::Nothing
    }

    fn on_key_in_list(&mut self, code: KeyCode) -> Wish {
        match code {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char('r') => return Wish::Refresh,
            KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => self.turn_to(self.tab.next(1)),
            KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => {
                self.turn_to(self.tab.next(Tab::ALL.len() - 1));
            }
            KeyCode::Char(digit @ '1'..='6') => {
                let position = digit.to_digit(10).map_or(0, |digit| digit as usize - 1);
                self.turn_to(Tab::ALL[position]);
            }
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.move_by(10),
            KeyCode::PageUp => self.move_by(-10),
            KeyCode::Home | KeyCode::Char('g') => self.move_by(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.move_by(isize::MAX),
            KeyCode::Enter => return self.open(),
            _ => {}
        }
        self.keep_selection();
        Wish::Nothing
    }

    fn turn_to(&mut self, tab: Tab) {
        self.tab = tab;
        self.table = TableState::default();
    }

    fn move_by(&mut self, by: isize) {
        let selected = self.table.selected().unwrap_or(0).saturating_add_signed(by);
        self.table.select(Some(selected));
    }

    fn open(&mut self) -> Wish {
        let selected = self.table.selected().unwrap_or(0);
        let id = match self.tab {
            Tab::Jobs => self.jobs().get(selected).map(|job| job.id),
            Tab::Runners => self.runners().get(selected).and_then(|runner| runner.job),
            Tab::Failures => self
                .overview
                .as_ref()
                .and_then(|overview| overview.failures.get(selected))
                .and_then(|failure| failure.job),
            Tab::Capacity | Tab::Images | Tab::Cost => None,
        };
        let Some(id) = id else { return Wish::Nothing };
        self.opened = Some(Opened { id, timeline: None, scroll: 0 });
        Wish::Open(id)
    }

    /// A job's timeline was read, or it was found that there is none.
    pub(super) fn show_job(&mut self, id: JobId, timeline: Option<JobTimeline>) {
        let Some(opened) = self.opened.as_mut().filter(|opened| opened.id == id) else { return };
        if timeline.is_some() {
            opened.timeline = timeline;
        } else {
            self.opened = None;
            self.failure = Some(format!("job {id} is not known any more"));
        }
    }
}
