//! The one place that prints: data to stdout, everything else to stderr. Colours are left out where nobody sees them
//! (`NO_COLOR`, a file, a pipe, a dumb terminal).

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;

use crate::failure::{Exit, Failure};
use crate::progress::aside;
use crate::text::{is_harmful, safe};

/// For headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// For what went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// For what takes its time.
pub(crate) const WAITING: Style = AnsiColor::Yellow.on_default();
/// For what went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// For remedies.
const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// For what is beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();

/// What a command answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// For stdout.
    pub(crate) data: String,
    /// For stderr, a line each.
    pub(crate) notes: Vec<String>,
    /// For stderr: parts that could not be done while others were.
    pub(crate) failures: Vec<Failure>,
    /// How the process ends if nothing failed.
    pub(crate) exit: Exit,
}

impl Answer {
    /// An answer of data only.
    pub(crate) fn data(data: String) -> Self {
        Self { data, ..Self::default() }
    }

    /// Adds a line for stderr.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Prints it and tells how the process ends.
    pub(crate) fn print(self) -> Exit {
        if let Err(error) = data(&self.data) {
            report(&Failure::new("the answer cannot be written to stdout").because(&error));
            return Exit::Failure;
        }
        for line in &self.notes {
            note(line);
        }
        for failure in &self.failures {
            report(failure);
        }
        if self.failures.is_empty() { self.exit } else { Exit::Failure }
    }
}

/// Paints a text.
pub(crate) fn paint(style: Style, text: &str) -> String {
    if style.is_plain() { text.to_owned() } else { format!("{style}{text}{style:#}") }
}

/// Writes data to stdout at once. A reader that has gone away, such as `head`, is no error.
pub(crate) fn data(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line to stderr.
pub(crate) fn note(line: &str) {
    // There is nowhere left to say that stderr is gone.
    let _ = aside(|| writeln!(anstream::stderr(), "{line}"));
}

/// Asks on stderr; the answer comes in the same line.
pub(crate) fn prompt(question: &str) {
    let _ = write!(anstream::stderr(), "{question} ");
}

/// Writes a failure to stderr.
pub(crate) fn report(failure: &Failure) {
    let _ = aside(|| anstream::stderr().write_all(describe(failure).as_bytes()));
}

/// A failure in words: `error:`, its causes, and a `hint:`.
pub(crate) fn describe(failure: &Failure) -> String {
    let mut text = format!("{} {}\n", paint(BAD.bold(), "error:"), safe(&failure.what));
    for cause in &failure.causes {
        let mut lines = cause.lines();
        let first = safe(lines.next().unwrap_or_default());
        let _ = writeln!(text, "  cause: {first}");
        for line in lines {
            let _ = writeln!(text, "         {}", safe(line));
        }
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "{} {}", paint(HINT, "hint:"), safe(hint));
    }
    text
}

/// One JSON document. Characters that a terminal could obey are escaped, which changes nothing for a parser.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    escaped(serde_json::to_string_pretty(value))
}

/// As [`json`], in one line.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    escaped(serde_json::to_string(value))
}

fn escaped(written: serde_json::Result<String>) -> Result<String, Failure> {
    let plain =
        written.map_err(|error| Failure::new("the answer cannot be written as JSON").because(&error))?;
    let mut text = String::with_capacity(plain.len() + 1);
    for character in plain.chars() {
        // Outside of strings JSON has no such character but the line break.
        if is_harmful(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text.push('\n');
    Ok(text)
}

/// Sends what libraries and functions log to stderr: what is as bad as `level`, or what `FLEETFOOT_LOG` asks for.
pub(crate) fn log_to_stderr(level: LevelFilter) {
    use tracing_subscriber::EnvFilter;
    const ASKED: &str = "FLEETFOOT_LOG";
    let builder = EnvFilter::builder().with_default_directive(level.into()).with_env_var(ASKED);
    let filter = if std::env::var_os(ASKED).is_some() {
        builder.from_env_lossy()
    } else {
        // Where the AWS SDK has looked for a region and credentials the error at the end says, in a line.
        builder.parse_lossy(format!("{level},aws_config=error"))
    };
    // Fails only where something logs already: then that stays.
    let is_coloured = anstream::stderr().current_choice() != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_coloured);
    let _ = lines.with_writer(|| Log).try_init();
}

/// stderr, for what is logged.
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        aside(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_harmless_and_loses_nothing() {
        let hostile = "\u{1b}[2J \u{9b}31m \u{7f} \u{202e} \u{e0041} \"\\ 日本 👩‍💻\n";
        let text = json(&[hostile]).unwrap();
        assert!(!text.chars().any(|it| is_harmful(it) && it != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [hostile]);
    }

    #[test]
    fn a_failure_tells_its_causes_and_a_remedy_and_nothing_hostile() {
        let failure = Failure {
            what: "the fleet\u{1b}[2J is gone".to_owned(),
            causes: vec!["first\nsecond line".to_owned(), "the root".to_owned()],
            hint: Some("look again".to_owned()),
        };
        let shown = anstream::adapter::strip_str(&describe(&failure)).to_string();
        assert_eq!(
            shown,
            "error: the fleet\\u{1b}[2J is gone\n  cause: first\n         second line\n  cause: the root\nhint: look again\n"
        );
    }
}
