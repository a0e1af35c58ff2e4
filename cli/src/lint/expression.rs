//! What a text with `${{ }}` comes to, as far as that is written in the file itself. GitHub's expression language is
//! larger; whatever is not understood here is left open and never guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::yaml::{self, Node, Position, Value};

/// Deeper brackets are left open.
const DEEPEST: usize = 16;

/// A value, or the expression that keeps it open until the job runs.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Known(Arc<Node>),
    Open(String),
}

/// One combination of a matrix.
#[derive(Debug, Clone, Default)]
pub(super) struct Combination {
    pub(super) values: BTreeMap<String, Outcome>,
    /// What keeps the whole matrix open, if something does.
    pub(super) open: Option<String>,
}

impl Combination {
    fn look_up(&self, name: &str) -> Outcome {
        match (self.values.get(name), &self.open) {
            (Some(value), _) => value.clone(),
            (None, Some(open)) => Outcome::Open(open.clone()),
            // A key that only other combinations have is an empty text here.
            (None, None) => known(String::new(), false),
        }
    }
}

/// A part of a text.
enum Part<'a> {
    Text(&'a str),
    Expression(&'a str),
}

/// Resolves a value. A text that is one expression becomes whatever that is, a list too.
pub(super) fn resolve(node: &Arc<Node>, matrix: &Combination) -> Outcome {
    let Some(text) = node.text() else { return Outcome::Known(node.clone()) };
    let parts = parts(text);
    if let [Part::Expression(expression)] = parts.as_slice() {
        return match evaluate(expression, matrix) {
            Outcome::Known(value) => Outcome::Known(placed(&value, node.at)),
            open @ Outcome::Open(_) => open,
        };
    }
    if !parts.iter().any(|part| matches!(part, Part::Expression(_))) {
        return Outcome::Known(node.clone());
    }
    let mut whole = String::new();
    for part in &parts {
        match part {
            Part::Text(text) => whole.push_str(text),
            Part::Expression(expression) => match evaluate(expression, matrix) {
                Outcome::Known(value) if matches!(value.value, Value::Scalar { .. }) => {
                    whole.push_str(value.text().unwrap_or_default());
                }
                Outcome::Known(_) => return open(expression),
                open @ Outcome::Open(_) => return open,
            },
        }
    }
    let value = Value::Scalar { text: whole, is_plain: false };
    Outcome::Known(Arc::new(Node::new(node.at, value)))
}

/// The text before the first expression.
pub(super) fn literal_beginning(text: &str) -> &str {
    text.split("${{").next().unwrap_or_default()
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let Some(end) = end_of(after) else { break };
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Expression(after[..end].trim()));
        rest = &after[end + 2..];
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// Where `}}` is, outside of quotes.
fn end_of(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '\'' => is_quoted = !is_quoted,
            '}' if !is_quoted && text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}

fn placed(node: &Arc<Node>, at: Position) -> Arc<Node> {
    if matches!(node.value, Value::Scalar { .. }) {
        return Arc::new(Node::new(at, node.value.clone()));
    }
    node.clone()
}

fn known(text: String, is_plain: bool) -> Outcome {
    let value = Value::Scalar { text, is_plain };
    Outcome::Known(Arc::new(Node::new(Position::START, value)))
}

fn open(expression: &str) -> Outcome {
    Outcome::Open(format!("${{{{ {expression} }}}}"))
}

fn evaluate(expression: &str, matrix: &Combination) -> Outcome {
    let mut reader = Reader { rest: expression, matrix, depth: 0, is_lost: false };
    match reader.either() {
        Some(value) if reader.rest.trim().is_empty() && !reader.is_lost => Outcome::Known(value),
        _ => open(expression),
    }
}

/// Reads an expression from left to right. `None` is "open".
struct Reader<'a> {
    rest: &'a str,
    matrix: &'a Combination,
    depth: usize,
    /// Whether something was not understood: what follows it is not, either.
    is_lost: bool,
}

