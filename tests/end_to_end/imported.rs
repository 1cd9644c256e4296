//! `axis services import` with the real binaries: from a document to a call.

use std::fs;

use axis_tests::{Home, Host, Reply, Upstream, wait_for};
use serde_json::{Value, json};

const ALLOW_ALL: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// A small document in which much is odd.
fn document() -> Value {
    let reserved = [
        "Accept-Encoding",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Cookie",
        "Expect",
        "Forwarded",
        "Host",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Set-Cookie",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-For",
        "Authorization",
        "Accept",
        "Content-Type",
    ];
    let headers: Vec<Value> = reserved
        .iter()
        .map(|name| json!({"name": name, "in": "header", "schema": {"type": "string"}}))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Pet Shop", "version": "1"},
        "servers": [{"url": "/api"}],
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Pet": {"type": "object", "required": ["name"], "properties": {
                "id": {"type": "integer", "readOnly": true},
                "name": {"type": "string"},
                "parent": {"$ref": "#/components/schemas/Pet"},
            }}},
        },
        "paths": {
            "/pets/": {
                "get": {"operationId": "listPets", "parameters": [
                    {"name": "tags[]", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}]},
                "post": {"operationId": "createPet", "requestBody": {"required": true, "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}},
            },
            "/pets/{petId}": {
                "parameters": [{"name": "petId", "in": "path", "required": true, "schema": {"type": "integer"}}],
                "get": {"operationId": "getPetById"},
                "put": {"operationId": "renamePet", "requestBody": {"content": {
                    "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}}}}},
                "head": {"operationId": "checkPet"},
            },
            "/pets/{from}...{to}": {"get": {"operationId": "comparePets"}},
            "/odd": {"get": {"operationId": "getOdd", "parameters": headers}},
        },
    })
}

#[test]
fn a_document_becomes_a_service_and_three_of_its_operations_are_called() {
    let text = document().to_string();
    let upstream = Upstream::answering(move |request| {
        if request.path == "/docs/openapi.json" {
            return Reply {
                body: text.clone().into_bytes(),
                ..Reply::json(200, &json!({}))
            };
        }
        Reply::json(200, &json!({"path": request.path}))
    });
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    let url = format!("{}/docs/openapi.json", upstream.url());

    let tried = home.axis(&["services", "import", &url, "--dry-run"]).ok();
    assert!(tried.stdout.starts_with("service: pet-shop\n"), "{tried:?}");
    assert!(
        !home.file("services/pet-shop.yaml").exists(),
        "nothing is written"
    );
    let imported = home.axis(&["services", "import", &url]).ok();
    for said in [
        "GET /pets/{from}...{to} (comparePets): its path has two params",
        "In part:",
        "\"X-Forwarded-For\" can't be a param",
        "pet-shop: 6 of 7 operations became actions; left out: 1, in part: 1.",
    ] {
        assert!(
            imported.stdout.contains(said),
            "{said}: {}",
            imported.stdout
        );
    }
    assert!(
        upstream
            .requests()
            .iter()
            .all(|request| !request.headers.contains_key("authorization")),
        "nothing is sent with a request for a document"
    );
    wait_for("it to be in force", || {
        let shown = home.axis_without_password(&["services", "show", "pet-shop"]);
        shown.status.success().then_some(())
    });
    home.axis_fed(
        &["add", "pet-shop", "--stdin", "--yes", "--no-check"],
        "secret-0123456789",
    )
    .ok();
    let mut host = Host::connect(&home, "local-dev");
    for (action, params, request, body) in [
        (
            "pets.list",
            json!({"tags": ["a", "b c"]}),
            "GET /api/pets/?tags%5B%5D=a&tags%5B%5D=b%20c",
            "",
        ),
        (
            "pet.create",
            json!({"name": "Rex", "parent": {"name": "Max"}}),
            "POST /api/pets/",
            r#"{"name":"Rex","parent":{"name":"Max"}}"#,
        ),
        ("pet.getById", json!({"petId": 7}), "GET /api/pets/7", ""),
        (
            "pet.rename",
            json!({"petId": 7, "name": "Rex & Co"}),
            "PUT /api/pets/7",
            "name=Rex+%26+Co",
        ),
    ] {
        let answer = host.execute("pet-shop", action, &params);
        assert_eq!(answer["ok"], true, "{action}: {answer}");
        let last = upstream.requests().pop().unwrap();
        assert_eq!(
            format!("{} {}", last.method, last.path),
            request,
            "{action}"
        );
        let sent = String::from_utf8(last.body.to_vec()).unwrap();
        assert_eq!(sent.replace("%20", "+"), body, "{action}");
        assert_eq!(last.headers["authorization"], "Bearer secret-0123456789");
    }
    let answer = host.execute("pet-shop", "pet.create", &json!({"parent": {}}));
    assert_eq!(
        answer["error"]["code"], "invalid_params",
        "name is required: {answer}"
    );
}

#[test]
fn nothing_that_is_there_is_lost_and_no_built_in_name_is_taken() {
    let home = Home::ready();
    let file = home.file("shop.json");
    fs::write(&file, document().to_string()).unwrap();
    let file = file.to_str().unwrap();
    let import = |more: &[&str]| {
        let base = [
            "services",
            "import",
            file,
            "--base-url",
            "https://shop.example",
        ];
        home.axis_without_password(&[&base[..], more].concat())
    };
    import(&[]).ok();
    let path = home.file("services/pet-shop.yaml");
    fs::write(&path, "# mine\n").unwrap();
    let refused = import(&[]);
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    import(&["--force"]).ok();
    assert!(fs::read_to_string(&path).unwrap().contains("pets.list"));

    let taken = import(&["--name", "github"]);
    assert_eq!(taken.code(), 1);
    assert!(taken.stderr.contains("built in"), "{taken:?}");
    assert!(!home.file("services/github.yaml").exists());

    let only = import(&["--name", "few", "--only", "pets.*"]).ok();
    assert!(only.stdout.contains("1 of 1 operations"), "{only:?}");
    let without_server = home.axis_without_password(&["services", "import", file, "--name", "x"]);
    assert!(
        without_server.stderr.contains("--base-url"),
        "{without_server:?}"
    );
    let insecure = home.axis_without_password(&["services", "import", "http://api.example.com/x"]);
    assert_eq!(insecure.code(), 2, "{insecure:?}");
    fs::write(home.file("latin.json"), b"{\"openapi\": \"3.0.0\xff\"}").unwrap();
    let latin = home.file("latin.json");
    let latin = home.axis_without_password(&["services", "import", latin.to_str().unwrap()]);
    assert!(latin.stderr.contains("UTF-8"), "{latin:?}");
}
