//! The owner's commands: vault, credentials, calls, records.

use std::fs;
use std::time::Duration;

use axis_tests::{Home, PASSWORD, Reply, Upstream, canary, run, wait_for};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;

#[test]
fn init_makes_a_vault_and_a_policy_once() {
    let home = Home::empty();
    let first = home.axis(&["init"]).ok();
    assert!(home.file("keystore.json").exists() && home.file("policy.yaml").exists());
    let keystore = fs::read(home.file("keystore.json")).unwrap();
    let again = home.axis(&["init"]).ok();
    assert_ne!(
        first.stdout, again.stdout,
        "the second one says that it changed nothing"
    );
    assert_eq!(fs::read(home.file("keystore.json")).unwrap(), keystore);
    let policy = fs::read_to_string(home.file("policy.yaml")).unwrap();
    assert!(policy.contains("local-dev"));
}

#[test]
fn the_policy_of_init_is_in_force_when_init_is_done() {
    for _ in 0..5 {
        let home = Home::ready();
        let call = home.axis(&["call", "github", "repos.get", "owner=a", "repo=b"]);
        assert_eq!(call.json()["error"]["code"], "no_credential", "{call:?}");
    }
}

#[test]
fn a_policy_that_has_gone_missing_is_made_anew_with_the_password_only() {
    let home = Home::ready();
    let keystore = fs::read(home.file("keystore.json")).unwrap();
    fs::remove_file(home.file("policy.yaml")).unwrap();
    let hint = wait_for("the policy to be gone", || {
        let call = home.axis(&["call", "github", "repos.get", "owner=a", "repo=b"]);
        let hint = call.json()["hint"].as_str()?.to_owned();
        hint.contains("no policy").then_some(hint)
    });
    assert!(hint.contains("`axis init`"), "{hint}");

    let mut wrong = home.command("axis");
    wrong
        .arg("init")
        .env("AXIS_MASTER_PASSWORD", "not the password");
    assert_eq!(run(wrong, "").code(), 1);
    assert!(!home.file("policy.yaml").exists());

    home.axis(&["init"]).ok();
    let call = home.axis(&["call", "github", "repos.get", "owner=a", "repo=b"]);
    assert_eq!(call.json()["error"]["code"], "no_credential", "{call:?}");
    assert_eq!(fs::read(home.file("keystore.json")).unwrap(), keystore);
}

