//! Where the service is, what key it wants, how it answers.

use url::Url;

use super::*;

fn with(beside: &Value) -> String {
    document(&json!({"/x": {"get": {"operationId": "getX"}}}), beside)
}

#[test]
fn the_base_url_is_the_first_server_filled_in() {
    let origin = Url::parse("https://docs.example.com/v3/openapi.json").unwrap();
    for (servers, base_url) in [
        (
            json!([{"url": "https://a.example/v1/"}, {"url": "https://b.example"}]),
            Ok("https://a.example/v1"),
        ),
        (
            json!([{"url": "https://{region}.a.example", "variables": {"region": {"default": "eu"}}}]),
            Ok("https://eu.a.example"),
        ),
        (json!([{"url": "/api"}]), Ok("https://docs.example.com/api")),
        (json!([]), Ok("https://docs.example.com")),
        (
            json!([{"url": "http://localhost:8080/"}]),
            Ok("http://localhost:8080"),
        ),
        (json!([{"url": "http://a.example"}]), Err("isn't https")),
        (
            json!([{"url": "https://*.a.example"}]),
            Err("a host that is none"),
        ),
        (
            json!([{"url": "http://a.example"}, {"url": "https://a.example"}, {"url": "https://b.example"}]),
            Ok("https://a.example"),
        ),
        (
            json!([{"url": "https://{x}.a.example"}]),
            Err("without a default"),
        ),
        (
            json!([{"url": "https://me:hunter2@a.example"}]),
            Err("a password"),
        ),
        (json!([{"url": "javascript:alert(1)"}]), Err("isn't https")),
        (json!([{"url": "https://"}]), Err("no URL")),
    ] {
        let wishes = Wishes {
            origin: Some(&origin),
            ..Wishes::default()
        };
        let text = with(&json!({ "servers": servers }));
        match (convert(&text, &wishes), base_url) {
            (Ok(imported), Ok(base_url)) => {
                let line = imported
                    .yaml
                    .lines()
                    .find(|line| line.starts_with("base_url"));
                assert!(
                    line.unwrap().contains(&format!("\"{base_url}\"")),
                    "{line:?}"
                );
            }
            (Err(error), Err(says)) => {
                let error = error.to_string();
                assert!(
                    error.contains(says) && error.contains("--base-url"),
                    "{error}"
                );
                assert!(!error.contains("hunter2"), "{error}");
            }
            (found, expected) => panic!("{servers}: {found:?}, not {expected:?}"),
        }
    }
    let servers = json!([{"url": "http://a.example"}, {"url": "https://a.example/?v=1"}]);
    let remarks = import(&with(&json!({ "servers": servers })))
        .unwrap()
        .remarks;
    let remarks = remarks.join("; ");
    for part in [
        "https://a.example/?v=1 is the first that a key may go to",
        "the query in the server's URL is left out",
    ] {
        assert!(remarks.contains(part), "{remarks}");
    }
    let text = with(&json!({"servers": [{"url": "//a.example/v1"}]}));
    assert_eq!(definition(&text)["base_url"], "https://a.example/v1");
    // without a URL to belong to
    let error = import(&with(&json!({"servers": [{"url": "/api"}]}))).unwrap_err();
    assert!(error.to_string().contains("--base-url"), "{error}");
}

#[test]
fn an_operation_on_another_server_is_left_out() {
    let text = document(
        &json!({
            "/a": {"get": {"operationId": "getA", "servers": [{"url": "https://uploads.example.com"}]}},
            "/b": {"get": {"operationId": "getB", "servers": [{"url": "https://api.example.com/beta"}]}},
            "/d": {"get": {"operationId": "getD", "servers": [{"url": "https://api.example.com/?v=2"}]}},
            "/c": {"get": {"operationId": "getC"}},
        }),
        &json!({}),
    );
    let imported = import(&text).unwrap();
    assert_eq!(imported.actions, 2);
    assert!(imported.left_out[0].says[0].contains("uploads.example.com"));
    assert!(imported.left_out[1].says[0].contains("has a query"));
    assert_eq!(definition(&text)["actions"]["b.get"]["path"], "/beta/b");
    // where only operations say where they are, it is where most of them are
    let text = document(
        &json!({
            "/a": {"servers": [{"url": "https://one.example"}], "get": {}},
            "/b": {"servers": [{"url": "https://two.example"}], "get": {}},
            "/c": {"servers": [{"url": "https://two.example"}], "get": {}},
        }),
        &json!({"servers": []}),
    );
    assert_eq!(definition(&text)["base_url"], "https://two.example");
}

