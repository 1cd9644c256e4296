//! Which lines of a log are asked for. Lines are looked at as bytes: in a
//! record a quote within a text is escaped, so that `"service":"` is only ever
//! the field of that name.

use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use super::chain::Link;
use super::line;
use super::search::lines;

/// What lines must have. Everything that is set counts.
#[derive(Debug, Default)]
pub struct Filter {
    fields: Vec<Field>,
    events: Option<Field>,
    since: Option<String>,
    /// No later line is looked at from where all lines are of before this.
    past: Option<String>,
    until: Option<String>,
    /// No line is looked at from where the first is of this moment or later.
    beyond: Option<String>,
    before: Option<u64>,
    after: Option<u64>,
    text: Option<Regex>,
}

/// A field with a text as its value.
#[derive(Debug)]
struct Field {
    /// Up to the value: `"service":"`.
    key: Finder<'static>,
    /// The values that it may have, each with the quote after it.
    values: Vec<Vec<u8>>,
}

impl Filter {
    /// Only lines whose field `name` is `value`, compared without case.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push(Field::of(name, [value]));
        self
    }

    /// Only lines of these events; where there are none, of any. What is no
    /// record has no event, and is taken all the same: it is evidence.
    #[must_use]
    pub fn events<'e>(mut self, events: impl IntoIterator<Item = &'e str>) -> Self {
        let field = Field::of("event", events);
        self.events = (!field.values.is_empty()).then_some(field);
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

    /// Only lines that were written before that moment.
    #[must_use]
    pub fn until(mut self, moment: Timestamp) -> Self {
        self.until = Some(format!("{moment:.3}"));
        let beyond = moment.checked_add(SLACK).unwrap_or(Timestamp::MAX);
        self.beyond = Some(format!("{beyond:.3}"));
        self
    }

    /// Only lines that stand before the line of that number.
    #[must_use]
    pub fn before(mut self, seq: u64) -> Self {
        self.before = Some(seq);
        self
    }

    /// Only lines that stand after the line of that number.
    #[must_use]
    pub fn after(mut self, seq: u64) -> Self {
        self.after = Some(seq);
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

    /// Whether `line` is asked for, wherever it stands. One that is no record
    /// has no fields.
    pub fn takes(&self, line: &[u8]) -> bool {
        self.fields.iter().all(|field| field.is_in(line))
            && self.is_of_events(line)
            && self.is_late_enough(line)
            && self.is_early_enough(line)
            && self.text.as_ref().is_none_or(|text| text.is_match(line))
    }

    /// Whether `line` may stand where lines are asked for: its number is neither
    /// too low nor too high, or it has none.
    pub fn reaches(&self, line: &[u8]) -> bool {
        if self.before.is_none() && self.after.is_none() {
            return true;
        }
        let Some(seq) = seq(line) else {
            return true;
        };
        self.before.is_none_or(|before| seq < before) && self.after.is_none_or(|after| seq > after)
    }

    /// Whether the number of `line` is not too low.
    pub(super) fn follows(&self, line: &[u8]) -> bool {
        self.after
            .is_none_or(|after| seq(line).is_none_or(|seq| seq > after))
    }

    /// The lines of `text` that stand before the one where to stop.
    pub(super) fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(before) = self.before else {
            return text;
        };
        let (mut kept, mut rest) = (text, text);
        while !rest.is_empty() {
            let ended = rest.strip_suffix(b"\n").unwrap_or(rest);
            let begin = memchr::memrchr(b'\n', ended).map_or(0, |newline| newline + 1);
            let (earlier, line) = ended.split_at(begin);
            match seq(line) {
                Some(seq) if seq < before => break,
                Some(_) => kept = earlier,
                None => {}
            }
            rest = earlier;
        }
        kept
    }

    /// Whether lines are left out at the log's end.
    pub(super) fn has_end(&self) -> bool {
        self.before.is_some() || self.beyond.is_some()
    }

    /// Whether lines are left out at the log's beginning.
    pub(super) fn has_beginning(&self) -> bool {
        self.past.is_some() || self.after.is_some()
    }

    // when a line was written is believed only where it has a MAC: else whoever
    // lacks the key could hide others behind it

    /// Whether nothing from the record `line` on is asked for.
    pub(super) fn ends_before(&self, line: &[u8]) -> bool {
        let is_beyond = |beyond: &String| {
            written(line, beyond.len()) >= Some(beyond.as_bytes()) && Link::has_mac(line)
        };
        self.before
            .is_some_and(|before| seq(line).is_some_and(|seq| seq >= before))
            || self.beyond.as_ref().is_some_and(is_beyond)
    }

    /// Whether nothing is asked for before `text`, nor in it before the first
    /// line with a MAC, where that is why.
    pub(super) fn begins_after(&self, text: &[u8]) -> bool {
        let is_past = |past: &String| {
            let line = lines(text).find(|line| Link::has_mac(line));
            line.and_then(|line| written(line, past.len()))
                .is_some_and(|written| written < past.as_bytes())
        };
        self.after
            .is_some_and(|after| lines(text).find_map(seq).is_some_and(|seq| seq <= after))
            || self.past.as_ref().is_some_and(is_past)
    }

    /// Whether all lines of `text` were written so long before what is asked
    /// for that none before them needs to be looked at.
    pub(super) fn is_past(&self, text: &[u8]) -> bool {
        let Some(past) = &self.past else {
            return false;
        };
        if !lines(text).any(Link::has_mac) {
            return false;
        }
        let mut moments = memchr::memmem::find_iter(text, TIMESTAMP).peekable();
        moments.peek().is_some()
            && moments.all(|at| {
                let written = text.get(at + TIMESTAMP.len()..);
                written
                    .and_then(|written| written.get(..past.len()))
                    .is_some_and(|written| written < past.as_bytes())
            })
    }

    fn is_of_events(&self, line: &[u8]) -> bool {
        self.events
            .as_ref()
            .is_none_or(|events| events.is_in(line) || seq(line).is_none())
    }

    // all moments have one form, so that they sort as text

    fn is_late_enough(&self, line: &[u8]) -> bool {
        self.since.as_ref().is_none_or(|since| {
            written(line, since.len()).is_some_and(|written| written >= since.as_bytes())
        })
    }

    fn is_early_enough(&self, line: &[u8]) -> bool {
        self.until.as_ref().is_none_or(|until| {
            written(line, until.len()).is_some_and(|written| written < until.as_bytes())
        })
    }
}

