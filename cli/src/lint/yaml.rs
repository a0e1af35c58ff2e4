//! YAML with positions. Built from the parser's events, so that an alias is a second look at one node and not a copy:
//! what a few lines of aliases stand for can be more than any memory holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

/// Deeper nesting is no workflow.
const DEEPEST: usize = 64;
/// The most nodes of a document with its aliases written out. The largest workflows have some thousands.
const MOST_NODES: u64 = 100_000;

/// A place in a file: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// Where every file begins.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl From<&Marker> for Position {
    fn from(marker: &Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) at: Position,
    pub(crate) message: String,
}

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
    /// How many nodes it is with its aliases written out.
    size: u64,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text, a number, true, false or nothing.
    Scalar {
        text: String,
        /// Neither quoted nor a block: may be a number or nothing.
        is_plain: bool,
    },
    List(Vec<Arc<Node>>),
    Map(Vec<(Arc<Node>, Arc<Node>)>),
}

impl Node {
    pub(super) fn new(at: Position, value: Value) -> Self {
        let size = match &value {
            Value::Scalar { .. } => 1,
            Value::List(items) => items.iter().fold(1_u64, |size, item| item.size.saturating_add(size)),
            Value::Map(entries) => entries
                .iter()
                .fold(1_u64, |size, (key, value)| size.saturating_add(key.size).saturating_add(value.size)),
        };
        Self { at, value, size }
    }

    /// The value of a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Self>> {
        self.entries().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// Keys and values of a map; none of anything else.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Arc<Self>, &Arc<Self>)> {
        let entries = if let Value::Map(entries) = &self.value { entries.as_slice() } else { &[] };
        entries.iter().map(|(key, value)| (key, value))
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Arc<Self>] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// A scalar's text, if it is not nothing.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_nothing() => Some(text),
            _ => None,
        }
    }

    /// Whether it is `null`, `~` or not there.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, is_plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } if self.is_nothing() => "nothing",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Whether it says the same as another, wherever both are.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar { text, .. }, Value::Scalar { text: other, .. }) => text == other,
            (Value::List(items), Value::List(others)) => {
                items.len() == others.len()
                    && items.iter().zip(others).all(|(one, other)| one.says_the_same_as(other))
            }
            (Value::Map(entries), Value::Map(others)) => {
                entries.len() == others.len()
                    && entries.iter().zip(others).all(|((key, value), (other_key, other))| {
                        key.says_the_same_as(other_key) && value.says_the_same_as(other)
                    })
            }
            _ => false,
        }
    }
}

/// Reads the first document of a text.
///
/// # Errors
/// No YAML, a key twice, or more than anybody would write.
pub(crate) fn read(text: &str) -> Result<Arc<Node>, Broken> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let (event, span) = event.map_err(|error| no_yaml(&error))?;
        if let Some(root) = reader.take(event, (&span.start).into())? {
            return Ok(root);
        }
    }
    Err(Broken { at: Position::START, message: "the file is empty".to_owned() })
}

fn no_yaml(error: &ScanError) -> Broken {
    let tab = if error.info().contains("tab") { "; YAML is indented with spaces" } else { "" };
    Broken { at: error.marker().into(), message: format!("no YAML: {}{tab}", error.info()) }
}

/// A list or a map whose end has not come.
struct Open {
    at: Position,
    anchor: usize,
    is_map: bool,
    nodes: Vec<Arc<Node>>,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Arc<Node>>,
}

impl Reader {
    /// Takes one event. Answers the document when that was its last.
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<Option<Arc<Node>>, Broken> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain };
                self.close(Node::new(at, value), anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.put(node),
                None => Err(Broken { at, message: "the alias is within what it stands for".to_owned() }),
            },
            Event::SequenceStart(anchor, _) => self.begin(at, anchor, false),
            Event::MappingStart(anchor, _) => self.begin(at, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(None),
        }
    }

    fn begin(&mut self, at: Position, anchor: usize, is_map: bool) -> Result<Option<Arc<Node>>, Broken> {
        if self.open.len() >= DEEPEST {
            return Err(Broken { at, message: format!("nested more than {DEEPEST} times") });
        }
        self.open.push(Open { at, anchor, is_map, nodes: Vec::new() });
        Ok(None)
    }

    fn end(&mut self) -> Result<Option<Arc<Node>>, Broken> {
        let Some(Open { at, anchor, is_map, nodes }) = self.open.pop() else { return Ok(None) };
        let value = if is_map { Value::Map(pairs(nodes)?) } else { Value::List(nodes) };
        self.close(Node::new(at, value), anchor)
    }

    /// A node is whole.
    fn close(&mut self, node: Node, anchor: usize) -> Result<Option<Arc<Node>>, Broken> {
        let node = Arc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node)
    }

    fn put(&mut self, node: Arc<Node>) -> Result<Option<Arc<Node>>, Broken> {
        if node.size > MOST_NODES {
            let message = format!(
                "it holds more than {MOST_NODES} values, aliases written out, which no workflow does"
            );
            return Err(Broken { at: node.at, message });
        }
        match self.open.last_mut() {
            Some(open) => {
                open.nodes.push(node);
                Ok(None)
            }
            None => Ok(Some(node)),
        }
    }
}

/// Keys and values in turn, as a map.
#[expect(clippy::type_complexity, reason = "a list of keys and values")]
fn pairs(nodes: Vec<Arc<Node>>) -> Result<Vec<(Arc<Node>, Arc<Node>)>, Broken> {
    let mut entries = Vec::with_capacity(nodes.len() / 2);
    let mut seen = BTreeSet::new();
    let mut nodes = nodes.into_iter();
    while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
        if let Some(name) = key.text()
            && !seen.insert(name.to_owned())
        {
            return Err(Broken { at: key.at, message: format!("the key {name:?} is there twice") });
        }
        entries.push((key, value));
    }
    Ok(entries)
}
