//! The tools' arguments: read from what the model wrote, everything wrong
//! with them said at once.

use std::collections::BTreeMap;

use axis_proto::MAX_JUSTIFICATION_CHARS;
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::answer::Failure;
use crate::files::{Reach, VARIABLE};
use crate::members::Members;

const EXECUTE_EXAMPLE: &str = r#"{"service":"github","action":"repos.get","justification":"why this call is needed","params":{"owner":"octocat","repo":"hello-world"}}"#;
const LIST_EXAMPLE: &str =
    r#"{}, {"service":"github"} or {"service":"github","action":"repos.get"}"#;

/// What `execute_action` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct ExecuteArguments {
    /// The service's name as the model wrote it.
    pub service: String,
    /// The action's name as the model wrote it.
    pub action: String,
    /// Why; 1 to [`MAX_JUSTIFICATION_CHARS`] characters.
    pub justification: String,
    /// A JSON object, byte for byte as it came.
    pub params: Bytes,
    /// A jq expression over the result.
    pub select: Option<String>,
    /// Where the answer's body goes instead of into the answer.
    pub save_to: Option<String>,
    /// Where the request's body comes from.
    pub body_file: Option<String>,
}

/// All arguments of `execute_action`, those for files last.
const EXECUTE_ARGUMENTS: [&str; 7] = [
    "service",
    "action",
    "justification",
    "params",
    "select",
    "save_to",
    "body_file",
];

/// Those for files, and what else there is to do without them.
const FOR_FILES: [(&str, &str); 2] = [
    ("save_to", "\"select\" makes a long answer short"),
    ("body_file", "what fits into \"params\" goes there"),
];

/// What `list_actions` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct ListArguments {
    /// Only this service.
    pub service: Option<String>,
    /// Only this action of it, in detail.
    pub action: Option<String>,
}

impl ExecuteArguments {
    /// Reads the arguments of `execute_action`.
    ///
    /// # Errors
    /// `invalid_params`, with everything that is wrong and an example.
    pub fn read(arguments: Option<&Bytes>, files: &Reach) -> Result<Self, Failure> {
        let taken = match files {
            Reach::Nowhere => &EXECUTE_ARGUMENTS[..EXECUTE_ARGUMENTS.len() - FOR_FILES.len()],
            Reach::Everywhere | Reach::Beneath(_) => &EXECUTE_ARGUMENTS[..],
        };
        let mut fields = Fields::read(arguments, &EXECUTE_ARGUMENTS, taken, EXECUTE_EXAMPLE)?;
        let service = fields.required_text("service", "the service's name");
        let action = fields.required_text("action", "the action's name");
        let justification = fields.required_text("justification", "why this call is needed");
        if let Some(text) = &justification {
            let length = text.chars().count();
            if length > MAX_JUSTIFICATION_CHARS {
                fields.wrong(format!(
                    "\"justification\" has {length} characters: send 1 to {MAX_JUSTIFICATION_CHARS}"
                ));
            }
        }
        let params = fields.required_object("params");
        let select = fields.optional_text("select", "a jq expression such as .[0].id");
        let save_to = fields.optional_text("save_to", "the path of a file");
        let body_file = fields.optional_text("body_file", "the path of a file");
        if files.is_nowhere() {
            fields.refuse_files();
        } else if select.is_some() && save_to.is_some() {
            fields.wrong(
                "\"select\" and \"save_to\" exclude each other: a saved answer is written as it comes"
                    .to_owned(),
            );
        }
        match (service, action, justification, params) {
            (Some(service), Some(action), Some(justification), Some(params))
                if fields.problems.is_empty() =>
            {
                Ok(Self {
                    service,
                    action,
                    justification,
                    params,
                    select,
                    save_to,
                    body_file,
                })
            }
            _ => Err(fields.failure()),
        }
    }
}

impl ListArguments {
    /// Reads the arguments of `list_actions`.
    ///
    /// # Errors
    /// `invalid_params`, with everything that is wrong and an example.
    pub fn read(arguments: Option<&Bytes>) -> Result<Self, Failure> {
        let known = ["service", "action"];
        let mut fields = Fields::read(arguments, &known, &known, LIST_EXAMPLE)?;
        let service = fields.optional_text("service", "the service's name");
        let action = fields.optional_text("action", "the action's name");
        if action.is_some() && !fields.given.contains_key("service") {
            fields.wrong("\"action\" needs the \"service\" that it belongs to".to_owned());
        }
        if fields.problems.is_empty() {
            Ok(Self { service, action })
        } else {
            Err(fields.failure())
        }
    }
}

