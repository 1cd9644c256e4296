//! Token endpoints of services of one's own, whose files the agent can edit,
//! and credentials that the owner replaces while a token is fetched.

use std::fs;
use std::sync::{Arc, Mutex};

use axis_tests::{Home, Host, Reply, Upstream, wait_for};
use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::Semaphore;

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: acme, actions: ['*']}\n";

const CLIENT: &str = r#"{"client_id": "c", "client_secret": "client-CANARY-0123456789", "refresh_token": "refresh-CANARY-0123456789"}"#;

/// `acme` at `base_url`, with `auth` and, in its title, a word to know it by.
fn acme(base_url: &str, auth: &str, word: &str) -> String {
    format!(
        "service: acme\ntitle: Acme {word}\nbase_url: {base_url}\nauth: {auth}\nactions:\n  me.get: {{ effect: read, method: GET, path: /me }}\n"
    )
}

fn oauth2(token_url: &str) -> String {
    format!(
        "{{ scheme: oauth2, grant: refresh_token, token_url: {token_url}/token, client_auth: body }}"
    )
}

/// Writes the file and waits until it is in force.
fn save(home: &Home, text: &str) {
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(home.file("services/acme.yaml"), text).unwrap();
    let title = text.lines().nth(1).unwrap().replace("title: ", "");
    wait_for("acme.yaml to be in force", || {
        let listed = home.axis(&["services", "list", "--json"]).json();
        let services = listed.as_array()?;
        services
            .iter()
            .any(|service| service["title"] == title.as_str())
            .then_some(())
    });
}

fn host_of(url: &str) -> String {
    url.replace("http://", "")
}

#[test]
fn where_tokens_come_from_has_to_be_confirmed_also_with_a_base_url() {
    let home = Home::ready();
    let base = "http://127.0.0.1:9";
    let auth = oauth2("https://login.acme.example");
    save(&home, &acme("https://api.acme.example", &auth, "one"));
    let add = ["add", "acme", "--stdin", "--no-check", "--base-url", base];
    let refused = home.axis_fed(&add, CLIENT);
    assert_eq!(refused.code(), 2, "{refused:?}");
    for word in ["login.acme.example", "no terminal", "--yes"] {
        assert!(refused.stderr.contains(word), "{word}: {refused:?}");
    }
    assert!(!refused.stderr.contains("api.acme.example"), "{refused:?}");
    let list = home.axis_without_password(&["list", "--json"]).json();
    assert_eq!(list["credentials"], json!([]), "nothing was stored");

    let added = home.axis_fed(&[&add[..], &["--yes"]].concat(), CLIENT).ok();
    let hosts = "only ever sent to  127.0.0.1:9, login.acme.example";
    assert!(added.stdout.contains(hosts), "{added:?}");
}

#[test]
fn no_edit_of_its_file_sends_a_client_or_its_tokens_elsewhere() {
    let answer = |_: &_| Reply::json(200, &json!({"access_token": "access-CANARY-0123456789"}));
    let (api, login, other) = (
        Upstream::answering(answer),
        Upstream::answering(answer),
        Upstream::answering(answer),
    );
    let home = Home::ready();
    home.policy(ALLOW);
    save(&home, &acme(&api.url(), &oauth2(&login.url()), "first"));
    home.axis_fed(&["add", "acme", "--stdin", "--yes", "--no-check"], CLIENT)
        .ok();
    let mut host = Host::connect(&home, "local-dev");
    let called = host.execute("acme", "me.get", &json!({}));
    assert_eq!(called["ok"], true, "{called}");

    let basic = format!(
        "{{ scheme: oauth2, grant: client_credentials, token_url: {}/token }}",
        other.url()
    );
    for (at, (base_url, auth)) in [
        (api.url(), oauth2(&other.url())),
        (api.url(), basic),
        (other.url(), oauth2(&login.url())),
        (other.url(), "bearer".into()),
        (other.url(), "{ scheme: query, name: key }".into()),
        (
            other.url(),
            "{ scheme: google_service_account, scopes: [a] }".into(),
        ),
        (other.url(), "github_app".into()),
    ]
    .into_iter()
    .enumerate()
    {
        save(&home, &acme(&base_url, &auth, &format!("edit {at}")));
        let called = host.execute("acme", "me.get", &json!({}));
        assert_eq!(called["ok"], false, "{auth}: {called}");
        let said = called["error"]["message"].as_str().unwrap();
        assert!(said.contains(&host_of(&login.url())), "{said}");
    }
    assert!(other.requests().is_empty(), "{:?}", other.requests());
}