impl Reader<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let taken = rest.strip_prefix(word);
        self.rest = taken.unwrap_or(rest);
        taken.is_some()
    }

    /// `a || b`
    fn either(&mut self) -> Option<Arc<Node>> {
        let mut value = self.both();
        while self.takes("||") {
            let next = self.both();
            value = match value {
                Some(value) if is_true(&value) => Some(value),
                Some(_) => next,
                None => None,
            };
        }
        value
    }

    /// `a && b`
    fn both(&mut self) -> Option<Arc<Node>> {
        let mut value = self.comparison();
        while self.takes("&&") {
            let next = self.comparison();
            value = match value {
                Some(value) if is_true(&value) => next,
                value => value,
            };
        }
        value
    }

    /// `a == b`, `a != b`
    fn comparison(&mut self) -> Option<Arc<Node>> {
        let value = self.term();
        let is_equal = if self.takes("==") {
            true
        } else if self.takes("!=") {
            false
        } else {
            return value;
        };
        let (value, other) = (value?, self.term()?);
        let (Value::Scalar { text, .. }, Value::Scalar { text: other, .. }) = (&value.value, &other.value)
        else {
            return None;
        };
        // GitHub compares texts without regard to case.
        Some(boolean(text.eq_ignore_ascii_case(other) == is_equal))
    }

    fn term(&mut self) -> Option<Arc<Node>> {
        if self.depth >= DEEPEST {
            return self.give_up();
        }
        if self.takes("!") {
            self.depth += 1;
            let value = self.term();
            self.depth -= 1;
            return Some(boolean(!is_true(&value?)));
        }
        if self.takes("(") {
            return self.bracket();
        }
        if self.takes("'") {
            return self.quoted();
        }
        let name = self.name();
        if name.eq_ignore_ascii_case("fromjson") && self.takes("(") {
            let text = self.bracket()?;
            return yaml::read(text.text()?).ok();
        }
        match name.as_str() {
            "true" | "false" => Some(scalar(&name, true)),
            number if number.parse::<f64>().is_ok() => Some(scalar(number, true)),
            "matrix" => self.matrix_value(),
            _ => self.give_up(),
        }
    }

    fn bracket(&mut self) -> Option<Arc<Node>> {
        self.depth += 1;
        let value = self.either();
        self.depth -= 1;
        if self.takes(")") { value } else { None }
    }

    /// `it''s` is `it's`.
    fn quoted(&mut self) -> Option<Arc<Node>> {
        let mut text = String::new();
        loop {
            let (before, after) = self.rest.split_once('\'')?;
            text.push_str(before);
            self.rest = after;
            if !after.starts_with('\'') {
                return Some(scalar(&text, false));
            }
            text.push('\'');
            self.rest = &after[1..];
        }
    }

    fn name(&mut self) -> String {
        let rest = self.rest.trim_start();
        let end = rest.find(|it: char| !(it.is_alphanumeric() || "_-".contains(it))).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        self.rest = rest;
        name.to_owned()
    }

    /// `.size`, `['size']`, and further into maps.
    fn matrix_value(&mut self) -> Option<Arc<Node>> {
        let mut value: Option<Arc<Node>> = None;
        let mut is_first = true;
        while let Some(key) = self.key() {
            value = if is_first {
                match self.matrix.look_up(&key) {
                    Outcome::Known(value) => Some(value),
                    Outcome::Open(_) => return None,
                }
            } else {
                value.map(|map| map.get(&key).cloned().unwrap_or_else(|| scalar("", false)))
            };
            is_first = false;
        }
        value
    }

    fn key(&mut self) -> Option<String> {
        if self.takes(".") {
            return Some(self.name());
        }
        if !self.takes("['") {
            return None;
        }
        let key = self.quoted()?.text()?.to_owned();
        self.takes("]").then_some(key)
    }

    /// A context or a function that only GitHub can answer.
    fn give_up(&mut self) -> Option<Arc<Node>> {
        self.rest = "";
        self.is_lost = true;
        None
    }
}

