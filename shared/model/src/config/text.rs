//! A reader over parsed TOML that writes down every mistake instead of stopping at the first.
//!
//! Getters answer `None` both for what is absent and for what is wrong; what is wrong has been written down, and a file
//! with a problem never becomes a configuration.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::ids::InvalidId;
use crate::image::{ImageReference, InvalidImage};
use crate::image_key::ImageMode;
use crate::labels::{nearest, shown};
use crate::secret::{SECRET_REFERENCE_FORMS, SecretReference};

/// The mistakes found so far with where they are, the text they are in, and the secrets that it refers to.
pub(super) struct Problems<'a> {
    text: &'a str,
    found: RefCell<Vec<(Option<usize>, Problem)>>,
    secrets: RefCell<Vec<(String, SecretReference)>>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, found: RefCell::default(), secrets: RefCell::default() }
    }

    /// Writes a mistake down; `at` is where it is in the text, in bytes.
    pub(super) fn add(&self, key: &str, at: Option<usize>, found: impl Display, allowed: impl Display) {
        let line = at.map(|at| {
            let before = self.text.as_bytes().iter().take(at);
            1 + before.filter(|byte| **byte == b'\n').count()
        });
        let (found, allowed) = (found.to_string(), allowed.to_string());
        self.found.borrow_mut().push((at, Problem { key: key.to_owned(), line, found, allowed }));
    }

    /// The references to secrets that were read so far, with their keys. Whoever reads one cannot but write it down here.
    pub(super) fn take_secrets(&self) -> Vec<(String, SecretReference)> {
        self.secrets.take()
    }

    /// All mistakes, in the order of the file; those that are in no line come first.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.found.into_inner();
        problems.sort_by_key(|(at, _)| *at);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// A value of the file, or the place where one could be.
pub(super) struct Node<'a> {
    problems: &'a Problems<'a>,
    /// The dotted path, such as `pools[0].labels`.
    key: String,
    /// Where it is; for what is absent, where its table begins.
    at: Option<usize>,
    value: Option<&'a DeValue<'a>>,
}

impl<'a> Node<'a> {
    /// Writes a mistake about this value down.
    pub(super) fn refuse(&self, found: impl Display, allowed: impl Display) {
        self.problems.add(&self.key, self.at, found, allowed);
    }

    pub(super) fn is_present(&self) -> bool {
        self.value.is_some()
    }

    /// Writes down that it is missing, if it is.
    pub(super) fn required(self, allowed: &str) -> Self {
        if self.value.is_none() {
            self.refuse("nothing", allowed);
        }
        self
    }

    /// A value where another kind of value is allowed. Not for keys of secrets: it shows what it can.
    fn wrong_value(&self, value: &DeValue<'_>, allowed: &str) {
        match value {
            DeValue::String(text) => self.refuse(quoted(text), allowed),
            DeValue::Integer(number) => self.refuse(shown(&number.to_string()), allowed),
            DeValue::Float(number) => self.refuse(shown(number.as_str()), allowed),
            DeValue::Boolean(flag) => self.refuse(flag, allowed),
            other => self.wrong_kind(other, allowed),
        }
    }

    /// A value where a list or a table is allowed; not shown, for it may be a secret that belongs into one.
    fn wrong_kind(&self, value: &DeValue<'_>, allowed: &str) {
        let found = match value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.refuse(found, allowed);
    }

