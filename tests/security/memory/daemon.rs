//! axisd: unlocked, at work, and locked again.

use std::collections::BTreeMap;
use std::fs;

use axis_tests::{Home, Host, PASSWORD, Reply, TlsUpstream, Upstream, canary, wait_for};
use axum::Router;
use axum::routing::any;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::keys::wanted_keys;
use super::scan::{Found, Wanted};
use super::{may_look, outside};

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// Services that take their credential in every way; what goes to `old` and
/// `new` goes over TLS.
pub(crate) const SERVICES: [(&str, &str); 5] = [
    ("desk", "basic"),
    ("maps", "{ scheme: query, name: key }"),
    ("mail", "OAUTH2"),
    ("old", "{ scheme: header, name: x-api-key }"),
    ("new", "bearer"),
];

/// A home with credentials of every kind, and the upstreams that take them.
pub(crate) struct Stage {
    pub(crate) home: Home,
    /// All that is secret: the password, the token and the credentials.
    pub(crate) secrets: Vec<String>,
    wanted: Wanted,
    _plain: Upstream,
    _old: TlsUpstream,
    _new: TlsUpstream,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let token = canary("access");
        let answered = token.clone();
        let plain = Upstream::answering(move |request| match request.path.as_str() {
            "/token" => Reply::json(
                200,
                &json!({"access_token": answered, "token_type": "Bearer", "expires_in": 3600}),
            ),
            _ => Reply::json(200, &json!({"fine": true})),
        });
        let router = || Router::new().fallback(any(|| async { axum::Json(json!({})) }));
        let old = TlsUpstream::start(router(), false);
        let new = TlsUpstream::start(router(), true);
        let home = Home::empty();
        fs::create_dir(home.file("services")).unwrap();
        for (service, auth) in SERVICES {
            let url = match service {
                "old" => old.url(),
                "new" => new.url(),
                _ => plain.url(),
            };
            let auth = auth.replace(
                "OAUTH2",
                &format!(
                    "{{ scheme: oauth2, grant: client_credentials, token_url: {url}/token, client_auth: body }}"
                ),
            );
            let text = format!(
                "service: {service}\ntitle: {service}\nbase_url: {url}\nauth: {auth}\nactions:\n  me.get: {{ effect: read, method: GET, path: /me }}\n"
            );
            fs::write(home.file(&format!("services/{service}.yaml")), text).unwrap();
        }
        fs::write(home.file("company.pem"), [old.pem(), new.pem()].concat()).unwrap();
        let company = home.file("company.pem");
        let settings = format!("upstream: {{ ca_file: {} }}\n", company.display());
        fs::write(home.file("daemon.yaml"), settings).unwrap();
        home.axis(&["init"]).ok();
        home.policy(ALLOW);
        let mut wanted = Wanted::none()
            .text("the password", PASSWORD)
            .text("the access token", &token);
        let github = canary("github");
        let mut secrets = vec![github.clone(), PASSWORD.to_owned(), token.clone()];
        home.add("github", &github, &plain.url());
        wanted = wanted.text("github", &github);
        for (service, _) in SERVICES {
            let key = canary(service);
            wanted = wanted.text(service, &key);
            secrets.push(key.clone());
            let secret = match service {
                "desk" => {
                    let pair = format!("user:{key}");
                    let header = BASE64_STANDARD.encode(&pair);
                    wanted = wanted.text("desk's header", &header);
                    secrets.push(header);
                    pair
                }
                "mail" => json!({"client_id": "c", "client_secret": key}).to_string(),
                _ => key,
            };
            let add = ["add", service, "--stdin", "--yes", "--no-check"];
            home.axis_fed(&add, &secret).ok();
        }
        home.axis(&["policy", "seal", "--yes"]).ok();
        Self {
            home,
            secrets,
            wanted,
            _plain: plain,
            _old: old,
            _new: new,
        }
    }

    /// Calls every service so often.
    pub(crate) fn call(host: &mut Host, times: usize) {
        let repo = json!({"owner": "a", "repo": "b"});
        for _ in 0..times {
            let answer = host.execute("github", "repos.get", &repo);
            assert_eq!(answer["ok"], true, "{answer}");
            for (service, _) in SERVICES {
                let answer = host.execute(service, "me.get", &json!({}));
                assert_eq!(answer["ok"], true, "{service}: {answer}");
            }
        }
    }
}

/// How many copies there are of each secret.
fn counted(found: &[Found]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for it in found {
        *counts.entry(it.secret.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn copies_outside_locked_pages_dont_grow_with_calls_and_a_lock_leaves_none_of_anything() {
    if !may_look() {
        return;
    }
    let stage = Stage::set();
    let home = &stage.home;
    let axisd = home.pid().unwrap();
    // init, add and seal have each sent the password, and most of them a secret
    let idle = stage.wanted.found_in(axisd);
    let (locked, loose): (Vec<_>, Vec<_>) = idle.into_iter().partition(|it| it.is_locked);
    for (service, _) in SERVICES {
        let is_there = locked.iter().any(|it| it.secret == service);
        assert!(is_there, "the scan sees what is there: {locked:#?}");
    }
    assert!(loose.is_empty(), "before the first call: {loose:#?}");

    let mut host = Host::connect(home, "local-dev");
    Stage::call(&mut host, 2);
    let few = outside(stage.wanted.found_in(axisd));
    Stage::call(&mut host, 165);
    let wanted = wanted_keys(stage.wanted, home, PASSWORD);
    let many = outside(wanted.found_in(axisd));
    // what was sent last over each connection: one to every upstream
    assert!(
        many.len() <= few.len() && many.len() <= 4,
        "after 12 calls: {few:#?}, after 1000: {many:#?}"
    );
    for (secret, copies) in counted(&many) {
        assert!(copies <= 1, "{copies} copies of {secret}: {many:#?}");
    }
    let in_shim = wanted.found_in(host.pid());
    assert!(in_shim.is_empty(), "in the shim: {in_shim:#?}");

    home.axis(&["lock"]).ok();
    wait_for("idle connections to be closed", || {
        let left = wanted.found_in(axisd);
        left.is_empty().then_some(())
    });
}
