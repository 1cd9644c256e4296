//! Which lines of a log are asked for. Lines are looked at as bytes: in a
//! record a quote within a text is escaped, so that `"service":"` is only ever
//! the field of that name.

use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use super::line;

/// What lines must have. Everything that is set counts.
#[derive(Debug, Default)]
pub struct Filter {
    fields: Vec<Field>,
    since: Option<String>,
    /// No later line is looked at from where all lines are of before this.
    past: Option<String>,
    text: Option<Regex>,
}

/// A field with a text as its value.
#[derive(Debug)]
struct Field {
    /// Up to the value: `"service":"`.
    key: Finder<'static>,
    /// The value with the quote after it.
    value: Vec<u8>,
}

impl Filter {
    /// Only lines whose field `name` is `value`, compared without case.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        let key = format!("\"{name}\":\"");
        self.fields.push(Field {
            key: Finder::new(key.as_bytes()).into_owned(),
            value: format!("{}\"", line::escaped(value)).into_bytes(),
        });
        self
    }

    /// Only lines that were written at that moment or later.
    #[must_use]
    pub fn since(mut self, moment: Timestamp) -> Self {
        self.since = Some(format!("{moment:.3}"));
        let past = moment.checked_sub(SLACK).unwrap_or(Timestamp::MIN);
        self.past = Some(format!("{past:.3}"));
        self
    }

    /// Only lines that hold `text` somewhere, compared without case.
    ///
    /// # Errors
    /// A text too long to search for.
    pub fn holding(mut self, text: &str) -> Result<Self, regex::Error> {
        let pattern = regex::escape(&line::escaped(text));
        let mut builder = RegexBuilder::new(&pattern);
        self.text = Some(builder.case_insensitive(true).build()?);
        Ok(self)
    }

    /// Whether `line` is asked for. One that is no record has no fields.
    pub fn takes(&self, line: &[u8]) -> bool {
        self.fields.iter().all(|field| field.is_in(line))
            && self.is_late_enough(line)
            && self.text.as_ref().is_none_or(|text| text.is_match(line))
    }

    /// Whether all lines of `text` were written so long before what is asked
    /// for that none before them needs to be looked at.
    pub(super) fn is_past(&self, text: &[u8]) -> bool {
        let Some(past) = &self.past else {
            return false;
        };
        let mut moments = memchr::memmem::find_iter(text, TIMESTAMP).peekable();
        moments.peek().is_some()
            && moments.all(|at| {
                let written = text.get(at + TIMESTAMP.len()..);
                written
                    .and_then(|written| written.get(..past.len()))
                    .is_some_and(|written| written < past.as_bytes())
            })
    }

    fn is_late_enough(&self, line: &[u8]) -> bool {
        let Some(since) = &self.since else {
            return true;
        };
        // all moments have one form, so that they sort as text
        let at = memchr::memmem::find(line, TIMESTAMP);
        let written = at.and_then(|at| line.get(at + TIMESTAMP.len()..));
        written
            .and_then(|written| written.get(..since.len()))
            .is_some_and(|written| written >= since.as_bytes())
    }
}

/// By so much the wall clock may have been set back, and no line is missed.
const SLACK: SignedDuration = SignedDuration::from_hours(24);
const TIMESTAMP: &[u8] = b"\"timestamp\":\"";

impl Field {
    fn is_in(&self, line: &[u8]) -> bool {
        let at = self.key.find(line).map(|at| at + self.key.needle().len());
        at.and_then(|at| line.get(at..at + self.value.len()))
            .is_some_and(|value| value.eq_ignore_ascii_case(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = br#"{"seq":41,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","request_id":"r","identity":"local-dev","service":"GitHub","action":"repos.get","decision":"deny","reason":"Policy denied: identity=\"local-dev\"","justification":"say \"service\":\"stripe\" \u00e9","prev":"00","hash":"11"}"#;

    #[test]
    fn every_field_must_be_as_asked_and_a_text_in_another_is_none() {
        for (name, value, expected) in [
            ("service", "github", true),
            ("service", "git", false),
            ("service", "github2", false),
            ("service", "stripe", false),
            ("identity", "LOCAL-dev", true),
            ("decision", "deny", true),
            ("decision", "allow", false),
            ("folded", "1", false),
        ] {
            let filter = Filter::default().field(name, value);
            assert_eq!(filter.takes(LINE), expected, "{name} {value}");
            assert!(!filter.takes(b"no record"));
        }
        let both = Filter::default()
            .field("service", "github")
            .field("decision", "allow");
        assert!(!both.takes(LINE));
        assert!(Filter::default().takes(LINE));
    }

    #[test]
    fn a_moment_and_a_text_are_looked_for() {
        for (since, expected) in [
            ("2026-01-15T10:30:00Z", true),
            ("2026-01-15T10:30:00.001Z", false),
            ("2025-12-31T23:59:59Z", true),
        ] {
            let filter = Filter::default().since(since.parse().unwrap());
            assert_eq!(filter.takes(LINE), expected, "{since}");
        }
        for (text, expected) in [
            ("policy DENIED", true),
            ("\"local-dev\"", true),
            ("a.*b", false),
            (".", true),
            ("stripes", false),
        ] {
            let filter = Filter::default().holding(text).unwrap();
            assert_eq!(filter.takes(LINE), expected, "{text}");
        }
    }
}
