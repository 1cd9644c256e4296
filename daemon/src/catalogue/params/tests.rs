use super::*;

fn parse(json: &str) -> Result<Vec<(String, String)>, String> {
    let params = Params::parse(json.as_bytes())?;
    let pairs = params.fields();
    Ok(pairs
        .map(|field| (field.name.to_owned(), field.raw.to_owned()))
        .collect())
}

#[test]
fn every_value_stays_as_it_was_written() {
    for value in [
        "9007199254740993",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        "1.0",
        "1e2",
        "-0",
        r#""a\u0000b\ud83d\ude00/""#,
        r#"{ "a" : [ 1 , 2 ] }"#,
        "null",
    ] {
        let pairs = parse(&format!(r#"{{"x":{value}}}"#)).unwrap();
        assert_eq!(pairs, [("x".to_owned(), value.to_owned())]);
    }
}

#[test]
fn the_order_is_the_order_it_was_sent_in() {
    let pairs = parse(r#"{"z":1,"a":"2","m":[3],"b":{"z":4,"a":5}}"#).unwrap();
    let sent = [
        ("z", "1"),
        ("a", "\"2\""),
        ("m", "[3]"),
        ("b", r#"{"z":4,"a":5}"#),
    ];
    assert_eq!(
        pairs,
        sent.map(|(name, raw)| (name.to_owned(), raw.to_owned()))
    );
}

#[test]
fn names_are_just_names() {
    for name in [
        "__proto__",
        "constructor",
        "toString",
        "$serde_json::private::RawValue",
        "",
        "ü",
    ] {
        let pairs = parse(&format!(r#"{{"{name}":{{"{name}":"1"}}}}"#)).unwrap();
        assert_eq!(pairs[0].0, name);
        let json = format!(r#"{{"{name}":{{"{name}":"1"}}}}"#);
        let params = Params::parse(json.as_bytes()).unwrap();
        assert_eq!(
            params.object()[name][name],
            "1",
            "read as something else than written"
        );
    }
}

#[test]
fn nothing_at_all_is_an_empty_object() {
    for json in ["", " ", "{}", " {\n} "] {
        assert_eq!(parse(json).unwrap(), []);
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    for (json, says) in [
        ("[]", "an array"),
        ("\"{}\"", "a string"),
        ("null", "null"),
        ("true", "a boolean"),
        ("-1", "a number"),
        ("{", "EOF"),
        ("{\"a\":1}x", "trailing"),
        ("{\"a\":1}{\"a\":1}", "trailing"),
        ("{a:1}", "key"),
        ("{\"a\":01}", "number"),
        ("{\"a\":NaN}", "expected"),
        ("{\"a\":1,}", "trailing comma"),
        ("\u{feff}{}", "expected"),
        ("{\"a\":\"\n\"}", "control character"),
        ("{\"a\":1,\"a\":2}", "\"a\" stands twice"),
        ("{\"a\":1,\"\\u0061\":2}", "\"a\" stands twice"),
        ("{\"a\":{\"b\":1,\"b\":2}}", "\"b\" stands twice"),
        ("{\"a\":[{\"b\":{\"c\":1,\"c\":1}}]}", "\"c\" stands twice"),
        ("{\"a\":1e400}", "number out of range"),
        ("{\"a\":[-1e400]}", "number out of range"),
        ("{\"a\":\"\\ud800\"}", "surrogate"),
        ("{\"a\":\"\\udc00\\ud800\"}", "surrogate"),
    ] {
        let problem = parse(json).unwrap_err();
        assert!(problem.contains(says), "{json}: {problem}");
    }
    assert!(Params::parse(b"{\"a\":\"\xff\"}").is_err_and(|problem| problem.contains("UTF-8")));
}

#[test]
fn nesting_is_bounded_and_costs_no_stack() {
    let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(&nested(MAX_PARAMS_DEPTH - 1)).is_ok());
    assert!(
        parse(&nested(MAX_PARAMS_DEPTH))
            .unwrap_err()
            .contains("deeper than 64")
    );
    assert!(
        parse(&nested(400_000))
            .unwrap_err()
            .contains("deeper than 64")
    );
    let quoted = format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(100));
    assert!(parse(&quoted).is_ok());
}
