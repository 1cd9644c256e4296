//! The daemon killed at each step of a call, and of what writes its files.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use axis_tests::{Act, Faulty, Home, Host, PASSWORD, canary, run, wait_for};
use serde_json::{Value, json};

use crate::ALLOW;
use crate::upstreams::home_at;

/// How soon an agent hears of a daemon that is gone.
const SOON: Duration = Duration::from_secs(3);

/// Kills axisd and takes what the call `id` is told of it.
fn killed(home: &Home, host: &mut Host, id: u64) -> Value {
    home.kill();
    let gone = Instant::now();
    let answer = host.executed(id);
    assert!(gone.elapsed() < SOON, "told after {:?}", gone.elapsed());
    assert_eq!(answer["error"]["code"], "daemon_unavailable", "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("may or may not have reached"), "{message}");
    let hint = answer["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("axis logs"), "{hint}");
    answer
}

/// Starts it again: the record is whole.
fn restarted(home: &Home) {
    home.axis(&["unlock"]).ok();
    home.axis_without_password(&["logs", "verify"]).ok();
    let aside = |line: &&Value| line["act"] == "chain_set_aside";
    assert_eq!(home.audit().iter().filter(aside).count(), 0);
}

/// Events of the calls on record.
fn events(home: &Home) -> Vec<String> {
    let lines = home.audited_calls();
    let events = lines.iter().filter_map(|line| line["event"].as_str());
    events.map(str::to_owned).collect()
}

fn hanging() -> Faulty {
    Faulty::doing(|request| match request.path.as_str() {
        "/holds" => vec![Act::Hang],
        "/streams" => vec![
            Act::say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
            Act::Send(vec![b'x'; 500_000]),
            Act::Hang,
        ],
        "/takes-nothing" => vec![Act::BeforeBody, Act::Stall],
        _ => Act::json("[]"),
    })
}

#[test]
fn killed_while_a_call_waits_for_the_owner_nothing_is_sent_and_nothing_is_approved() {
    let upstream = hanging();
    let home = home_at(&upstream.url(), &canary("waits"), "");
    home.policy(
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: odd, actions: [change], ask: true}\n",
    );
    let mut host = Host::connect(&home, "local-dev");
    let params = json!({"path": "asked"});
    let waits = json!({"_meta": {"progressToken": 1}});
    let id = host.start_execute_with("odd", "change", &params, &waits);
    let question = |home: &Home| {
        let listed = home.axis_without_password(&["approvals", "--json"]).json();
        listed[0]["id"].as_str().map(str::to_owned)
    };
    let asked = wait_for("the question", || question(&home));
    killed(&home, &mut host, id);
    restarted(&home);
    assert_eq!(question(&home), None);
    assert_ne!(home.axis(&["approve", &asked]).code(), 0);
    assert!(upstream.came().is_empty());

    // the same call asks anew, and goes out once it is approved
    let id = host.start_execute_with("odd", "change", &params, &waits);
    let asked = wait_for("the question", || question(&home));
    home.axis(&["approve", &asked]).ok();
    assert_eq!(host.executed(id)["ok"], true);
    assert_eq!(upstream.came_to("/asked"), 1);
}

#[test]
fn killed_while_the_upstream_holds_a_call_it_counts_and_stays_on_record() {
    let upstream = hanging();
    let home = home_at(&upstream.url(), &canary("holds"), "");
    home.policy(
        "policies:\n  - identity: local-dev\n    allow:\n      - {service: odd, actions: [change], rateLimit: {requestsPerMinute: 1}}\n",
    );
    let mut host = Host::connect(&home, "local-dev");
    let id = host.start_execute("odd", "change", &json!({"path": "holds"}));
    upstream.wait_for("/holds");
    killed(&home, &mut host, id);
    assert_eq!(events(&home), ["started"], "it was on record before");
    wait_for("the connection to be closed", || {
        (upstream.open() == 0).then_some(())
    });
    restarted(&home);
    let again = host.execute("odd", "change", &json!({"path": "holds"}));
    assert_eq!(again["denied"], true, "{again}");
    assert!(again["retry_after_s"].as_u64() > Some(0), "{again}");
    assert_eq!(upstream.came_to("/holds"), 1);
}

/// What is in `dir`.
fn names(dir: &Path) -> HashSet<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn killed_in_the_midst_of_a_body_no_half_of_it_is_taken_for_the_whole() {
    let upstream = hanging();
    let home = home_at(&upstream.url(), &canary("streams"), "");
    let mut host = Host::connect(&home, "local-dev");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kept");
    fs::write(&file, "as it was").unwrap();
    let more = json!({ "save_to": file });
    let id = host.start_execute_with("odd", "get", &json!({"path": "streams"}), &more);
    wait_for("half of the answer", || {
        let sizes = fs::read_dir(&dir).unwrap().filter_map(|entry| {
            let metadata = entry.ok()?.metadata().ok()?;
            Some(metadata.len())
        });
        sizes.max().filter(|size| *size >= 400_000)
    });
    killed(&home, &mut host, id);
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
    assert_eq!(names(dir.path()), ["kept".to_owned()].into());

    restarted(&home);
    // and the other way
    let body = dir.path().join("body");
    fs::File::create(&body)
        .unwrap()
        .set_len(64_000_000)
        .unwrap();
    let sent = json!({ "body_file": body });
    let params = json!({"path": "takes-nothing"});
    let id = host.start_execute_with("odd", "put", &params, &sent);
    upstream.wait_for("/takes-nothing");
    killed(&home, &mut host, id);
    restarted(&home);
    let answer = host.execute_with("odd", "get", &json!({"path": "good"}), &more);
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "[]");
    assert_eq!(events(&home), ["started", "started", "started", "finished"]);
}