#[test]
fn every_scheme_finds_its_word_or_is_named() {
    let flow = |url: &str| json!({"clientCredentials": {"tokenUrl": url, "scopes": {"read": "r"}}});
    for (scheme, auth) in [
        (json!({"type": "http", "scheme": "Bearer"}), json!("bearer")),
        (json!({"type": "http", "scheme": "basic"}), json!("basic")),
        (
            json!({"type": "apiKey", "in": "header", "name": "X-Key"}),
            json!({"scheme": "header", "name": "X-Key"}),
        ),
        (
            json!({"type": "apiKey", "in": "query", "name": "key"}),
            json!({"scheme": "query", "name": "key"}),
        ),
        (json!({"type": "openIdConnect"}), json!("bearer")),
        (
            json!({"type": "oauth2", "flows": {"authorizationCode": {}}}),
            json!("bearer"),
        ),
        (
            json!({"type": "oauth2", "flows": flow("https://a.example/token")}),
            json!({"scheme": "oauth2", "grant": "client_credentials", "token_url": "https://a.example/token", "scopes": ["read"]}),
        ),
        (
            json!({"type": "oauth2", "flows": flow("http://a.example/token")}),
            json!("bearer"),
        ),
    ] {
        let text = with(
            &json!({"components": {"securitySchemes": {"it": scheme}}, "security": [{"it": []}]}),
        );
        assert_eq!(definition(&text)["auth"], auth, "{scheme}");
    }
    for scheme in [
        json!({"type": "apiKey", "in": "cookie", "name": "sid"}),
        json!({"type": "apiKey", "in": "header", "name": "/-key"}),
        json!({"type": "apiKey", "in": "header", "name": "Content-Length"}),
        json!({"type": "http", "scheme": "digest"}),
    ] {
        let text = with(&json!({"components": {"securitySchemes": {"odd one": scheme}}}));
        let remarks = import(&text).unwrap().remarks.join("; ");
        assert!(
            remarks.contains("odd one") && remarks.contains("auth is bearer"),
            "{remarks}"
        );
    }
}

#[test]
fn a_key_that_only_signs_is_not_written_as_one_that_is_sent() {
    let scheme = json!({"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"});
    let text = with(
        &json!({"components": {"securitySchemes": {"hmac": scheme}}, "security": [{"hmac": []}]}),
    );
    assert_eq!(definition(&text)["auth"], "bearer");
    let remarks = import(&text).unwrap().remarks.join("; ");
    assert!(
        remarks.contains("hmac signs requests as AWS does: write auth: { scheme: aws_sigv4"),
        "{remarks}"
    );
}

#[test]
fn what_is_asked_for_is_in_the_form_that_axisd_reads() {
    let flow = json!({"clientCredentials": {"tokenUrl": "https://a.example/token", "scopes": {}}});
    let text = with(
        &json!({"components": {"securitySchemes": {"it": {"type": "oauth2", "flows": flow}}}}),
    );
    assert_eq!(
        definition(&text)["credential"]["prompt"],
        "OAuth client, as JSON with client_id and client_secret"
    );
}

#[test]
fn an_operation_that_wants_another_key_says_so() {
    let text = document(
        &json!({
            "/a": {"get": {"operationId": "getA"}},
            "/b": {"get": {"operationId": "getB", "security": [{"admin": [], "user": []}]}},
            "/c": {"get": {"operationId": "getC", "security": []}},
            "/d": {"get": {"operationId": "getD", "security": [{"admin": []}, {"user": []}],
                "parameters": [{"name": "X-User", "in": "header", "required": true}]}},
        }),
        &json!({
            "security": [{"user": []}],
            "components": {"securitySchemes": {
                "admin": {"type": "apiKey", "in": "header", "name": "X-Admin"},
                "user": {"type": "apiKey", "in": "header", "name": "X-User"},
            }},
        }),
    );
    let imported = import(&text).unwrap();
    let notes: Vec<&str> = imported
        .in_part
        .iter()
        .map(|note| note.operation.as_str())
        .collect();
    assert_eq!(notes, ["GET /b (b.get)"], "{:?}", imported.in_part);
    assert!(imported.in_part[0].says[0].contains("admin and user"));
    let definition = definition(&text);
    assert_eq!(definition["auth"]["name"], "X-User");
    assert!(
        definition["actions"]["d.get"].get("params").is_none(),
        "the key is no param"
    );
}

