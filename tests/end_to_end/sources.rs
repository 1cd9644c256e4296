//! Credentials that stay where their owner keeps them. A script stands in for
//! the password manager.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Ran, Reply, Upstream, canary, run, wait_for};
use serde_json::{Value, json};

use crate::calls::ALLOW_GITHUB;
use crate::terminal::Terminal;

const REFERENCE: &str = "op://Work/GitHub/token";

/// A stand-in for `op`: it knows one reference, wants its own token where one
/// is asked for, and counts its runs.
fn write_op(home: &Home) -> String {
    let path = home.file("bin/op");
    fs::create_dir_all(home.file("bin")).unwrap();
    fs::set_permissions(home.file("bin"), fs::Permissions::from_mode(0o755)).unwrap();
    let script = format!(
        r#"#!/bin/sh
here={}
echo "$*" >> "$here/runs"
[ "$*" = "read --no-newline {REFERENCE}" ] || {{ echo "unknown: $*" >&2; exit 1; }}
if [ -e "$here/wanted" ] && [ "$OP_SERVICE_ACCOUNT_TOKEN" != "$(cat "$here/wanted")" ]; then
    echo "not signed in" >&2
    exit 1
fi
cat "$here/op-secret"
"#,
        home.path().display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn put(home: &Home, secret: &str) {
    fs::write(home.file("op-secret"), secret).unwrap();
}

fn runs(home: &Home) -> usize {
    let runs = fs::read_to_string(home.file("runs")).unwrap_or_default();
    runs.lines().count()
}

/// Stores `github` as what `op` says, with more arguments.
fn add(home: &Home, program: &str, url: &str, more: &[&str], input: &str) -> Ran {
    let mut arguments = vec!["add", "github", "--source", REFERENCE, "--base-url", url];
    arguments.extend(["--program", program]);
    arguments.extend(more);
    home.axis_fed(&arguments, input)
}

/// A home whose `github` credential is what the stand-in says.
fn home_with_op(upstream: &Upstream, secret: &str) -> (Home, String) {
    let home = Home::ready();
    let program = write_op(&home);
    put(&home, secret);
    add(
        &home,
        &program,
        &upstream.url(),
        &["--yes", "--no-check"],
        "",
    )
    .ok();
    home.policy(ALLOW_GITHUB);
    (home, program)
}

fn get(host: &mut Host) -> Value {
    host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
}

fn sent(upstream: &Upstream) -> String {
    let requests = upstream.requests();
    requests.last().unwrap().headers["authorization"].clone()
}

#[test]
fn a_credential_kept_elsewhere_is_not_shown_to_others_of_its_host() {
    let values = ["one", "two"].map(canary);
    let seen = json!({ "seen": values });
    let upstream = Upstream::answering(move |_| Reply::json(200, &seen));
    let (home, url) = (Home::ready(), upstream.url());
    let program = write_op(&home);
    put(&home, &values[0]);
    let each_time = ["--yes", "--no-check", "--ttl", "1s"];
    add(&home, &program, &url, &each_time, "").ok();
    home.add("stripe", &canary("stripe"), &url);
    home.policy(
        "policies:\n  - identity: local-dev\n    allow: [{service: '*', actions: ['*']}]\n",
    );
    let mut host = Host::connect(&home, "local-dev");
    for value in &values {
        put(&home, value);
        wait_for("the call to go out with it", || {
            get(&mut host);
            (sent(&upstream) == format!("Bearer {value}")).then_some(())
        });
    }
    for is_there in [true, false] {
        let answer = host.execute("stripe", "customers.list", &json!({}));
        let nothing = "[redacted by axis]";
        assert_eq!(
            answer["result"]["seen"],
            json!([nothing, nothing]),
            "{is_there}"
        );
        // neither does one that can't be read any more become known
        fs::remove_file(home.file("op-secret")).ok();
        wait_for("it to be missed", || {
            (get(&mut host)["ok"] == false).then_some(())
        });
    }
}

#[test]
fn a_call_goes_out_with_what_the_password_manager_says_and_nothing_of_it_is_written_down() {
    let upstream = Upstream::friendly();
    let secret = canary("op");
    let (home, program) = home_with_op(&upstream, &secret);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(sent(&upstream), format!("Bearer {secret}"));
    for file in ["keystore.json", "audit.jsonl"] {
        let text = fs::read_to_string(home.file(file)).unwrap();
        assert!(
            !text.contains(&secret) && !text.contains(&hex(&secret)),
            "{file}"
        );
        // nor is where it is: an agent needn't know
        assert!(
            !text.contains(REFERENCE) && !text.contains(&hex(REFERENCE)),
            "{file}"
        );
    }
    // but which program got it is on record
    let audit = home.audit();
    let added = audit.iter().find(|line| line["act"] == "add").unwrap();
    let address = upstream.url().replace("http://", "");
    assert_eq!(
        added["detail"],
        format!("github, hosts: {address}, read by: {program}")
    );
    let listed = home.axis(&["list", "--json"]).json();
    assert_eq!(listed["credentials"][0]["source"], REFERENCE);
    assert!(home.axis(&["list"]).ok().stdout.contains(REFERENCE));
    home.axis(&["lock"]).ok();
    let listed = home.axis_without_password(&["list", "--json"]).json();
    assert_eq!(listed["credentials"][0]["source"], Value::Null);

    // opened anew, it is read before it is asked for
    let before = runs(&home);
    home.kill();
    home.axis(&["unlock"]).ok();
    wait_for("it to be read", || (runs(&home) > before).then_some(()));
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(runs(&home), before + 1);
}

fn hex(text: &str) -> String {
    hex::encode(text)
}

#[test]
fn an_answer_that_holds_the_value_is_guarded_like_any_other() {
    let secret = canary("guarded");
    let reflected = secret.clone();
    let upstream = Upstream::answering(move |_| Reply::json(200, &json!({"id": reflected})));
    let (home, _) = home_with_op(&upstream, &secret);
    let mut host = Host::connect(&home, "local-dev");
    let answer = get(&mut host);
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(!answer.to_string().contains(&secret), "{answer}");
}

#[test]
fn without_a_yes_or_the_password_nothing_is_run_or_stored() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    let program = write_op(&home);
    put(&home, "ghp_1");
    let unconfirmed = add(&home, &program, &upstream.url(), &[], "");
    assert_eq!(unconfirmed.code(), 2, "{unconfirmed:?}");
    assert!(unconfirmed.stderr.contains("--yes"), "{unconfirmed:?}");
    let mut wrong: Command = home.command("axis");
    wrong
        .args([
            "add",
            "github",
            "--source",
            REFERENCE,
            "--yes",
            "--program",
            &program,
        ])
        .env("AXIS_MASTER_PASSWORD", "not the password");
    assert_eq!(run(wrong, "").code(), 1);

    let arguments = format!("add github --source {REFERENCE} --no-check --program {program}");
    let mut terminal = Terminal::axis(&home, &arguments);
    terminal.after("Is that right? [y/N]", "n\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert!(
        screen.contains("op read --no-newline op://Work/GitHub/token"),
        "{screen}"
    );
    assert_eq!(runs(&home), 0);
    let listed = home.axis(&["list", "--json"]).json();
    assert_eq!(listed["credentials"], json!([]));

    let mut terminal = Terminal::axis(&home, &arguments);
    terminal.after("Is that right? [y/N]", "y\r");
    terminal.after("Master password:", &format!("{PASSWORD}\r"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("Secret for"), "{screen}");
    assert!(runs(&home) > 0);
}

#[test]
fn a_program_of_that_name_in_the_callers_path_is_never_run() {
    let home = Home::empty();
    write_op(&home);
    put(&home, "ghp_1");
    let path = format!("{}:/usr/bin:/bin", home.file("bin").display());
    for arguments in [
        &["init"][..],
        &[
            "add",
            "github",
            "--source",
            REFERENCE,
            "--yes",
            "--no-check",
        ],
    ] {
        let mut command: Command = home.command("axis");
        command
            .args(arguments)
            .env("PATH", &path)
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        // a real one that is not signed in says no, too
        let ran = run(command, "");
        assert_ne!(ran.code(), -1, "{ran:?}");
    }
    assert_eq!(runs(&home), 0);
}

#[test]
fn a_program_that_others_could_replace_is_refused() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    let program = write_op(&home);
    put(&home, "ghp_1");
    let bin = home.file("bin");
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = add(&home, &program, &upstream.url(), &["--yes"], "");
    assert_eq!(refused.code(), 2, "{refused:?}");
    assert!(refused.stderr.contains("chmod go-w"), "{refused:?}");
    assert_eq!(runs(&home), 0);
}

#[test]
fn what_lets_the_program_in_is_sealed_with_the_reference() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    let program = write_op(&home);
    let (secret, token) = (canary("token"), canary("ops"));
    put(&home, &secret);
    fs::write(home.file("wanted"), &token).unwrap();
    let more = ["--yes", "--stdin"];
    let refused = add(&home, &program, &upstream.url(), &more, "ghp_wrong\n");
    assert_eq!(refused.code(), 1, "{refused:?}");
    assert!(
        refused.stderr.contains("not signed in"),
        "the owner is told: {refused:?}"
    );
    add(
        &home,
        &program,
        &upstream.url(),
        &more,
        &format!("{token}\n"),
    )
    .ok();
    home.policy(ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(sent(&upstream), format!("Bearer {secret}"));
    let keystore = fs::read_to_string(home.file("keystore.json")).unwrap();
    assert!(!keystore.contains(&token) && !keystore.contains(&hex(&token)));
}

#[test]
fn a_value_that_can_not_be_read_fails_the_call_and_the_owner_is_told_why() {
    let upstream = Upstream::friendly();
    let (home, program) = home_with_op(&upstream, "ghp_1");
    fs::write(home.file("wanted"), "another").unwrap();
    home.kill();
    home.axis(&["unlock"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    let answer = get(&mut host);
    assert_eq!(answer["error"]["code"], "no_credential", "{answer}");
    let text = answer.to_string();
    for kept_back in [program.as_str(), REFERENCE, "not signed in"] {
        assert!(!text.contains(kept_back), "{answer}");
    }
    let doctor = home.axis_without_password(&["doctor", "--json"]).json();
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|it| it["name"] == "source").unwrap();
    assert_eq!(check["state"], "fail", "{check}");
    assert!(
        check["message"]
            .as_str()
            .unwrap()
            .contains("github can't be read"),
        "{check}"
    );
    assert!(!doctor.to_string().contains("not signed in"));
    assert!(upstream.requests().is_empty());

    // what is stored with a check must be readable, else nothing changes
    let replace = ["--yes", "--replace"];
    let refused = add(&home, &program, &upstream.url(), &replace, "");
    assert_eq!(refused.code(), 1, "{refused:?}");
    let unread = add(
        &home,
        &program,
        &upstream.url(),
        &[&replace[..], &["--no-check"]].concat(),
        "",
    );
    assert!(unread.ok().stderr.contains("unread"));
}

#[test]
fn a_secret_that_each_use_replaces_has_to_be_in_the_vault() {
    let home = Home::ready();
    let program = write_op(&home);
    put(&home, "{}");
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(
        home.file("services/acme.yaml"),
        "service: acme\ntitle: Acme\nbase_url: https://api.acme.example\nauth: { scheme: oauth2, grant: refresh_token, token_url: https://login.acme.example/token }\nactions:\n  me.get: { effect: read, method: GET, path: /me }\n",
    )
    .unwrap();
    wait_for("acme to be in force", || {
        let shown = home.axis(&["services", "show", "acme"]);
        shown.status.success().then_some(())
    });
    let arguments = [
        "add",
        "acme",
        "--source",
        REFERENCE,
        "--yes",
        "--program",
        &program,
    ];
    let refused = home.axis(&arguments);
    assert_eq!(refused.code(), 2, "{refused:?}");
    assert!(
        refused.stderr.contains("replaced by each use"),
        "{refused:?}"
    );
    assert_eq!(runs(&home), 0);
}

#[test]
fn a_command_of_the_owners_own_gets_its_words_and_no_shell() {
    let upstream = Upstream::friendly();
    let home = Home::ready();
    let source = "cmd:///usr/bin/printf %s 'ghp_$HOME;`id`'";
    let arguments = [
        "add",
        "github",
        "--source",
        source,
        "--yes",
        "--no-check",
        "--base-url",
    ];
    home.axis(&[&arguments[..], &[&upstream.url()]].concat())
        .ok();
    home.policy(ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    assert_eq!(sent(&upstream), "Bearer ghp_$HOME;`id`");
}

#[test]
fn the_last_use_of_a_credential_outlives_a_restart() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("used"), ALLOW_GITHUB);
    let first = || home.axis(&["list", "--json"]).json()["credentials"][0].clone();
    assert_eq!(first()["last_used_at"], Value::Null);
    assert_eq!(first()["age_days"], 0);
    assert_eq!(first()["stale"], false);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(get(&mut host)["ok"], true);
    let used = first()["last_used_at"].clone();
    assert!(used.is_string(), "{used}");
    assert!(home.axis(&["list"]).ok().stdout.contains("just now"));
    home.kill();
    home.axis(&["unlock"]).ok();
    wait_for("the log to be read", || {
        let again = first()["last_used_at"].clone();
        // the log has it in milliseconds
        let (again, used) = (again.as_str()?, used.as_str().unwrap());
        assert_eq!(again[..19], used[..19]);
        Some(())
    });
}
