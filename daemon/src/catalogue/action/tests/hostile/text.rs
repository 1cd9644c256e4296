//! Names and values that two readers could take for different ones.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_value_of_another_type_is_refused_for_every_param() {
    let values = [
        json!(null),
        json!(true),
        json!(7),
        json!(0.5),
        json!("text"),
        json!([]),
        json!([["nested"]]),
        json!({}),
        json!({"$ne": null}),
    ];
    let mut tried = 0;
    for (service, action) in actions() {
        for (name, schema) in &schemas(action) {
            let types = schema["type"].to_string();
            for value in &values {
                let own: &[&str] = match value {
                    Value::Null => &["null"],
                    Value::Bool(_) => &["boolean"],
                    Value::Number(number) if number.is_f64() => &["number"],
                    Value::Number(_) => &["number", "integer"],
                    Value::String(_) => &["string"],
                    Value::Array(_) => &["array"],
                    Value::Object(_) => &["object"],
                };
                if own.iter().any(|own| types.contains(&format!("{own:?}"))) {
                    continue;
                }
                refused(service, action, name, &with(action, name, value));
                tried += 1;
            }
        }
    }
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn text_that_two_readers_could_read_differently_is_refused_by_every_action() {
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
    let deeper = format!(r#"{{"x":{}"#, "{\"x\":".repeat(20_000));
    for text in [
        r#"{"x":1,"x":2}"#,
        r#"{"x":1,"\u0078":2}"#,
        r#"{"y":{"x":1,"\u0078":2}}"#,
        r#"{"y":[[{"x":1,"x":1}]]}"#,
        r#"{"x":1e400}"#,
        r#"{"x":[-1e999]}"#,
        r#"{"x":NaN}"#,
        r#"{"x":Infinity}"#,
        r#"{"x":+1}"#,
        r#"{"x":01}"#,
        r#"{"x":.5}"#,
        r#"{"x":0x1}"#,
        r#"{"x":"\ud800"}"#,
        r#"{"x":"\q"}"#,
        r#"{"x":1}{"x":2}"#,
        r#"{"x":1}//"#,
        r"{'x':1}",
        r#"{"x":1,}"#,
        "{\"x\":\"\u{1}\"}",
        "\u{feff}{}",
        "{}\0",
        deep.as_str(),
        deeper.as_str(),
    ] {
        for (_, action) in actions() {
            let error = action.build(text.as_bytes(), Some(ACCOUNT)).unwrap_err();
            let shown: String = text.chars().take(40).collect();
            let is_unclear = matches!(
                error,
                ParamsError::Unreadable { .. } | ParamsError::TooLarge { .. }
            );
            assert!(is_unclear, "{shown}: {error}");
        }
    }
}

#[test]
fn a_name_is_found_as_it_is_or_not_at_all() {
    let others = [
        "constructor",
        "toString",
        "hasOwnProperty",
        "__proto__",
        "service",
        "con",
        "nul",
        ".",
        "..",
        "a/b",
        "../openai",
        "*",
        "",
        " ",
        "openai ",
        " openai",
        "openai\n",
        "openai\0",
        "openai.",
        "openai/work",
        "open\u{200b}ai",
        "\u{43e}penai",
        "\u{ff4f}penai",
        "opena\u{131}",
        "opena\u{130}",
        "${service}",
        "openai,github",
    ];
    for name in others {
        let resolved = catalogue().resolve(name, "responses.create");
        assert!(resolved.is_err(), "{name:?}");
    }
    for name in [
        "responses.create ",
        "responses.create.",
        ".responses.create",
        "responses..create",
        "responses.create\0",
        "responses/create",
        "responses.*",
        "*",
        "",
        "re\u{455}ponses.create",
        "re\u{17f}ponses.create",
        "responses.create\r\n",
        "responses.create?x",
        "http.GET ",
        "http.options",
        "http.connect",
        "http.trace",
        "http.*",
    ] {
        assert!(catalogue().resolve("openai", name).is_err(), "{name:?}");
    }
    // without case, and only that
    assert!(catalogue().resolve("OpenAI", "RESPONSES.create").is_ok());
}

#[test]
fn a_small_call_makes_no_large_request_and_no_large_error() {
    let long = "n".repeat(400_000);
    let items = vec!["1"; 250_000].join(",");
    let empty = vec!["[]"; 150_000].join(",");
    let wide: Vec<_> = (0..40_000)
        .map(|at| format!("\"amount[{at}]\":1"))
        .collect();
    for (service, name, params) in [
        (
            "stripe",
            "paymentIntents.create",
            format!(r#"{{"amount":1,"currency":"eur","metadata":{{"{long}":[{items}]}}}}"#),
        ),
        (
            "stripe",
            "paymentIntents.create",
            format!(r#"{{"amount":1,"currency":"eur","metadata":{{"{long}":[{empty}]}}}}"#),
        ),
        (
            "stripe",
            "paymentIntents.create",
            format!(r#"{{"amount":1,"currency":"eur","{long}[":[{items}]}}"#),
        ),
        (
            "stripe",
            "paymentIntents.create",
            format!(r#"{{"amount":1,"currency":"eur",{}}}"#, wide.join(",")),
        ),
        (
            "stripe",
            "http.post",
            format!(r#"{{"path":"/x","body":{{"{long}":[{items}]}}}}"#),
        ),
        (
            "github",
            "http.get",
            format!(r#"{{"path":"/x","query":{{"{long}":[{items}]}}}}"#),
        ),
        (
            "github",
            "http.get",
            format!(r#"{{"path":"/x","query":{{"{long}":[[]]}}}}"#),
        ),
        (
            "github",
            "http.get",
            format!(r#"{{"path":"/x","headers":{{"{long}":"x"}}}}"#),
        ),
        (
            "openai",
            "responses.create",
            format!(r#"{{"model":"m","input":"i","{long}":1,"{long}":2}}"#),
        ),
        (
            "openai",
            "responses.create",
            format!(r#"{{"model":"m","input":{{"{long}":1,"{long}":2}}}}"#),
        ),
        (
            "openai",
            "responses.create",
            format!(r#"{{"model":"m","input":"i","{long}":1e400}}"#),
        ),
        (
            "github",
            "repos.get",
            format!(r#"{{"owner":"o","repo":"r","{long}":1}}"#),
        ),
    ] {
        let (service, action) = catalogue().resolve(service, name).unwrap();
        let error = sent(service, action, &params).unwrap_err().to_string();
        let start: String = error.chars().take(200).collect();
        assert!(error.len() < 8_000, "{name}: {start}");
    }
}