#[test]
fn whatever_scheme_an_edited_file_names_no_part_of_the_secret_is_shown() {
    // as a server does that takes the last of several addresses for the client's
    let upstream = Upstream::answering(|request| {
        let value = request.headers.get("x-forwarded-for");
        let last = value.and_then(|value| value.rsplit(',').next());
        Reply::json(200, &json!({"your address": last}))
    });
    let home = Home::ready();
    home.policy(ALLOW);
    let url = upstream.url();
    save(&home, &acme(&url, &oauth2(&url), "first"));
    home.axis_fed(&["add", "acme", "--stdin", "--yes", "--no-check"], CLIENT)
        .ok();
    let auth = "{ scheme: header, name: x-forwarded-for }";
    save(&home, &acme(&url, auth, "edited"));
    let mut host = Host::connect(&home, "local-dev");
    let called = host.execute("acme", "me.get", &json!({}));
    let shown = called["result"]["your address"].as_str().unwrap();
    assert_eq!(shown, r#" "refresh_token": "[redacted by axis]"}"#);
}

/// What a token endpoint was asked with, and what it keeps its answers back with.
#[derive(Clone)]
struct Login {
    /// The refresh tokens.
    asked: Arc<Mutex<Vec<String>>>,
    gate: Arc<Semaphore>,
}

impl Login {
    fn upstream(&self) -> Upstream {
        let login = self.clone();
        let token = async move |form: Bytes| {
            let mut fields = url::form_urlencoded::parse(&form);
            let used = fields.find(|(name, _)| name == "refresh_token").unwrap().1;
            let first = {
                let mut asked = login.asked.lock().unwrap();
                asked.push(used.into_owned());
                asked.len() == 1
            };
            if first {
                login.gate.acquire().await.unwrap().forget();
                let new = "refresh-CANARY-that-came-too-late";
                return json!({"access_token": "access-CANARY-old", "refresh_token": new})
                    .to_string();
            }
            json!({"access_token": "access-CANARY-new"}).to_string()
        };
        let me = async |headers: HeaderMap| {
            let bearer = headers["authorization"].to_str().unwrap();
            let is_new = bearer == "Bearer access-CANARY-new";
            let kind = [("content-type", "application/json")];
            (kind, json!({"is new": is_new}).to_string())
        };
        let router = Router::new();
        Upstream::routed(router.route("/token", post(token)).route("/me", get(me)))
    }

    fn refresh_tokens(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[test]
fn a_token_that_comes_after_the_owner_replaced_its_credential_replaces_nothing() {
    let login = Login {
        asked: Arc::default(),
        gate: Arc::new(Semaphore::new(0)),
    };
    let upstream = login.upstream();
    let home = Home::ready();
    home.policy(ALLOW);
    let url = upstream.url();
    save(&home, &acme(&url, &oauth2(&url), "first"));
    let add = ["add", "acme", "--stdin", "--yes", "--no-check"];
    home.axis_fed(&add, CLIENT).ok();
    let mut host = Host::connect(&home, "local-dev");
    let underway = host.start_execute("acme", "me.get", &json!({}));
    wait_for("the endpoint to be asked", || {
        (login.refresh_tokens().len() == 1).then_some(())
    });
    let own = CLIENT.replace("refresh-CANARY-0123456789", "refresh-CANARY-of-the-owner");
    home.axis_fed(&[&add[..], &["--replace"]].concat(), &own)
        .ok();
    login.gate.add_permits(1);
    host.executed(underway);

    let called = host.execute("acme", "me.get", &json!({}));
    assert_eq!(called["result"]["is new"], true, "{called}");
    let doctor = home.axis(&["doctor", "--json"]);
    assert!(!doctor.stdout.contains("refresh tokens"), "{doctor:?}");
    home.kill();
    let _axisd = home.axisd_unlocked();
    home.wait_until_up();
    let mut host = Host::connect(&home, "local-dev");
    let called = host.execute("acme", "me.get", &json!({}));
    assert_eq!(called["result"]["is new"], true, "{called}");
    assert_eq!(
        login.refresh_tokens(),
        [
            "refresh-CANARY-0123456789",
            "refresh-CANARY-of-the-owner",
            "refresh-CANARY-of-the-owner"
        ]
    );
}

#[test]
fn a_lock_or_a_token_that_comes_meanwhile_shows_no_credential_of_the_same_host() {
    let seen = Arc::new(Mutex::new(Vec::<String>::new()));
    let gates = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
    let (all, [token_gate, slow_gate]) = (Arc::clone(&seen), gates.clone());
    let record = move |headers: &HeaderMap| {
        let mut all = all.lock().unwrap();
        let sent = headers.get("authorization");
        all.extend(sent.map(|it| it.to_str().unwrap().to_owned()));
        let kind = [("content-type", "application/json")];
        (kind, json!({"seen": *all}).to_string())
    };
    let [of_me, of_slow] = [record.clone(), record];
    let me = async move |headers: HeaderMap| of_me(&headers);
    let slow = async move |headers: HeaderMap| {
        of_slow(&headers);
        slow_gate.acquire().await.unwrap().forget();
        of_slow(&HeaderMap::new())
    };
    let token = async move || {
        token_gate.acquire().await.unwrap().forget();
        json!({"access_token": "access-CANARY-new"}).to_string()
    };
    let router = Router::new().route("/me", get(me));
    let router = router.route("/token", post(token)).fallback(slow);
    let upstream = Upstream::routed(router);
    let home = Home::ready();
    home.policy(
        "policies:\n  - identity: local-dev\n    allow: [{service: '*', actions: ['*']}]\n",
    );
    let url = upstream.url();
    save(&home, &acme(&url, &oauth2(&url), "first"));
    let add = ["add", "acme", "--stdin", "--yes", "--no-check"];
    home.axis_fed(&add, CLIENT).ok();
    home.add("github", "ghp_CANARY0123456789abcdef", &url);
    let came = |count: usize| {
        wait_for("the request", || {
            (seen.lock().unwrap().len() == count).then_some(())
        });
    };

    // a token that comes while another call is under way
    let mut host = Host::connect(&home, "local-dev");
    let mut other = Host::connect(&home, "local-dev");
    let repo = json!({"owner": "a", "repo": "b"});
    let slow = host.start_execute("github", "repos.get", &repo);
    came(1);
    gates[0].add_permits(1);
    let called = other.execute("acme", "me.get", &json!({}));
    assert_eq!(called["ok"], true, "{called}");
    gates[1].add_permits(1);
    let answer = host.executed(slow).to_string();
    assert!(answer.contains("redacted"), "{answer}");
    assert!(!answer.contains("CANARY"), "{answer}");

    // a lock while a call waits for its token
    home.kill();
    home.axis(&["unlock"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    let waiting = host.start_execute("acme", "me.get", &json!({}));
    wait_for("the call to be on record", || {
        let calls = home.audited_calls();
        (calls.last()?["event"] == "started").then_some(())
    });
    home.axis(&["lock"]).ok();
    gates[0].add_permits(1);
    let answer = host.executed(waiting).to_string();
    assert!(!answer.contains("ghp_CANARY"), "{answer}");
}
