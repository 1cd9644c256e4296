//! Without questions: what flags and the environment say.

use std::fs;
use std::process::Command;

use axis_tests::{Host, PASSWORD, Ran, binary, canary, run};
use serde_json::{Value, json};

use super::{Home, status, stored, vendor};

fn setup(home: &Home, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
    let mut command = home.command("axis");
    command
        .arg("setup")
        .args(arguments)
        .current_dir(home.path())
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .envs(variables.iter().copied());
    run(command, input)
}

/// Every file under the home, but those that a running axisd writes.
fn files(home: &Home) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(home.path())
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            let is_log = name.starts_with("audit") || name == "axisd.log";
            (path.is_file() && !is_log).then(|| (name, fs::read(&path).unwrap()))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn what_a_host_is_configured_with_is_what_policy_allows() {
    let home = Home::empty();
    let key = canary("host");
    let vendor = vendor(&key);
    let url = vendor.url();
    let arguments = [
        "--yes",
        "--service",
        "github",
        "--stdin",
        "--base-url",
        &url,
        "--seal",
        "--host",
        "claude-code",
    ];
    let ran = setup(&home, &arguments, &[], &format!("{key}\n")).ok();
    assert!(ran.stdout.contains("answered in"), "{ran:?}");
    assert_eq!(status(&home)["seal"]["sealed"], true);

    // the host starts what its file says, with nothing of a shell's
    let file = fs::read_to_string(home.file(".claude.json")).unwrap();
    assert!(!file.contains(&key) && !file.contains(PASSWORD), "{file}");
    let file: Value = serde_json::from_str(&file).unwrap();
    let entry = &file["mcpServers"]["axis"];
    let program = entry["command"].as_str().unwrap();
    assert!(program.starts_with('/'), "{program}");
    let mut shim = Command::new(program);
    shim.env_clear().env("HOME", home.path()).current_dir("/");
    for argument in entry["args"].as_array().unwrap() {
        shim.arg(argument.as_str().unwrap());
    }
    for (name, value) in entry["env"].as_object().unwrap() {
        shim.env(name, value.as_str().unwrap());
    }
    let mut host = Host::spawn(shim);
    host.initialize("2025-06-18");
    let answer = host.execute("github", "users.me", &json!({}));
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(!host.transcript.contains(&key));
}

#[test]
fn keys_of_the_environment_are_kept_also_where_no_vendor_can_be_asked() {
    let home = Home::empty();
    let (github, stripe) = (canary("env"), format!("sk_test_{}", canary("stripe")));
    // nothing listens there, and nothing else can be reached
    let variables = [
        ("GITHUB_TOKEN", github.as_str()),
        ("STRIPE_SECRET_KEY", &stripe),
        ("OPENAI_API_KEY", "sk-CANARYopenai0123456789"),
        ("LINEAR_API_KEY", "lin_api_CANARY0123456789"),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", "CANARYtwilio0123456789"),
        ("UNRELATED_TOKEN", "not-a-key-of-any-service"),
    ];
    let ran = setup(&home, &["--yes"], &variables, "").ok();
    assert!(ran.stderr.contains("stored unchecked"), "{ran:?}");
    assert!(
        ran.stdout.contains("Take these out of your environment"),
        "{ran:?}"
    );
    for secret in ["CANARY", "not-a-key"] {
        assert!(
            !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
            "{ran:?}"
        );
    }
    assert_eq!(
        stored(&home),
        ["github", "linear", "openai", "stripe", "twilio"]
    );
    assert_eq!(status(&home)["seal"]["sealed"], false, "only with --seal");
    let explained = home.axis(&["policy", "explain", "stripe", "customers.list"]);
    assert_eq!(explained.code(), 0, "{explained:?}");
    let explained = home.axis(&["policy", "explain", "stripe", "customers.create"]);
    assert_eq!(explained.code(), 4, "{explained:?}");
}

/// `axis setup` with this `.env` and this variable.
fn setup_with(home: &Home, text: &str, variables: &[(&str, &str)]) -> (Ran, String) {
    fs::write(home.file(".env"), text).unwrap();
    let arguments = [
        "--yes",
        "--no-check",
        "--env-file",
        ".env",
        "--delete-env-lines",
    ];
    let ran = setup(home, &arguments, variables, "").ok();
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains("CANARY"), "a secret was shown: {ran:?}");
    }
    (ran, fs::read_to_string(home.file(".env")).unwrap())
}

#[test]
fn a_copy_of_the_very_key_that_was_stored_goes_too_and_another_value_never_does() {
    let (key, other) = (canary("same"), canary("other"));
    let variables = [("GITHUB_TOKEN", key.as_str())];
    let home = Home::empty();
    let text = format!("A=1\nGITHUB_TOKEN={key}\n");
    let (ran, left) = setup_with(&home, &text, &variables);
    assert_eq!(left, "A=1\n", "{ran:?}");
    assert_eq!(stored(&home), ["github"]);

    let known = "Not stored from .env, since there is a credential already: GITHUB_TOKEN (github)";
    let home = Home::empty();
    let text = format!("GITHUB_TOKEN={other}\n");
    let (ran, left) = setup_with(&home, &text, &variables);
    assert_eq!(left, text, "{ran:?}");
    assert!(ran.stdout.contains(known), "{ran:?}");
    assert!(ran.stdout.contains("axis import .env --replace"), "{ran:?}");

    // run again, it still speaks of both
    let (ran, left) = setup_with(&home, &text, &variables);
    assert_eq!(left, text, "{ran:?}");
    assert!(ran.stdout.contains(known), "{ran:?}");
    assert!(ran.stdout.contains("axis import env --replace"), "{ran:?}");
}

