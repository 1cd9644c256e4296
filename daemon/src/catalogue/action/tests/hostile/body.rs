//! Bodies that say what the params say, and nothing beside it.

use serde_json::{Value, json};

use super::super::{body, build};
use super::*;
use crate::catalogue::body::BodyShape;

#[test]
fn a_field_of_the_body_arrives_whatever_it_is_called() {
    for (name, value) in [
        ("max_tokens", json!(100)),
        ("max_completion_tokens", json!(5)),
        ("author", json!("a")),
        ("authority", json!(["a"])),
        ("tokenizer", json!("x")),
        ("keyframes", json!([{"key": 1}])),
        ("secretary", json!({"secret_santa": true})),
        (
            "metadata",
            json!({"api_key": "x", "list": [{"password": "x", "token": null}]}),
        ),
    ] {
        let (_, action) = catalogue().resolve("openai", "responses.create").unwrap();
        let params = with(action, name, &value);
        let request = action.build(params.as_bytes(), None).unwrap();
        let sent: Value = serde_json::from_str(body(&request)).unwrap();
        assert_eq!(sent[name], value);
    }
    // where the schema knows all fields, it decides, and not the field's name
    for (name, value) in [("password", json!("x")), ("metadata", json!({"token": 1}))] {
        let params = json!({"owner": "o", "repo": "r", "title": "t", name: value});
        let error = build("github", "issues.create", &params.to_string()).unwrap_err();
        assert!(error.to_string().contains("there is no param"), "{error}");
    }
}

#[test]
fn a_form_s_names_can_t_be_made_to_mean_others() {
    let intent = |more: &str| {
        let params = format!(r#"{{"amount":100,"currency":"eur",{more}}}"#);
        let request = build("stripe", "paymentIntents.create", &params)?;
        Ok::<_, ParamsError>(body(&request).to_owned())
    };
    for (more, written) in [
        (
            r#""metadata":{"a":"1","b":{"c":null}}"#,
            "metadata%5Ba%5D=1&metadata%5Bb%5D%5Bc%5D=",
        ),
        (r#""metadata[a]":"1""#, "metadata%5Ba%5D=1"),
        (
            r#""metadata[a]":"1","metadata[b]":"2""#,
            "metadata%5Ba%5D=1&metadata%5Bb%5D=2",
        ),
        (r#""x&amount":"1""#, "x%26amount=1"),
        (r#""x=1&amount":"1""#, "x%3D1%26amount=1"),
        (
            r#""description":"x&amount=1\r\n""#,
            "description=x%26amount%3D1%0D%0A",
        ),
    ] {
        let body = intent(more).unwrap();
        assert_eq!(body, format!("amount=100&currency=eur&{written}"));
    }
    for more in [
        r#""amount[]":1"#,
        r#""amount[x]":{"y":1}"#,
        r#""currency[0]":"usd""#,
        r#""metadata":{"a":"1"},"metadata[a]":"2""#,
        r#""metadata[a]":"2","metadata":{"a":"1"}"#,
        r#""metadata":{"a][b":"1"}"#,
        r#""metadata":{"a":{"b]":"1"}}"#,
        r#""metadata":{"x][":[1]}"#,
        r#""payment_method_options":[{"card[x]":1}]"#,
    ] {
        assert!(intent(more).is_err(), "{more}");
    }
    let raw = |form: &str| {
        build(
            "stripe",
            "http.post",
            &format!(r#"{{"path":"/x","body":{form}}}"#),
        )
    };
    assert!(raw(r#"{"a[b]":"1"}"#).is_ok());
    assert!(raw(r#"{"a":{"b":"1"},"a[b]":"2"}"#).is_err());
}

#[test]
fn a_graphql_query_is_the_definition_s_and_params_are_its_variables() {
    let mut tried = 0;
    for (service, action) in actions() {
        if !matches!(action.body, BodyShape::Graphql(_)) {
            continue;
        }
        let document = |params: &str| -> Option<Value> {
            let request = sent(service, action, params).ok()?;
            serde_json::from_slice(request.body.as_deref()?).ok()
        };
        let own = document(action.example()).unwrap();
        for param in &action.params {
            for value in [
                json!("\"}) { viewer { apiKeys { nodes { key } } } } #"),
                json!("\\\"}}, \"query\": \"mutation { x }"),
                json!("$input: X!"),
                json!({"__typename": "x", "query": "{ viewer { id } }"}),
                json!(["\u{2028}\"]}"]),
            ] {
                let Some(sent) = document(&with(action, &param.name, &value)) else {
                    continue; // not of this param's type
                };
                assert_eq!(sent["query"], own["query"], "{action:?}");
                assert_eq!(sent.as_object().unwrap().len(), 2, "{sent}");
                let variables = sent["variables"].to_string();
                assert!(variables.contains(&value.to_string()), "{variables}");
                tried += 1;
            }
        }
        for name in ["query", "variables", "operationName", "extensions", "input"] {
            let params = with(action, name, &json!("{ viewer { id } }"));
            if let Some(sent) = document(&params) {
                assert_eq!(sent["query"], own["query"], "{action:?} {name}");
                assert_eq!(sent.as_object().unwrap().len(), 2, "{sent}");
            }
        }
    }
    assert!(tried > 50, "{tried}");
}
