//! A picture (SVG) of queue, runners and limits over time.
//!
//! Written by hand: a plotting library draws in fixed colours, and this has to be legible on light and on dark pages.

mod panel;
mod scale;

use std::fmt;

use fleetfoot_model::SignedDuration;

use panel::{HEIGHT, LEFT, Panel, RIGHT, Strip};

const WIDTH: f64 = 1000.0;
/// A panel's height with its heading.
const PITCH: f64 = HEIGHT + 44.0;
/// The most characters in a line of the title, and the most lines.
const TITLE: (usize, usize) = (115, 3);
/// The most buckets that are drawn: more than the picture has pixels in a line show nothing new.
const MOST_BUCKETS: usize = 700;
/// The most steps of a line, so that two lines over each other can be followed.
const MOST_STEPS: usize = 150;
/// Colours that people who do not see all colours can tell apart (Okabe and Ito), lighter on dark ground.
const STYLE: &str = "\
text{font-family:system-ui,sans-serif;font-size:12px;fill:#1f2328}
.title{font-family:ui-monospace,monospace;font-size:13px}.heading{font-weight:bold}.mark{fill:#59636e}
.ground{fill:#ffffff}.grid{stroke:#d1d9e0;fill:none}
.queued{fill:#8250df}.busy{fill:#0072b2}.idle{fill:#009e73}.starting{fill:#e69f00}
.line{fill:none;stroke-width:2}.launched{stroke:#b36b00}.registered{stroke:#0072b2}
.launched.swatch{fill:#b36b00}.registered.swatch{fill:#0072b2}
.limit{stroke:#c5221f;stroke-width:1.5;stroke-dasharray:6 4;fill:none}.name{fill:#c5221f}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.mark{fill:#9198a1}.ground{fill:#0d1117}.grid{stroke:#30363d}
.queued{fill:#b294f0}.busy{fill:#56b4e9}.idle{fill:#3fc79a}.starting{fill:#f0b94a}
.launched{stroke:#f0b94a}.registered{stroke:#56b4e9}
.launched.swatch{fill:#f0b94a}.registered.swatch{fill:#56b4e9}
.limit{stroke:#ff7b72}.name{fill:#ff7b72}}
";

/// How a fleet did over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// How long a bucket is, more than zero.
    pub bucket: SignedDuration,
    /// From the beginning on, without gaps.
    pub buckets: Vec<Bucket>,
}

/// A piece of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Jobs that waited for a runner at its end.
    pub queued: u64,
    /// Runners that were launched and not yet registered, at its end.
    pub starting: u64,
    /// Runners that were registered and ran no job, at its end.
    pub idle: u64,
    /// Runners that ran a job at its end.
    pub busy: u64,
    /// Runners launched in it.
    pub launched: u64,
    /// Runners registered in it.
    pub registered: u64,
}

/// What a limit holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Live runners.
    Runners,
    /// Launches or registrations a minute.
    Pace,
}

/// A limit, drawn as a line where it is near what was reached and named in any case; the five lowest of a
/// panel are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What it is called, such as `[limits] runners`; 30 characters are shown.
    pub name: String,
    /// What it holds for.
    pub of: Limited,
    /// The most runners, or the most a minute.
    pub value: f64,
}

/// A picture. Its `Display` is a document of SVG.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What stands above it: the command that made it.
    pub title: String,
    /// What it shows.
    pub timeline: Timeline,
    /// Within which limits.
    pub limits: Vec<Limit>,
}

impl Timeline {
    /// Makes buckets twice as long, so that they are half as many.
    pub fn widen(&mut self) {
        let merged = |pair: &[Bucket]| {
            let count = |of: fn(&Bucket) -> u64| pair.iter().map(of).sum();
            let last = pair.last().copied().unwrap_or_default();
            Bucket { launched: count(|it| it.launched), registered: count(|it| it.registered), ..last }
        };
        self.buckets = self.buckets.chunks(2).map(merged).collect();
        self.bucket = self.bucket.saturating_mul(2);
    }

    /// How much time it covers, in seconds.
    fn seconds(&self) -> f64 {
        real(self.buckets.len() as u64) * self.bucket_seconds()
    }

    /// How long a bucket is, and never nothing, by which nobody can divide.
    fn bucket_seconds(&self) -> f64 {
        self.bucket.as_secs_f64().max(0.001)
    }

    fn levels(&self, name: &'static str, of: fn(&Bucket) -> u64) -> Strip {
        let values = self.buckets.iter().map(|bucket| real(of(bucket))).collect();
        Strip { name, class: name, seconds: self.bucket_seconds(), values }
    }

    /// How many a minute, over a minute or more at a time: GitHub counts in minutes, and shorter stretches only flicker.
    fn pace(&self, name: &'static str, of: fn(&Bucket) -> u64) -> Strip {
        let bucket = self.bucket.as_millis().max(1);
        let minute = SignedDuration::from_mins(1).as_millis() + bucket - 1;
        let minute = usize::try_from(minute / bucket).unwrap_or(usize::MAX);
        let together = minute.max(self.buckets.len().div_ceil(MOST_STEPS));
        let seconds = self.bucket_seconds() * real(together as u64);
        let count = |group: &[Bucket]| real(group.iter().map(of).sum()) * 60.0 / seconds;
        Strip { name, class: name, seconds, values: self.buckets.chunks(together).map(count).collect() }
    }
}

impl Picture {
    /// The panels from top to bottom. Where no launch was counted, there is none for the pace.
    fn panels(&self, timeline: &Timeline, top: f64) -> Vec<Panel<'_>> {
        let limits = |of| self.limits.iter().filter(|limit| limit.of == of).collect();
        let seconds = self.timeline.seconds().max(1.0);
        let panel = |heading, number: f64| Panel {
            heading,
            areas: vec![],
            lines: vec![],
            limits: vec![],
            seconds,
            top: top + 24.0 + number * PITCH,
        };
        let queue = vec![timeline.levels("queued", |it| it.queued)];
        let runners = vec![
            timeline.levels("busy", |it| it.busy),
            timeline.levels("idle", |it| it.idle),
            timeline.levels("starting", |it| it.starting),
        ];
        let pace = vec![
            timeline.pace("launched", |it| it.launched),
            timeline.pace("registered", |it| it.registered),
        ];
        let mut panels = vec![
            Panel { areas: queue, ..panel("Jobs", 0.0) },
            Panel { areas: runners, limits: limits(Limited::Runners), ..panel("Runners", 1.0) },
        ];
        if timeline.buckets.iter().any(|it| it.launched > 0 || it.registered > 0) {
            let limits = limits(Limited::Pace);
            panels.push(Panel { lines: pace, limits, ..panel("Runners a minute", 2.0) });
        }
        panels
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut timeline = self.timeline.clone();
        while timeline.buckets.len() > MOST_BUCKETS {
            timeline.widen();
        }
        let title = wrapped(&self.title);
        let top = 16.0 + 18.0 * real(title.len() as u64);
        let panels = self.panels(&timeline, top);
        let height = top + real(panels.len() as u64) * PITCH + 36.0;
        writeln!(
            f,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0} {height:.0}" role="img" aria-label="Queue, runners and limits over time">"#
        )?;
        writeln!(f, "<title>{}</title>\n<style>\n{STYLE}</style>", Escaped(&self.title))?;
        writeln!(f, r#"<rect class="ground" width="{WIDTH:.0}" height="{height:.0}"/>"#)?;
        for (line, text) in (1_u32..).zip(&title) {
            let y = 8.0 + 18.0 * f64::from(line);
            writeln!(f, r#"<text class="title" x="{LEFT:.1}" y="{y:.1}">{}</text>"#, Escaped(text))?;
        }
        for panel in &panels {
            panel.draw(f)?;
        }
        panels.last().map_or(Ok(()), |last| time_axis(f, last))?;
        writeln!(f, "</svg>")
    }
}

fn time_axis(f: &mut fmt::Formatter<'_>, last: &Panel<'_>) -> fmt::Result {
    let y = last.top + HEIGHT + 16.0;
    let step = scale::time_step(last.seconds);
    for mark in scale::marks(step, last.seconds) {
        let name = scale::time(mark, step);
        writeln!(
            f,
            r#"<text class="mark" text-anchor="middle" x="{:.1}" y="{y:.1}">{name}</text>"#,
            last.x(mark)
        )?;
    }
    let (middle, below) = (f64::midpoint(LEFT, RIGHT), y + 18.0);
    writeln!(
        f,
        r#"<text text-anchor="middle" x="{middle:.1}" y="{below:.1}">time since the beginning</text>"#
    )
}

/// A title in lines.
fn wrapped(title: &str) -> Vec<String> {
    let (columns, most) = TITLE;
    let mut lines: Vec<String> = Vec::new();
    for word in title.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(word, columns)),
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        lines.last_mut().into_iter().for_each(|line| line.push('…'));
    }
    lines
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// Text as it may stand in XML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            // XML 1.0 cannot say them at all.
            it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => f.write_str("\u{fffd}"),
            it => write!(f, "{it}"),
        })
    }
}

/// A count as a length. Whoever counts more than four milliards of jobs needs no exact picture.
fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
