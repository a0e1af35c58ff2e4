//! Text from outside, made harmless for a terminal. Job names, labels, reasons and answers are other people's.

use fleetfoot_model::spec::Label;
use unicode_width::UnicodeWidthChar;

/// The most of one text that is shown, in columns. GitHub allows a job's name about as much.
const LONGEST: usize = 400;

/// What must not reach a terminal: characters that move the cursor, change colours or titles (control characters, C1
/// among them), and those that nobody sees or that reorder what is read ("Trojan Source", CVE-2021-42574).
pub(crate) fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                // The zero-width joiner (200D) stays: emoji are made with it.
                | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// One harmless line: white space becomes a space, every other harmful character its code point, as in `\u{1b}`; what
/// is longer than 400 columns is cut.
pub(crate) fn safe(text: &str) -> String {
    cut(text, LONGEST)
}

/// As [`safe`], cut to a number of columns.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut columns = 0;
    for character in text.trim().chars() {
        let mut piece = String::new();
        match character {
            '\n' | '\r' | '\t' => piece.push(' '),
            it if is_harmful(it) => piece.extend(it.escape_unicode()),
            it => piece.push(it),
        }
        let next = width(&piece);
        // Marks that take no column of their own are held to a number, too.
        if columns + next > most || shown.chars().count() >= most * 4 {
            while columns + 1 > most
                && let Some(last) = shown.pop()
            {
                columns -= last.width().unwrap_or(0);
            }
            shown.push('…');
            return shown;
        }
        columns += next;
        shown.push_str(&piece);
    }
    shown
}

/// Labels in a line, made harmless.
pub(crate) fn labels(labels: &[Label]) -> String {
    safe(&labels.iter().map(Label::as_str).collect::<Vec<_>>().join(", "))
}

/// How many columns a harmless text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// So many of something, whose plural has an `s`: `1 job`, `2 jobs`.
pub(crate) fn counted(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// `text`, or a dash where there is nothing.
pub(crate) fn or_dash(text: Option<impl ToString>) -> String {
    text.map(|text| text.to_string()).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        for (hostile, shown) in [
            ("\u{1b}[2J\u{1b}]0;owned\u{7}", r"\u{1b}[2J\u{1b}]0;owned\u{7}"),
            ("\u{9b}31mred", r"\u{9b}31mred"),
            ("a\r\nerror: fake\tline", "a  error: fake line"),
            ("abc\u{202e}fdp.exe", r"abc\u{202e}fdp.exe"),
            ("tag\u{e0041}", r"tag\u{e0041}"),
            ("\u{7f}\u{8}\u{0}", r"\u{7f}\u{8}\u{0}"),
            ("  plain \"quoted\" \\ ünïcödé 日本 👩‍💻 ⚠️ ", "plain \"quoted\" \\ ünïcödé 日本 👩‍💻 ⚠️"),
        ] {
            assert_eq!(safe(hostile), shown);
            assert!(!safe(hostile).chars().any(is_harmful));
        }
    }

    #[test]
    fn what_is_too_long_is_cut_by_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("日本語日本", 6), "日本…");
        assert_eq!(width(&safe(&"x".repeat(100_000))), LONGEST);
        assert!(safe(&"e\u{301}".repeat(100_000)).chars().count() <= LONGEST * 4 + 1);
        assert!(safe(&"\u{301}".repeat(100_000)).chars().count() <= LONGEST * 4 + 1);
    }
}
