//! The text of a policy: what is refused before its meaning is looked at, how
//! YAML is read, and how every fault finds its line and column.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::{Spanned, granit_parser};

use super::error::{Fault, PolicyError, one_line};
use crate::names::did_you_mean;

/// Longest policy, in bytes.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// Deepest nesting of lists and mappings.
const MAX_DEPTH: usize = 32;

/// A text, and the file that errors name as its origin.
pub(super) struct Source<'a> {
    text: &'a str,
    origin: &'a Path,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, origin: &'a Path) -> Self {
        Self { text, origin }
    }

    /// Reads the YAML.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, PolicyError> {
        serde_yaml::from_str_with_options(self.text, yaml_options())
            .map_err(|error| self.yaml_error(&error))
    }

    /// What `parse` makes of a value, its fault placed where the value stands.
    pub(super) fn check<T, U>(
        &self,
        value: &Spanned<T>,
        parse: impl FnOnce(&T) -> Result<U, Fault>,
    ) -> Result<U, PolicyError> {
        parse(&value.value).map_err(|fault| self.error_at(value, fault))
    }

    /// A fault placed where `value` stands.
    pub(super) fn error_at<T>(&self, value: &Spanned<T>, fault: Fault) -> PolicyError {
        self.error(value.referenced, fault)
    }

    fn error(&self, location: serde_yaml::Location, fault: Fault) -> PolicyError {
        PolicyError::at(
            self.origin,
            fault,
            self.text,
            as_index(location.line()),
            as_index(location.column()),
            as_index(location.span().len()),
        )
    }

    /// Refuses what YAML parsers read differently, or what hides from a reader.
    pub(super) fn screen(&self) -> Result<(), PolicyError> {
        let at = |fault, line, column, width| {
            Err(PolicyError::at(
                self.origin,
                fault,
                self.text,
                line,
                column,
                width,
            ))
        };
        if self.text.len() > MAX_BYTES {
            let fault = Fault::TooLarge { limit: MAX_BYTES };
            return Err(PolicyError::of_file(self.origin, fault));
        }
        if self.text.starts_with('\u{feff}') {
            return at(Fault::ByteOrderMark, 1, 1, 1);
        }
        // A carriage return counts only as part of the line break \r\n.
        for (line, content) in self.text.split('\n').enumerate() {
            let content = content.strip_suffix('\r').unwrap_or(content);
            let found = content.chars().enumerate().find(|(_, c)| is_hidden(*c));
            if let Some((column, character)) = found {
                let fault = Fault::ControlCharacter {
                    character: character.escape_unicode().to_string(),
                };
                return at(fault, line + 1, column + 1, 1);
            }
        }
        let mut written = self.text.lines().map(str::trim_start);
        if written.all(|line| line.is_empty() || line.starts_with('#')) {
            return at(Fault::Empty, 1, 1, 1);
        }
        self.refuse_tags()
    }

    /// `!!binary` and its like can make a text mean something else than it says.
    fn refuse_tags(&self) -> Result<(), PolicyError> {
        use granit_parser::Event::{MappingStart, Scalar, SequenceStart};
        for event in granit_parser::Parser::new_from_str(self.text) {
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
                .slice(self.text)
                .map_or_else(|| tag.to_string(), str::to_owned);
            return Err(PolicyError::at(
                self.origin,
                Fault::Tag { tag: tag.clone() },
                self.text,
                written.start.line(),
                written.start.col() + 1,
                tag.chars().count(),
            ));
        }
        Ok(())
    }

    fn yaml_error(&self, error: &serde_yaml::Error) -> PolicyError {
        let fault = yaml_fault(error);
        match error.location() {
            Some(location) => self.error(location, fault),
            None => PolicyError::of_file(self.origin, fault),
        }
    }
}

fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn yaml_fault(error: &serde_yaml::Error) -> Fault {
    use serde_yaml::Error as Yaml;
    use serde_yaml::MessageFormatter;
    use serde_yaml::budget::BudgetBreach;
    let message = || one_line(&serde_yaml::UserMessageFormatter.format_message(error));
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

fn missing_field(field: &'static str) -> Fault {
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

fn yaml_options() -> serde_yaml::Options {
    use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 1,
            max_aliases: 1_000,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        reject_tagged_field_names: true,
        // a long comment would otherwise count against a buffer of 32 lines
        emit_comments: false,
        with_snippet: false,
    }
}

/// The line that `value` stands in, from 1.
pub(super) fn line_of<T>(value: &Spanned<T>) -> usize {
    as_index(value.referenced.line())
}

fn as_index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