fn scalar(text: &str, is_plain: bool) -> Arc<Node> {
    Arc::new(Node::new(Position::START, Value::Scalar { text: text.to_owned(), is_plain }))
}

fn boolean(it: bool) -> Arc<Node> {
    scalar(if it { "true" } else { "false" }, true)
}

fn is_true(node: &Node) -> bool {
    match &node.value {
        Value::Scalar { text, is_plain: true } => {
            !matches!(text.as_str(), "false" | "0") && !node.is_nothing()
        }
        Value::Scalar { text, is_plain: false } => !text.is_empty(),
        Value::List(_) | Value::Map(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Combination {
        let values =
            yaml::read("size: large\nbig: true\nsmall: false\nmachine: { class: huge, labels: [a, b] }\n")
                .unwrap();
        let values = values
            .entries()
            .map(|(key, value)| (key.text().unwrap().to_owned(), Outcome::Known(value.clone())));
        let mut matrix = Combination { values: values.collect(), open: None };
        matrix.values.insert("later".to_owned(), Outcome::Open("${{ needs.a.outputs.b }}".to_owned()));
        matrix
    }

    fn comes_to(text: &str) -> String {
        match resolve(&scalar(text, true), &matrix()) {
            Outcome::Known(node) if !node.items().is_empty() => {
                node.items().iter().map(|item| item.text().unwrap()).collect::<Vec<_>>().join("+")
            }
            Outcome::Known(node) => node.text().unwrap_or_default().to_owned(),
            Outcome::Open(expression) => format!("open {expression}"),
        }
    }

    #[test]
    fn what_is_written_in_the_file_is_resolved() {
        for (text, value) in [
            ("class:small", "class:small"),
            ("class:${{ matrix.size }}", "class:large"),
            ("${{matrix.size}}-${{ matrix['size'] }}", "large-large"),
            ("${{ matrix.machine.class }}", "huge"),
            ("${{ matrix.machine.labels }}", "a+b"),
            ("${{ fromJSON('[\"self-hosted\", \"class:small\"]') }}", "self-hosted+class:small"),
            ("${{ matrix.big && 'class:large' || 'class:small' }}", "class:large"),
            ("${{ matrix.small && 'class:large' || 'class:small' }}", "class:small"),
            ("${{ matrix.size == 'LARGE' && 'yes' || 'no' }}", "yes"),
            ("${{ (matrix.size != 'large' || !matrix.big) && 'yes' || 'no' }}", "no"),
            ("a${{ matrix.missing }}b", "ab"),
            ("${{ 'it''s }} text' }}", "it's }} text"),
            ("no expression }}", "no expression }}"),
            ("${{ never closed", "${{ never closed"),
        ] {
            assert_eq!(comes_to(text), value, "{text}");
        }
    }

    #[test]
    fn what_only_github_knows_stays_open() {
        for text in [
            "${{ inputs.size }}",
            "class:${{ vars.SIZE }}",
            "${{ matrix.later }}",
            "${{ github.event_name == 'push' && 'a' || 'b' }}",
            "${{ format('{0}', matrix.size) }}",
            "${{ matrix.small && inputs.size || 'a' }}",
            "x${{ matrix.machine }}",
            "${{ matrix.size extra }}",
            "${{ matrix. }}",
            "${{ }}",
        ] {
            let value = comes_to(text);
            assert!(value.starts_with("open ") || value.is_empty(), "{text}: {value}");
        }
        let deep = format!("${{{{ {}'a'{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(comes_to(&deep).starts_with("open "));
        let nots = |count| format!("${{{{ {}true }}}}", "!".repeat(count));
        assert_eq!(comes_to(&nots(10)), "true");
        assert!(comes_to(&nots(100_000)).starts_with("open "));
    }
}
