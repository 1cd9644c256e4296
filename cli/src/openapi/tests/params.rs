//! Params and bodies: what is written, and what is said to be missing.

use super::*;

/// The params of one GET with these parameters, and what it lacks.
#[track_caller]
fn params(path: &str, parameters: &Value) -> (Value, Vec<String>) {
    let (mut action, lacks) = action("get", path, &json!({"parameters": parameters}), &json!({}));
    (action["params"].take(), lacks)
}

/// The action of one POST with this body, and what it lacks.
#[track_caller]
fn posting(body: &Value) -> (Value, Vec<String>) {
    action("post", "/x", &json!({ "requestBody": body }), &json!({}))
}

fn json_body(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

#[test]
fn each_place_has_its_form() {
    let (written, lacks) = params(
        "/pets/{petId}/at/{tag.name}",
        &json!([
            {"name": "petId", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 1}},
            {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100, "exclusiveMinimum": true, "minimum": 0}},
            {"name": "sort", "in": "query", "required": true, "schema": {"type": "string", "enum": ["asc", "desc"]}, "description": "The\n  order"},
            {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
            {"name": "ids[]", "in": "query", "explode": false, "schema": {"type": "array", "items": {"type": "integer"}}},
            {"name": "X-Trace", "in": "header", "schema": {"type": "string", "nullable": true}},
            {"name": "$filter", "in": "query", "schema": {"type": "string"}},
            {"name": "Accept", "in": "header", "schema": {"type": "string"}},
        ]),
    );
    assert!(lacks.is_empty(), "{lacks:?}");
    assert_eq!(
        written,
        json!({
            "petId": {"in": "path", "required": true, "type": "integer", "minimum": 1},
            "tag.name": {"in": "path", "required": true, "type": "string"},
            "sort": {"in": "query", "required": true, "type": "string", "enum": ["asc", "desc"], "description": "The order"},
            "limit": {"in": "query", "type": "integer", "minimum": 1, "maximum": 100},
            "tags": {"in": "query", "type": "array", "items": {"type": "string"}},
            "ids": {"in": "query", "as": "ids[]", "type": "array", "items": {"type": "integer"}, "style": "comma"},
            "X-Trace": {"in": "header", "type": "string"},
            "filter": {"in": "query", "as": "$filter", "type": "string"},
        })
    );
}

#[test]
fn an_object_in_the_query_becomes_its_fields() {
    let range = json!({"type": "object", "properties": {"gte": {"type": "integer"}, "in": {"type": "array", "items": {}}}});
    let (written, lacks) = params(
        "/x",
        &json!([
            {"name": "created", "in": "query", "style": "deepObject", "schema": range},
            {"name": "expand", "in": "query", "style": "deepObject", "schema": {"type": "array", "items": {"type": "string"}}},
            {"name": "page", "in": "query", "schema": {"type": "object", "properties": {"size": {"type": "integer"}}}},
        ]),
    );
    assert_eq!(
        written,
        json!({
            "created_gte": {"in": "query", "as": "created[gte]", "type": "integer"},
            "expand": {"in": "query", "as": "expand[]", "type": "array", "items": {"type": "string"}},
            "size": {"in": "query", "type": "integer"},
        })
    );
    assert_eq!(lacks.len(), 1, "{lacks:?}");
    assert!(lacks[0].contains("created[in]"), "{lacks:?}");
}

#[test]
fn what_can_not_be_a_param_is_said_and_costs_the_operation_only_where_it_is_needed() {
    for (param, says) in [
        (json!({"name": "sid", "in": "cookie"}), "cookie"),
        (json!({"name": "Host", "in": "header"}), "Host"),
        (json!({"name": "a b", "in": "header"}), "a b"),
        (
            json!({"name": "x", "in": "query", "schema": {"type": "object"}}),
            "object in the query",
        ),
        (
            json!({"name": "x", "in": "query", "style": "pipeDelimited", "schema": {"type": "array"}}),
            "pipeDelimited",
        ),
        (json!({"name": "x", "in": "matrix"}), "matrix"),
    ] {
        let (_, lacks) = params("/x", &json!([param]));
        assert!(
            lacks.iter().any(|it| it.contains(says)),
            "{says}: {lacks:?}"
        );
        let mut needed = param.clone();
        needed["required"] = true.into();
        let paths = json!({"/x": {"get": {"parameters": [needed]}}, "/y": {"get": {}}});
        let imported = import(&document(&paths, &json!({}))).unwrap();
        assert_eq!(imported.actions, 1, "{param}");
        assert!(
            imported.left_out[0].says[0].contains(says),
            "{:?}",
            imported.left_out
        );
    }
}

