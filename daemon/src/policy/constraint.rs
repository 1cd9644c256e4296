//! What a rule says of a call's params: each one that it names must be what it
//! says.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};
use wildmatch::WildMatch;

use super::error::Fault;

/// Most values that one constraint lists.
const MAX_VALUES: usize = 1_000;

/// One param, and what it must be.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) param: Box<str>,
    wanted: Wanted,
}

/// What a param must be.
#[derive(Debug, Clone)]
enum Wanted {
    /// One of these.
    OneOf(Vec<Scalar>),
    /// A number within these, both included.
    Range {
        min: Option<Number>,
        max: Option<Number>,
    },
}

/// One value that a param may have.
#[derive(Debug, Clone)]
enum Scalar {
    /// Text in which `*` is any characters and `?` is one.
    Text {
        written: Box<str>,
        exact: WildMatch,
        any_case: WildMatch,
    },
    Number(Number),
    Bool(bool),
    Null,
}

/// What a match is for: what allows must be sure, what denies must not be
/// talked round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Text is compared with its case; of a list every item must match.
    Allow,
    /// Text is compared without case, also as it would be without percent
    /// escapes or a leading slash; of a list or an object one item is enough.
    Deny,
}

impl Constraint {
    /// Reads what stands in the policy at `param`.
    pub(super) fn parse(param: &str, written: &Value) -> Result<Self, Fault> {
        let fault = |problem: &str| Fault::Param {
            param: param.chars().take(80).collect(),
            problem: problem.to_owned(),
        };
        let wanted = match written {
            Value::Object(fields) => range(fields).map_err(|problem| fault(&problem))?,
            Value::Array(values) if values.is_empty() => {
                return Err(fault("lists no value, so that nothing can match"));
            }
            Value::Array(values) if values.len() > MAX_VALUES => {
                return Err(fault("lists more than 1000 values"));
            }
            Value::Array(values) => {
                let scalars: Option<Vec<_>> = values.iter().map(Scalar::parse).collect();
                let problem = "lists something else than text, numbers, true, false or null";
                Wanted::OneOf(scalars.ok_or_else(|| fault(problem))?)
            }
            one => Wanted::OneOf(Scalar::parse(one).into_iter().collect()),
        };
        Ok(Self {
            param: param.into(),
            wanted,
        })
    }

    /// The texts of which the param must be one, where it is as plain as that.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        let Wanted::OneOf(scalars) = &self.wanted else {
            return None;
        };
        let plain = |scalar: &'_ Scalar| match scalar {
            Scalar::Text { written, .. } if !written.contains(['*', '?']) => true,
            Scalar::Text { .. } | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Null => false,
        };
        scalars.iter().all(plain).then(|| {
            let texts = scalars.iter().filter_map(|scalar| match scalar {
                Scalar::Text { written, .. } => Some(&**written),
                _ => None,
            });
            texts.collect()
        })
    }

    /// Whether the call's params are as this wants them. A param that was left
    /// out is not.
    pub(super) fn is_met(&self, params: &Map<String, Value>, purpose: Purpose) -> bool {
        let value = params.get(&*self.param);
        value.is_some_and(|value| self.wanted.takes(value, purpose))
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} must be {}", self.param, self.wanted)
    }
}

impl Wanted {
    fn takes(&self, value: &Value, purpose: Purpose) -> bool {
        match (value, purpose) {
            (Value::Array(items), Purpose::Allow) => {
                !items.is_empty() && items.iter().all(|item| self.takes_scalar(item, purpose))
            }
            (Value::Object(_), Purpose::Allow) => false,
            (Value::Array(items), Purpose::Deny) => {
                items.iter().any(|item| self.takes(item, purpose))
            }
            (Value::Object(members), Purpose::Deny) => {
                members.values().any(|member| self.takes(member, purpose))
            }
            (scalar, _) => self.takes_scalar(scalar, purpose),
        }
    }