#[test]
fn init_looks_at_the_policy_file_itself_and_writes_one_where_there_is_none() {
    let home = Home::ready();
    let path = home.file("policy.yaml");
    let default = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    // at once, so that axisd hasn't seen it
    let made = home.axis(&["init"]).ok();
    assert!(made.stdout.contains("made anew"), "{made:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), default);
    for blank in ["", " \n\t\n"] {
        fs::write(&path, blank).unwrap();
        let mut wrong = home.command("axis");
        wrong.arg("init").env("AXIS_MASTER_PASSWORD", "not this");
        assert_eq!(run(wrong, "").code(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), blank);
        let made = home.axis(&["init"]).ok();
        assert!(made.stdout.contains("made anew"), "{made:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), default);
    }
    fs::write(&path, "policies: []\n").unwrap();
    let kept = home.axis(&["init"]).ok();
    assert!(kept.stdout.contains("nothing was changed"), "{kept:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "policies: []\n");
}

#[test]
fn add_says_what_can_be_run_next() {
    let home = Home::ready();
    let add = ["add", "github", "--stdin", "--no-check"];
    let added = home.axis_fed(&add, "ghp_123456789012").ok();
    let next = added.stdout.lines().last().unwrap().trim();
    let words: Vec<&str> = next.split(' ').collect();
    assert_eq!(words[..4], ["axis", "call", "github", "repos.get"]);
    assert_ne!(home.axis(&words[1..]).code(), 2, "{next}");

    let labelled = home
        .axis_fed(
            &[&add[..], &["--label", "work"]].concat(),
            "ghp_123456789012",
        )
        .ok();
    assert!(
        labelled.stdout.contains("`credential: work`"),
        "{labelled:?}"
    );
    home.policy("policies: [{identity: local-dev, allow: [{service: github, actions: [repos.get], credential: work}]}]\n");
}

#[test]
fn what_is_proposed_for_a_taken_name_replaces_no_other_credential() {
    let home = Home::ready();
    let add = ["add", "github", "--stdin", "--no-check"];
    let labelled = [&add[..], &["--label", "work"]].concat();
    home.axis_fed(&add, "ghp_123456789012").ok();
    home.axis_fed(&labelled, "ghp_210987654321").ok();
    let url = ["--base-url", "https://github.example.com/api/v3"];
    for (arguments, fix, label) in [
        (
            add.to_vec(),
            "axis add github --replace",
            "--label personal",
        ),
        (
            labelled.clone(),
            "axis add github --label work --replace",
            "--label personal",
        ),
        (
            [&labelled[..], &url].concat(),
            "axis add github --label work --base-url https://github.example.com/api/v3 --replace",
            "--label personal",
        ),
    ] {
        let refused = home.axis_fed(&arguments, "ghp_000000000000");
        assert_eq!(refused.code(), 1, "{refused:?}");
        let told = &refused.stderr;
        assert!(told.contains(fix) && told.contains(label), "{refused:?}");
    }
}

#[test]
fn a_wrong_environment_is_wrong_usage_and_gets_no_wrong_advice() {
    let home = Home::empty();
    let long = home.file(&"x".repeat(100));
    for value in [std::path::Path::new("relative"), &long] {
        let mut status = home.command("axis");
        status.arg("status").env("AXIS_HOME", value);
        let ran = run(status, "");
        assert_eq!(ran.code(), 2, "{ran:?}");
        let mut doctor = home.command("axis");
        doctor.args(["doctor", "--json"]).env("AXIS_HOME", value);
        let check = run(doctor, "").json()["checks"][0].clone();
        assert_eq!(check["fix"], "", "starting axisd mends nothing: {check}");
    }
}

#[test]
fn a_command_that_mends_can_be_pasted_whatever_the_path() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::empty();
    let spaced = home.file("it's my home");
    fs::create_dir(&spaced).unwrap();
    fs::set_permissions(&spaced, fs::Permissions::from_mode(0o755)).unwrap();
    let init = || {
        let mut command = home.command("axis");
        command
            .arg("init")
            .env("AXIS_HOME", &spaced)
            .env("AXIS_AUTOSTART", "1")
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        run(command, "")
    };
    let refused = init();
    let (_, fix) = refused.stderr.split_once("run: ").unwrap();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", fix.lines().next().unwrap()]);
    run(shell, "").ok();
    init().ok();
    let mut stop = home.command("axis");
    stop.args(["daemon", "stop"]).env("AXIS_HOME", &spaced);
    run(stop, "").ok();
}

#[test]
fn a_credential_that_is_not_there_is_told_before_the_password_is_asked_for() {
    let home = Home::ready();
    home.axis_fed(
        &["add", "github", "--stdin", "--no-check"],
        "ghp_123456789012",
    )
    .ok();
    let ran = home.axis_without_password(&["revoke", "gihub"]);
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("stored: github"), "{ran:?}");
    assert!(!ran.stderr.contains("axis add"), "{ran:?}");
    assert!(home.audit().iter().all(|line| line["act"] != "revoke"));
}

#[test]
fn a_short_master_password_is_refused() {
    let home = Home::empty();
    let mut command = home.command("axis");
    command.arg("init").env("AXIS_MASTER_PASSWORD", "short");
    let ran = run(command, "");
    assert_ne!(ran.code(), 0);
    assert!(ran.stderr.contains('8'), "{ran:?}");
    assert!(!home.file("keystore.json").exists());
}

#[test]
fn a_credential_is_added_listed_replaced_and_revoked() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    let key = canary("lifecycle");
    home.add("github", &key, &upstream.url());
    let list = home.axis_without_password(&["list", "--json"]).ok();
    assert!(!list.stdout.contains(&key));
    assert!(list.stdout.contains("\"github\""), "{list:?}");
    assert!(
        list.stdout.contains("127.0.0.1"),
        "bound hosts are shown: {list:?}"
    );

    let again = home.axis_fed(&["add", "github", "--stdin", "--no-check"], &key);
    assert_eq!(again.code(), 1, "{again:?}");
    assert!(again.stderr.contains("--replace"), "{again:?}");
    let url = upstream.url();
    let replace = [
        "add",
        "github",
        "--stdin",
        "--no-check",
        "--replace",
        "--base-url",
        &url,
    ];
    home.axis_fed(&replace, &key).ok();

    let label = ["add", "github", "--label", "work", "--stdin", "--no-check"];
    home.axis_fed(&label, &key).ok();
    assert!(home.axis(&["list"]).ok().stdout.contains("github/work"));
    home.axis(&["revoke", "github"]).ok();
    let list = home.axis(&["list"]).ok().stdout;
    assert!(
        list.contains("github/work") && !list.contains("github "),
        "{list}"
    );
    assert_ne!(home.axis(&["revoke", "github"]).code(), 0);
}