/// The arguments of one call and what is wrong with them so far.
struct Fields<'a> {
    bytes: &'a Bytes,
    given: BTreeMap<String, &'a RawValue>,
    problems: Vec<String>,
    example: &'static str,
}

static NO_ARGUMENTS: Bytes = Bytes::from_static(b"{}");

impl<'a> Fields<'a> {
    /// Reads what is `known`; what else stands there is told what is `taken`.
    fn read(
        arguments: Option<&'a Bytes>,
        known: &[&str],
        taken: &[&str],
        example: &'static str,
    ) -> Result<Self, Failure> {
        let bytes = arguments.unwrap_or(&NO_ARGUMENTS);
        let Ok(members) = serde_json::from_slice::<Members<'_>>(bytes) else {
            return Err(
                Failure::new("invalid_params", "\"arguments\" must be a JSON object")
                    .with_hint(format!("Send {example}")),
            );
        };
        let cut = |name: &str| name.chars().take(60).collect::<String>();
        let unknown = members
            .by_name
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .map(|name| {
                format!(
                    "{:?} is no argument of this tool, which takes {}",
                    cut(name),
                    taken.join(", ")
                )
            });
        let repeated = members.repeated.iter();
        let problems = repeated
            .map(|name| format!("{:?} stands twice: send it once", cut(name)))
            .chain(unknown)
            .take(5)
            .collect();
        Ok(Self {
            bytes,
            given: members.by_name,
            problems,
            example,
        })
    }

    fn wrong(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn failure(self) -> Failure {
        Failure::new("invalid_params", self.problems.join("; "))
            .with_hint(format!("Send {}", self.example))
    }

    fn refuse_files(&mut self) {
        for (name, instead) in FOR_FILES {
            if self.given.contains_key(name) {
                self.wrong(format!(
                    "{name:?} can't be given here, since the owner has turned files off ({VARIABLE}=off): leave it out; {instead}"
                ));
            }
        }
    }

    fn required_text(&mut self, name: &str, meaning: &str) -> Option<String> {
        if !self.given.contains_key(name) {
            self.wrong(format!("{name:?} is missing: send {meaning} as a string"));
            return None;
        }
        self.text(name, meaning)
    }

    /// An empty string or `null` counts as not given.
    fn optional_text(&mut self, name: &str, meaning: &str) -> Option<String> {
        let given = self.given.get(name)?;
        if matches!(given.get(), "null" | "\"\"") {
            self.given.remove(name);
            return None;
        }
        self.text(name, meaning)
    }

    fn text(&mut self, name: &str, meaning: &str) -> Option<String> {
        let given = self.given.get(name)?;
        let problem = match serde_json::from_str::<String>(given.get()) {
            Ok(text) if !text.trim().is_empty() => return Some(text),
            Ok(_) => "is empty".to_owned(),
            Err(_) => format!("must be a string, but is {}", kind(given)),
        };
        self.wrong(format!("{name:?} {problem}: send {meaning} as a string"));
        None
    }

    /// Some hosts send objects as JSON strings: such a string is read as the
    /// object that it holds.
    fn required_object(&mut self, name: &str) -> Option<Bytes> {
        let Some(given) = self.given.get(name) else {
            self.wrong(format!(
                "{name:?} is missing: send an object, {{}} for none"
            ));
            return None;
        };
        if given.get().starts_with('{') {
            return Some(self.bytes.slice_ref(given.get().as_bytes()));
        }
        let problem = match serde_json::from_str::<String>(given.get()) {
            Ok(text) => match serde_json::from_str::<&RawValue>(text.trim()) {
                Ok(inner) if inner.get().starts_with('{') => {
                    return Some(Bytes::copy_from_slice(inner.get().as_bytes()));
                }
                Ok(_) => "is a string that holds no object".to_owned(),
                Err(error) => format!("is a string that is no JSON ({error})"),
            },
            Err(_) => format!("must be an object, but is {}", kind(given)),
        };
        self.wrong(format!("{name:?} {problem}: send an object, {{}} for none"));
        None
    }
}

fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string with broken escapes",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
