//! A span: something that took its time.

use fleetfoot_model::Timestamp;

use super::{SpanId, TraceId};

/// The longest text of an attribute, in characters. Names of jobs and workflows are other people's.
const LONGEST_TEXT: usize = 256;

/// What kind of work a span is (OTLP, `Span.SpanKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nobody was called.
    Internal = 1,
    /// A request was answered.
    Server = 2,
    /// A message was handled.
    Consumer = 5,
}

/// What an attribute says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// A number.
    Number(i64),
}

impl Value {
    /// A text, cut where it is too long.
    #[expect(clippy::needless_pass_by_value, reason = "a name or a number is copied, a text is borrowed")]
    pub(super) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string().chars().take(LONGEST_TEXT).collect())
    }
}

/// Names (OpenTelemetry semantic conventions, or `fleetfoot.`) and what they say.
pub(super) type Attributes = Vec<(&'static str, Value)>;

/// A span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which function tells it.
    pub function: String,
    /// The trace it is in.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The span it is below.
    pub parent: Option<SpanId>,
    /// What it is called.
    pub name: String,
    /// Of which kind it is.
    pub kind: Kind,
    /// When it began.
    pub began: Timestamp,
    /// When it ended, not before it began.
    pub ended: Timestamp,
    /// What else is known.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether it is the record of a failure.
    pub failed: bool,
}