#[test]
fn add_asks_the_upstream_whether_it_accepts_the_credential() {
    let upstream = Upstream::answering(|request| {
        if request.headers["authorization"].ends_with("good-credential") {
            Reply::json(200, &json!({"login": "me"}))
        } else {
            Reply::json(401, &json!({"message": "Bad credentials"}))
        }
    });
    let home = Home::ready();
    let url = upstream.url();
    let add = ["add", "github", "--stdin", "--replace", "--base-url", &url];
    let good = home.axis_fed(&add, "ghp_good-credential\n").ok();
    assert!(good.stdout.contains("accept"), "{good:?}");
    let bad = home.axis_fed(&add, "ghp_bad\n").ok();
    assert!(
        (bad.stdout.clone() + &bad.stderr).contains("401"),
        "{bad:?}"
    );
    assert_eq!(upstream.requests()[0].path, "/user");
}

#[test]
fn a_typo_gets_a_suggestion_and_stores_nothing() {
    let home = Home::ready();
    let ran = home.axis_fed(&["add", "opnai", "--stdin", "--no-check"], "sk-123456789\n");
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("openai"), "{ran:?}");
    let ran = home.axis(&["lgos"]);
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("logs"), "{ran:?}");
}

#[test]
fn a_wrong_password_changes_nothing_and_is_told_before_the_secret_is_read() {
    let home = Home::ready();
    let before = fs::read(home.file("keystore.json")).unwrap();
    let mut command = home.command("axis");
    command
        .args(["add", "github", "--stdin", "--no-check"])
        .env("AXIS_MASTER_PASSWORD", "not the password");
    let ran = run(command, "ghp_x123456789\n");
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert!(ran.stderr.contains("password"), "{ran:?}");
    assert_eq!(fs::read(home.file("keystore.json")).unwrap(), before);
    assert!(
        home.audit()
            .iter()
            .any(|line| line["act"] == "wrong_password")
    );
}

#[test]
fn three_adds_at_once_are_all_stored() {
    let home = Home::ready();
    std::thread::scope(|scope| {
        for label in ["one", "two", "three", "four"] {
            let home = &home;
            scope.spawn(move || {
                home.axis_fed(
                    &["add", "github", "--label", label, "--stdin", "--no-check"],
                    "ghp_123456789012\n",
                )
                .ok();
            });
        }
    });
    let list = home.axis(&["list"]).ok().stdout;
    for label in ["one", "two", "three", "four"] {
        assert!(list.contains(&format!("github/{label}")), "{list}");
    }
}

#[test]
fn the_owners_own_call_goes_through_the_same_policy_and_record() {
    let upstream = Upstream::answering(|_| Reply::json(200, &json!({"number": 7})));
    let home = Home::with_github(&upstream, &canary("call"), ALLOW_GITHUB);
    let ran = home
        .axis_without_password(&[
            "call",
            "github",
            "issues.create",
            "owner=acme",
            "repo=axis",
            "title=42",
            "labels=[\"bug\"]",
        ])
        .ok();
    assert_eq!(ran.json()["result"]["number"], 7, "{ran:?}");
    let body = upstream.requests()[0].json();
    assert_eq!(
        body,
        json!({"title": "42", "labels": ["bug"]}),
        "types come from the schema"
    );

    let denied = home.axis_without_password(&[
        "call",
        "github",
        "pulls.create",
        "--params",
        "{\"owner\":\"a\",\"repo\":\"b\",\"title\":\"t\",\"head\":\"h\",\"base\":\"b\"}",
    ]);
    assert_eq!(denied.code(), 4, "{denied:?}");
    assert_eq!(denied.json()["denied"], true);
    let failed = home.axis_without_password(&["call", "github", "repos.gett"]);
    assert_eq!(failed.code(), 2, "{failed:?}");
    home.axis(&["lock"]).ok();
    let locked = home.axis_without_password(&["call", "github", "repos.get", "owner=a", "repo=b"]);
    assert_eq!(locked.code(), 3, "{locked:?}");
}

