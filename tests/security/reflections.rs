//! An upstream that gives the credential back, in every form and by every way
//! that an answer has: the agent's side never holds it.

mod forms;
mod raw;

use std::fs;
use std::sync::Arc;

use axis_tests::{Home, Host, Reply, Upstream, canary};
use axum::Router;
use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use self::forms::{WAYS, answer, forms, holds_nothing_of};

const ALLOW: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*', http.get]}\n";

/// A credential of characters that encoders treat differently.
fn odd_key() -> String {
    canary("odd") + "/+=\"\\<&'% $zZ"
}

/// An upstream whose path ends in a way and a form's number.
fn reflecting(key: &str) -> Upstream {
    let forms = Arc::new(forms(key));
    Upstream::routed(Router::new().fallback(async move |request: Request| {
        let path = request.uri().path().to_owned();
        let mut parts = path.rsplit('/');
        let number: usize = parts.next().unwrap().parse().unwrap();
        answer(parts.next().unwrap(), &forms[number].1)
    }))
}

#[test]
fn no_form_comes_back_by_any_way_of_an_answer() {
    let key = odd_key();
    let upstream = reflecting(&key);
    let home = Home::with_github(&upstream, &key, ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for way in WAYS {
        for (number, (name, _)) in forms(&key).iter().enumerate() {
            let params = json!({"owner": way, "repo": number.to_string()});
            let answer = host.execute("github", "repos.get", &params);
            let refused = way.starts_with("error");
            assert_eq!(answer["ok"], !refused, "{way}, {name}: {answer}");
            holds_nothing_of(&answer.to_string(), &key, &format!("{way}, {name}"));
            let text = answer.to_string();
            let shown = text.contains("redacted by axis");
            // of the binary the words are in base64, of the error none are told
            let silent = ["binary", "error-text"].contains(&way);
            assert!(shown || silent, "{way}, {name}: {text}");
        }
    }
    holds_nothing_of(&host.transcript, &key, "the transcript");
    holds_nothing_of(&host.stderr(), &key, "the shim's log");
    for file in ["axisd.log", "audit.jsonl"] {
        let text = fs::read_to_string(home.file(file)).unwrap_or_default();
        holds_nothing_of(&text, &key, file);
    }
    let finished = home.audited_calls();
    let mut finished = finished.iter().filter(|line| line["event"] == "finished");
    assert!(finished.all(|line| line["redacted"].as_u64() >= Some(1)));
}

#[test]
fn what_is_selected_or_saved_is_as_guarded_as_the_whole() {
    let key = odd_key();
    let upstream = reflecting(&key);
    let home = Home::with_github(&upstream, &key, ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for (number, (name, _)) in forms(&key).iter().enumerate() {
        let params = json!({"owner": "json", "repo": number.to_string()});
        for select in [
            ".message",
            ".message | @base64",
            ".message | @uri",
            ".message | explode",
            ".message | error",
            "[.. | strings] | join(\"\")",
        ] {
            let more = json!({"select": select});
            let answer = host.execute_with("github", "repos.get", &params, &more);
            let text = answer.to_string();
            holds_nothing_of(&text, &key, &format!("{select}, {name}"));
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("saved");
        for way in [
            "json",
            "chunks",
            "bytewise",
            "gzip",
            "gzip-chunks",
            "gzip-twice",
            "binary",
        ] {
            let params = json!({"owner": way, "repo": number.to_string()});
            let more = json!({"save_to": path});
            let answer = host.execute_with("github", "repos.get", &params, &more);
            assert_eq!(answer["ok"], true, "{answer}");
            holds_nothing_of(&answer.to_string(), &key, &format!("{way}, {name}"));
            let saved = fs::read(&path).unwrap();
            let saved = String::from_utf8_lossy(&saved);
            holds_nothing_of(&saved, &key, &format!("{way}, {name}"));
            assert!(
                saved.contains("[redacted by axis]"),
                "{way}, {name}: {saved}"
            );
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn what_others_sent_to_the_same_host_comes_back_to_no_one() {
    let keys = ["first", "replaced", "own", "work", "other"].map(canary);
    let all: Vec<String> = keys
        .iter()
        .rev()
        .flat_map(|key| forms(key))
        .map(|it| it.1)
        .collect();
    let body = json!({"seen": all, "message": all.join(" ")});
    let upstream = Upstream::answering(move |request| {
        // a refusal, too
        let status = if request.path.contains("refused") {
            422
        } else {
            200
        };
        Reply::json(status, &body)
    });
    let home = Home::with_github(
        &upstream,
        &keys[0],
        "policies:\n  - identity: local-dev\n    allow: [{service: '*', actions: ['*']}]\n  - identity: at-work\n    allow: [{service: github, actions: ['*'], credential: work}]\n",
    );
    let url = upstream.url();
    let add = |service: &str, more: &[&str], key: &str| {
        let usual = ["add", service, "--stdin", "--no-check", "--base-url", &url];
        home.axis_fed(&[&usual[..], more].concat(), key).ok();
    };
    add("github", &["--replace"], &keys[1]);
    add("github", &["--replace"], &keys[2]);
    add("github", &["--label", "work"], &keys[3]);
    add("stripe", &[], &keys[4]);
    let calls = |when: &str, known: &[String]| {
        for (identity, service, action) in [
            ("local-dev", "github", "repos.get"),
            ("at-work", "github", "repos.get"),
            ("local-dev", "stripe", "customers.list"),
        ] {
            let mut host = Host::connect(&home, identity);
            for owner in ["octocat", "refused"] {
                let mut params = json!({});
                if service == "github" {
                    params = json!({"owner": owner, "repo": "x"});
                }
                let answer = host.execute(service, action, &params).to_string();
                assert!(answer.contains("redacted by axis"), "{when}: {answer}");
                for key in known {
                    holds_nothing_of(&answer, key, &format!("{when}, {identity}, {service}"));
                }
            }
        }
    };
    calls("as it was stored", &keys);
    home.kill();
    home.axis(&["unlock"]).ok();
    // of what was replaced the last is kept
    calls("opened anew", &keys[1..]);
}

#[test]
fn a_next_page_s_cursor_holds_no_credential() {
    let key = odd_key();
    let upstream = reflecting(&key);
    let home = Home::with_github(&upstream, &key, ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for (number, (name, _)) in forms(&key).iter().enumerate() {
        let params = json!({"path": format!("/json/{number}")});
        let answer = host.execute("github", "http.get", &params);
        assert_eq!(answer["ok"], true, "{name}: {answer}");
        holds_nothing_of(&answer.to_string(), &key, name);
    }
}

#[test]
fn what_xml_writes_apart_is_guarded_when_it_is_joined() {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYCANARYKEY0".to_owned();
    let copy = secret.clone();
    let upstream = Upstream::answering(move |request| {
        let (head, tail) = copy.split_at(15);
        let each = |write: fn(char) -> String| copy.chars().map(write).collect::<Vec<_>>();
        let numbered = each(|c| format!("&#{};", u32::from(c))).concat();
        let spread = each(|c| format!("{c}<!-- -->")).concat();
        let name = request
            .path
            .trim_start_matches("/my-bucket/")
            .trim_end_matches("?tagging");
        let (status, text) = match name {
            "numbers" => (200, numbered),
            "comments" => (200, spread),
            "cdata" => (200, format!("{head}<![CDATA[{tail}]]>")),
            "whole" => (200, copy.clone()),
            "base64" => (200, STANDARD.encode(format!("x{copy}"))),
            _ => (403, format!("{head}<![CDATA[{tail}]]>")),
        };
        let body =
            format!("<Error><Code>{text}</Code><Message a=\"{copy}\">{text}</Message></Error>");
        Reply {
            headers: vec![("content-type".into(), "application/xml".into())],
            body: body.into_bytes(),
            ..Reply::json(status, &Value::Null)
        }
    });
    let home = Home::ready();
    home.add(
        "aws",
        &format!("AKIA0123456789ABCDEF:{secret}"),
        &upstream.url(),
    );
    home.policy(ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for key in ["numbers", "comments", "cdata", "whole", "base64", "refused"] {
        let params = json!({"bucket": "my-bucket", "region": "eu-west-1", "key": key});
        let answer = host.execute("aws", "s3.getObjectTagging", &params);
        assert_eq!(answer["ok"], key != "refused", "{answer}");
        assert!(answer.to_string().contains("redacted by axis"), "{answer}");
        holds_nothing_of(&answer.to_string(), &secret, key);
    }
}

#[test]
fn a_file_of_base64_is_guarded_when_it_is_decoded() {
    let key = odd_key();
    let copy = key.clone();
    let upstream = Upstream::answering(move |request| {
        let number: usize = request.path.rsplit('/').next().unwrap().parse().unwrap();
        let file = format!("token: {}\n", forms(&copy)[number].1);
        Reply::json(
            200,
            &json!({"encoding": "base64", "content": STANDARD.encode(file)}),
        )
    });
    let home = Home::with_github(&upstream, &key, ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for (number, (name, _)) in forms(&key).iter().enumerate() {
        if *name == "JSON in JSON" {
            continue; // three times over it has more backslashes than are looked through
        }
        let params = json!({"owner": "o", "repo": "r", "path": number.to_string()});
        let answer = host.execute("github", "contents.read", &params);
        assert_eq!(answer["ok"], true, "{answer}");
        holds_nothing_of(&answer.to_string(), &key, name);
    }
}

/// Services that send the credential in each of the ways there are.
const MAPS: &str = "service: maps
title: Maps
base_url: https://maps.example
auth: { scheme: query, name: key }
actions:
  places.find:
    effect: read
    method: GET
    path: /places
    params:
      q: { in: query, type: string, required: true }
";

#[test]
fn an_echoed_request_holds_no_credential_of_any_scheme() {
    let upstream = Upstream::answering(|request| {
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let echo = json!({
            "url": request.path,
            "headers": request.headers,
            "raw": format!("{} {} HTTP/1.1\r\n{}", request.method, request.path, headers.join("\r\n")),
        });
        Reply::json(200, &echo)
    });
    let home = Home::empty();
    fs::create_dir(home.file("services")).unwrap();
    fs::write(home.file("services/maps.yaml"), MAPS).unwrap();
    home.axis(&["init"]).ok();
    let token = canary("session") + "/+==";
    let key = odd_key();
    let secrets = [
        ("github", key.clone(), key.clone()),
        ("anthropic", key.clone(), key.clone()),
        ("linear", key.clone(), key.clone()),
        ("maps", key.clone(), key.clone()),
        ("twilio", format!("AC0123456789:{key}"), key.clone()),
        (
            "aws",
            format!("AKIA0123456789ABCDEF:{}:{token}", canary("aws")),
            token,
        ),
    ];
    for (service, secret, _) in &secrets {
        home.add(service, secret, &upstream.url());
    }
    home.policy(ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for (service, _, part) in &secrets {
        let (action, params) = match *service {
            "maps" => ("places.find", json!({"q": "x"})),
            "aws" => ("http.get", json!({"path": "/", "region": "eu-west-1"})),
            _ => ("http.get", json!({"path": "/echo"})),
        };
        let answer = host.execute(service, action, &params);
        assert_eq!(answer["ok"], true, "{answer}");
        holds_nothing_of(&answer.to_string(), part, service);
        assert!(answer.to_string().contains("redacted by axis"), "{answer}");
        let request = upstream.requests().pop().unwrap();
        let sent = request.headers.get("authorization");
        if let Some((_, signature)) = sent.and_then(|sent| sent.split_once("Signature=")) {
            assert!(!answer.to_string().contains(signature), "{answer}");
        }
    }
}

#[test]
fn a_redirect_or_an_encoding_that_names_the_credential_is_told_without_it() {
    let key = canary("Redirect").replace('_', "-");
    let copy = key.clone();
    let upstream = Upstream::answering(move |request| {
        let mut reply = Reply::json(200, &json!({}));
        if request.path.ends_with("redirect") {
            reply.status = 302;
            let location = format!("https://{copy}.evil.example/{copy}?k={copy}");
            reply.headers.push(("location".into(), location));
        } else {
            reply
                .headers
                .push(("content-encoding".into(), copy.clone()));
        }
        reply
    });
    let home = Home::with_github(&upstream, &key, ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for way in ["redirect", "encoding"] {
        let answer = host.execute("github", "repos.get", &json!({"owner": "o", "repo": way}));
        assert_eq!(answer["ok"], false, "{answer}");
        let text = answer.to_string();
        assert!(text.contains("redacted by axis"), "{text}");
        assert!(
            !text.to_lowercase().contains(&key.to_lowercase()[4..]),
            "{text}"
        );
    }
    // and what an upstream sets is not brought back to it
    let cookies = Upstream::answering(|_| {
        let mut reply = Reply::json(200, &json!({}));
        reply
            .headers
            .push(("set-cookie".into(), "session=1; Path=/".into()));
        reply
    });
    let home = Home::with_github(&cookies, &key, ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..2 {
        host.execute("github", "repos.get", &json!({"owner": "o", "repo": "r"}));
    }
    let mut requests = cookies.requests().into_iter();
    assert!(requests.all(|request| !request.headers.contains_key("cookie")));
}