    /// Text, if it is text.
    pub(super) fn string(&self, allowed: &str) -> Option<&'a str> {
        match self.value? {
            DeValue::String(text) => Some(text),
            other => {
                self.wrong_value(other, allowed);
                None
            }
        }
    }

    /// An id, which knows itself what is allowed.
    pub(super) fn id<T: FromStr<Err = InvalidId>>(&self) -> Option<T> {
        let text = self.string("text")?;
        text.parse().map_err(|error: InvalidId| self.refuse(quoted(text), error.allowed)).ok()
    }

    /// A whole number that fits a `u32`.
    pub(super) fn small(&self, least: u32, most: u32) -> Option<u32> {
        self.integer(u64::from(least)..=u64::from(most)).and_then(|number| u32::try_from(number).ok())
    }

    /// The name of an image.
    pub(super) fn image(&self) -> Option<ImageReference> {
        let text = self.string("text")?;
        let refuse = |error: InvalidImage| {
            // What may be a password is not shown.
            let text = if error == InvalidImage::Credentials { quoted("...") } else { quoted(text) };
            self.refuse(format!("{text}: {error}"), "an image, such as \"ubuntu:24.04\"");
        };
        text.parse().map_err(refuse).ok()
    }

    /// How agent and runner come onto a base image.
    pub(super) fn image_mode(&self) -> Option<ImageMode> {
        let allowed = "\"build\" or \"inject\"";
        let text = self.string(allowed)?;
        let mode = [ImageMode::Build, ImageMode::Inject].into_iter().find(|mode| mode.name() == text);
        if mode.is_none() {
            self.refuse(quoted(text), allowed);
        }
        mode
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value? {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.wrong_value(other, "true or false");
                None
            }
        }
    }

    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value?;
        let number = match value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let legal = number.filter(|number| range.contains(number));
        if legal.is_none() {
            let allowed = match (*range.start(), *range.end()) {
                (least, u64::MAX) => format!("a whole number from {least}"),
                (least, most) => format!("a whole number from {least} to {most}"),
            };
            self.wrong_value(value, &allowed);
        }
        legal
    }

    /// A number within a range; it may have a fraction.
    pub(super) fn number(&self, least: f64, most: f64) -> Option<f64> {
        let value = self.value?;
        let number: Option<f64> = match value {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        // Neither infinity nor what is not a number lies within a range.
        let legal = number.filter(|number| (least..=most).contains(number));
        if legal.is_none() {
            self.wrong_value(value, &format!("a number from {least} to {most}"));
        }
        legal
    }

    /// A reference to a secret. What is not one may be the secret itself, so it is never shown.
    pub(super) fn secret(&self) -> Option<SecretReference> {
        let reference: Option<SecretReference> = match self.value? {
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        match &reference {
            Some(reference) => {
                let read = (self.key_of_list().to_owned(), reference.clone());
                self.problems.secrets.borrow_mut().push(read);
            }
            None => self.refuse(
                "something that is no reference (not shown: it may be a secret)",
                SECRET_REFERENCE_FORMS,
            ),
        }
        reference
    }

    /// Its key; of an element of a list that of the list.
    fn key_of_list(&self) -> &str {
        match self.key.rsplit_once('[') {
            Some((list, _)) if self.key.ends_with(']') => list,
            _ => &self.key,
        }
    }

    /// A list, each element read by `read`. The same text twice is a mistake.
    pub(super) fn list<T>(&self, allowed: &str, read: impl Fn(&Node<'a>) -> Option<T>) -> Option<Vec<T>> {
        let nodes = self.elements(allowed)?;
        let mut seen: Vec<&str> = Vec::new();
        for node in &nodes {
            let Some(DeValue::String(text)) = node.value else { continue };
            match seen.iter().position(|other| *other == text.as_ref()) {
                Some(first) => node.refuse(format!("the same as {}[{first}]", self.key), "each once"),
                None => seen.push(text),
            }
        }
        Some(nodes.iter().filter_map(read).collect())
    }

    /// A list as [`Node::list`] reads it, with something in it.
    pub(super) fn at_least_one<T>(
        &self,
        allowed: &str,
        read: impl Fn(&Node<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        if matches!(self.value, Some(DeValue::Array(array)) if array.is_empty()) {
            self.refuse("an empty list", format!("{allowed}, at least one"));
        }
        self.list(allowed, read)
    }

    /// The elements of an array.
    pub(super) fn elements(&self, allowed: &str) -> Option<Vec<Node<'a>>> {
        let DeValue::Array(array) = self.value? else {
            self.wrong_kind(self.value?, allowed);
            return None;
        };
        let element = |(n, value): (usize, &'a Spanned<DeValue<'a>>)| Node {
            problems: self.problems,
            key: format!("{}[{n}]", self.key),
            at: Some(value.span().start),
            value: Some(value.get_ref()),
        };
        Some(array.iter().enumerate().map(element).collect())
    }

    /// A table that is there.
    pub(super) fn table(self, allowed: &str) -> Option<Table<'a>> {
        let table = self.section(allowed);
        table.content.is_some().then_some(table)
    }

    /// A table; what is absent or no table reads as an empty one.
    pub(super) fn section(self, allowed: &str) -> Table<'a> {
        let content = match self.value {
            Some(DeValue::Table(table)) => Some(table),
            Some(other) => {
                self.wrong_kind(other, allowed);
                None
            }
            None => None,
        };
        Table { node: self, content, known: RefCell::default() }
    }
}

/// A table, and which keys of it were asked for.
pub(super) struct Table<'a> {
    pub(super) node: Node<'a>,
    content: Option<&'a DeTable<'a>>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(problems: &'a Problems<'a>, content: &'a DeTable<'a>) -> Self {
        let node = Node { problems, key: String::new(), at: None, value: None };
        Self { node, content: Some(content), known: RefCell::default() }
    }

    fn child(&self, name: &str, at: Option<usize>, value: Option<&'a DeValue<'a>>) -> Node<'a> {
        let name = if is_bare(name) { name.to_owned() } else { quoted(name) };
        let key = if self.node.key.is_empty() { name } else { format!("{}.{name}", self.node.key) };
        Node { problems: self.node.problems, key, at, value }
    }

    /// The value of a key, which is thereby known.
    pub(super) fn get(&self, name: &'static str) -> Node<'a> {
        self.known.borrow_mut().push(name);
        match self.content.and_then(|content| content.get_key_value(name)) {
            Some((key, value)) => self.child(name, Some(key.span().start), Some(value.get_ref())),
            None => self.child(name, self.node.at, None),
        }
    }

    /// Every key with its value, where the keys are names that people choose.
    pub(super) fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<_>)| -> (&'a str, Node<'a>) {
            let name: &std::borrow::Cow<'a, str> = key.get_ref();
            (name, self.child(name, Some(key.span().start), Some(value.get_ref())))
        };
        self.content.into_iter().flat_map(DeTable::iter).map(entry).collect()
    }

    /// Writes down every key that was not asked for.
    pub(super) fn finish(&self) {
        let mut known = self.known.borrow().clone();
        known.sort_unstable();
        for (name, node) in self.entries() {
            if !known.contains(&name) {
                let near = nearest(name, known.iter().copied());
                node.refuse(format!("an unknown key{near}"), known.join(", "));
            }
        }
    }
}

fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// Text as a message shows it: in quotes, control characters escaped, cut.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shown(text))
}
