//! The one function that all text not written by Axis itself goes through
//! before a terminal shows it.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Marks and letters that Unicode calls printable though nothing is seen:
/// text can be hidden in them.
const BLANK: [(char, char); 10] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{1bca0}', '\u{1bca3}'),
];

/// `text` on one line, with everything that a terminal would obey, reorder
/// or hide shown as `\u{…}`: control characters and newlines, escape
/// sequences, bidirectional controls, zero-width and other format characters.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_seen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_seen(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// The lines of `text`, each [`printable`].
pub fn printable_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(printable)
}

/// The JSON text `json` with everything that [`printable`] would show in
/// another way as an escape of JSON's own, so that it is still the same value.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if json.chars().all(is_seen) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            // in valid JSON these stand between values alone
            '\n' | '\t' => shown.push(c),
            '\r' => shown.push(' '),
            c if is_seen(c) => shown.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // into a String it can't fail
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
        }
    }
    Cow::Owned(shown)
}

/// An audit record byte for byte, as axisd writes it: no control character
/// stands in one. In a line that somebody else put there, what a terminal would
/// obey is escaped.
pub fn printable_record(line: &[u8]) -> Cow<'_, [u8]> {
    let is_c1 = |pair: &[u8]| matches!(pair, [0xc2, 0x80..=0x9f]);
    let is_harmless = !line.iter().any(u8::is_ascii_control) && !line.windows(2).any(is_c1);
    if is_harmless && std::str::from_utf8(line).is_ok() {
        return Cow::Borrowed(line);
    }
    let text = String::from_utf8_lossy(line);
    Cow::Owned(printable_json(&text).into_owned().into_bytes())
}

/// Whether a terminal shows `c` as a mark of its own and does nothing else.
pub(super) fn is_seen(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    if BLANK.iter().any(|(from, to)| (*from..=*to).contains(&c)) {
        return false;
    }
    // The standard library knows what isn't printable, but at the start of a
    // text it counts combining marks among it: a letter goes before them.
    let mut bytes = [b'x'; 5];
    let length = 1 + c.encode_utf8(&mut bytes[1..]).len();
    std::str::from_utf8(&bytes[..length]).is_ok_and(|text| text.escape_debug().count() == 2)
}

/// The columns that printable text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Printable text cut to `columns`, with an ellipsis where something is left out.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut used = 0;
    let mut shown: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect();
    shown.push('…');
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_or_hide_is_shown_escaped() {
        let cases = [
            (
                "plain text, ÄÖÜ, 日本語, Ελλάδα",
                "plain text, ÄÖÜ, 日本語, Ελλάδα",
            ),
            ("quotes \" ' and \\ stay", "quotes \" ' and \\ stay"),
            ("नमस्ते cafe\u{301}", "नमस्ते cafe\u{301}"),
            ("🦀", "🦀"),
            ("a\nb\r\nc\td", "a\\u{a}b\\u{d}\\u{a}c\\u{9}d"),
            (
                "\u{1b}[31mred\u{1b}]0;t\u{7}",
                "\\u{1b}[31mred\\u{1b}]0;t\\u{7}",
            ),
            (
                "\u{0}\u{7f}\u{80}\u{9b}31m",
                "\\u{0}\\u{7f}\\u{80}\\u{9b}31m",
            ),
            (
                "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}",
                "\\u{202a}\\u{202b}\\u{202c}\\u{202d}\\u{202e}",
            ),
            (
                "\u{2066}\u{2067}\u{2068}\u{2069}",
                "\\u{2066}\\u{2067}\\u{2068}\\u{2069}",
            ),
            ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}"),
            (
                "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}",
                "\\u{200b}\\u{200c}\\u{200d}\\u{2060}\\u{feff}",
            ),
            ("soft\u{ad}hyphen", "soft\\u{ad}hyphen"),
            ("\u{2028}\u{2029}\u{85}", "\\u{2028}\\u{2029}\\u{85}"),
            (
                "\u{e0041}\u{e0001}\u{e0100}\u{fe0f}",
                "\\u{e0041}\\u{e0001}\\u{e0100}\\u{fe0f}",
            ),
            (
                "\u{3164}\u{115f}\u{2800}\u{34f}\u{180e}",
                "\\u{3164}\\u{115f}\\u{2800}\\u{34f}\\u{180e}",
            ),
            ("\u{fff9}\u{fffb}\u{e000}", "\\u{fff9}\\u{fffb}\\u{e000}"),
        ];
        for (text, shown) in cases {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }

    #[test]
    fn only_a_record_that_axisd_did_not_write_is_changed() {
        for record in [r#"{"justification":"Grüße\u001b 日本 \u202e"}"#, "{}"] {
            let shown = printable_record(record.as_bytes());
            assert!(matches!(shown, Cow::Borrowed(_)), "{record}");
        }
        for line in [
            &b"{\"act\":\"\x1b[31mX\x1b]0;t\x07\"}"[..],
            b"a\xc2\x9b31m",
            b"\xff\x1b[1A",
            b"a\rb",
        ] {
            let shown = printable_record(line);
            assert!(!shown.iter().any(u8::is_ascii_control), "{shown:?}");
            let text = std::str::from_utf8(&shown).unwrap();
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn printable_text_stays_as_it_is() {
        for text in ["", "twice \\u{202e}", "a\u{301}"] {
            assert!(matches!(printable(text), Cow::Borrowed(_)), "{text:?}");
            assert_eq!(printable(&printable(text)), text);
        }
    }

    #[test]
    fn text_is_cut_to_the_columns_it_takes() {
        let cases = [
            ("short", 10, "short"),
            ("exactly ten", 11, "exactly ten"),
            ("exactly ten", 10, "exactly t…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("cafe\u{301}s", 5, "cafe\u{301}s"),
            ("anything", 1, "…"),
            ("anything", 0, ""),
            ("", 0, ""),
        ];
        for (text, columns, shown) in cases {
            assert_eq!(cut(text, columns), shown, "{text:?} in {columns}");
            assert!(width(&cut(text, columns)) <= columns, "{text:?}");
        }
    }
}
