//! The tools' arguments: read from what the model wrote, everything wrong
//! with them said at once.

use std::collections::BTreeMap;

use axis_proto::MAX_JUSTIFICATION_CHARS;
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::answer::Failure;
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

/// All arguments of `execute_action`.
const EXECUTE_ARGUMENTS: [&str; 7] = [
    "service",
    "action",
    "justification",
    "params",
    "select",
    "save_to",
    "body_file",
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
    pub fn read(arguments: Option<&Bytes>) -> Result<Self, Failure> {
        let mut fields = Fields::read(arguments, &EXECUTE_ARGUMENTS, EXECUTE_EXAMPLE)?;
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
        if select.is_some() && save_to.is_some() {
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
        let mut fields = Fields::read(arguments, &["service", "action"], LIST_EXAMPLE)?;
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
    fn read(
        arguments: Option<&'a Bytes>,
        known: &[&str],
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
                    known.join(", ")
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
mod tests {
    use super::*;

    fn execute(arguments: &str) -> Result<ExecuteArguments, Failure> {
        ExecuteArguments::read(Some(&Bytes::copy_from_slice(arguments.as_bytes())))
    }

    fn with_params(params: &str) -> String {
        format!(r#"{{"service":"s","action":"a","justification":"j","params":{params}}}"#)
    }

    #[test]
    fn params_keep_every_byte() {
        for params in [
            "{}",
            r#"{ "n" : 123456789012345678901234567890, "f": 1.10e+2 }"#,
            r#"{"same":1,"same":2,"ü":"\ud83d\ude00"}"#,
        ] {
            assert_eq!(execute(&with_params(params)).unwrap().params, params);
        }
    }

    #[test]
    fn params_in_a_string_are_the_object_in_it() {
        let arguments = with_params(r#"" {\"n\": 12345678901234567890123}\n""#);
        assert_eq!(
            execute(&arguments).unwrap().params,
            r#"{"n": 12345678901234567890123}"#
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let failure =
            execute(r#"{"service":7,"justification":" ","params":[1],"selct":"x"}"#).unwrap_err();
        assert_eq!(failure.code, "invalid_params");
        for part in [
            "\"service\" must be a string, but is a number",
            "\"action\" is missing",
            "\"justification\" is empty",
            "\"params\" must be an object, but is an array",
            "\"selct\" is no argument of this tool, which takes service, action, justification, params, select, save_to, body_file",
        ] {
            assert!(
                failure.message.contains(part),
                "{part}: {}",
                failure.message
            );
        }
        assert!(failure.hint.unwrap().starts_with("Send {\"service\""));
    }

    #[test]
    fn wrong_arguments_each_have_their_sentence() {
        for (arguments, part) in [
            ("[]", "\"arguments\" must be a JSON object"),
            ("\"{}\"", "\"arguments\" must be a JSON object"),
            ("{}", "\"params\" is missing"),
            (
                r#"{"service":"s","action":"a","justification":"j","params":{},"\u0073ervice":"t"}"#,
                "\"service\" stands twice",
            ),
            (
                &with_params("null"),
                "\"params\" must be an object, but is null",
            ),
            (&with_params("\"[1]\""), "holds no object"),
            (&with_params("\"{\""), "is no JSON"),
            (&with_params("true"), "but is a boolean"),
        ] {
            let failure = execute(arguments).unwrap_err();
            assert!(
                failure.message.contains(part),
                "{arguments}: {}",
                failure.message
            );
        }
    }

    #[test]
    fn what_may_be_left_out_may_be_empty_or_null() {
        let arguments = with_params("{}");
        for (more, expected) in [
            ("", [None, None]),
            (r#","select":null,"body_file":"""#, [None, None]),
            (
                r#","select":".[0]","body_file":"a b""#,
                [Some(".[0]"), Some("a b")],
            ),
        ] {
            let arguments = arguments.replace("\"params\":{}", &format!("\"params\":{{}}{more}"));
            let read = execute(&arguments).unwrap();
            assert_eq!(
                [read.select.as_deref(), read.body_file.as_deref()],
                expected
            );
        }
        let both = arguments.replace("{}", r#"{},"select":".","save_to":"x""#);
        let failure = execute(&both).unwrap_err();
        assert!(
            failure.message.contains("exclude each other"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn a_justification_has_1_to_2000_characters() {
        for letter in ["x", "ü", "😀"] {
            for (length, good) in [(1, true), (2000, true), (2001, false)] {
                let arguments = format!(
                    r#"{{"service":"s","action":"a","params":{{}},"justification":"{}"}}"#,
                    letter.repeat(length)
                );
                assert_eq!(execute(&arguments).is_ok(), good, "{length} {letter}");
            }
        }
    }

    #[test]
    fn list_actions_takes_nothing_a_service_or_both() {
        let read = |text: &str| ListArguments::read(Some(&Bytes::copy_from_slice(text.as_bytes())));
        for (arguments, service, action) in [
            ("{}", None, None),
            (r#"{"service":null,"action":""}"#, None, None),
            (r#"{"service":"github"}"#, Some("github"), None),
            (
                r#"{"service":"github","action":"repos.get"}"#,
                Some("github"),
                Some("repos.get"),
            ),
        ] {
            let read = read(arguments).unwrap();
            assert_eq!(
                (read.service.as_deref(), read.action.as_deref()),
                (service, action)
            );
        }
        for (arguments, part) in [
            (r#"{"action":"repos.get"}"#, "needs the \"service\""),
            (r#"{"service":1}"#, "must be a string"),
            (r#"{"servce":"github"}"#, "takes service, action"),
        ] {
            assert!(
                read(arguments).unwrap_err().message.contains(part),
                "{arguments}"
            );
        }
        assert!(ListArguments::read(None).is_ok());
    }
}