    fn takes_scalar(&self, value: &Value, purpose: Purpose) -> bool {
        match self {
            Self::OneOf(scalars) => scalars.iter().any(|scalar| scalar.is(value, purpose)),
            Self::Range { min, max } => {
                let Some(number) = number(value, purpose) else {
                    return false;
                };
                let at_least = min.as_ref().is_none_or(|min| !is_less(&number, min));
                let at_most = max.as_ref().is_none_or(|max| !is_less(max, &number));
                at_least && at_most
            }
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(scalars) => {
                let shown: Vec<_> = scalars.iter().take(10).map(ToString::to_string).collect();
                f.write_str(&shown.join(" or "))?;
                match scalars.len().checked_sub(10) {
                    None | Some(0) => Ok(()),
                    Some(more) => write!(f, " or one of {more} more"),
                }
            }
            Self::Range { min, max } => match (min, max) {
                (Some(min), Some(max)) => write!(f, "from {min} to {max}"),
                (Some(min), None) => write!(f, "at least {min}"),
                (None, Some(max)) => write!(f, "at most {max}"),
                (None, None) => f.write_str("a number"),
            },
        }
    }
}

impl Scalar {
    fn parse(value: &Value) -> Option<Self> {
        Some(match value {
            Value::String(text) => Self::Text {
                written: text.as_str().into(),
                exact: WildMatch::new(text),
                any_case: WildMatch::new_case_insensitive(text),
            },
            Value::Number(number) => Self::Number(number.clone()),
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Null => Self::Null,
            Value::Array(_) | Value::Object(_) => return None,
        })
    }

    fn is(&self, value: &Value, purpose: Purpose) -> bool {
        match (self, value) {
            (Self::Text { exact, .. }, Value::String(text)) if purpose == Purpose::Allow => {
                exact.matches(text)
            }
            (Self::Text { any_case, .. }, Value::String(text)) => {
                spellings(text).any(|spelling| any_case.matches(&spelling))
            }
            (Self::Text { any_case, .. }, Value::Number(number)) => {
                any_case.matches(&number.to_string())
                    || (purpose == Purpose::Deny && any_case.matches(&as_whole(number)))
            }
            (Self::Text { any_case, .. }, Value::Bool(bool)) => any_case.matches(&bool.to_string()),
            (Self::Number(wanted), _) => number(value, purpose)
                .is_some_and(|number| !is_less(&number, wanted) && !is_less(wanted, &number)),
            (Self::Bool(wanted), Value::Bool(bool)) => bool == wanted,
            (Self::Bool(wanted), Value::String(text)) if purpose == Purpose::Deny => {
                text.eq_ignore_ascii_case(if *wanted { "true" } else { "false" })
            }
            (Self::Null, Value::Null) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { written, .. } => write!(f, "{written:?}"),
            Self::Number(number) => number.fmt(f),
            Self::Bool(bool) => bool.fmt(f),
            Self::Null => f.write_str("null"),
        }
    }
}

fn range(fields: &Map<String, Value>) -> Result<Wanted, String> {
    let known = "min, max or both, as in { max: 100 }";
    if let Some(other) = fields
        .keys()
        .find(|key| !matches!(key.as_str(), "min" | "max"))
    {
        let other: String = other.chars().take(80).collect();
        return Err(format!(
            "has the field {other:?}; what may stand here is {known}"
        ));
    }
    let bound = |field: &str| match fields.get(field) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.clone())),
        Some(_) => Err(format!("has a {field} that is no number")),
    };
    let (min, max) = (bound("min")?, bound("max")?);
    match (&min, &max) {
        (None, None) => return Err(format!("needs {known}")),
        (Some(min), Some(max)) if is_less(max, min) => {
            return Err(format!("has a max of {max}, below its min of {min}"));
        }
        _ => {}
    }
    Ok(Wanted::Range { min, max })
}

/// The number that `value` is. What denies also takes a text for the number
/// it spells.
fn number(value: &Value, purpose: Purpose) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) if purpose == Purpose::Deny => serde_json::from_str(text.trim()).ok(),
        _ => None,
    }
}

/// The number as it is sent where an integer is wanted: `5.0` goes out as `5`.
fn as_whole(number: &Number) -> String {
    match number.as_f64() {
        // adding 0 takes the sign from -0
        Some(float) if float.fract() == 0.0 => format!("{:.0}", float + 0.0),
        _ => number.to_string(),
    }
}

/// Whole numbers are compared exactly, others as far as an f64 goes.
fn is_less(one: &Number, other: &Number) -> bool {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one < other,
        _ => one.as_f64() < other.as_f64(),
    }
}

/// The spellings under which an upstream may take `text` for the same.
fn spellings(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    [Cow::Borrowed(text), decoded].into_iter().flat_map(|text| {
        let slashed = match text.strip_prefix('/') {
            Some(bare) => bare.to_owned(),
            None => format!("/{text}"),
        };
        [text, Cow::Owned(slashed)]
    })
}

#[cfg(test)]
mod tests;
