//! A credential that is read by the real `pass`, out of a store of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use axis_tests::{Home, Host, Upstream, canary};
use serde_json::json;

const POLICY: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: ['*']}\n";

/// Runs a program that finds its files in this home.
fn run(home: &Home, program: &str, arguments: &[&str], input: &str) {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{program} {arguments:?}: {ended:?}");
}

/// Ends the agent that gpg started for the home's keys.
struct Keys<'a>(&'a Home);

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        run(self.0, "gpgconf", &["--kill", "gpg-agent"], "");
    }
}

#[test]
fn a_line_of_an_entry_of_pass_goes_out_and_is_written_nowhere() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    let keys = Keys(&home);
    let generate = [
        "--batch",
        "--quiet",
        "--passphrase",
        "",
        "--quick-generate-key",
    ];
    run(
        &home,
        "gpg",
        &[
            &generate[..],
            &["axis@test.example", "default", "default", "never"],
        ]
        .concat(),
        "",
    );
    run(&home, "pass", &["init", "axis@test.example"], "");
    let (first, second) = (canary("pass"), canary("field"));
    let entry = format!("{first}\nuser: octocat\ntoken: {second}\n");
    run(
        &home,
        "pass",
        &["insert", "--multiline", "team/github"],
        &entry,
    );

    home.policy(POLICY);
    let mut host = Host::connect(&home, "local-dev");
    for (source, secret) in [
        ("pass://team/github", &first),
        ("pass://team/github#1", &first),
        ("pass://team/github#token", &second),
    ] {
        let add = [
            "add",
            "github",
            "--yes",
            "--no-check",
            "--replace",
            "--base-url",
        ];
        let url = upstream.url();
        home.axis(&[&add[..], &[&url, "--source", source]].concat())
            .ok();
        let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
        assert_eq!(answer["ok"], true, "{source}: {answer}");
        let requests = upstream.requests();
        let sent = &requests.last().unwrap().headers["authorization"];
        assert_eq!(sent, &format!("Bearer {secret}"), "{source}");
    }
    let missing = home.axis(&[
        "add",
        "github",
        "--yes",
        "--replace",
        "--source",
        "pass://none",
    ]);
    assert_eq!(missing.code(), 1, "{missing:?}");
    for file in ["keystore.json", "audit.jsonl"] {
        let text = std::fs::read_to_string(home.file(file)).unwrap();
        assert!(!text.contains(&first) && !text.contains(&second), "{file}");
    }
    drop(keys);
}