/// A service whose tokens come from where its actions are.
fn with_tokens(url: &str) -> String {
    format!(
        "service: acme
title: Acme
base_url: {url}
auth: {{ scheme: oauth2, grant: refresh_token, token_url: {url}/token, client_auth: body }}
actions:
  get: {{ effect: read, method: GET, path: /me }}
"
    )
}

#[test]
fn killed_while_a_token_is_fetched_the_next_call_fetches_it_again() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let asked = AtomicUsize::new(0);
    let upstream = Faulty::doing(move |request| match request.path.as_str() {
        "/token" if asked.fetch_add(1, Ordering::SeqCst) == 0 => vec![Act::Hang],
        "/token" => Act::json(
            r#"{"access_token":"at-0123456789","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-next-0123456789"}"#,
        ),
        _ => Act::json("[]"),
    });
    let home = Home::empty();
    fs::create_dir(home.file("services")).unwrap();
    fs::write(
        home.file("services/acme.yaml"),
        with_tokens(&upstream.url()),
    )
    .unwrap();
    home.axis(&["init"]).ok();
    let secret =
        r#"{"client_id":"id","client_secret":"cs-0123456789","refresh_token":"rt-0123456789"}"#;
    let add = ["add", "acme", "--stdin", "--yes", "--no-check"];
    home.axis_fed(&add, secret).ok();
    home.policy(ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let id = host.start_execute("acme", "get", &json!({}));
    upstream.wait_for("/token");
    killed(&home, &mut host, id);
    assert_eq!(upstream.came_to("/me"), 0);
    restarted(&home);
    let answer = host.execute("acme", "get", &json!({}));
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(upstream.came_to("/me"), 1);
    // the refresh token that came with it is kept, also through the next kill
    home.kill();
    restarted(&home);
    assert_eq!(host.execute("acme", "get", &json!({}))["ok"], true);
    assert!(!home.file("keystore.json.tmp").exists());
}

/// Runs `arguments` and kills axisd once the keystore's next version is on the
/// disk, in its place or beside it; whether the command said that it was done.
fn cut_off(home: &Home, arguments: &[&str], input: &str, in_place: bool) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (keystore, next) = (home.file("keystore.json"), home.file("keystore.json.tmp"));
    let inode = fs::metadata(&keystore).unwrap().ino();
    let mut command = home.command("axis");
    command
        .args(arguments)
        .env("AXIS_MASTER_PASSWORD", PASSWORD);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(command, input));
        let deadline = Instant::now() + Duration::from_secs(5);
        let is_renamed = || fs::metadata(&keystore).is_ok_and(|it| it.ino() != inode);
        // without a pause: what it waits for lasts for a moment
        while !(is_renamed() || !in_place && next.exists()) && Instant::now() < deadline {
            std::hint::spin_loop();
        }
        home.kill();
        running.join().unwrap().status.success()
    })
}

#[test]
fn killed_while_the_keystore_is_written_it_is_the_old_or_the_new_one() {
    let home = Home::ready();
    home.add("github", "ghp_1234567890ab", "http://127.0.0.1:9");
    home.policy(ALLOW);
    let credentials = || {
        let listed = home.axis(&["list", "--json"]).ok().json();
        listed["credentials"].as_array().unwrap().len()
    };
    let mut known = 1;
    for round in 0..6 {
        let label = format!("l{round}");
        let add = [
            "add",
            "github",
            "--stdin",
            "--no-check",
            "--label",
            &label,
            "--base-url",
            "http://127.0.0.1:9",
        ];
        let is_done = cut_off(&home, &add, "ghp_1234567890ab\n", round % 2 == 1);
        restarted(&home);
        let now = credentials();
        let expected = if is_done {
            known + 1..=known + 1
        } else {
            known..=known + 1
        };
        assert!(
            expected.contains(&now),
            "{now} after {known}, said {is_done}"
        );
        known = now;
        assert!(!home.file("keystore.json.tmp").exists());
    }
    // what is sealed is sealed whole, or not at all
    let policy = home.file("policy.yaml");
    for round in 0..4 {
        fs::write(&policy, format!("{ALLOW}# {round}\n")).unwrap();
        let is_done = cut_off(&home, &["policy", "seal"], "", round % 2 == 1);
        restarted(&home);
        let status = home
            .axis_without_password(&["status", "--json"])
            .ok()
            .json();
        let is_sealed = status["seal"]["sealed"] == true;
        assert!(is_sealed || !is_done, "{status}");
        assert_eq!(credentials(), known);
    }
}
