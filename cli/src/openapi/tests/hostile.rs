//! Documents that were written to do harm, or by nobody in particular.

use std::fmt::Write;

use super::*;

/// The body's schema is `schema`, `schemas` are there to be referred to.
fn with_schemas(schema: &Value, schemas: &Value) -> String {
    document(
        &json!({"/x": {"post": {"requestBody": {"required": true, "content": {"application/json": {"schema": schema}}}}}}),
        &json!({"components": {"schemas": schemas}}),
    )
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[test]
fn a_schema_that_refers_to_itself_comes_to_an_end() {
    let node = json!({"type": "object", "properties": {"child": reference("Node"), "children": {"type": "array", "items": reference("Node")}}});
    let text = with_schemas(&reference("Node"), &json!({ "Node": node }));
    let imported = import(&text).unwrap();
    assert_eq!(imported.actions, 1);
    assert!(imported.yaml.len() < 10_000);
    for schemas in [
        json!({"A": reference("A")}),
        json!({"A": reference("B"), "B": reference("A")}),
        json!({"A": {"allOf": [reference("A")]}}),
        json!({"A": {"oneOf": [reference("A"), reference("A")], "anyOf": [reference("A")]}}),
        json!({"A": {"properties": {"x": {"oneOf": [reference("A"), {"allOf": [reference("A"), reference("A")]}]}}}}),
    ] {
        // what comes of it doesn't matter: that something does, and soon
        let _ = import(&with_schemas(&reference("A"), &schemas));
    }
}

#[test]
fn a_reference_that_leads_nowhere_is_said() {
    for (target, says) in [
        ("#/components/schemas/None", "isn't there"),
        ("other.yaml#/Pet", "another document"),
        ("https://evil.example/x.json", "another document"),
        ("file:///etc/passwd", "another document"),
        ("#", "isn't an object"),
    ] {
        let schema = json!({"type": "object", "properties": {"a": {"$ref": target}}});
        let imported = import(&with_schemas(&schema, &json!({}))).unwrap();
        if target != "#" {
            assert!(
                imported.in_part[0].says[0].contains(says),
                "{:?}",
                imported.in_part
            );
        }
        let text = document(
            &json!({"/x": {"$ref": target}, "/y": {"get": {}}}),
            &json!({}),
        );
        let imported = import(&text).unwrap();
        assert_eq!(imported.actions, 1, "{target}");
    }
}

#[test]
fn slow_a_million_references_are_read_in_time() {
    let mut text = String::from(
        r#"{"openapi":"3.0.0","info":{"title":"Many"},"servers":[{"url":"https://a.example"}],"paths":{"/x":{"post":{"requestBody":{"content":{"application/json":{"schema":{"type":"object","properties":{"a":{"oneOf":["#,
    );
    for at in 0..1_000_000 {
        let comma = if at == 0 { "" } else { "," };
        write!(
            text,
            r##"{comma}{{"$ref":"#/components/schemas/S{}"}}"##,
            at % 10
        )
        .unwrap();
    }
    text.push_str(r#"]}}}}}}}}},"components":{"schemas":{"#);
    for at in 0..10 {
        let comma = if at == 0 { "" } else { "," };
        write!(
            text,
            r##"{comma}"S{at}":{{"$ref":"#/components/schemas/S{}"}}"##,
            (at + 1) % 10
        )
        .unwrap();
    }
    text.push_str("}}}");
    let imported = import(&text).unwrap();
    assert!(imported.yaml.len() < 10_000);
}

#[test]
fn a_document_that_grows_without_end_is_cut_to_a_file() {
    // each schema has ten members of the next: 10^8 of them, written out
    let schemas: serde_json::Map<String, Value> = (0..8)
        .map(|level| {
            let members: serde_json::Map<String, Value> = (0..10)
                .map(|at| (format!("m{at}"), reference(&format!("L{}", level + 1))))
                .collect();
            (
                format!("L{level}"),
                json!({"type": "object", "properties": members}),
            )
        })
        .collect();
    let body = json!({"content": {"application/json": {"schema": reference("L0")}}});
    let paths: serde_json::Map<String, Value> = (0..30)
        .map(|at| (format!("/p{at}"), json!({"post": {"requestBody": body}})))
        .collect();
    let imported = import(&document(
        &paths.into(),
        &json!({"components": {"schemas": schemas}}),
    ))
    .unwrap();
    assert!(imported.yaml.len() <= 1 << 20);
    assert_eq!(imported.actions, 30);
    assert!(
        imported.remarks.iter().any(|it| it.contains("--only")),
        "{:?}",
        imported.remarks
    );
}

#[test]
fn nesting_without_end_is_refused() {
    for text in [
        format!("{{\"openapi\":\"3.0.0\",\"x\":{}", "[".repeat(100_000)),
        format!("openapi: 3.0.0\nx: {}", "[".repeat(100_000)),
    ] {
        assert!(matches!(import(&text), Err(ImportError::Unreadable(_))));
    }
    let deep = (0..90).fold(
        json!({"type": "string"}),
        |inner, _| json!({"type": "object", "properties": {"a": inner}}),
    );
    let _ = import(&with_schemas(
        &json!({"type": "object", "properties": {"a": {"type": "string"}}}),
        &json!({ "Deep": deep }),
    ));
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = String::from("openapi: 3.0.0\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for at in 1..12 {
        let before = format!("*a{}", at - 1);
        writeln!(text, "a{at}: &a{at} [{}]", vec![before; 10].join(", ")).unwrap();
    }
    assert!(matches!(import(&text), Err(ImportError::Unreadable(_))));
}

#[test]
fn nothing_of_a_document_can_leave_its_place_in_the_definition() {
    let evil = "x\"\n    auth: bearer\n  base_url: https://evil.example\u{2028}\u{85}\u{0}#'{}[]: ";
    let text = json!({
        "openapi": "3.0.0",
        "info": {"title": evil},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {
            "/x/{id}": {"post": {
                "operationId": evil, "tags": [evil],
                "parameters": [
                    {"name": evil, "in": "query", "description": evil, "schema": {"type": "string", "enum": [evil], "pattern": evil, "example": evil}},
                    {"name": evil, "in": "header", "schema": {"type": "string"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {
                    evil: {"type": "string"}, "null": {"type": "string"}, "1.0": {"type": "string"}, "~": {"type": "string"}, "no": {"type": "string"},
                    "o": {"type": "object", "properties": {evil: {"type": "string"}, "true": {"type": "string"}}},
                }}}}},
            }},
            (format!("/{evil}")): {"get": {}},
            "/../admin": {"get": {}},
            "/a//b": {"get": {}},
            "/%2e%2e/x": {"get": {}},
        },
        "components": {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "a\"b}"}}},
    })
    .to_string();
    let imported = import(&text).unwrap();
    let definition = definition(&text);
    let fields: Vec<&String> = definition.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["service", "title", "base_url", "auth", "actions"]);
    assert_eq!(definition["base_url"], "https://api.example.com");
    assert_eq!(definition["auth"]["name"], "a\"b}");
    assert_eq!(imported.actions, 1, "{:?}", imported.left_out);
    assert_eq!(imported.left_out.len(), 4);
    let actions = definition["actions"].as_object().unwrap();
    let (_, action) = actions.iter().next().unwrap();
    for name in ["null", "1.0", "no"] {
        assert_eq!(action["params"][name]["in"], "body", "{action}");
    }
    // what is said of it goes to a terminal
    let said: Vec<String> = imported
        .left_out
        .iter()
        .chain(&imported.in_part)
        .flat_map(|note| note.says.clone())
        .collect();
    assert!(
        said.iter().all(|it| !it.contains(['\n', '\u{0}'])),
        "{said:?}"
    );
}
