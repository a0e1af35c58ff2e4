//! How lines of logs are shown: harmless, each in a line.

use std::fmt::Write as _;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::failure::{Failure, OrFail};
use crate::output::{self, BAD, DIM, WAITING, paint};
use crate::place::logs::{Line, split_time};
use crate::text::cut;

/// The most of a line that is shown, in columns.
const LONGEST: usize = 8000;

/// How it is to be shown.
pub(super) struct Shown {
    pub(super) json: bool,
    pub(super) zone: TimeZone,
    /// At most so many lines.
    pub(super) most: usize,
    /// Whether lines are written as they come, or all at the end.
    pub(super) at_once: bool,
    /// What is written at the end.
    pub(super) kept: String,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    #[serde(flatten)]
    line: &'a Line,
    #[serde(skip_serializing_if = "Option::is_none")]
    runner: Option<&'a RunnerName>,
}

impl Shown {
    /// Shows lines of a runner, or of functions.
    pub(super) fn write(&mut self, lines: &[Line], runner: Option<&RunnerName>) -> Result<(), Failure> {
        let mut text = String::new();
        for line in lines {
            if self.json {
                text.push_str(&output::json_line(&JsonLine { line, runner })?);
                continue;
            }
            let words = runner.map_or_else(|| of_function(line), |_| Some(plain(line)));
            if let Some(words) = words {
                let _ = writeln!(text, "{}{words}", self.time(line.at));
            }
        }
        self.out(&text)
    }

    /// A line above the lines of one of several runners.
    pub(super) fn head(&mut self, title: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        self.out(&format!("{}\n", paint(output::HEADING, title)))
    }

    fn out(&mut self, text: &str) -> Result<(), Failure> {
        if self.at_once {
            return output::data(text).or_fail("the log cannot be written to stdout");
        }
        self.kept.push_str(text);
        Ok(())
    }

    fn time(&self, at: Option<Timestamp>) -> String {
        let Some(at) = at else { return String::new() };
        let shown = at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
        format!("{}  ", paint(DIM, &shown))
    }
}

fn plain(line: &Line) -> String {
    // Where the time of a line is known it stands before it already.
    let (_, words) = split_time(&line.text);
    cut(if line.at.is_some() { words } else { line.text.as_str() }, LONGEST)
}

/// A line of a function: its name, level, message, and fields. Metrics and what Lambda says of its own are left out; they
/// are in `--json`.
fn of_function(line: &Line) -> Option<String> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(&line.text) else {
        return Some(format!("{:11}  {}", line.source, plain(line)));
    };
    if fields.contains_key("_aws")
        || fields.get("type").is_some_and(|it| it.to_string().contains("platform."))
    {
        return None;
    }
    let level = take(&mut fields, "level");
    let message = take(&mut fields, "message");
    for known in ["timestamp", "target", "spans"] {
        fields.remove(known);
    }
    let mut words = String::new();
    if let Some(Value::Object(span)) = fields.remove("span") {
        append(&mut words, &span);
    }
    append(&mut words, &fields);
    let style = match level.as_str() {
        "ERROR" => BAD,
        "WARN" => WAITING,
        _ => DIM,
    };
    let level = paint(style, &format!("{:5}", cut(&level, 5)));
    let shown = format!("{:11}  {level}  {}  {}", line.source, cut(&message, LONGEST), cut(&words, LONGEST));
    Some(shown.trim_end().to_owned())
}

fn take(fields: &mut Map<String, Value>, name: &str) -> String {
    match fields.remove(name) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn append(words: &mut String, fields: &Map<String, Value>) {
    // The name of a span and the function's own are in the line already.
    for (name, value) in fields.iter().filter(|(name, _)| !["name", "function.name"].contains(&name.as_str()))
    {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(words, "  {name}={value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { at: None, source: "launch".to_owned(), text: text.to_owned() }
    }

    fn shown(text: &str) -> Option<String> {
        of_function(&line(text)).map(|it| anstream::adapter::strip_str(&it).to_string())
    }

    #[test]
    fn a_functions_line_is_words_and_fields() {
        let text = r#"{"timestamp":"2026-11-21T08:00:00Z","level":"INFO","message":"handled","event.duration_ms":3.5,
            "target":"fleetfoot_aws::lambda","span":{"event.id":"e-1","function.name":"launch","name":"event"}}"#;
        assert_eq!(shown(text).unwrap(), "launch       INFO   handled  event.id=e-1  event.duration_ms=3.5");
    }

    #[test]
    fn metrics_and_lambdas_own_records_are_left_out() {
        assert_eq!(shown(r#"{"_aws":{},"Launches":1}"#), None);
        assert_eq!(shown(r#"{"type":"platform.report","record":{}}"#), None);
    }

    #[test]
    fn nothing_hostile_is_shown() {
        let hostile = shown(r#"{"level":"INFO","message":"\u001b[2J","job.name":"\u202e"}"#).unwrap();
        assert!(!hostile.chars().any(crate::text::is_harmful), "{hostile:?}");
        assert_eq!(
            shown("\u{1b}]0;owned\u{7} no JSON").unwrap(),
            "launch       \\u{1b}]0;owned\\u{7} no JSON"
        );
    }
}
