//! The audit log as its owner looks for something in it.

use std::fs;

use axis_tests::{Home, Host, PASSWORD, Reply, Upstream, canary, run, wait_for};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

/// The lines that `axis logs` shows for these arguments.
fn lines(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let all = [&["logs", "--json"], arguments].concat();
    let shown = home.axis(&all).ok().stdout;
    let lines = shown.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn lines_are_found_by_their_fields_their_time_and_their_text() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("logs"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let params = json!({"owner": "a", "repo": "b"});
    assert_eq!(host.execute("github", "repos.get", &params)["ok"], true);
    assert_eq!(
        host.execute("GitHub", "repos.delete", &params)["denied"],
        true
    );
    assert_eq!(
        host.execute("stripe", "balance.get", &json!({}))["denied"],
        true
    );
    let mut other = Host::connect(&home, "Someone-Else");
    assert_eq!(
        other.execute("github", "repos.get", &params)["denied"],
        true
    );

    let count = |arguments: &[&str]| lines(&home, arguments).len();
    // a call that goes out has two lines
    assert_eq!(count(&["--service", "github"]), 4);
    assert_eq!(count(&["--service", "GITHUB", "--decision", "deny"]), 2);
    assert_eq!(count(&["--decision", "allow"]), 1);
    assert_eq!(count(&["--decision", "ask"]), 0);
    assert_eq!(count(&["--action", "repos.delete"]), 1);
    assert_eq!(count(&["--identity", "someone-else"]), 1);
    assert_eq!(count(&["--grep", "SOMEONE-else\" service=\"github"]), 1);
    assert_eq!(count(&["--grep", "nothing like this"]), 0);
    assert_eq!(count(&["--since", "1h", "--service", "stripe"]), 1);
    assert_eq!(count(&["--since", "2999-01-01T00:00:00Z"]), 0);
    assert_eq!(
        count(&["--until", "2999-01-01T00:00:00Z", "--service", "stripe"]),
        1
    );
    assert_eq!(count(&["--until", "1h", "--service", "stripe"]), 0);
    let last = lines(&home, &["--decision", "deny", "--last", "1"]);
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["identity"], "Someone-Else");

    for (arguments, says) in [
        (["--since", "yesterday"], "2h"),
        (["--decision", "maybe"], "deny"),
    ] {
        let refused = home.axis(&["logs", arguments[0], arguments[1]]);
        assert_eq!(refused.code(), 2);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}

/// A home whose log is rotated at 64 KiB.
fn home_that_rotates() -> Home {
    let home = Home::empty();
    fs::write(
        home.file("daemon.yaml"),
        "audit: {sync: always, rotate: {size: 65536}}\n",
    )
    .unwrap();
    home.axis(&["init"]).ok();
    home
}

/// Denials with long words, until the log was rotated once more.
fn fill(home: &Home, segment: u32) {
    let mut host = Host::connect(home, "local-dev");
    let words = json!({ "justification": "x".repeat(2000) });
    for _ in 0..40 {
        let answer = host.execute_with("stripe", "balance.get", &json!({}), &words);
        assert_eq!(answer["denied"], true);
    }
    let compressed = home.file(&format!("audit-{segment:06}.jsonl.zst"));
    let plain = home.file(&format!("audit-{segment:06}.jsonl"));
    wait_for("the segment to be compressed", || {
        (compressed.exists() && !plain.exists()).then_some(())
    });
}

#[test]
fn a_log_in_several_files_reads_counts_and_verifies_as_one() {
    let upstream = Upstream::answering(|_| Reply::json(200, &json!({})));
    let home = home_that_rotates();
    home.add("github", &canary("rotated"), &upstream.url());
    home.policy(ALLOW_GITHUB);
    let params = json!({"owner": "a", "repo": "b"});
    let mut tail = home.command("axis");
    let mut tail = tail
        .args([
            "logs",
            "--tail",
            "--json",
            "--last",
            "0",
            "--service",
            "github",
        ])
        .stdout(fs::File::create(home.file("tailed")).unwrap())
        .spawn()
        .unwrap();
    let head = home.axis(&["logs", "head"]).ok().stdout;
    for segment in 1..=2 {
        let mut host = Host::connect(&home, "local-dev");
        assert_eq!(host.execute("github", "repos.get", &params)["ok"], true);
        fill(&home, segment);
    }
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(host.execute("github", "repos.get", &params)["ok"], true);

    // each line once, in order
    let seqs: Vec<u64> = lines(&home, &["--last", "100000"])
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(lines(&home, &["--service", "github"]).len(), 6);
    wait_for("the tail to have all six", || {
        let tailed = fs::read_to_string(home.file("tailed")).unwrap();
        (tailed.lines().count() == 6).then_some(())
    });
    tail.kill().unwrap();
    tail.wait().unwrap();

    let stats = home.axis(&["logs", "stats", "--json"]).ok().json();
    assert_eq!(stats["total"]["calls"], 83, "{stats}");
    assert_eq!(stats["total"]["denied"], 80);
    assert_eq!(stats["total"]["asked"], 0);
    assert_eq!(stats["rows"][0]["service"], "github");
    assert_eq!(stats["rows"][0]["identity"], "local-dev");
    assert_eq!(stats["rows"][0]["calls"], 3);
    assert!(stats["rows"][0]["p99_ms"].is_u64());
    assert_eq!(stats["rows"][1]["p50_ms"], Value::Null);
    let shown = home.axis(&["logs", "stats"]).ok().stdout;
    assert!(
        shown.contains("stripe\tlocal-dev\t80\t80\t0\t0\t-\t-"),
        "{shown}"
    );

    let exported = home.axis(&["logs", "export"]).ok().stdout;
    assert_eq!(exported.matches("\r\n").count(), seqs.len() + 1);
    let jsonl = home
        .axis(&["logs", "export", "--format", "jsonl", "--service", "github"])
        .ok()
        .stdout;
    assert_eq!(jsonl.lines().count(), 6);

    let verified = home.axis(&["logs", "verify", "--json", "--head", head.trim()]);
    let document = verified.ok().json();
    assert_eq!(document["intact"], true, "{document}");
    assert_eq!(document["files"].as_array().unwrap().len(), 3);
    assert_eq!(document["head"]["stands"], true, "{document}");
    let words = home.axis(&["logs", "verify"]).ok().stdout;
    assert!(words.contains("2 segments"), "{words}");
    assert!(words.contains("are proven by the audit key"), "{words}");

    // the new axisd remembers what is in the older files
    home.kill();
    home.axis(&["unlock"]).ok();
    assert_eq!(lines(&home, &["--service", "github"]).len(), 6);
    home.axis(&["logs", "verify", "--head", head.trim()]).ok();

    // and a segment that is gone is missed
    fs::remove_file(home.file("audit-000001.jsonl.zst")).unwrap();
    let verified = home.axis(&["logs", "verify", "--head", head.trim()]);
    assert_eq!(verified.code(), 1);
    assert!(
        verified.stdout.contains("audit-000002.jsonl.zst, line 1:"),
        "{}",
        verified.stdout
    );
}

#[test]
fn a_cooldown_outlives_a_rotation_and_a_restart() {
    let upstream = Upstream::friendly();
    let home = home_that_rotates();
    home.add("github", &canary("cooldown"), &upstream.url());
    home.policy("policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get], ttl: 3600}\n");
    let params = json!({"owner": "a", "repo": "b"});
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(host.execute("github", "repos.get", &params)["ok"], true);
    fill(&home, 1);
    fill(&home, 2);
    home.kill();
    home.axis(&["unlock"]).ok();
    let denied = host.execute("github", "repos.get", &params);
    assert_eq!(denied["denied"], true, "{denied}");
    assert!(denied["retry_after_s"].as_u64().unwrap() > 3000, "{denied}");
    // it is this call's cooldown alone: another action was never used
    let status = home.axis(&["status"]).ok().stdout;
    assert!(!status.contains("was gone"), "{status}");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_head_that_is_none_is_wrong_usage_and_one_that_isnt_there_a_fault() {
    let home = Home::ready();
    let document = home.axis(&["logs", "head", "--json"]).ok().json();
    let head = document["head"].as_str().unwrap();
    let seq = document["seq"].as_u64().unwrap();
    assert_eq!(
        head,
        format!("{seq}:{}", document["hash"].as_str().unwrap())
    );
    assert!(document["mac"].is_string() && document["timestamp"].is_string());
    home.axis(&["logs", "verify", "--head", head]).ok();
    for wrong in ["", "12", "12:abc", &head.to_uppercase()] {
        let refused = home.axis(&["logs", "verify", "--head", wrong]);
        assert_eq!(refused.code(), 2, "{wrong}");
        assert!(refused.stderr.contains("logs head"), "{}", refused.stderr);
    }
    let other = format!("{seq}:{}", "0".repeat(64));
    let beyond = format!("{}:{}", seq + 100, "0".repeat(64));
    for (head, says) in [(other, "written anew"), (beyond, "cut off")] {
        let verified = home.axis(&["logs", "verify", "--head", &head]);
        assert_eq!(verified.code(), 1);
        assert!(verified.stdout.contains(says), "{}", verified.stdout);
    }
    // a process beside the CLI gets no further
    let mut raw = home.command("axis");
    raw.args(["logs", "stats", "--since", "yesterday"])
        .env("AXIS_MASTER_PASSWORD", PASSWORD);
    assert_eq!(run(raw, "").code(), 2);
}

#[test]
fn an_agents_words_are_no_formula_and_forge_no_row_in_an_export() {
    let home = Home::ready();
    home.policy("policies: []\n");
    let mut host = Host::connect(&home, "local-dev");
    for words in [
        "=cmd|' /C calc'!A0",
        "a\r\n1,forged",
        "\u{1b}[2J",
        "@x",
        "x;=1",
    ] {
        let more = json!({ "justification": words });
        host.execute_with("github", "repos.get", &json!({}), &more);
    }
    let exported = home
        .axis(&["logs", "export", "--decision", "deny"])
        .ok()
        .stdout;
    let rows: Vec<&str> = exported.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 6, "{exported}");
    for expected in [
        "\"'=cmd|' /C calc'!A0\"",
        "\"a\\u{d}\\u{a}1,forged\"",
        "\"\\u{1b}[2J\"",
        "\"'@x\"",
        "\"x;'=1\"",
    ] {
        assert!(exported.contains(expected), "{expected} in {exported}");
    }
}
