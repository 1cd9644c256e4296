//! What a seal puts in force is shown before anybody says yes to it.

use std::os::unix::fs::PermissionsExt;

use axis_tests::PASSWORD;

use super::*;
use crate::terminal::Terminal;

/// An editor that does what `script` says; its first argument is the copy.
fn editor(home: &Home, script: &str) -> String {
    let editor = home.file("editor");
    fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    editor.display().to_string()
}

/// `axis policy edit` on a terminal, while `script` is the editor.
fn edit(home: &Home, script: &str) -> Terminal {
    Terminal::axis_with(home, &[("EDITOR", &editor(home, script))], "policy edit")
}

/// A script that puts `text` into the copy, and says where that is.
fn writes(home: &Home, text: &str) -> String {
    let wanted = home.file("wanted.yaml");
    fs::write(&wanted, text).unwrap();
    let place = home.file("copy-is-at");
    format!(
        "cp {} \"$1\"; printf %s \"$1\" > {}",
        wanted.display(),
        place.display()
    )
}

#[test]
fn what_somebody_else_wrote_into_the_editors_copy_is_shown_before_the_password_is_asked_for() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let before = fs::read_to_string(home.file("policy.yaml")).unwrap();
    let mut terminal = edit(&home, &writes(&home, ALLOW_ALL));
    terminal.after("Master password: ", "\u{3}");
    let (code, screen) = terminal.end();
    assert_ne!(code, 0, "{screen}");
    let (shown, _) = screen.split_once("Master password: ").unwrap();
    for says in [
        "any other identity, stripe: ",
        "local-dev, github: ",
        "+      - {service: \"*\", actions: [\"*\", http.get]}",
    ] {
        assert!(shown.contains(says), "{says}: {screen}");
    }
    assert_eq!(
        fs::read_to_string(home.file("policy.yaml")).unwrap(),
        before
    );
    assert_eq!(acts(&home, "policy_sealed").len(), 1);
    assert_eq!(
        create(&mut Host::connect(&home, "local-dev"))["denied"],
        true
    );
}

#[test]
fn what_is_written_into_the_copy_after_it_was_shown_is_not_sealed() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let mut terminal = edit(&home, &writes(&home, ALLOW_GITHUB));
    terminal.after("Master password: ", "");
    let copy = fs::read_to_string(home.file("copy-is-at")).unwrap();
    assert!(
        copy.starts_with(&home.path().display().to_string()),
        "{copy}"
    );
    fs::write(&copy, ALLOW_ALL).unwrap();
    terminal.after("Master password: ", &format!("{PASSWORD}\n"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(
        fs::read_to_string(home.file("policy.yaml")).unwrap(),
        ALLOW_GITHUB
    );
    let show = home.axis_without_password(&["policy", "show"]).ok().stdout;
    assert!(!show.contains("http.get"), "{show}");
    assert_eq!(create(&mut Host::connect(&home, "local-dev"))["ok"], true);
    assert_eq!(differing(&home), Vec::<String>::new());
    assert!(!fs::exists(copy).unwrap());
}

#[test]
fn an_edit_that_changes_nothing_asks_for_nothing() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let (code, screen) = edit(&home, "true").end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Nothing was changed"), "{screen}");
    assert!(!screen.contains("Master password"), "{screen}");
    assert_eq!(acts(&home, "policy_sealed").len(), 1);
}