#[test]
fn names_that_meet_are_told_apart() {
    let (action, _) = action(
        "post",
        "/things/{id}",
        &json!({
            "parameters": [
                {"name": "id", "in": "query", "schema": {"type": "string"}},
                {"name": "ID", "in": "header", "schema": {"type": "string"}},
            ],
            "requestBody": json_body(&json!({"type": "object", "properties": {"id": {"type": "integer"}, "a b": {"type": "string"}, "a_b": {"type": "string"}}})),
        }),
        &json!({}),
    );
    let names: Vec<&String> = action["params"].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["id", "id_query", "ID_header", "id_body", "a_b", "a_b_body"]
    );
    assert_eq!(action["params"]["id_body"]["as"], "id");
    assert_eq!(action["params"]["a_b"]["as"], "a b");
    assert_eq!(action["params"]["a_b_body"]["as"], "a_b");
}

#[test]
fn an_object_body_becomes_its_fields() {
    let (action, lacks) = posting(&json_body(&json!({
        "allOf": [
            {"type": "object", "required": ["name"], "properties": {
                "id": {"type": "integer", "readOnly": true},
                "name": {"type": "string", "example": "doggie", "minLength": 1},
            }},
            {"properties": {"age": {"type": ["integer", "null"], "exclusiveMinimum": 0}, "any": {}}},
        ],
        "additionalProperties": true,
    })));
    assert!(lacks.is_empty(), "{lacks:?}");
    assert_eq!(action["effect"], "write");
    assert_eq!(action["passthrough"], "body");
    let params = &action["params"];
    assert!(params.get("id").is_none(), "{params}");
    assert_eq!(
        params["name"],
        json!({"in": "body", "required": true, "type": "string", "minLength": 1, "example": "doggie"})
    );
    assert_eq!(
        params["age"],
        json!({"in": "body", "type": ["integer", "null"], "minimum": 1})
    );
    assert_eq!(params["any"]["type"].as_array().unwrap().len(), 6);
    assert!(
        params["any"]["items"].is_object(),
        "an array has items: {params}"
    );
}

#[test]
fn of_alternatives_only_what_all_need_is_needed() {
    let one = |name: &str| json!({"type": "object", "required": ["kind", name], "properties": {"kind": {"type": "string"}, name: {"type": "string"}}});
    let (action, lacks) = posting(&json_body(
        &json!({"oneOf": [one("a"), one("b"), {"type": "string"}]}),
    ));
    assert_eq!(action["params"]["kind"]["required"], true);
    assert!(action["params"]["a"].get("required").is_none(), "{action}");
    assert!(action["params"]["b"].is_object(), "{action}");
    assert!(
        lacks[0].contains("something else than an object"),
        "{lacks:?}"
    );
}

#[test]
fn every_kind_of_body_is_written_in_its_way_or_left_out() {
    let content = |kind: &str, schema: Value| json!({"required": true, "content": {kind: {"schema": schema}}});
    let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let (form, _) = posting(&content(
        "application/x-www-form-urlencoded",
        object.clone(),
    ));
    assert_eq!(
        (&form["body"], &form["params"]["a"]["in"]),
        (&json!("form"), &json!("body"))
    );
    let (own, _) = posting(&content("application/vnd.api+json", object.clone()));
    assert_eq!(own["headers"]["content-type"], "application/vnd.api+json");
    let (bytes, _) = posting(&content(
        "application/octet-stream",
        json!({"type": "string"}),
    ));
    assert_eq!(bytes["body"], "bytes");
    let content_base64 = &bytes["params"]["content_base64"];
    assert_eq!(content_base64["encoding"], "base64");
    assert_eq!(content_base64["required"], true);
    let (text, _) = posting(&content("text/csv", json!({"type": "string"})));
    assert_eq!(text["headers"]["content-type"], "text/csv");
    assert_eq!(text["params"]["content"]["in"], "body");
    let (list, lacks) = posting(&content(
        "application/json",
        json!({"type": "array", "items": {}}),
    ));
    assert_eq!(
        (&list["body"], &list["headers"]["content-type"]),
        (&json!("bytes"), &json!("application/json"))
    );
    assert!(lacks[0].contains("as JSON text"), "{lacks:?}");
    let (open, _) = posting(&content("application/json", json!({"type": "object"})));
    assert_eq!(open["passthrough"], "body");
    let paths =
        json!({"/x": {"get": {}, "post": {"requestBody": content("multipart/form-data", object)}}});
    let imported = import(&document(&paths, &json!({}))).unwrap();
    assert!(imported.left_out[0].says[0].contains("multipart/form-data"));
    // of several, the one that can be written best
    let several = json!({"content": {"multipart/form-data": {}, "application/xml": {}, "application/json": {}}});
    assert_eq!(posting(&several).0["passthrough"], "body");
}

