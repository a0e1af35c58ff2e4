//! Text for Slack: escaped, without what could ping or link, and within Slack's limits.

/// Escapes text for Slack and cuts it to a length.
///
/// `&`, `<` and `>` are Slack's only control characters (Slack's guide to formatting text): with them escaped, text can
/// neither ping (`<!channel>`, `<@U1>`) nor make a link (`<https://..|..>`). The length is counted in UTF-16 units, the
/// strictest way in which Slack may count, and never ends within a character or an escape.
pub(crate) fn escape(text: &str, most: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    let text: String = text.chars().map(visible).collect();
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        let mut buffer = [0; 4];
        let piece = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            other => other.encode_utf8(&mut buffer),
        };
        let size: usize = piece.chars().map(char::len_utf16).sum();
        let room_for_the_mark = usize::from(characters.peek().is_some());
        if length + size + room_for_the_mark > most {
            escaped.push('…');
            return escaped;
        }
        length += size;
        escaped.push_str(piece);
    }
    // Slack refuses a text without any character.
    if escaped.is_empty() { "-".to_owned() } else { escaped }
}

/// Without what moves a cursor, and with a mark for what reorders what is read ("Trojan Source", CVE-2021-42574).
fn visible(character: char) -> char {
    match character {
        '\n' => '\n',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        control if control.is_control() => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_names_neither_ping_nor_link() {
        assert_eq!(
            escape("<!channel> <@U1> <https://evil.example|docs> a&b", 200),
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|docs&gt; a&amp;b"
        );
        assert_eq!(escape("abc\u{202e}fdp.exe\u{1b}[2J", 200), "abc\u{fffd}fdp.exe [2J");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(escape("abcdef", 6), "abcdef");
        assert_eq!(escape("abcdefg", 6), "abcde…");
        assert_eq!(escape("ab<<", 6), "ab…", "an escape is not cut in two");
        assert_eq!(escape("🦶🦶🦶", 5), "🦶🦶…");
        assert_eq!(escape(" \u{0}\n", 5), "-");
    }

    proptest! {
        #[test]
        fn any_text_is_safe_and_short_enough(text in any::<String>(), most in 1_usize..50) {
            let escaped = escape(&text, most);
            prop_assert!(!escaped.is_empty());
            prop_assert!(escaped.encode_utf16().count() <= most, "{escaped:?}");
            prop_assert!(!escaped.contains(['<', '>']));
            let entities = ["&amp;", "&lt;", "&gt;"].iter().map(|it| escaped.matches(it).count()).sum::<usize>();
            prop_assert_eq!(escaped.matches('&').count(), entities);
        }
    }
}