#[test]
fn lock_and_unlock() {
    let home = Home::ready();
    home.axis_without_password(&["lock"]).ok();
    let state = || -> Value {
        home.axis_without_password(&["status", "--json"])
            .ok()
            .json()["vault"]["state"]
            .clone()
    };
    assert_eq!(state(), "locked");
    home.axis(&["unlock"]).ok();
    assert_eq!(state(), "unlocked");
    let acts: Vec<Value> = home
        .audit()
        .iter()
        .map(|line| line["act"].clone())
        .collect();
    assert!(
        acts.contains(&json!("lock")) && acts.contains(&json!("unlock")),
        "{acts:?}"
    );
}

#[test]
fn logs_show_the_last_lines_follow_new_ones_and_verify() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("logs"), ALLOW_GITHUB);
    let call = ["call", "github", "repos.get", "owner=a", "repo=b"];
    for _ in 0..5 {
        home.axis_without_password(&call).ok();
    }
    let lines = home
        .axis_without_password(&["logs", "--last", "4", "--json"])
        .ok();
    let lines: Vec<Value> = lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines, home.audit()[home.audit().len() - 4..]);

    let out = home.file("tail.out");
    let mut command = home.command("axis");
    command
        .args(["logs", "--tail", "--last", "0", "--json"])
        .stdout(fs::File::create(&out).unwrap());
    let mut tail = command.spawn().unwrap();
    wait_for("the new line to arrive", || {
        home.axis_without_password(&call).ok();
        fs::read_to_string(&out)
            .unwrap()
            .contains("\"finished\"")
            .then_some(())
    });
    tail.kill().unwrap();
    tail.wait().unwrap();

    home.axis_without_password(&["logs", "verify"]).ok();
    let path = home.file("audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    home.kill();
    fs::write(&path, text.replacen("repos.get", "repos.del", 1)).unwrap();
    home.axis_without_password(&["daemon", "start"]).ok();
    let ran = home.axis_without_password(&["logs", "verify"]);
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert!(
        (ran.stdout + &ran.stderr).contains("line"),
        "file and line are named"
    );
}

#[test]
fn the_agents_words_cant_forge_a_line_of_the_log() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("forge"), ALLOW_GITHUB);
    let evil = "ok\u{1b}[2K\r\n2026-01-01 forged line \u{202e}evil\u{2066}\u{200b}\u{7}";
    home.axis_without_password(&[
        "call",
        "github",
        "repos.get",
        "owner=a",
        "repo=b",
        "--justification",
        evil,
    ])
    .ok();
    let shown = home.axis_without_password(&["logs"]).ok().stdout;
    for forbidden in ['\u{1b}', '\r', '\u{202e}', '\u{2066}', '\u{200b}', '\u{7}'] {
        assert!(!shown.contains(forbidden), "{forbidden:?} in {shown:?}");
    }
    assert!(
        !shown
            .lines()
            .any(|line| line.starts_with("2026-01-01 forged")),
        "{shown}"
    );
}

#[test]
fn an_upstreams_words_cant_move_the_owners_terminal() {
    let evil = "\u{9b}2J\u{7f}\u{202e}x\u{200b}\u{e0041}";
    let upstream = Upstream::answering(move |_| Reply {
        body: format!("{{\"name\":\r\n \"{evil}\"}}").into_bytes(),
        ..Reply::json(200, &json!({}))
    });
    let home = Home::with_github(&upstream, &canary("escape"), ALLOW_GITHUB);
    let ran = home
        .axis_without_password(&["call", "github", "repos.get", "owner=a", "repo=b"])
        .ok();
    for forbidden in evil.chars().filter(|c| !c.is_ascii_alphanumeric()) {
        assert!(!ran.stdout.contains(forbidden), "{forbidden:?} in {ran:?}");
    }
    assert_eq!(ran.json()["result"]["name"], evil, "the value is the same");
}