#[test]
fn swagger_2_has_its_own_ways() {
    let text = json!({
        "swagger": "2.0", "info": {"title": "Old"}, "host": "old.example.com", "basePath": "/v2",
        "schemes": ["http", "https"], "consumes": ["application/json"], "produces": ["application/json"],
        "parameters": {"limit": {"name": "limit", "in": "query", "type": "integer"}},
        "paths": {
            "/pets": {
                "parameters": [{"$ref": "#/parameters/limit"}],
                "get": {"operationId": "findPets", "parameters": [
                    {"name": "a", "in": "query", "type": "array", "items": {"type": "string"}},
                    {"name": "b", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"},
                ]},
                "post": {"operationId": "addPet", "parameters": [
                    {"name": "pet", "in": "body", "required": true, "schema": {"$ref": "#/definitions/Pet"}}]},
                "put": {"operationId": "updatePet", "consumes": ["application/x-www-form-urlencoded"], "parameters": [
                    {"name": "name", "in": "formData", "type": "string", "required": true}]},
            },
            "/photos": {"post": {"operationId": "uploadPhoto", "parameters": [{"name": "f", "in": "formData", "type": "file"}]}},
        },
        "definitions": {"Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
    })
    .to_string();
    let imported = import(&text).unwrap();
    assert_eq!((imported.actions, imported.operations), (3, 4));
    assert!(imported.left_out[0].operation.contains("/photos"));
    let definition = definition(&text);
    assert_eq!(definition["base_url"], "https://old.example.com/v2");
    let actions = &definition["actions"];
    assert_eq!(actions["pets.find"]["params"]["a"]["style"], "comma");
    assert!(actions["pets.find"]["params"]["b"].get("style").is_none());
    assert_eq!(actions["pets.find"]["params"]["limit"]["type"], "integer");
    assert_eq!(actions["pet.add"]["params"]["name"]["required"], true);
    assert_eq!(actions["pet.update"]["body"], "form");
    assert_eq!(actions["pet.update"]["params"]["name"]["in"], "body");
}

#[test]
fn options_are_of_the_type_that_the_schema_names() {
    for (schema, options) in [
        (
            json!({"type": "string", "enum": [1, 2.5, true, "a"]}),
            json!(["1", "2.5", "true", "a"]),
        ),
        (
            json!({"type": "integer", "enum": [1, "2", "three"]}),
            json!([1]),
        ),
        (
            json!({"type": ["string", "null"], "enum": ["a", null]}),
            json!(["a", null]),
        ),
        (json!({"type": "boolean", "enum": ["yes"]}), Value::Null),
        (json!({"enum": [1, "a"]}), json!([1, "a"])),
    ] {
        let body = json!({"type": "object", "properties": {"a": schema}});
        let (action, _) = posting(&json_body(&body));
        assert_eq!(action["params"]["a"]["enum"], options, "{schema}");
    }
}

#[test]
fn an_example_is_taken_where_it_fits() {
    for (schema, example) in [
        (json!({"type": "string", "example": "x"}), json!("x")),
        (json!({"type": "integer", "default": 7}), json!(7)),
        (json!({"type": "integer", "example": "7"}), Value::Null),
        (
            json!({"type": "integer", "minimum": 10, "example": 7}),
            Value::Null,
        ),
        (
            json!({"type": "string", "enum": ["a"], "example": "b"}),
            Value::Null,
        ),
        (
            json!({"type": "string", "examples": ["y", "z"]}),
            json!("y"),
        ),
        (
            json!({"type": "string", "example": "x".repeat(500)}),
            Value::Null,
        ),
    ] {
        let param = json!({"name": "p", "in": "query", "required": true, "schema": schema});
        let (written, _) = params("/x", &json!([param]));
        assert_eq!(written["p"]["example"], example, "{schema}");
    }
}
