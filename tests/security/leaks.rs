//! The credential must not come back, whatever the upstream does with it.

use std::fs;

use axis_tests::{Home, Host, Reply, Upstream, canary};
use base64::Engine;
use serde_json::json;

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: '*', actions: ['*']}\n";

fn forms(key: &str) -> Vec<(&'static str, String)> {
    let standard = base64::engine::general_purpose::STANDARD;
    let unpadded = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let each = |form: &dyn Fn(u8) -> String| key.bytes().map(form).collect::<Vec<_>>().concat();
    let percent = each(&|byte| format!("%{byte:02x}"));
    let escaped = each(&|byte| format!("\\u{byte:04x}"));
    let html = each(&|byte| format!("&#{byte};"));
    vec![
        ("raw", key.to_owned()),
        ("base64", standard.encode(key)),
        (
            "base64 behind a user",
            standard.encode(format!("user:{key}")),
        ),
        ("base64 in a sentence", standard.encode(format!("xy{key}z"))),
        ("base64 url", unpadded.encode(format!("x{key}"))),
        ("hex", hex::encode(key)),
        ("HEX", hex::encode_upper(key)),
        ("percent", percent),
        ("unicode escapes", escaped),
        ("html", html),
    ]
}

#[test]
fn a_reflected_credential_is_removed_from_answers_and_errors_and_counted() {
    for status in [200, 401] {
        let key = canary("reflect");
        let copy = key.clone();
        let upstream = Upstream::answering(move |request| {
            let which: usize = request.path.rsplit('/').next().unwrap().parse().unwrap();
            let (_, form) = &forms(&copy)[which];
            let mut reply = Reply::json(status, &json!({}));
            // written by hand: serde would escape the backslashes again
            reply.body = format!("{{\"message\":\"you sent {form}\"}}").into_bytes();
            reply.headers.push(("set-cookie".into(), copy.clone()));
            reply.headers.push(("x-echo".into(), copy.clone()));
            reply
        });
        let home = Home::with_github(&upstream, &key, ALLOW);
        let mut host = Host::connect(&home, "local-dev");
        for (which, (name, form)) in forms(&key).iter().enumerate() {
            let answer = host.execute(
                "github",
                "repos.get",
                &json!({"owner": "o", "repo": which.to_string()}),
            );
            assert_eq!(answer["ok"], status == 200, "{answer}");
            let text = answer.to_string();
            assert!(
                !text.contains(&key) && !text.contains(form.as_str()),
                "{name}: {text}"
            );
            assert!(text.contains("redacted by axis"), "{name}: {text}");
        }
        assert!(!host.transcript.contains(&key));
        assert!(!host.stderr().contains(&key));
        for line in home.audited_calls() {
            if line["event"] == "finished" {
                assert_eq!(line["redacted"], 1, "{line}");
            }
        }
        nothing_in_the_home_holds(&home, &key);
    }
}

/// No file of the home holds the key or a form of it.
fn nothing_in_the_home_holds(home: &Home, key: &str) {
    let mut directories = vec![home.path().to_owned()];
    let mut files = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                files += 1;
                let text = String::from_utf8_lossy(&bytes);
                for (name, form) in forms(key) {
                    assert!(!text.contains(&form), "{name} in {}", path.display());
                }
            }
        }
    }
    assert!(
        files >= 4,
        "keystore, audit log, policy and log were looked at"
    );
}

#[test]
fn params_and_answers_are_never_in_the_audit_log() {
    let upstream = Upstream::answering(|_| Reply::json(200, &json!({"private": "ANSWER-WORD"})));
    let home = Home::with_github(&upstream, &canary("audit"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.execute(
        "github",
        "issues.create",
        &json!({"owner": "o", "repo": "r", "title": "PARAM-WORD"}),
    );
    assert_eq!(answer["ok"], true);
    let log = fs::read_to_string(home.file("audit.jsonl")).unwrap();
    assert!(
        !log.contains("PARAM-WORD") && !log.contains("ANSWER-WORD"),
        "{log}"
    );
    let daemon_log = fs::read_to_string(home.file("axisd.log")).unwrap();
    assert!(!daemon_log.contains("PARAM-WORD") && !daemon_log.contains("ANSWER-WORD"));
}

#[test]
fn a_long_justification_is_refused_and_not_logged() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("long"), ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let answer = host.request(
        "tools/call",
        &json!({"name": "execute_action", "arguments": {
            "service": "github", "action": "repos.get",
            "justification": "x".repeat(3_000_000),
            "params": {"owner": "a", "repo": "b"}}}),
    );
    assert_eq!(answer["result"]["isError"], true);
    assert!(upstream.requests().is_empty());
    assert!(fs::metadata(home.file("audit.jsonl")).unwrap().len() < 100_000);
}

#[test]
fn a_credential_in_a_file_that_comes_as_wrapped_base64_is_removed_from_it_too() {
    let key = canary("wrapped");
    let file = format!("# a config that someone committed\ntoken = {key}\n");
    let encoded = base64::engine::general_purpose::STANDARD.encode(file);
    // in lines of 60, as GitHub has them; and the bytes of no text at all
    let lines = |text: &str| -> String {
        let lines: Vec<_> = text.as_bytes().chunks(60).collect();
        String::from_utf8(lines.join(&b'\n')).unwrap() + "\n"
    };
    let binary = [b"\xff\xfe".as_slice(), key.as_bytes(), b"\x00"].concat();
    let binary = base64::engine::general_purpose::STANDARD.encode(binary);
    for wrapped in [lines(&encoded), lines(&binary)] {
        let upstream = Upstream::answering(move |_| {
            Reply::json(200, &json!({"encoding": "base64", "content": wrapped}))
        });
        let home = Home::with_github(&upstream, &key, ALLOW);
        let mut host = Host::connect(&home, "local-dev");
        let answer = host.execute(
            "github",
            "contents.read",
            &json!({"owner": "o", "repo": "r", "path": "config"}),
        );
        assert_eq!(answer["ok"], true, "{answer}");
        let content: String = answer["result"]["content"]
            .as_str()
            .unwrap()
            .split_whitespace()
            .collect();
        assert!(content.contains("redactedbyaxis"), "{answer}");
        assert!(!answer.to_string().contains(&key), "{answer}");
    }
}
