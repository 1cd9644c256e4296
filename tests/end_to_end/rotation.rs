//! `axis rotate` and `axis undo`: the vault's password, and a credential's past.

use std::fs;
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Ran, Upstream, canary, run};
use serde_json::json;

use crate::calls::ALLOW_GITHUB;
use crate::terminal::Terminal;

const NEXT: &str = "plinth ferret ocean quartz";

/// `axis` with the one password for the prompt, and the other for the new one.
fn axis_with(home: &Home, password: &str, new: &str, arguments: &[&str]) -> Ran {
    let mut command: Command = home.command("axis");
    command
        .args(arguments)
        .env("AXIS_MASTER_PASSWORD", password)
        .env("AXIS_NEW_MASTER_PASSWORD", new);
    run(command, "")
}

fn rotate(home: &Home) -> Ran {
    axis_with(home, PASSWORD, NEXT, &["rotate", "--all"])
}

fn acts(home: &Home) -> Vec<String> {
    let acts = home.audit().into_iter();
    acts.filter_map(|line| line["act"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_rotation_is_on_record_and_calls_go_on_through_it_and_a_restart() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("rotate"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let repo = json!({"owner": "a", "repo": "b"});
    assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
    let rotated = rotate(&home).ok();
    assert!(rotated.stdout.contains("1 credential"), "{rotated:?}");
    assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
    assert!(acts(&home).contains(&"rotate".to_owned()));

    home.kill();
    let old = home.axis(&["unlock"]);
    assert_eq!(old.code(), 1, "{old:?}");
    axis_with(&home, NEXT, "", &["unlock"]).ok();
    assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
    let verified = axis_with(&home, NEXT, "", &["logs", "verify"]);
    assert_eq!(
        verified.code(),
        0,
        "the log from before is proven, too: {verified:?}"
    );
    let log = fs::read_to_string(home.file("audit.jsonl")).unwrap();
    assert!(!log.contains(PASSWORD) && !log.contains(NEXT));
}

#[test]
fn a_locked_vault_is_rotated_and_stays_locked() {
    let home = Home::ready();
    home.axis_without_password(&["lock"]).ok();
    let rotated = rotate(&home).ok();
    assert!(rotated.stdout.contains("axis unlock"), "{rotated:?}");
    let status = home.axis_without_password(&["status", "--json"]).json();
    assert_ne!(status["vault"]["state"], "unlocked", "{status}");
    axis_with(&home, NEXT, "", &["unlock"]).ok();
}

#[test]
fn a_wrong_old_or_a_short_new_password_changes_nothing() {
    let home = Home::ready();
    let keystore = fs::read(home.file("keystore.json")).unwrap();
    for (old, new, says) in [
        ("not the password", NEXT, "is wrong"),
        (PASSWORD, "a", "at least 8 characters"),
        (PASSWORD, "1234567", "at least 8 characters"),
        (PASSWORD, PASSWORD, "is the old one"),
    ] {
        let refused = axis_with(&home, old, new, &["rotate", "--all"]);
        assert_ne!(refused.code(), 0);
        assert!(refused.stderr.contains(says), "{refused:?}");
        assert_eq!(fs::read(home.file("keystore.json")).unwrap(), keystore);
    }
    assert!(acts(&home).contains(&"wrong_password".to_owned()));
    home.axis(&["unlock"]).ok();
}

#[test]
fn of_two_rotations_at_once_one_wins_and_the_other_says_so() {
    let home = Home::ready();
    let others = ["another one altogether", NEXT];
    let ended = std::thread::scope(|scope| {
        let rotations = others.map(|new| {
            let home = &home;
            scope.spawn(move || axis_with(home, PASSWORD, new, &["rotate", "--all"]))
        });
        rotations.map(|rotation| rotation.join().unwrap())
    });
    let won: Vec<&str> = others
        .into_iter()
        .zip(&ended)
        .filter_map(|(new, ran)| ran.status.success().then_some(new))
        .collect();
    assert_eq!(won.len(), 1, "{ended:?}");
    let lost = ended.iter().find(|ran| !ran.status.success()).unwrap();
    assert!(
        lost.stderr.contains("in the meantime") || lost.stderr.contains("is wrong"),
        "{lost:?}"
    );
    home.kill();
    axis_with(&home, won[0], "", &["unlock"]).ok();
}

#[test]
fn a_service_is_taken_for_a_key_that_add_would_change_and_asked_about() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("named"), ALLOW_GITHUB);
    let refused = axis_with(&home, PASSWORD, NEXT, &["rotate", "github"]);
    // there is no terminal to ask on
    assert_eq!(refused.code(), 2, "{refused:?}");
    assert!(refused.stderr.contains("axis add github --replace"));
    assert!(refused.stderr.contains("axis rotate --all"), "{refused:?}");
    let unknown = axis_with(&home, PASSWORD, NEXT, &["rotate", "gihtub", "--all"]);
    assert_eq!(unknown.code(), 2, "{unknown:?}");
    home.axis(&["unlock"]).ok();

    let mut terminal = Terminal::axis(&home, "rotate github");
    terminal.after("new master password? [y/N]", "n\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert!(!screen.contains("Master password:"), "{screen}");

    let mut terminal = Terminal::axis(&home, "rotate github");
    terminal.after("new master password? [y/N]", "y\r");
    terminal.after("\nMaster password:", &format!("{PASSWORD}\r"));
    terminal.after("New master password:", &format!("{NEXT}\r"));
    terminal.after("The same again:", &format!("{NEXT}\r"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        !screen.contains(PASSWORD) && !screen.contains(NEXT),
        "{screen}"
    );
    home.kill();
    axis_with(&home, NEXT, "", &["unlock"]).ok();
}

#[test]
fn a_wrong_old_password_is_told_before_the_new_one_is_asked_for() {
    let home = Home::ready();
    let mut terminal = Terminal::axis(&home, "rotate");
    terminal.after("Master password:", "not the password\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("is wrong"), "{screen}");
    assert!(!screen.contains("New master password"), "{screen}");
}

#[test]
fn a_weak_new_password_is_warned_of_and_two_that_differ_are_asked_for_again() {
    let home = Home::ready();
    let mut terminal = Terminal::axis(&home, "rotate");
    terminal.after("Master password:", &format!("{PASSWORD}\r"));
    terminal.after("New master password:", "short\r");
    terminal.after("at least 8 characters", "");
    terminal.after("New master password: \r\nwarning", "");
    terminal.after("characters\r\nNew master password:", "password1\r");
    terminal.after("The same again:", "password2\r");
    terminal.after("differ\r\nNew master password:", "password1\r");
    terminal.after(
        "differ\r\nNew master password: \r\nThe same again:",
        "password1\r",
    );
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("is weak"), "{screen}");
}

#[test]
fn an_undo_brings_the_replaced_key_back_to_the_upstream() {
    let upstream = Upstream::friendly();
    let (first, second) = (canary("first"), canary("second"));
    let home = Home::with_github(&upstream, &first, ALLOW_GITHUB);
    let early = home.axis(&["undo", "github"]);
    assert_eq!(early.code(), 1, "{early:?}");
    assert!(early.stderr.contains("--replace"), "{early:?}");
    let replace = [
        "add",
        "github",
        "--stdin",
        "--no-check",
        "--replace",
        "--base-url",
    ];
    let url = upstream.url();
    home.axis_fed(&[&replace[..], &[&url]].concat(), &second)
        .ok();

    let mut host = Host::connect(&home, "local-dev");
    let repo = json!({"owner": "a", "repo": "b"});
    let sent = |host: &mut Host| {
        assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
        let requests = upstream.requests();
        requests.last().unwrap().headers["authorization"].clone()
    };
    assert_eq!(sent(&mut host), format!("Bearer {second}"));
    let wrong = axis_with(&home, "not the password", "", &["undo", "github"]);
    assert_eq!(wrong.code(), 1, "{wrong:?}");
    assert_eq!(sent(&mut host), format!("Bearer {second}"));
    let undone = home.axis(&["undo", "github"]).ok();
    assert!(undone.stdout.contains("Brought back"), "{undone:?}");
    assert_eq!(sent(&mut host), format!("Bearer {first}"));
    // also when it is opened anew, and an undo can be undone
    home.kill();
    home.axis(&["unlock"]).ok();
    assert_eq!(sent(&mut host), format!("Bearer {first}"));
    home.axis(&["undo", "github"]).ok();
    assert_eq!(sent(&mut host), format!("Bearer {second}"));
    assert!(acts(&home).contains(&"undo".to_owned()));

    home.axis(&["revoke", "github"]).ok();
    let gone = home.axis(&["undo", "github"]);
    assert_eq!(gone.code(), 2, "{gone:?}");
    let keystore = fs::read_to_string(home.file("keystore.json")).unwrap();
    assert!(!keystore.contains(".previous"), "{keystore}");
}
