//! Plain tables: a heading, columns that line up, nothing else.

use anstyle::Style;

use crate::output::{HEADING, paint};
use crate::text::width;

/// One cell. Its text is harmless already.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A coloured cell.
    pub(crate) fn painted(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// Draws rows under a heading; nothing if there are no rows.
pub(crate) fn table<const COLUMNS: usize>(
    heading: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [Cell; COLUMNS]>,
) -> String {
    let heading = heading.map(|title| Cell::painted(title, HEADING));
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    if rows.len() == 1 {
        return String::new();
    }
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|n| rows.iter().map(|row| width(&row[n].text)).max().unwrap_or(0));
    let mut text = String::new();
    for row in &rows {
        text.push_str(&line(row, &widths));
        text.push('\n');
    }
    text
}

fn line(row: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    for (n, (cell, wide)) in row.iter().zip(widths).enumerate().take(last + 1) {
        line.push_str(&paint(cell.style, &cell.text));
        if n < last {
            line.push_str(&" ".repeat(wide - width(&cell.text) + 2));
        }
    }
    line
}

/// Draws names and values, a line each; those without a value are left out.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let pairs: Vec<(&str, String)> =
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let wide = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = pairs.iter().map(|(name, value)| format!("  {name:wide$}  {value}\n")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_line_up() {
        let drawn = table(["NAME", "X"], [["日本".into(), "1".into()], ["a".into(), "2".into()]]);
        assert_eq!(anstream::adapter::strip_str(&drawn).to_string(), "NAME  X\n日本  1\na     2\n");
    }
}
