//! A JSON answer whose strings write characters by their number: what they say is
//! looked at, too. `\u0026#47;` says `&#47;`, which is a form of `/`.

use std::fmt;

use bytes::Bytes;
use memchr::memmem;
use serde::Deserializer;
use serde::de::Visitor;

use crate::upstream::{LeakGuard, Patience};

/// How every such character that matters begins: those of ASCII.
const NUMBERED: &[u8] = b"\\u00";

/// `json` with no secret in what its strings say, and how many were; `None` where
/// there is none, and not a byte has to change. Strings that hold none, and all
/// that is no string, stay as they are. It may be several JSON texts, each in lines
/// of its own, with other lines between.
pub(super) fn guarded(
    json: &[u8],
    guard: &LeakGuard,
    patience: &mut Patience,
) -> Option<(Bytes, u32)> {
    memmem::find(json, NUMBERED)?;
    let mut out = Vec::new();
    let (mut taken, mut shown, mut at) = (0_u32, 0, 0);
    while let Some(start) = memchr::memchr(b'"', &json[at..]).map(|offset| at + offset) {
        let end = end_of_string(json, start);
        let literal = &json[start..end];
        if memmem::find(literal, NUMBERED).is_some()
            && let Some(said) = said(literal)
        {
            let (redacted, found) = guard.redact_within(&said, patience);
            if found > 0
                && let Ok(literal) = serde_json::to_vec(&redacted)
            {
                out.extend_from_slice(&json[shown..start]);
                out.extend_from_slice(&literal);
                taken = taken.saturating_add(found);
                shown = end;
            }
        }
        at = end;
    }
    out.extend_from_slice(&json[shown..]);
    (taken > 0).then(|| (out.into(), taken))
}

/// The end of the string that begins with the quote at `start`. No string of JSON
/// has the end of a line in it.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(offset) = memchr::memchr3(b'"', b'\\', b'\n', &json[at..]) {
        at += offset + 1;
        if json[at - 1] != b'\\' {
            return at;
        }
        // whatever is escaped, a quote or a backslash; but a line ends
        match json.get(at) {
            Some(b'\n') => return at + 1,
            Some(_) => at += 1,
            None => {}
        }
    }
    json.len()
}

/// What a string says, also one with half of a surrogate pair in it, as cut texts
/// have: JSON in general allows that, though no UTF-8 can say it.
fn said(literal: &[u8]) -> Option<Vec<u8>> {
    struct Said;

    impl Visitor<'_> for Said {
        type Value = Vec<u8>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_bytes<E>(self, said: &[u8]) -> Result<Vec<u8>, E> {
            Ok(said.to_vec())
        }
    }

    let mut literal = serde_json::Deserializer::from_slice(literal);
    literal.deserialize_bytes(Said).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalr/UtnFEMI+K7MDENG=bPxRfiCYEX&MPLEKEY";

    fn read(json: &str) -> (String, u32) {
        let guard = LeakGuard::new(&[SECRET]);
        match guarded(json.as_bytes(), &guard, &mut Patience::default()) {
            Some((json, found)) => (String::from_utf8(json.to_vec()).unwrap(), found),
            None => (json.to_owned(), 0),
        }
    }

    #[test]
    fn what_a_string_says_is_guarded_in_keys_and_values_and_the_rest_stays() {
        let html = SECRET
            .replace('&', "&amp;")
            .replace('/', "&#x2F;")
            .replace('+', "&#43;");
        let percent = SECRET.replace('/', "%252F");
        let wide = SECRET.split("").skip(1).collect::<Vec<_>>().join("\\u0000");
        for said in [
            html.replace('&', "\\u0026"),
            percent.replace('%', "\\u0025"),
            wide,
        ] {
            let json = format!(
                r#"{{ "n": 12345678901234567890.10, "a\u0026b": "\u003ca>\"", "{said}": ["x {said}"]}}"#
            );
            let (out, found) = read(&json);
            assert_eq!(found, 2, "{out}");
            let whole: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert!(whole["a&b"] == "<a>\"", "{out}");
            assert!(out.starts_with(
                r#"{ "n": 12345678901234567890.10, "a\u0026b": "\u003ca>\"", "[redacted"#
            ));
            assert!(!out.contains("MPLEKEY"), "{out}");
        }
    }

    #[test]
    fn half_a_character_beside_it_hides_no_secret() {
        let said = SECRET.replace('/', "&#47;").replace('&', "\\u0026");
        for half in ["\\ud83d", "\\ude00 ", "\\ud83d\\ud83d"] {
            let (out, found) = read(&format!(r#"{{"a":"{half} {said}"}}"#));
            assert_eq!(found, 1, "{out}");
            assert!(out.ends_with(r#" [redacted by axis]"}"#), "{out}");
        }
    }

    #[test]
    fn a_quote_in_another_line_hides_no_secret() {
        let said = SECRET.replace('/', "&#47;").replace('&', "\\u0026");
        let (out, found) = read(&format!(": 3\" \ndata: {{\"a\":\"{said}\"}}\n\n"));
        assert_eq!(found, 1, "{out}");
        assert_eq!(out, ": 3\" \ndata: {\"a\":\"[redacted by axis]\"}\n\n");
        // nor does a backslash at the end of it
        let (out, found) = read(&format!("path \"C:\\\n{{\"a\":\"{said}\"}}\n"));
        assert_eq!(found, 1, "{out}");
        assert_eq!(out, "path \"C:\\\n{\"a\":\"[redacted by axis]\"}\n");
    }

    #[test]
    fn many_strings_take_no_longer_than_one() {
        let guard = LeakGuard::new(&[&format!("{}abc0", "\\".repeat(24))]);
        let strings = vec![format!("\"{}\"", "\\u005c".repeat(2000)); 40];
        let json = format!("[{}]", strings.join(","));
        let mut patience = Patience::default();
        let (out, _) = guarded(json.as_bytes(), &guard, &mut patience).unwrap();
        let out: Vec<String> = serde_json::from_slice(&out).unwrap();
        // once it has taken too long the others aren't looked into
        assert!(
            out.iter()
                .rev()
                .take(20)
                .all(|it| it == "[redacted by axis]")
        );
    }

    #[test]
    fn an_answer_without_a_secret_does_not_change() {
        for json in [
            r#"{"a":"\u0026\u0025\\","b":"\\\"\u0000"}"#,
            r#"["\u00"#,
            r#""\u0026 \"#,
            r#"{"a":"\ud83d\u0026"}"#,
            "[]",
        ] {
            assert_eq!(read(json), (json.to_owned(), 0));
        }
    }
}