#[test]
fn an_answer_that_is_not_json_is_named() {
    for (content, response, accept) in [
        (json!({"application/json": {}}), Value::Null, Value::Null),
        (json!({}), Value::Null, Value::Null),
        (
            json!({"text/plain": {}, "application/json; charset=utf-8": {}}),
            Value::Null,
            Value::Null,
        ),
        (
            json!({"application/hal+json": {}}),
            Value::Null,
            json!("application/hal+json"),
        ),
        (json!({"text/csv": {}}), json!("text"), Value::Null),
        (json!({"application/xml": {}}), json!("xml"), Value::Null),
        (json!({"application/pdf": {}}), json!("bytes"), Value::Null),
    ] {
        let operation = json!({"responses": {"200": {"content": content}, "404": {"content": {"text/html": {}}}}});
        let (action, _) = action("get", "/x", &operation, &json!({}));
        assert_eq!(action["response"], response, "{content}");
        assert_eq!(action["headers"]["accept"], accept, "{content}");
    }
}

#[test]
fn the_method_says_the_effect_and_some_can_not_be() {
    let text = document(
        &json!({"/x": {"get": {}, "post": {}, "put": {}, "patch": {}, "delete": {}, "head": {}, "options": {}, "trace": {}}}),
        &json!({}),
    );
    let imported = import(&text).unwrap();
    let effects: Vec<String> = definition(&text)["actions"]
        .as_object()
        .unwrap()
        .values()
        .map(|action| format!("{} {}", action["method"], action["effect"]).replace('"', ""))
        .collect();
    assert_eq!(
        effects,
        [
            "GET read",
            "POST write",
            "PUT write",
            "PATCH write",
            "DELETE delete",
            "HEAD read"
        ]
    );
    let left_out: Vec<&str> = imported
        .left_out
        .iter()
        .map(|note| note.says[0].as_str())
        .collect();
    assert_eq!(left_out.len(), 2);
    assert!(left_out[0].contains("OPTIONS"), "{left_out:?}");
}

#[test]
fn yaml_means_the_same_as_json() {
    let yaml = "openapi: 3.1.0\ninfo: {title: Norwegian, version: 1.0}\nservers: [{url: 'https://no.example'}]\npaths:\n  /x:\n    get:\n      parameters:\n        - {name: no, in: query, schema: {type: [string, 'null'], enum: [no, yes, 0755]}}\n      responses:\n        200: {description: ok}\n";
    let definition = definition(yaml);
    let param = &definition["actions"]["x.list"]["params"]["no"];
    assert_eq!(param["enum"][0], "no");
    assert_eq!(param["type"], json!(["string", "null"]));
}

#[test]
fn what_is_no_document_is_refused_with_words() {
    for (text, says) in [
        ("", "no OpenAPI"),
        ("[]", "isn't an object"),
        ("{}", "no field openapi"),
        ("hello", "isn't an object"),
        ("{\"openapi\": \"4.0.0\"}", "openapi: 4.0.0"),
        ("{\"swagger\": \"1.2\"}", "swagger: 1.2"),
        ("swagger: 1.2", "swagger: 1.2"),
        ("{\"openapi\": ", "neither JSON nor YAML"),
        ("a: b: c", "neither JSON nor YAML"),
        (
            "{\"openapi\": \"3.0.0\", \"servers\": [{\"url\": \"https://a.example\"}]}",
            "no operations",
        ),
        (
            "\u{feff}{\"openapi\": \"3.0.0\", \"paths\": 7, \"servers\": [{\"url\": \"https://a.example\"}]}",
            "no operations",
        ),
    ] {
        let error = import(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text:?}: {error}");
    }
}
