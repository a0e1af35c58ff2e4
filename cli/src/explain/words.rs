//! From a command line to labels.

use fleetfoot_model::spec::Label;

use crate::failure::{Failure, OrFail};
use crate::lint::yaml;

const HINT: &str = "labels are given one by one (self-hosted class:small), with commas (self-hosted,class:small), or as a \
                    list ('[self-hosted, class:small]')";

/// Reads `self-hosted class:small`, `self-hosted,class:small`, `[self-hosted, class:small]` in YAML or JSON, each with
/// `runs-on:` before it or not.
pub(super) fn labels(words: &[String]) -> Result<Vec<Label>, Failure> {
    // A shell takes an unquoted list apart.
    let line = words.join(" ");
    let text = line.trim();
    let text = text.strip_prefix("runs-on:").unwrap_or(text).trim();
    let found: Vec<String> = if text.starts_with('[') {
        list(text)?
    } else {
        // A pin may have blanks within its expression; nothing else has.
        let parts = if text.contains(',') { text.split(',').collect() } else { split_blanks(text) };
        parts.into_iter().map(unquoted).map(str::to_owned).filter(|label| !label.is_empty()).collect()
    };
    let labels: Vec<Label> = found
        .iter()
        .map(|label| label.parse::<Label>().or_fail("this is no label").map_err(|failure| failure.hint(HINT)))
        .collect::<Result<_, _>>()?;
    if labels.is_empty() {
        return Err(Failure::new("there are no labels in it").hint(HINT));
    }
    literal(&labels)?;
    Ok(labels)
}

fn list(text: &str) -> Result<Vec<String>, Failure> {
    let broken = |message: String| Failure::new(format!("the list cannot be read: {message}")).hint(HINT);
    let root = yaml::read(text).map_err(|error| broken(error.message))?;
    let texts = root.items().iter().map(|item| {
        item.text().map(str::to_owned).ok_or_else(|| broken(format!("{} is no label", item.kind())))
    });
    texts.collect()
}

/// At blanks outside of `${{ }}`.
fn split_blanks(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut depth) = (0, 0_usize);
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            blank if blank.is_whitespace() && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + blank.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

/// What an expression comes to is known when the job runs; only a pin means the same whatever it is.
fn literal(labels: &[Label]) -> Result<(), Failure> {
    let open = labels.iter().map(Label::as_str).find(|label| {
        let is_pin = label.get(..4).is_some_and(|key| key.eq_ignore_ascii_case("pin:"));
        label.contains("${{") && !is_pin
    });
    match open {
        Some(label) => Err(Failure::new(format!("what {label} comes to is known when the job runs"))
            .hint("give the label as it would be then; `fleetfoot lint` writes out a matrix by itself")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Vec<String>, Failure> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        Ok(labels(&words)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn labels_are_read_in_every_way_that_people_write_them() {
        for words in [
            &["self-hosted", "class:small", "image:ubuntu:22.04"][..],
            &["self-hosted,class:small,image:ubuntu:22.04"],
            &["self-hosted, class:small,", "image:ubuntu:22.04"],
            &["[self-hosted, class:small, image:ubuntu:22.04]"],
            &["[self-hosted,", "class:small,", "image:ubuntu:22.04]"],
            &[r#"["self-hosted", "class:small", "image:ubuntu:22.04"]"#],
            &["runs-on: [self-hosted, class:small, 'image:ubuntu:22.04']"],
            &["'self-hosted'", "\"class:small\"", "image:ubuntu:22.04"],
        ] {
            assert_eq!(
                read(words).unwrap(),
                ["self-hosted", "class:small", "image:ubuntu:22.04"],
                "{words:?}"
            );
        }
        assert_eq!(
            read(&["self-hosted", "pin:${{ github.run_id }}-a"]).unwrap()[1],
            "pin:${{ github.run_id }}-a"
        );
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for (words, message) in [
            (&["[self-hosted"][..], "the list cannot be read"),
            (&["[[a]]"], "a list is no label"),
            (&["[]"], "there are no labels"),
            (&[","], "there are no labels"),
            (&["[a, ~]"], "nothing is no label"),
            (&["a\u{7}b"], "this is no label"),
            (&["class:${{ inputs.size }}"], "known when the job runs"),
        ] {
            let failure = read(words).unwrap_err();
            assert!(failure.what.contains(message), "{words:?}: {failure:?}");
            assert!(failure.hint.is_some(), "{words:?}");
        }
    }
}
