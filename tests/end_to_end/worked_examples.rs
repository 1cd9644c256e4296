//! The examples of docs/services.md, each saved as a service of one's own and
//! called: what is written there works.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axis_tests::{Home, Host, Recorded, Reply, Upstream, wait_for};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// A private key that was made for tests.
const KEY: &str = include_str!("../../daemon/src/auth/tests/rsa-pkcs8.pem");

const ALLOW_ALL: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// The YAML blocks of the tutorial, by the service that each defines.
fn examples() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/services.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, tutorial) = text
        .split_once("\n## Write a service in five minutes\n")
        .unwrap();
    let tutorial = tutorial.split("\n## ").next().unwrap();
    tutorial
        .split("```yaml\n")
        .skip(1)
        .map(|block| {
            let yaml = block.split("```").next().unwrap().to_owned();
            let name = yaml
                .lines()
                .next()
                .unwrap()
                .strip_prefix("service: ")
                .unwrap();
            (name.to_owned(), yaml.clone())
        })
        .collect()
}

/// The upstream of all of them, which also gives out tokens.
fn upstream() -> Upstream {
    Upstream::answering(|request| match request.path.as_str() {
        "/oauth/token" => Reply::json(
            200,
            &json!({"access_token": "token-0123456789", "expires_in": 3600, "token_type": "Bearer"}),
        ),
        path if path.ends_with("/access_tokens") => Reply::json(
            201,
            &json!({"token": "ghs_0123456789", "expires_at": "2099-01-01T00:00:00Z"}),
        ),
        _ => Reply::json(200, &json!({"ok": true})),
    })
}

/// A service, its credential, and whether a request is the one it should be.
type Example = (&'static str, String, fn(&Recorded) -> bool);

/// What each example's credential is, and how it must arrive.
fn expected() -> Vec<Example> {
    let bearer = |secret: &str| secret.to_owned();
    vec![
        ("tickets", bearer("secret-0123456789"), |it| {
            it.headers["authorization"] == "Bearer secret-0123456789"
                && it.path == "/api/tickets?state=open"
        }),
        ("weather", bearer("secret-0123456789"), |it| {
            it.headers["x-api-key"] == "secret-0123456789"
        }),
        ("ledger", bearer("me:secret-0123456789"), |it| {
            let basic = BASE64_STANDARD.encode("me:secret-0123456789");
            it.headers["authorization"] == format!("Basic {basic}") && *it.body == *b"amount=1200"
        }),
        ("maps", bearer("secret-0123456789"), |it| {
            it.path.contains("q=Town") && it.path.contains("key=secret-0123456789")
        }),
        ("archive", bearer("AKIA0123456789EXAMPLE:secret-0123456789"), |it| {
            let signature = &it.headers["authorization"];
            signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIA0123456789EXAMPLE/")
                && signature.contains("/eu-west-1/s3/aws4_request")
                && it.path == "/letters/2026/jan.txt"
        }),
        ("drive", bearer("ya29.secret-0123456789"), |it| {
            it.headers["authorization"] == "Bearer ya29.secret-0123456789"
        }),
        (
            "crm",
            json!({"client_id": "c", "client_secret": "secret-0123456789"}).to_string(),
            |it| it.headers["authorization"] == "Bearer token-0123456789",
        ),
        (
            "calendar",
            json!({"client_id": "c", "client_secret": "secret-0123456789", "refresh_token": "refresh-0123456789"}).to_string(),
            |it| it.headers["authorization"] == "Bearer token-0123456789",
        ),
        (
            "builds",
            json!({"app_id": 7, "installation_id": 42, "private_key": KEY}).to_string(),
            |it| it.headers["authorization"] == "Bearer ghs_0123456789",
        ),
    ]
}

#[test]
fn every_example_of_the_manual_works_as_it_stands() {
    let upstream = upstream();
    let home = Home::ready();
    home.policy(ALLOW_ALL);
    let examples = examples();
    let directory = home.axis(&["services", "path"]).ok().stdout;
    let directory = Path::new(directory.trim());
    for (name, yaml) in &examples {
        // only where the service is differs: on this machine
        let yaml = yaml.replace(&format!("https://{name}.example"), &upstream.url());
        fs::write(directory.join(format!("{name}.yaml")), yaml).unwrap();
    }
    wait_for("all of them to be in force", || {
        let listed = home.axis_without_password(&["services", "--json"]);
        let listed = listed.json().to_string();
        let is_there = |name: &String| listed.contains(&format!("\"service\":\"{name}\""));
        examples.keys().all(is_there).then_some(())
    });
    let mut host = Host::connect(&home, "local-dev");
    let expected = expected();
    for (name, secret, arrives) in &expected {
        let text = &examples[*name];
        home.axis_fed(&["add", name, "--stdin", "--yes", "--no-check"], secret)
            .ok();
        let (_, actions) = text.split_once("actions:\n  ").unwrap();
        let action = actions.split(':').next().unwrap();
        let described = host.request(
            "tools/call",
            &json!({"name": "list_actions", "arguments": {"service": name, "action": action}}),
        );
        let example: Value = described["result"]["structuredContent"]["example"].clone();
        let answer = host.execute(name, action, &example);
        assert_eq!(answer["ok"], true, "{name}: {answer}");
        let request = upstream.requests().pop().unwrap();
        assert!(arrives(&request), "{name}: {request:#?}");
    }
    let tried: Vec<&str> = expected.iter().map(|(name, ..)| *name).collect();
    for name in examples.keys() {
        assert!(
            tried.contains(&name.as_str()),
            "no test calls the example {name}"
        );
    }
}
