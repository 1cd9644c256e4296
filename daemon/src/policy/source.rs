//! The text of a policy: what is refused before its meaning is looked at, and
//! how every fault finds its words and its place.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::{Location, Spanned, granit_parser};

use super::error::{Fault, PolicyError};
use crate::names::did_you_mean;
use crate::yaml;

/// Longest policy, in bytes.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// A policy's text, and the file that errors name as its origin.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    yaml: yaml::Source<'a>,
    origin: &'a Path,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, origin: &'a Path) -> Self {
        Self {
            yaml: yaml::Source::new(text, origin),
            origin,
        }
    }

    /// Reads the YAML.
    pub(super) fn parse<T: DeserializeOwned>(self) -> Result<T, PolicyError> {
        self.yaml.parse().map_err(|error| {
            let place = self.yaml.place(error.location());
            let fault = match yaml_fault(&error) {
                Fault::Syntax { message } => {
                    match place.line().and_then(|line| self.empty_list_above(line)) {
                        Some(list) => Fault::BelowEmptyList { list },
                        None => Fault::Syntax { message },
                    }
                }
                fault => fault,
            };
            PolicyError::at(place, fault)
        })
    }

    /// The line of a `[]` that the item in `line` stands below: what `axis deny`
    /// left there, until somebody deleted the "#" before a rule. From 1, both.
    fn empty_list_above(self, line: usize) -> Option<usize> {
        let mut lines = self.yaml.text().lines().map(str::trim).enumerate();
        let before: Vec<_> = lines.by_ref().take(line.checked_sub(1)?).collect();
        let is_item = lines.next().is_some_and(|(_, item)| item.starts_with("- "));
        let (at, list) = before
            .iter()
            .rfind(|(_, text)| !text.is_empty() && !text.starts_with('#'))?;
        let list = list.split(" #").next().unwrap_or_default().trim_end();
        (is_item && list.ends_with(": []")).then_some(at + 1)
    }

    /// What `parse` makes of a value, its fault placed where the value stands.
    pub(super) fn check<T, U>(
        self,
        value: &Spanned<T>,
        parse: impl FnOnce(&T) -> Result<U, Fault>,
    ) -> Result<U, PolicyError> {
        parse(&value.value).map_err(|fault| self.error_at(value, fault))
    }

    /// A fault placed where `value` stands.
    pub(super) fn error_at<T>(self, value: &Spanned<T>, fault: Fault) -> PolicyError {
        self.error_at_location(value.referenced, fault)
    }

    /// A fault placed at a location.
    pub(super) fn error_at_location(self, location: Location, fault: Fault) -> PolicyError {
        PolicyError::at(self.yaml.place(Some(location)), fault)
    }

    /// Refuses what YAML parsers read differently, or what hides from a reader.
    pub(super) fn screen(self) -> Result<(), PolicyError> {
        let text = self.yaml.text();
        let at = |fault, line, column| {
            let place = self.yaml.place_at(line, column, 1);
            Err(PolicyError::at(place, fault))
        };
        if text.len() > MAX_BYTES {
            let fault = Fault::TooLarge { limit: MAX_BYTES };
            return Err(PolicyError::of_file(self.origin, fault));
        }
        if text.starts_with('\u{feff}') {
            return at(Fault::ByteOrderMark, 1, 1);
        }
        // A carriage return counts only as part of the line break \r\n.
        for (line, content) in text.split('\n').enumerate() {
            let content = content.strip_suffix('\r').unwrap_or(content);
            let found = content.chars().enumerate().find(|(_, c)| is_hidden(*c));
            if let Some((column, character)) = found {
                let fault = Fault::ControlCharacter {
                    character: character.escape_unicode().to_string(),
                };
                return at(fault, line + 1, column + 1);
            }
        }
        let mut written = text.lines().map(str::trim_start);
        if written.all(|line| line.is_empty() || line.starts_with('#')) {
            return at(Fault::Empty, 1, 1);
        }
        self.refuse_tags()
    }

    /// `!!binary` and its like can make a text mean something else than it says.
    fn refuse_tags(self) -> Result<(), PolicyError> {
        use granit_parser::Event::{MappingStart, Scalar, SequenceStart};
        let text = self.yaml.text();
        for event in granit_parser::Parser::new_from_str(text) {
            // What doesn't scan is left to the reading proper, which says it better.
            let Ok((event, span)) = event else { break };
            let (Scalar(_, _, _, Some(tag))
            | SequenceStart(_, _, Some(tag))
            | MappingStart(_, _, Some(tag))) = event
            else {
                continue;
            };
            let written = span.tag_span().unwrap_or(span);
            let tag = written
                .slice(text)
                .map_or_else(|| tag.to_string(), str::to_owned);
            let place = self.yaml.place_at(
                written.start.line(),
                written.start.col() + 1,
                tag.chars().count(),
            );
            return Err(PolicyError::at(place, Fault::Tag { tag }));
        }
        Ok(())
    }
}

fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn yaml_fault(error: &serde_yaml::Error) -> Fault {
    use serde_yaml::Error as Yaml;
    use serde_yaml::budget::BudgetBreach;
    let message = || yaml::message(error);
    match error {
        Yaml::AliasError { error, .. } => yaml_fault(error),
        Yaml::Eof { .. } => Fault::Empty,
        Yaml::MergeKeyNotAllowed { .. } => Fault::MergeKey,
        Yaml::MultipleDocuments { .. }
        | Yaml::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        } => Fault::SecondDocument,
        Yaml::Budget { .. }
        | Yaml::AliasReplayLimitExceeded { .. }
        | Yaml::AliasExpansionLimitExceeded { .. }
        | Yaml::AliasReplayStackDepthExceeded { .. } => Fault::TooComplex { limit: message() },
        Yaml::DuplicateMappingKey { key, .. } => Fault::DuplicateField {
            key: key.clone().unwrap_or_default(),
        },
        Yaml::SerdeUnknownField {
            field, expected, ..
        } => unknown_field(field, expected),
        Yaml::SerdeMissingField { field, .. } => missing_field(field),
        Yaml::NullIntoString { .. } => wrong_type("a name, but nothing is written"),
        Yaml::SerdeInvalidType { expected, .. } => wrong_type(expected),
        Yaml::Unexpected { expected, .. } => wrong_type(match *expected {
            "mapping start" => "fields with their values, such as `service: github`",
            "sequence start" => "a list: [one, two], or lines that begin with \"- \"; [] is none",
            "string scalar" => "one name, not a list and not fields",
            other => other,
        }),
        _ => Fault::Syntax { message: message() },
    }
}

fn wrong_type(expected: &str) -> Fault {
    Fault::WrongType {
        expected: expected.to_owned(),
    }
}

fn unknown_field(field: &str, expected: &[&'static str]) -> Fault {
    let suggestion = did_you_mean(field, expected.iter().copied()).unwrap_or_else(|| {
        let known: Vec<String> = expected.iter().map(|name| format!("{name:?}")).collect();
        format!("what may stand here is {}", known.join(", "))
    });
    Fault::UnknownField {
        field: field.chars().take(80).collect(),
        suggestion: lowercase_start(&suggestion),
    }
}

/// `suggestion` as the second half of a sentence.
fn lowercase_start(suggestion: &str) -> String {
    suggestion.replacen("Did you", "did you", 1)
}

/// The fault of a field that must be there.
pub(super) fn missing_field(field: &'static str) -> Fault {
    let purpose = match field {
        "policies" => "the whole policy stands under it; `policies: []` denies everything",
        "identity" => "it says whom the entry is for: a name, or \"*\" for any",
        "allow" => "it lists what the identity may do; `allow: []` is nothing",
        "service" => "it says which service the rule is for: a name, or \"*\" for any",
        "actions" => "it lists the actions that the rule allows, such as [\"issues.create\"]",
        _ => "write it, or delete what it belongs to",
    };
    Fault::MissingField { field, purpose }
}

/// The line that `value` stands in, from 1.
pub(super) fn line_of<T>(value: &Spanned<T>) -> usize {
    yaml::line_of(value.referenced)
}
