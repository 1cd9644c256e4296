//! Looks into a JSON text without parsing it, for texts that can't be parsed:
//! how deep it goes, and whose answer its error would be.

use rmcp::model::RequestId;
use serde_json::value::RawValue;

/// How deep a message may be nested.
pub const MAX_DEPTH: usize = 128;

/// Whether the text is nested more than [`MAX_DEPTH`] levels deep.
pub fn nested_too_deep(text: &[u8]) -> bool {
    let mut depth = 0_usize;
    for token in Structure::new(text) {
        match token {
            (_, b'{' | b'[') => depth += 1,
            (_, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// Finds the message's own id in a text that can't be parsed as a whole, and
/// only where it is sure to be that: a wrong id would fail another request.
pub fn salvage_id(text: &[u8]) -> Option<Box<RawValue>> {
    let mut depth = 0_usize;
    for (at, byte) in Structure::new(text) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 1 && text[..at].trim_ascii_end().ends_with(b"\"id\"") => {
                let value = text[at + 1..].trim_ascii_start();
                let mut values =
                    serde_json::Deserializer::from_slice(value).into_iter::<&RawValue>();
                let raw = values.next()?.ok()?;
                // A number that the text ends with may have been cut.
                let whole = raw.get().starts_with('"') || raw.get().len() < value.len();
                return (whole && serde_json::from_str::<RequestId>(raw.get()).is_ok())
                    .then(|| raw.to_owned());
            }
            _ => {}
        }
    }
    None
}

/// The bytes of a JSON text that stand outside its strings, with their places.
struct Structure<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Structure<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Structure<'_> {
    type Item = (usize, u8);

    fn next(&mut self) -> Option<Self::Item> {
        while *self.text.get(self.at)? == b'"' {
            self.at += 1;
            while let Some(byte) = self.text.get(self.at) {
                self.at += match byte {
                    b'\\' => 2,
                    _ => 1,
                };
                if *byte == b'"' {
                    break;
                }
            }
        }
        let at = self.at;
        self.at += 1;
        Some((at, self.text[at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_what_stands_outside_strings() {
        for (levels, deep) in [(MAX_DEPTH, false), (MAX_DEPTH + 1, true)] {
            let text = format!("{}\"[[[[\"{}", "[".repeat(levels), "]".repeat(levels));
            assert_eq!(nested_too_deep(text.as_bytes()), deep, "{levels}");
        }
        assert!(!nested_too_deep("[],".repeat(1000).as_bytes()));
        assert!(!nested_too_deep(
            format!("\"\\\"{}\"", "[".repeat(500)).as_bytes()
        ));
    }

    #[test]
    fn the_id_of_a_line_that_was_cut_is_found_only_where_it_is_sure() {
        for (head, id) in [
            (r#"{"jsonrpc":"2.0","id":12,"par"#, Some("12")),
            (r#"{"id" : "a\"b" ,"x":["#, Some(r#""a\"b""#)),
            (r#"{"id":12"#, None),
            (r#"{"id":"12"#, None),
            (r#"{"params":{"id":1},"x"#, None),
            (r#"{"x":"\"id\":1,","y"#, None),
            (r#"{"id":{"id":4}"#, None),
            (r#"[{"id":4,"#, None),
        ] {
            let found = salvage_id(head.as_bytes());
            assert_eq!(found.as_ref().map(|id| id.get()), id, "{head}");
        }
    }
}