#[test]
fn a_password_in_the_environment_says_yes_to_no_edit() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    let editor = editor(&home, &writes(&home, ALLOW_GITHUB));
    let mut command = home.command("axis");
    command
        .args(["policy", "edit"])
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("EDITOR", &editor);
    let ran = axis_tests::run(command, "y\n");
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("nothing was saved"), "{}", ran.stderr);
    let variables = [
        ("EDITOR", editor.as_str()),
        ("AXIS_MASTER_PASSWORD", PASSWORD),
    ];
    let mut terminal = Terminal::axis_with(&home, &variables, "policy edit");
    terminal.after("Seal this change? [y/N]", "n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert_eq!(acts(&home, "policy_sealed").len(), 1);
    let mut terminal = Terminal::axis_with(&home, &variables, "policy edit");
    terminal.after("Seal this change? [y/N]", "y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(acts(&home, "policy_sealed").len(), 2);
}

#[test]
fn the_first_seal_shows_what_it_adds_and_asks_for_certificates_by_themselves() {
    let home = Home::ready();
    let made = rcgen::generate_simple_self_signed(["api.github.com".to_owned()]).unwrap();
    let pem = home.file("agents.pem");
    fs::write(&pem, made.cert.pem()).unwrap();
    let settings = format!(
        "upstream: {{ proxy: 'http://127.0.0.1:9', ca_file: {} }}\n",
        pem.display()
    );
    fs::write(home.file("daemon.yaml"), settings).unwrap();
    fs::create_dir_all(home.file("services")).unwrap();
    let acme = "service: acme\ntitle: Acme\nbase_url: https://acme.example\nauth: bearer\nactions:\n  things.list: { effect: read, method: GET, path: /things }\n";
    fs::write(home.file("services/acme.yaml"), acme).unwrap();

    let ran = home.axis(&["policy", "seal"]);
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    let dry = home.axis_without_password(&["policy", "seal", "--dry-run"]);
    for shown in [&ran.stdout, &dry.ok().stdout] {
        for says in [
            "root certificates of your own that upstreams are believed by: none → 1",
            "upstream.proxy: not set → \"http://127.0.0.1:9\"",
            "it would define acme: 1 actions at https://acme.example; its keys go to acme.example",
        ] {
            assert!(shown.contains(says), "{says}: {shown}");
        }
    }
    let mut terminal = Terminal::axis(&home, "policy seal");
    terminal.after("[y/N]", "n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("certificates of your own? "), "{screen}");
    assert!(!screen.contains("Master password"), "{screen}");
    assert!(acts(&home, "policy_sealed").is_empty());

    let mut terminal = Terminal::axis(&home, "policy seal");
    terminal.after("[y/N]", "y\n");
    terminal.after("Master password: ", &format!("{PASSWORD}\n"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    // other ones are asked for again, those that are sealed aren't
    home.axis(&["policy", "seal"]).ok();
    let other = rcgen::generate_simple_self_signed(["api.github.com".to_owned()]).unwrap();
    fs::write(&pem, other.cert.pem()).unwrap();
    assert_eq!(home.axis(&["policy", "seal"]).code(), 2);
    home.axis(&["policy", "seal", "--yes"]).ok();
    assert_eq!(acts(&home, "policy_sealed").len(), 2);
}

#[test]
fn what_an_action_sends_is_told_wherever_it_is_written() {
    let home = Home::ready();
    fs::create_dir_all(home.file("services")).unwrap();
    let file = home.file("services/acme.yaml");
    let acme = "service: acme\ntitle: Acme\nbase_url: https://acme.example\nauth: bearer\nheaders: { x-mode: safe }\nactions:\n  ask.one: { effect: read, method: POST, path: /graphql, body: graphql, graphql: { query: 'query { me { id } }' } }\n  ask.two: { effect: read, method: GET, path: /two, headers: { x-dry-run: 'yes' } }\n  ask.three: { effect: read, method: GET, path: /three, params: { kind: { in: query, type: string, as: kind } } }\n";
    fs::write(&file, acme).unwrap();
    home.axis(&["policy", "seal"]).ok();
    for (from, to, says) in [
        (
            "query { me { id } }",
            "query { all { secret } }",
            "what it sends changed: ask.one (graphql)",
        ),
        (
            "x-dry-run: 'yes'",
            "x-dry-run: 'no'",
            "what it sends changed: ask.two (headers)",
        ),
        (
            "as: kind",
            "as: admin",
            "what it sends changed: ask.three (params)",
        ),
        (
            "x-mode: safe",
            "x-mode: unsafe",
            "what is written for all its actions changed: headers",
        ),
        (
            "service: acme\n",
            "# mine\nservice: acme\n",
            "nothing but comments",
        ),
    ] {
        let edited = acme.replacen(from, to, 1);
        assert_ne!(edited, acme);
        fs::write(&file, edited).unwrap();
        let shown = shown(&home);
        let words = shown["differences"][0]["words"].as_array().unwrap();
        let told = words.iter().any(|it| it.as_str().unwrap().contains(says));
        assert!(told, "{says}: {shown}");
    }
}

#[test]
fn lines_that_are_not_shown_are_shown_with_all() {
    let home = Home::ready();
    home.axis(&["policy", "seal"]).ok();
    let mut policy = fs::read_to_string(home.file("policy.yaml")).unwrap();
    policy.push_str(&"# a line\n".repeat(149));
    policy.push_str("# line 149\n");
    fs::write(home.file("policy.yaml"), policy).unwrap();
    let dry = ["policy", "seal", "--dry-run"];
    let usual = home.axis_without_password(&dry).ok().stdout;
    assert!(usual.contains("more lines: --all shows them"), "{usual}");
    assert!(!usual.contains("# line 149"), "{usual}");
    let all = home.axis_without_password(&[&dry[..], &["--all"]].concat());
    let all = all.ok().stdout;
    assert!(all.contains("# line 149"), "{all}");
    assert!(!all.contains("more lines"), "{all}");
}

#[test]
fn an_unseal_shows_what_takes_effect_before_the_password_is_asked_for() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    let mut terminal = Terminal::axis(&home, "policy unseal");
    terminal.after("Master password: ", "\u{3}");
    let (_, screen) = terminal.end();
    let (shown, _) = screen.split_once("Master password: ").unwrap();
    for says in [
        "These take effect at once:",
        "+      - {service: \"*\", actions: [\"*\", http.get]}",
        "any other identity, stripe: ",
    ] {
        assert!(shown.contains(says), "{says}: {screen}");
    }
    assert!(acts(&home, "policy_unsealed").is_empty());
}

#[test]
fn a_sealed_change_by_command_is_no_difference_on_record() {
    let upstream = Upstream::friendly();
    let home = sealed(&upstream);
    home.axis(&["allow", "github", "gists.create"]).ok();
    home.axis(&["deny", "github", "gists.create"]).ok();
    // what somebody else writes is one, at once: all before it is on record
    fs::write(home.file("policy.yaml"), ALLOW_ALL).unwrap();
    wait_for_differences(&home, 1);
    assert_eq!(acts(&home, "seal_differs").len(), 1);
    let all = home.audit();
    let acts: Vec<_> = all.iter().filter_map(|line| line["act"].as_str()).collect();
    let last_seal = acts.iter().rposition(|act| *act == "policy_sealed");
    let told = acts.iter().position(|act| *act == "seal_differs");
    assert!(told > last_seal, "{acts:?}");
}
