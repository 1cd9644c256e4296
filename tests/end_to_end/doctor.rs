//! `axis doctor`: what it looks at, what it mends, and what it says of the level.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use axis_tests::{Home, PASSWORD, Reply, Upstream, canary, run};
use serde_json::{Value, json};

/// The checks by this name.
fn named<'a>(report: &'a Value, name: &str) -> Vec<&'a Value> {
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|check| check["name"] == name)
        .collect()
}

fn doctor(home: &Home, arguments: &[&str]) -> Value {
    let arguments = [&["doctor", "--json"], arguments].concat();
    home.axis_without_password(&arguments).json()
}

#[test]
fn a_sound_home_passes_at_least_twenty_checks_each_in_one_form() {
    let home = Home::ready();
    let report = doctor(&home, &[]);
    let checks = report["checks"].as_array().unwrap();
    let mut names: Vec<&str> = checks
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() >= 20, "{} names: {names:?}", names.len());
    for check in checks {
        let fields: Vec<&String> = check.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["name", "state", "message", "fix"]);
        let state = check["state"].as_str().unwrap();
        assert!(["ok", "warn"].contains(&state), "{check}");
        assert!(!check["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(report["level"], 1);
    let level = named(&report, "level")[0];
    assert!(
        level["fix"].as_str().unwrap().contains("axis policy seal"),
        "{level}"
    );
}

#[test]
fn what_is_open_to_others_is_named_and_closed_by_fix() {
    let home = Home::ready();
    let (keystore, broker) = (home.file("keystore.json"), home.file("run/broker.sock"));
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(&keystore, 0o644);
    open(&broker, 0o666);
    let report = doctor(&home, &[]);
    for (name, path) in [("keystore", &keystore), ("sockets", &broker)] {
        let check = named(&report, name)[0];
        assert_eq!(check["state"], "fail", "{check}");
        let fix = check["fix"].as_str().unwrap();
        assert_eq!(fix, format!("chmod 600 {}", path.display()));
    }
    let failed = home.axis_without_password(&["doctor"]);
    assert_eq!(failed.code(), 1, "{failed:?}");
    let mended = home.axis_without_password(&["doctor", "--fix"]).ok();
    assert!(
        mended.stderr.contains("is closed to other users"),
        "{mended:?}"
    );
    for path in [&keystore, &broker] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    // with nothing to mend it changes nothing
    let again = home.axis_without_password(&["doctor", "--fix"]).ok();
    assert!(!again.stderr.contains("mended"), "{again:?}");
}

#[test]
fn online_tells_what_vendors_say_and_which_credential_ends_soon() {
    let good = canary("online");
    let right = format!("Bearer {good}");
    let in_a_week = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(7 * 24);
    let end = in_a_week.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let vendor = Upstream::answering(move |request| {
        let mut reply = if request.headers.get("authorization") == Some(&right) {
            Reply::json(200, &json!({"login": "octocat"}))
        } else {
            Reply::json(401, &json!({"message": "Bad credentials"}))
        };
        let header = "github-authentication-token-expiration".to_owned();
        reply.headers.push((header, end.clone()));
        reply
    });
    let home = Home::ready();
    home.add("github", &good, &vendor.url());
    home.axis_fed(
        &[
            "add",
            "github",
            "--label",
            "old",
            "--stdin",
            "--no-check",
            "--base-url",
            &vendor.url(),
        ],
        &canary("old"),
    )
    .ok();
    let offline = doctor(&home, &[]);
    assert!(named(&offline, "accepted").is_empty());
    assert!(vendor.requests().is_empty(), "nothing is asked unasked");

    let report = doctor(&home, &["--online"]);
    let said = named(&report, "accepted");
    assert_eq!(said.len(), 2, "{report}");
    assert_eq!(said[0]["state"], "warn", "{}", said[0]);
    let message = said[0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("github: ") && message.contains("ends in 6 days"),
        "{message}"
    );
    assert_eq!(said[1]["state"], "fail", "{}", said[1]);
    assert_eq!(said[1]["fix"], "axis add github --label old --replace");
    assert!(!report.to_string().contains("CANARY"), "{report}");
    let host = vendor.url().replace("http://", "");
    let asked: Vec<Value> = home
        .audit()
        .into_iter()
        .filter(|line| line["act"] == "credentials_checked")
        .map(|line| line["detail"].clone())
        .collect();
    assert!(
        asked.contains(&json!(format!("github: GET {host}/user"))),
        "{asked:?}"
    );
    assert!(
        asked.contains(&json!(format!("github/old: GET {host}/user"))),
        "{asked:?}"
    );

    // asked again at once, the vendors are left alone
    let before = vendor.requests().len();
    doctor(&home, &["--online"]);
    assert_eq!(vendor.requests().len(), before);
}

#[test]
fn secrets_in_plaintext_are_named_and_never_shown() {
    let home = Home::ready();
    let key = canary("plaintext");
    fs::write(
        home.file(".claude.json"),
        json!({"mcpServers": {
            "axis": {"command": "/gone/axis", "args": ["mcp"],
                "env": {"AXIS_IDENTITY": "mine", "AXIS_SOCKET": "/x/identity/mine/broker.sock",
                    "AXIS_MASTER_PASSWORD": PASSWORD}},
            "other": {"command": "x", "env": {"GITHUB_TOKEN": key}},
        }})
        .to_string(),
    )
    .unwrap();
    fs::write(home.file(".env"), format!("GITHUB_TOKEN={key}\n")).unwrap();
    let mut command = home.command("axis");
    command
        .args(["doctor", "--json"])
        .current_dir(home.path())
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("OPENAI_API_KEY", "sk-CANARY0123456789abcdef");
    let report = run(command, "");
    assert!(!report.stdout.contains("CANARY") && !report.stdout.contains(PASSWORD));
    let report = report.json();
    assert_eq!(named(&report, "environment")[0]["state"], "warn");
    let plaintext: String = named(&report, "keys in plaintext")
        .iter()
        .map(|check| check["message"].to_string())
        .collect();
    assert!(
        plaintext.contains("OPENAI_API_KEY") && plaintext.contains(".env"),
        "{plaintext}"
    );
    let files: String = named(&report, "hosts' files")
        .iter()
        .map(|check| check["message"].to_string())
        .collect();
    assert!(
        files.contains("master password") && files.contains("GITHUB_TOKEN"),
        "{files}"
    );
    let hosts = named(&report, "hosts")[0];
    assert_eq!(hosts["state"], "fail", "{hosts}");
    assert_eq!(hosts["fix"], "axis doctor --fix");

    // the program that is gone is replaced by this one, and who it is and where
    // it calls stays
    home.axis_without_password(&["doctor", "--fix"]).ok();
    let file = fs::read_to_string(home.file(".claude.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let entry = &file["mcpServers"]["axis"];
    assert!(entry["command"].as_str().unwrap().ends_with("/axis"));
    assert_ne!(entry["command"], "/gone/axis");
    assert_eq!(entry["env"]["AXIS_IDENTITY"], "mine");
    assert_eq!(entry["env"]["AXIS_SOCKET"], "/x/identity/mine/broker.sock");
    // where it calls, its agent may be in a sandbox
    let report = home.axis(&["doctor", "--json"]).json();
    let hosts = named(&report, "hosts")[0];
    assert_eq!(
        hosts["fix"],
        "AXIS_SOCKET=/x/identity/mine/broker.sock axis hosts add claude-code --identity mine"
    );
}

#[test]
fn without_axisd_it_still_says_what_it_can_and_fails() {
    let home = Home::empty();
    let mut command = home.command("axis");
    command
        .args(["doctor", "--json"])
        .env("AXIS_AUTOSTART", "0");
    let ran = run(command, "");
    assert_eq!(ran.code(), 1, "{ran:?}");
    let report = ran.json();
    assert_eq!(report["level"], Value::Null);
    assert_eq!(named(&report, "daemon")[0]["state"], "fail");
    assert!(!named(&report, "programs").is_empty());
}
