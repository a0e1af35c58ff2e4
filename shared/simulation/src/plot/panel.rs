//! One of the pictures that stand above each other: areas, lines and limits over the same time.

use std::fmt;

use super::scale;
use super::{Escaped, Limit};

/// Where the time is drawn, in pixels.
pub(super) const LEFT: f64 = 64.0;
pub(super) const RIGHT: f64 = 770.0;
/// How high a panel is without its heading.
pub(super) const HEIGHT: f64 = 150.0;
/// Between two lines of text.
const LINE: f64 = 14.0;
/// The most characters of a limit's name; more do not fit beside the panel.
const LONGEST_NAME: usize = 30;
/// The most limits of a panel: as many names as fit beside it.
const MOST_LIMITS: usize = 5;
/// A limit is drawn as a line if no more than this share above what was reached, so that it does not flatten the rest.
const HEADROOM: f64 = 2.0;

/// Values that each hold for the same time, one after the other from the beginning on.
pub(super) struct Strip {
    pub(super) name: &'static str,
    /// Its class in the style sheet.
    pub(super) class: &'static str,
    /// How long each value holds.
    pub(super) seconds: f64,
    pub(super) values: Vec<f64>,
}

/// One panel.
pub(super) struct Panel<'a> {
    pub(super) heading: &'static str,
    /// Drawn upon each other, the first at the bottom.
    pub(super) areas: Vec<Strip>,
    pub(super) lines: Vec<Strip>,
    pub(super) limits: Vec<&'a Limit>,
    /// How much time the panel shows.
    pub(super) seconds: f64,
    /// Its upper edge, in pixels.
    pub(super) top: f64,
}

impl Panel<'_> {
    /// Draws it without the names of the marks of time.
    pub(super) fn draw(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (most, step) = self.scale();
        self.grid(f, most, step)?;
        for (area, tops) in self.areas.iter().zip(self.stacked()).rev() {
            let outline = self.outline(&tops, area.seconds, most);
            let base = self.top + HEIGHT;
            writeln!(f, r#"<path class="{}" d="M{LEFT:.1} {base:.1}{outline}V{base:.1}Z"/>"#, area.class)?;
        }
        for line in &self.lines {
            let outline = self.outline(&line.values, line.seconds, most);
            let outline = outline.replacen('V', &format!("M{LEFT:.1} "), 1);
            writeln!(f, r#"<path class="line {}" d="{outline}"/>"#, line.class)?;
        }
        self.legend(f)?;
        self.limits(f, most)
    }

    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let y = self.top - 8.0;
        writeln!(f, r#"<text class="heading" x="{LEFT:.1}" y="{y:.1}">{}</text>"#, self.heading)?;
        let mut x = LEFT + 170.0;
        for series in self.areas.iter().chain(&self.lines) {
            let swatch = y - 9.0;
            writeln!(
                f,
                r#"<rect class="{} swatch" x="{x:.1}" y="{swatch:.1}" width="10" height="10"/>"#,
                series.class
            )?;
            writeln!(f, r#"<text x="{:.1}" y="{y:.1}">{}</text>"#, x + 15.0, series.name)?;
            x += 120.0;
        }
        Ok(())
    }

    fn grid(&self, f: &mut fmt::Formatter<'_>, most: f64, step: f64) -> fmt::Result {
        for mark in scale::marks(step, most) {
            let y = self.y(mark, most);
            writeln!(f, r#"<path class="grid" d="M{LEFT:.1} {y:.1}H{RIGHT:.1}"/>"#)?;
            let name = scale::number(mark);
            writeln!(
                f,
                r#"<text class="mark" text-anchor="end" x="{:.1}" y="{:.1}">{name}</text>"#,
                LEFT - 6.0,
                y + 4.0
            )?;
        }
        for mark in scale::marks(scale::time_step(self.seconds), self.seconds) {
            let (x, bottom) = (self.x(mark), self.top + HEIGHT);
            writeln!(f, r#"<path class="grid" d="M{x:.1} {:.1}V{bottom:.1}"/>"#, self.top)?;
        }
        Ok(())
    }

    /// The limits' lines, and their names beside the panel, none upon another.
    fn limits(&self, f: &mut fmt::Formatter<'_>, most: f64) -> fmt::Result {
        let mut limits = self.limits.clone();
        limits.sort_by(|one, other| one.value.total_cmp(&other.value));
        limits.truncate(MOST_LIMITS);
        let (x, mut above) = (RIGHT + 10.0, self.top + 4.0);
        // The lowest name leaves room for its own second line, the one above it for that and so on.
        for (below, limit) in limits.iter().enumerate().rev() {
            let is_drawn = limit.value <= most;
            let y = self.y(limit.value.min(most), most);
            if is_drawn {
                writeln!(f, r#"<path class="limit" d="M{LEFT:.1} {y:.1}H{:.1}"/>"#, RIGHT + 6.0)?;
            }
            let lowest = self.top + HEIGHT + LINE - 2.0 * LINE * super::real(below as u64 + 1);
            let first = (y + 4.0).min(lowest).max(above);
            let (value, far) = (scale::number(limit.value), if is_drawn { "" } else { ", far above" });
            let name = super::cut(&limit.name, LONGEST_NAME);
            writeln!(f, r#"<text class="name" x="{x:.1}" y="{first:.1}">{value}{far}</text>"#)?;
            writeln!(
                f,
                r#"<text class="name" x="{x:.1}" y="{:.1}">{}</text>"#,
                first + LINE,
                Escaped(&name)
            )?;
            above = first + 2.0 * LINE;
        }
        Ok(())
    }

    /// The upper end of the axis and the distance between its marks.
    fn scale(&self) -> (f64, f64) {
        let highest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let reached = self.stacked().last().map_or(0.0, |tops| highest(tops));
        let reached = self.lines.iter().map(|line| highest(&line.values)).fold(reached, f64::max);
        let near = self.limits.iter().map(|limit| limit.value).filter(|value| *value <= reached * HEADROOM);
        let most = near.fold(reached, f64::max).max(1.0);
        let step = scale::round_step(most);
        ((most / step).ceil() * step, step)
    }

    /// For each area where its upper edge is, if it stands upon those before it.
    fn stacked(&self) -> Vec<Vec<f64>> {
        let mut stacked: Vec<Vec<f64>> = Vec::new();
        for area in &self.areas {
            let mut tops = area.values.clone();
            if let Some(below) = stacked.last() {
                tops.iter_mut().zip(below).for_each(|(top, below)| *top += below);
            }
            stacked.push(tops);
        }
        stacked
    }

    /// A line in steps from the left edge on, beginning with a move up or down. Where nothing changes, nothing is said.
    fn outline(&self, values: &[f64], seconds: f64, most: f64) -> String {
        let mut steps = Vec::new();
        let mut before = None;
        let mut start = 0.0;
        for value in values {
            let y = format!("V{:.1}", self.y(*value, most));
            if before.as_ref() != Some(&y) {
                steps.extend(before.map(|_| format!("H{:.1}", self.x(start))));
                steps.push(y.clone());
                before = Some(y);
            }
            start += seconds;
        }
        if steps.is_empty() {
            steps.push(format!("V{:.1}", self.y(0.0, most)));
        }
        steps.push(format!("H{:.1}", self.x(start)));
        steps.concat()
    }

    pub(super) fn x(&self, seconds: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (seconds / self.seconds).clamp(0.0, 1.0)
    }

    fn y(&self, value: f64, most: f64) -> f64 {
        self.top + HEIGHT * (1.0 - (value / most).clamp(0.0, 1.0))
    }
}