#[test]
fn status_and_doctor_speak_json_and_say_what_to_do() {
    let home = Home::empty();
    let down = home.axis_without_password(&["status"]);
    assert_eq!(down.code(), 3, "{down:?}");
    home.axis(&["init"]).ok();
    let doctor = home.axis_without_password(&["doctor", "--json"]);
    let report = doctor.json();
    assert_eq!(report["level"], 1);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() >= 6, "{report}");
    for check in checks {
        assert!(
            ["ok", "warn", "fail"].contains(&check["state"].as_str().unwrap()),
            "{check}"
        );
    }
    assert!(
        checks.iter().any(|check| check["fix"] == "axis add github"),
        "{report}"
    );
    fs::write(home.file("policy.yaml"), "policies: {").unwrap();
    let failed = wait_for("doctor to see the broken policy", || {
        let ran = home.axis_without_password(&["doctor"]);
        (ran.code() == 1).then_some(ran)
    });
    assert!(failed.stdout.contains("policy.yaml"), "{failed:?}");
}

#[test]
fn the_daemon_is_started_stopped_and_restarted() {
    let home = Home::empty();
    home.axis(&["daemon", "start"]).ok();
    let first = home.pid().unwrap();
    home.axis(&["daemon", "start"]).ok();
    assert_eq!(home.pid(), Some(first), "one that runs is left alone");
    home.axis(&["daemon", "restart"]).ok();
    let second = home.pid().unwrap();
    assert_ne!(first, second);
    home.axis_without_password(&["daemon", "stop"]).ok();
    assert_eq!(home.pid(), None);
    let log = fs::read_to_string(home.file("axisd.log")).unwrap();
    assert!(!log.contains(PASSWORD));
}

#[test]
fn every_command_has_help_with_an_example() {
    let home = Home::empty();
    let commands: [&[&str]; 16] = [
        &["init"],
        &["add"],
        &["list"],
        &["revoke"],
        &["call"],
        &["mcp"],
        &["logs"],
        &["logs", "verify"],
        &["status"],
        &["unlock"],
        &["lock"],
        &["daemon"],
        &["daemon", "start"],
        &["daemon", "restart"],
        &["doctor"],
        &["demo"],
    ];
    for command in commands {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let help = home.axis_without_password(&arguments).ok().stdout;
        assert!(help.contains("Example"), "{command:?}: {help}");
    }
    let version = home.axis_without_password(&["--version"]).ok().stdout;
    assert_eq!(
        version.trim(),
        format!("axis {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_call_that_breaks_off_is_told_from_one_that_was_never_made() {
    let upstream =
        Upstream::answering(|_| Reply::json(200, &json!({})).after(Duration::from_secs(30)));
    let home = Home::with_github(&upstream, &canary("broken-off"), ALLOW_GITHUB);
    let mut command = home.command("axis");
    command.args(["call", "github", "repos.get", "owner=a", "repo=b"]);
    let calling = std::thread::spawn(move || run(command, ""));
    wait_for("the call to go out", || {
        (!upstream.requests().is_empty()).then_some(())
    });
    home.kill();
    let ran = calling.join().unwrap();
    assert_eq!(ran.code(), 3, "{ran:?}");
    for said in [
        "broke off in mid-call",
        "may or may not have reached the upstream: look before you repeat it",
        "fix: axis logs --last 5",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }

    let mut command = home.command("axis");
    command
        .args(["call", "github", "repos.get", "owner=a", "repo=b"])
        .env("AXIS_SOCKET", "/nope");
    let ran = run(command, "");
    assert_eq!(ran.code(), 3, "{ran:?}");
    let said = "error: nothing answers on /nope (AXIS_SOCKET)\n";
    assert!(ran.stderr.starts_with(said), "{ran:?}");
    assert!(!ran.stderr.contains("axis daemon start"), "{ran:?}");
}
