//! Whatever the params, an action's request goes to its own endpoint: random
//! hostile params for random built-in actions, and what the request may be is
//! worked out from the definition alone.

mod call;

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use self::call::Call;
use super::super::*;
use super::hostile::{actions, example, sent};

/// How many calls are tried; most are refused.
const TRIES: u32 = 3_000;
/// How many of them at least make a request.
const FEWEST_SENT: u32 = 500;

/// A text as path tricks, header tricks and form tricks are made of; half of
/// its pieces are harmless, or hardly any would be sent.
fn text() -> impl Strategy<Value = String> {
    let harmless = vec![
        "a",
        "b-1",
        "x.y",
        "é",
        "漢",
        " ",
        "+",
        "&",
        "=",
        ";",
        "?",
        "#",
        "@",
        ":",
        "100%",
        "~",
        "{",
        "}",
        "\"",
        "[",
        "]",
        "$",
        "*",
        "evil.example",
        "443",
    ];
    let hostile = vec![
        ".", "..", "/", "\\", "//", "%", "%2e", "%2F", "%5C", "%00", "%25", "\0", "\r\n", "\n",
        "\t", "\u{7f}", "\u{85}", "\u{ff0e}", "\u{ff0f}", "\u{2025}", "..;", "%u002e", "xn--",
    ];
    let harmless = || prop::sample::select(harmless.clone());
    let mixed = prop_oneof![3 => harmless(), 1 => prop::sample::select(hostile)];
    prop_oneof![
        8 => prop::collection::vec(harmless(), 1..6).prop_map(|pieces| pieces.concat()),
        6 => prop::collection::vec(mixed, 0..8).prop_map(|pieces| pieces.concat()),
        2 => any::<String>(),
        2 => "[a-z0-9.-]{3,30}",
        1 => "x{1000,5000}",
    ]
}

/// The text of a JSON value, or of what some readers take for one.
fn value() -> impl Strategy<Value = String> {
    let quoted = || text().prop_map(|text| Value::from(text).to_string());
    let odd = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "-0",
        "1.0",
        "-1",
        "1e400",
        "-1e-400",
        "NaN",
        "9007199254740993",
        "123456789012345678901234567890",
        "[]",
        "{}",
        "\"\"",
        "\"\\ud800\"",
        "\"\\u002e\\u002e\"",
        "{\"a\":1,\"\\u0061\":2}",
        "[[[[1]]]]",
    ]);
    prop_oneof![
        12 => quoted(),
        2 => odd.prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => prop::collection::vec(quoted(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        1 => prop::collection::vec((quoted(), quoted()), 1..3).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            format!("{{{}}}", members.join(","))
        }),
    ]
}

/// A param's name that no action has, or not quite.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "Authorization",
        "Host",
        "host",
        "Cookie",
        "Content-Length",
        "Transfer-Encoding",
        "Idempotency-Key",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "method",
        "url",
        "path",
        "query",
        "headers",
        "body",
        "variables",
        "OWNER",
        "Repo",
        "model\0",
        "input[]",
        "__proto__",
    ]);
    prop_oneof![known.prop_map(str::to_owned), text()]
}

/// Which action, which of its params are set to what, and what else is sent.
type Tried = (Index, Vec<(Index, String)>, Vec<(String, String)>);

/// A call of some action.
fn calls() -> impl Strategy<Value = Tried> {
    (
        any::<Index>(),
        prop::collection::vec((any::<Index>(), value()), 1..4),
        prop_oneof![
            3 => Just(Vec::new()),
            1 => prop::collection::vec((name(), value()), 1..3),
        ],
    )
}

#[test]
fn whatever_the_params_a_request_is_one_of_its_action() {
    let all: Vec<_> = actions().collect();
    let requests = Cell::new(0);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(TRIES)
    };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&calls(), |(action, edits, more)| {
        let (service, action) = *action.get(&all);
        let text = params(action, &edits, &more);
        let Ok(request) = sent(service, action, &text) else {
            return Ok(());
        };
        requests.set(requests.get() + 1);
        let params: Value = serde_json::from_str(&text).expect("what is sent is JSON");
        let call = Call {
            service,
            action,
            params: &params,
        };
        call.goes_where_it_should(&request)?;
        call.has_its_own_query(&request)?;
        call.has_its_own_headers(&request)?;
        call.has_its_own_body(&request)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(requests.get() > FEWEST_SENT, "only {} sent", requests.get());
}

/// The action's example with some params set to something else.
fn params(action: &Action, edits: &[(Index, String)], more: &[(String, String)]) -> String {
    let example = example(action);
    let example = example.as_object().unwrap();
    let mut members: BTreeMap<&str, String> = example
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_string()))
        .collect();
    for (which, value) in edits.iter().filter(|_| !action.params.is_empty()) {
        members.insert(which.get(&action.params).name.as_str(), value.clone());
    }
    for (name, value) in more {
        members.insert(name, value.clone());
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(*name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn every_example_makes_a_request_of_its_action() {
    for (service, action) in actions() {
        let params = &example(action);
        let request = sent(service, action, action.example()).unwrap();
        let call = Call {
            service,
            action,
            params,
        };
        let checked = call
            .goes_where_it_should(&request)
            .and_then(|()| call.has_its_own_query(&request))
            .and_then(|()| call.has_its_own_headers(&request))
            .and_then(|()| call.has_its_own_body(&request));
        assert!(checked.is_ok(), "{action:?}: {checked:?}");
    }
}
