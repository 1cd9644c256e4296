//! JSON for a person: indented, with every byte of the values as it came (a
//! number keeps all its digits), and nothing in it that a terminal obeys.

use std::fmt::Write;

use super::printable::is_seen;

const INDENT: &str = "  ";

/// Indents valid JSON. Characters that a terminal would obey or hide become
/// JSON escapes, so the result is the same JSON.
pub fn pretty(json: &str) -> String {
    let mut shown = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut chars = json.chars().filter_insignificant().peekable();
    while let Some(c) = chars.next() {
        if in_string {
            push_escaped(&mut shown, c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                shown.push(c);
            }
            '{' | '[' => {
                shown.push(c);
                if chars.peek().is_some_and(|next| matches!(next, '}' | ']')) {
                    shown.extend(chars.next());
                } else {
                    depth += 1;
                    new_line(&mut shown, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut shown, depth);
                shown.push(c);
            }
            ',' => {
                shown.push(c);
                new_line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            _ => push_escaped(&mut shown, c),
        }
    }
    shown
}

fn new_line(shown: &mut String, depth: usize) {
    shown.push('\n');
    for _ in 0..depth {
        shown.push_str(INDENT);
    }
}

fn push_escaped(shown: &mut String, c: char) {
    if is_seen(c) {
        shown.push(c);
        return;
    }
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a string can't fail.
        let _ = write!(shown, "\\u{unit:04x}");
    }
}

/// Drops the white space between tokens.
trait Insignificant: Iterator<Item = char> + Sized {
    fn filter_insignificant(self) -> impl Iterator<Item = char> {
        let mut in_string = false;
        let mut escaped = false;
        self.filter(move |c| {
            if in_string {
                in_string = escaped || *c != '"';
                escaped = !escaped && *c == '\\';
                return true;
            }
            in_string = *c == '"';
            !c.is_ascii_whitespace()
        })
    }
}

impl<I: Iterator<Item = char>> Insignificant for I {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_keeps_its_values() {
        let cases = [
            ("{}", "{}"),
            ("[ ]", "[]"),
            (r#"{"a":1}"#, "{\n  \"a\": 1\n}"),
            (
                r#"{"a":[1,{"b":"x,{:}"}],"c":{}}"#,
                "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,{:}\"\n    }\n  ],\n  \"c\": {}\n}",
            ),
            (
                r#"{"big":123456789012345678901234567890.10}"#,
                "{\n  \"big\": 123456789012345678901234567890.10\n}",
            ),
            (r#""a \"quoted\\" "#, r#""a \"quoted\\""#),
            ("  [ true , null ]", "[\n  true,\n  null\n]"),
        ];
        for (json, shown) in cases {
            assert_eq!(pretty(json), shown, "{json}");
        }
    }

    #[test]
    fn hidden_characters_become_json_escapes() {
        let json = "{\"k\":\"a\u{202e}b\u{9b}c\u{e0041}d\u{7f}\"}";
        let shown = pretty(json);
        assert_eq!(
            shown,
            "{\n  \"k\": \"a\\u202eb\\u009bc\\udb40\\udc41d\\u007f\"\n}"
        );
        let before: serde_json::Value = serde_json::from_str(json).unwrap();
        let after: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(before, after);
    }
}
