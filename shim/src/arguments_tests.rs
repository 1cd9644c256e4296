use super::*;

fn execute(arguments: &str) -> Result<ExecuteArguments, Failure> {
    ExecuteArguments::read(
        Some(&Bytes::copy_from_slice(arguments.as_bytes())),
        &Reach::Everywhere,
    )
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

#[test]
fn where_there_are_no_files_their_arguments_say_what_else_to_do() {
    let read = |more: &str| {
        let arguments = with_params("{}").replace("{}", &format!("{{}}{more}"));
        let arguments = Bytes::copy_from_slice(arguments.as_bytes());
        ExecuteArguments::read(Some(&arguments), &Reach::Nowhere)
    };
    for (more, parts) in [
        (
            r#","save_to":"/a","select":".""#,
            &["\"save_to\" can't be given", "AXIS_FILES=off", "\"select\""][..],
        ),
        (
            r#","body_file":"a","save_to":7"#,
            &["\"body_file\" can't be given", "\"save_to\"", "\"params\""],
        ),
        (
            r#","x":1"#,
            &["takes service, action, justification, params, select"],
        ),
    ] {
        let failure = read(more).unwrap_err();
        assert_eq!(failure.code, "invalid_params");
        for part in parts {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        assert!(!failure.message.contains("exclude") && !failure.message.contains("select, save"));
    }
    // some hosts fill in all that they ever saw
    let read = read(r#","save_to":"","body_file":null"#).unwrap();
    assert_eq!([read.save_to, read.body_file], [None, None]);
}