#[test]
fn of_two_values_of_one_name_only_the_stored_one_is_deleted() {
    let home = Home::empty();
    let text = "STRIPE_SECRET_KEY=sk_test_CANARYold\nSTRIPE_SECRET_KEY=sk_test_CANARYnew\n";
    let (ran, left) = setup_with(&home, text, &[]);
    assert_eq!(left, "STRIPE_SECRET_KEY=sk_test_CANARYold\n", "{ran:?}");
    let said = "another value of STRIPE_SECRET_KEY stays in .env, line 1";
    assert!(ran.stdout.contains(said), "{ran:?}");
}

#[test]
fn a_line_that_can_not_be_read_is_told_and_loses_no_other() {
    let home = Home::empty();
    let text = "GITHUB_TOKEN=\"ghp_CANARY1\nSTRIPE_SECRET_KEY=sk_test_CANARY2\n";
    let (ran, _) = setup_with(&home, text, &[("OPENAI_API_KEY", "changeme")]);
    let said = ".env: GITHUB_TOKEN: in line 1, the quote is never closed";
    assert!(ran.stderr.contains(said), "{ran:?}");
    assert!(!ran.stderr.contains("OPENAI"), "{ran:?}");
    assert_eq!(stored(&home), ["stripe"]);
}

#[test]
fn a_refused_key_is_kept_with_a_warning_and_the_setup_succeeds() {
    let home = Home::empty();
    let vendor = vendor("another key");
    let url = vendor.url();
    let arguments = [
        "--yes",
        "--service",
        "github",
        "--stdin",
        "--base-url",
        &url,
    ];
    let ran = setup(&home, &arguments, &[], &canary("refused")).ok();
    assert!(ran.stderr.contains("refuses it (401"), "{ran:?}");
    assert_eq!(stored(&home), ["github"]);
}

#[test]
fn running_it_again_changes_nothing() {
    let home = Home::empty();
    let key = canary("again");
    let vendor = vendor(&key);
    let url = vendor.url();
    let arguments = [
        "--yes",
        "--service",
        "github",
        "--stdin",
        "--base-url",
        &url,
        "--host",
        "claude-code",
    ];
    fs::write(
        home.file(".claude.json"),
        "{\n  // mine\n  \"mcpServers\": {\"other\": {\"command\": \"x\"},},\n}\n",
    )
    .unwrap();
    setup(&home, &arguments, &[], &key).ok();
    let host = fs::read_to_string(home.file(".claude.json")).unwrap();
    assert!(
        host.contains("// mine") && host.contains("\"other\""),
        "{host}"
    );
    let before = files(&home);
    let again = setup(&home, &arguments, &[], "another key").ok();
    assert!(
        again.stdout.contains("There is a key of GitHub already"),
        "{again:?}"
    );
    assert_eq!(files(&home), before);
}

#[test]
fn without_a_terminal_or_a_password_it_says_what_to_do() {
    let home = Home::empty();
    let ran = home.axis_without_password(&["setup"]);
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("axis setup --yes"), "{ran:?}");
    let ran = home.axis_without_password(&["setup", "--yes"]);
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("AXIS_MASTER_PASSWORD"), "{ran:?}");
    assert!(!home.file("keystore.json").exists());
    let ran = setup(&home, &["--yes", "--service", "githb", "--stdin"], &[], "x");
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("github"), "{ran:?}");
    let ran = setup(&home, &["--yes", "--host", "emacs-of-mine"], &[], "");
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("axis hosts list"), "{ran:?}");
}

#[test]
fn what_was_asked_for_and_could_not_be_done_is_no_success() {
    let home = Home::empty();
    // wrong words change nothing at all
    for arguments in [
        &["--yes", "--host", "emacs-of-mine"][..],
        &["--yes", "--identity", "a b"],
        &["--yes", "--service", "githb", "--stdin"],
        &["--yes", "--env-file", "gone.env"],
    ] {
        let ran = setup(&home, arguments, &[], "x");
        assert_eq!(ran.code(), 2, "{arguments:?}: {ran:?}");
        assert!(!home.file("keystore.json").exists(), "{arguments:?}");
    }
    setup(&home, &["--yes"], &[], "").ok();
    fs::write(home.file(".claude.json"), "{ broken").unwrap();
    let ran = setup(&home, &["--yes", "--host", "claude-code"], &[], "");
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert!(
        ran.stdout
            .contains("but not as asked: Claude Code is not configured"),
        "{ran:?}"
    );
    // a key that can't be stored is not lost without a word
    let mut command = home.command("axis");
    command
        .args(["setup", "--yes", "--no-check"])
        .env("AXIS_MASTER_PASSWORD", "not the password")
        .env("GITHUB_TOKEN", canary("lost"));
    let ran = run(command, "");
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert_eq!(stored(&home), [""; 0]);
    fs::write(home.file("policy.yaml"), "{{{").unwrap();
    let ran = setup(&home, &["--yes", "--seal"], &[], "");
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert!(ran.stdout.contains("the policy is not sealed"), "{ran:?}");
}

#[test]
fn a_locked_vault_is_opened_and_a_wrong_password_changes_nothing() {
    let home = Home::ready();
    home.axis(&["lock"]).ok();
    let before = files(&home);
    let mut command = home.command("axis");
    command
        .args(["setup", "--yes"])
        .env("AXIS_MASTER_PASSWORD", "not the password");
    let ran = run(command, "");
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert_eq!(files(&home), before);
    setup(&home, &["--yes"], &[], "").ok();
    assert_eq!(status(&home)["vault"]["state"], "unlocked");
    assert!(binary("axis").exists());
}
