//! What of a pattern can be judged without an automaton: texts, and how they begin. Nearly every event is one of those,
//! and need not be made JSON of to see which rules it matches.

use fleetfoot_model::envelope::Envelope;
use serde_json::Value;

/// What a rule asks for.
pub(super) struct Plain {
    pub(super) rule: usize,
    pattern: Value,
    /// Whether it asks for anything beside `detail-type`, `source` and `detail`.
    has_more: bool,
}

impl Plain {
    pub(super) fn of(rule: usize, pattern: &Value) -> Self {
        const JUDGED: &[&str] = &["detail-type", "source", "detail"];
        let has_more = pattern
            .as_object()
            .is_none_or(|fields| fields.keys().any(|name| !JUDGED.contains(&name.as_str())));
        Self { rule, pattern: pattern.clone(), has_more }
    }

    /// Whether an event matches; none if only the automaton can tell.
    pub(super) fn judge(&self, event: &Envelope) -> Option<bool> {
        let text = |name, text| self.pattern.get(name).map(|choices| is_chosen(text, choices));
        let detail = self.pattern.get("detail").map(|pattern| judge(Some(&event.detail), pattern));
        let more = self.has_more.then_some(None);
        let verdicts = [text("detail-type", &event.detail_type), text("source", &event.source), detail, more];
        all(verdicts.into_iter().flatten())
    }
}

fn judge(value: Option<&Value>, pattern: &Value) -> Option<bool> {
    match (value, pattern) {
        (Some(Value::Object(fields)), Value::Object(patterns)) => {
            all(patterns.iter().map(|(name, pattern)| judge(fields.get(name), pattern)))
        }
        (Some(Value::String(text)), choices) => is_chosen(text, choices),
        _ => None,
    }
}

/// Whether a text is one of those that are asked for, or begins as one of them does.
fn is_chosen(text: &str, choices: &Value) -> Option<bool> {
    let choices = choices.as_array()?.iter().map(|choice| match choice {
        Value::String(word) => Some(word == text),
        Value::Object(operator) => Some(text.starts_with(operator.get("prefix")?.as_str()?)),
        _ => None,
    });
    choices.collect::<Option<Vec<bool>>>().map(|choices| choices.contains(&true))
}

/// What does not match in one place does not match, whatever is unknown of the others.
fn all(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for verdict in verdicts {
        match verdict {
            Some(false) => return verdict,
            None => all = None,
            Some(true) => {}
        }
    }
    all
}