/// The number of a record; none where `line` is no record.
pub(super) fn seq(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let end = memchr::memchr(b',', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

/// When `line` was written, in `length` characters.
fn written(line: &[u8], length: usize) -> Option<&[u8]> {
    let at = memchr::memmem::find(line, TIMESTAMP)? + TIMESTAMP.len();
    line.get(at..at + length)
}

/// By so much the wall clock may have been set back, and no line is missed.
const SLACK: SignedDuration = SignedDuration::from_hours(24);
const TIMESTAMP: &[u8] = b"\"timestamp\":\"";

impl Field {
    fn of<'v>(name: &str, values: impl IntoIterator<Item = &'v str>) -> Self {
        let key = format!("\"{name}\":\"");
        let value = |value| format!("{}\"", line::escaped(value)).into_bytes();
        Self {
            key: Finder::new(key.as_bytes()).into_owned(),
            values: values.into_iter().map(value).collect(),
        }
    }

    fn is_in(&self, line: &[u8]) -> bool {
        let Some(at) = self.key.find(line).map(|at| at + self.key.needle().len()) else {
            return false;
        };
        self.values.iter().any(|value| {
            line.get(at..at + value.len())
                .is_some_and(|there| there.eq_ignore_ascii_case(value))
        })
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

    #[test]
    fn one_of_the_events_is_enough_and_what_is_no_record_is_evidence() {
        for (events, expected) in [
            (vec![], true),
            (vec!["started"], false),
            (vec!["admin", "FINISHED"], true),
            (vec!["finish"], false),
        ] {
            let filter = Filter::default().events(events.iter().copied());
            assert_eq!(filter.takes(LINE), expected, "{events:?}");
            assert!(filter.takes(b"no record"));
        }
    }

    #[test]
    fn a_line_of_the_last_moment_is_not_before_it() {
        for (until, expected) in [
            ("2026-01-15T10:30:00.001Z", true),
            ("2026-01-15T10:30:00Z", false),
            ("2027-01-01T00:00:00Z", true),
        ] {
            let filter = Filter::default().until(until.parse().unwrap());
            assert_eq!(filter.takes(LINE), expected, "{until}");
            assert!(!filter.takes(b"no record"));
        }
        // a clock that was set back may have earlier lines after this one
        let until = |until: &str| Filter::default().until(until.parse().unwrap());
        let sealed = sealed(LINE);
        assert!(!until("2026-01-15T10:29:00Z").ends_before(&sealed));
        assert!(until("2026-01-14T10:29:00Z").ends_before(&sealed));
        // nor is one believed that anyone may have written
        assert!(!until("2026-01-14T10:29:00Z").ends_before(LINE));
        for (after, expected) in [(40, true), (41, false)] {
            let filter = Filter::default().after(after);
            assert_eq!(filter.reaches(LINE), expected);
            assert_eq!(filter.begins_after(LINE), !expected);
        }
        assert!(Filter::default().before(41).ends_before(LINE));
        assert!(!Filter::default().before(42).ends_before(LINE));
    }

    #[test]
    fn only_lines_with_a_mac_say_that_what_stands_before_is_long_past() {
        let filter = Filter::default().since("2026-01-17T00:00:00Z".parse().unwrap());
        let sealed = sealed(LINE);
        let recent = String::from_utf8(sealed.clone()).unwrap();
        let recent = recent.replacen("2026-01-15", "2026-01-18", 1);
        for (lines, expected) in [
            (vec![LINE], false),
            (vec![&sealed], true),
            (vec![LINE, &sealed, LINE], true),
            (vec![LINE, recent.as_bytes()], false),
        ] {
            let text = lines.join(&b'\n');
            assert_eq!(filter.is_past(&text), expected);
            assert_eq!(filter.begins_after(&text), expected);
        }
        assert!(!filter.is_past(&[&sealed, recent.as_bytes()].join(&b'\n')));
    }

    /// `line` with an end as axisd gives it.
    fn sealed(line: &[u8]) -> Vec<u8> {
        let line = String::from_utf8(line.to_vec()).unwrap();
        let body = line.split(",\"prev\"").next().unwrap();
        let hex = "0".repeat(64);
        format!(r#"{body},"prev":"{hex}","hash":"{hex}","mac":"{hex}"}}"#).into_bytes()
    }

    #[test]
    fn lines_are_cut_off_where_they_stand() {
        let text = b"{\"seq\":7,}\nno record\n{\"seq\":9,}\nneither\n{\"seq\":10,}\n";
        let kept = |before| {
            let filter = Filter::default().before(before);
            String::from_utf8(filter.cut(text).to_vec()).unwrap()
        };
        assert_eq!(kept(7), "");
        assert_eq!(kept(8), "{\"seq\":7,}\nno record\n");
        assert_eq!(kept(9), kept(8));
        assert_eq!(kept(10), "{\"seq\":7,}\nno record\n{\"seq\":9,}\nneither\n");
        assert_eq!(kept(11).as_bytes(), text);
        assert_eq!(Filter::default().cut(text), text);
    }
}
