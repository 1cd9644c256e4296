//! The questions of `axis add` on a terminal of their own.

use std::fs;

pub use axis_tests::Terminal;
use axis_tests::{Home, PASSWORD, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// A home with a service of one's own whose tokens come from another host.
fn home_with_acme() -> Home {
    let home = Home::ready();
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(
        home.file("services/acme.yaml"),
        "service: acme\ntitle: Acme\nbase_url: https://api.acme.example\nauth: { scheme: oauth2, grant: client_credentials, token_url: https://login.acme.example/token }\nactions:\n  me.get: { effect: read, method: GET, path: /me }\n",
    )
    .unwrap();
    wait_for("acme to be in force", || {
        let shown = home.axis(&["services", "show", "acme"]);
        shown.status.success().then_some(())
    });
    home
}

fn stored(home: &Home) -> serde_json::Value {
    home.axis(&["list", "--json"]).json()["credentials"].clone()
}

#[test]
fn ctrl_c_ends_a_question_and_nothing_is_stored() {
    let home = home_with_acme();
    let mut terminal = Terminal::axis(&home, "add acme --no-check");
    terminal.after("login.acme.example right? [y/N]", "\u{3}");
    let (code, screen) = terminal.end();
    assert_ne!(code, 0);
    assert!(screen.contains("cancelled"), "{screen}");
    assert!(!screen.contains("Master password"), "{screen}");
    assert_eq!(stored(&home), json!([]));
}

#[test]
fn a_signal_ends_a_password_prompt_at_once_and_what_is_typed_later_goes_nowhere() {
    let home = Home::ready();
    home.axis(&["lock"]).ok();
    let axis = axis_tests::binary("axis");
    for (arguments, signal) in [
        ("unlock", Signal::TERM),
        ("unlock", Signal::HUP),
        ("add github --no-check", Signal::TERM),
        ("rotate", Signal::TERM),
    ] {
        // the shell stays, and shows whether the terminal is as it was
        let line = format!(
            "cd '{}' && stty -g > modes; sh -c 'echo $$ > pid; exec {} {arguments}'; \
             echo \"code $?\"; stty -g | cmp -s - modes && echo restored; \
             echo type; read -r typed; echo \"shell: $typed\"",
            home.path().display(),
            axis.display()
        );
        let mut terminal = Terminal::running(&home, &[], &line);
        wait_for("the prompt", || {
            terminal.screen().contains("Master password:").then_some(())
        });
        let pid = fs::read_to_string(home.file("pid")).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        terminal.after("type\r\n", &format!("{PASSWORD}\r"));
        let (_, screen) = terminal.end();
        assert!(screen.contains("cancelled"), "{arguments}: {screen}");
        assert!(screen.contains("code 1"), "{arguments}: {screen}");
        assert!(screen.contains("restored"), "{arguments}: {screen}");
        let typed = format!("shell: {PASSWORD}");
        assert!(screen.contains(&typed), "{arguments}: {screen}");
        let status = home.axis_without_password(&["status", "--json"]).json();
        assert_eq!(status["vault"]["state"], "locked", "{arguments}: {screen}");
    }
}

#[test]
fn only_yes_to_both_hosts_stores_a_secret_that_is_never_shown() {
    let home = home_with_acme();
    for answer in ["\r", "maybe\r", "n\r", "\u{4}"] {
        let mut terminal = Terminal::axis(&home, "add acme --no-check");
        terminal.after("[y/N]", answer);
        let (code, screen) = terminal.end();
        assert_eq!(code, 1, "{screen}");
        assert!(screen.contains("was not confirmed"), "{screen}");
        assert_eq!(stored(&home), json!([]));
    }
    let secret = r#"{"client_id": "c", "client_secret": "client-CANARY"}"#;
    let mut terminal = Terminal::axis(&home, "add acme --no-check");
    terminal.after(
        "Is api.acme.example, login.acme.example right? [y/N]",
        "y\r",
    );
    terminal.after("Master password:", &format!("{PASSWORD}\r"));
    terminal.after("Secret for acme:", &format!("{secret}\r"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains("only ever sent to  api.acme.example, login.acme.example"),
        "{screen}"
    );
    assert!(
        !screen.contains("CANARY") && !screen.contains(PASSWORD),
        "{screen}"
    );
    assert_eq!(stored(&home).as_array().unwrap().len(), 1);
}

#[test]
fn a_base_url_leaves_the_question_where_tokens_come_from() {
    let home = home_with_acme();
    let add = "add acme --no-check --base-url http://127.0.0.1:9";
    let mut terminal = Terminal::axis(&home, add);
    terminal.after("Is login.acme.example right? [y/N]", "n\r");
    let (code, _) = terminal.end();
    assert_eq!(code, 1);
    assert_eq!(stored(&home), json!([]));
}

#[test]
fn what_a_seal_would_change_is_shown_before_the_password_is_asked_for() {
    let home = Home::ready();
    home.axis(&["policy", "seal"]).ok();
    fs::write(
        home.file("policy.yaml"),
        "policies:\n  - identity: \"*\"\n    allow: [{ service: stripe, actions: [\"*\"] }]\n",
    )
    .unwrap();
    let mut terminal = Terminal::axis(&home, "policy seal");
    terminal.after("Master password: ", "wrong password\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    let (before, _) = screen.split_once("Master password: ").unwrap();
    assert!(before.contains("any other identity, stripe: "), "{screen}");
    let mut terminal = Terminal::axis(&home, "policy seal");
    terminal.after("Master password: ", &format!("{PASSWORD}\n"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Sealed: files: 1, rules: 1"), "{screen}");
    let mut terminal = Terminal::axis(&home, "policy unseal");
    terminal.after("Master password: ", &format!("{PASSWORD}\n"));
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn ending_a_view_that_goes_on_is_no_failure() {
    let home = Home::ready();
    for (arguments, shown) in [
        ("approvals", "Ctrl-C ends this view."),
        ("logs --tail", "TIME"),
        ("daemon logs --tail", "axisd"),
    ] {
        // the shell would end with it, too
        let axis = axis_tests::binary("axis");
        let line = format!(
            "trap : INT; '{}' {arguments}; echo \"code $?\"",
            axis.display()
        );
        let mut terminal = Terminal::running(&home, &[], &line);
        terminal.after(shown, "\u{3}");
        let (_, screen) = terminal.end();
        assert!(screen.contains("code 0"), "{arguments}: {screen}");
        assert!(!screen.contains("cancelled"), "{arguments}: {screen}");
    }
}
