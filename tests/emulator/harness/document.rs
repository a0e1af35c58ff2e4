//! A guide as a test reads it: its commands, what it says that they print, and what somebody pushes meanwhile.

/// A part of a guide that a test does something about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Commands for a shell, and what they print, if the guide says that.
    Commands { text: String, printed: Option<String> },
    /// A workflow.
    Workflow(String),
}

/// The parts of a guide, in order: blocks of `sh` with the block of `text` that follows, and blocks of `yaml`.
pub(crate) fn parts(guide: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = block.join("\n");
        match language {
            "sh" => parts.push(Part::Commands { text, printed: None }),
            "yaml" => parts.push(Part::Workflow(text)),
            "text" => match parts.last_mut() {
                Some(Part::Commands { printed, .. }) if printed.is_none() => *printed = Some(text),
                _ => panic!("nothing prints what is quoted:\n{text}"),
            },
            _ => panic!("a block of {language:?} that no test looks at:\n{text}"),
        }
    }
    parts
}

/// Whether a text is as it is quoted: `...` on a line of its own stands for any lines, within a line for anything.
pub(crate) fn matches(quoted: &str, printed: &str) -> bool {
    let quoted: Vec<&str> = quoted.lines().map(str::trim_end).collect();
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    lines_match(&quoted, &printed)
}

fn lines_match(quoted: &[&str], printed: &[&str]) -> bool {
    match quoted.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|from| lines_match(rest, &printed[from..])),
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, left)| line_matches(first, line) && lines_match(rest, left)),
    }
}

fn line_matches(quoted: &str, line: &str) -> bool {
    let mut pieces = quoted.split("...");
    let Some(rest) = pieces.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let pieces: Vec<_> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}
