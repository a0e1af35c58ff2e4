//! What somebody may have meant by a label that is not known.

use super::{LabelRules, nearest_name, shown};
use crate::ids::ClassName;
use crate::spec::{Arch, Label};

/// The words that a value follows.
const KEYS: [&str; 5] = ["class", "image", "arch", "disk", "pin"];

/// What may have been meant by a label: one that the fleet knows and that is spelled like it, or the same with what is
/// missing.
pub fn suggestion(label: &Label, rules: &LabelRules<'_>) -> Option<String> {
    let text = shown(label.as_str()).to_ascii_lowercase();
    let is_class = |name: &str| rules.classes.keys().any(|class| class.as_str() == name);
    if is_class(&text) {
        return Some(format!("class:{text}"));
    }
    if text.parse::<Arch>().is_ok() {
        return Some(format!("arch:{text}"));
    }
    let plain = rules.labels.required.iter().chain(&rules.labels.plain).map(Label::as_str);
    if let Some(near) = nearest_name(&text, plain.chain(["spot"])) {
        return Some(near.to_owned());
    }
    let (key, value) = text.split_once([':', '=', '-', '_'])?;
    match key_meant_by(key) {
        Some("class") => nearest_name(value, rules.classes.keys().map(ClassName::as_str))
            .map(|class| format!("class:{class}")),
        Some(key) if !value.is_empty() => Some(format!("{key}:{value}")),
        _ => is_class(value).then(|| format!("class:{value}")),
    }
}

/// `clas`, `classes` and `img` are close enough; `big` is not `pin`.
fn key_meant_by(text: &str) -> Option<&'static str> {
    KEYS.into_iter().find(|key| {
        let is_longer = text.starts_with(key) || (text.len() >= 3 && key.starts_with(text));
        is_longer || strsim::damerau_levenshtein(text, key) <= key.len() / 4
    })
}
