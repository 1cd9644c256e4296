//! The questions, typed at a terminal.

use std::fs;

use axis_tests::{PASSWORD, canary};

use super::{Home, status, stored, vendor};
use crate::terminal::Terminal;

const PLAIN: &[(&str, &str)] = &[("NO_COLOR", "1"), ("TERM", "xterm")];

/// Answers the questions of a new vault.
fn make_the_vault(terminal: &mut Terminal) {
    terminal.after("make one up", "\r");
    terminal.after("New master password:", &format!("{PASSWORD}\r"));
    terminal.after("The same again:", &format!("{PASSWORD}\r"));
}

#[test]
fn from_nothing_to_an_answered_call_with_a_refused_key_in_between() {
    let home = Home::empty();
    let key = canary("wizard");
    let vendor = vendor(&key);
    let setup = format!("setup --service github --base-url {}", vendor.url());
    let mut terminal = Terminal::axis_with(&home, PLAIN, &setup);
    make_the_vault(&mut terminal);
    terminal.after("GitHub personal access token:", "ghp_CANARYwrong\r");
    terminal.after("The vendor refuses this key:", "\r");
    terminal.after_again("GitHub personal access token:", &format!("{key}\r"));
    terminal.after("What may local-dev do with GitHub?", "\r");
    terminal.after("Seal the policy?", "\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    for shown in [
        "a strong one",
        "accepts it (200)",
        "Sealed:",
        "answered in",
        "Axis is set up.",
    ] {
        assert!(screen.contains(shown), "{shown}: {screen}");
    }
    assert!(
        !screen.contains("CANARY") && !screen.contains(PASSWORD),
        "{screen}"
    );
    assert_eq!(stored(&home), ["github"]);
    assert_eq!(status(&home)["seal"]["sealed"], true);
    let calls = home.audited_calls();
    assert_eq!(calls.last().unwrap()["decision"], "allow", "{calls:?}");
    assert_eq!(calls.last().unwrap()["identity"], "local-dev");
}

#[test]
fn ctrl_c_at_each_question_leaves_nothing_half_done_and_the_next_run_goes_on() {
    let key = canary("broken-off");
    let vendor = vendor(&key);
    let setup = format!("setup --service github --base-url {}", vendor.url());
    let home = Home::empty();
    // in each run one more question is answered before Ctrl-C
    let questions = [
        ("make one up", ""),
        ("New master password:", PASSWORD),
        ("The same again:", PASSWORD),
    ];
    for last in 0..questions.len() {
        let mut terminal = Terminal::axis_with(&home, PLAIN, &setup);
        for (question, answer) in &questions[..last] {
            terminal.after(question, &format!("{answer}\r"));
        }
        terminal.after(questions[last].0, "\u{3}");
        let (code, screen) = terminal.end();
        assert_eq!(code, 1, "{screen}");
        assert!(screen.contains("go on with: axis setup"), "{screen}");
        assert!(!home.file("keystore.json").exists(), "{screen}");
        assert!(!home.file("policy.yaml").exists(), "{screen}");
    }
    let mut terminal = Terminal::axis_with(&home, PLAIN, &setup);
    make_the_vault(&mut terminal);
    terminal.after("GitHub personal access token:", "\u{3}");
    assert_eq!(terminal.end().0, 1);
    assert_eq!(status(&home)["vault"]["state"], "unlocked");
    assert_eq!(stored(&home), [""; 0]);

    // the vault is there: its password is asked for only when it is needed
    let mut terminal = Terminal::axis_with(&home, PLAIN, &setup);
    terminal.after("Master password:", "a wrong password\r");
    let password = format!("{PASSWORD}\r");
    terminal.past("password is wrong", "Master password:", &password);
    terminal.after("GitHub personal access token:", &format!("{key}\r"));
    terminal.after("What may local-dev do with GitHub?", "\u{3}");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert_eq!(stored(&home), ["github"]);

    let mut terminal = Terminal::axis_with(&home, PLAIN, "setup --service github --no-seal");
    terminal.after("What may local-dev do with GitHub?", "\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains("There is a key of GitHub already"),
        "{screen}"
    );
    assert!(screen.contains("answered in"), "{screen}");
    assert_eq!(status(&home)["seal"]["sealed"], false);
}

#[test]
fn a_key_that_is_pasted_with_its_line_end_is_stored_without_it() {
    for (name, paste) in [
        ("typed", "{}\r"),
        ("pasted", "\u{1b}[200~{}\n\u{1b}[201~\r"),
        ("pasted-with-crlf", "\u{1b}[200~{}\r\n\u{1b}[201~\r"),
    ] {
        let home = Home::ready();
        let key = canary(name);
        let vendor = vendor(&key);
        let setup = format!(
            "setup --service github --access read --no-seal --base-url {}",
            vendor.url()
        );
        let mut terminal = Terminal::axis_with(&home, PLAIN, &setup);
        terminal.after("Master password:", &format!("{PASSWORD}\r"));
        terminal.after("GitHub personal access token:", &paste.replace("{}", &key));
        let (code, screen) = terminal.end();
        assert_eq!(code, 0, "{name}: {screen}");
        assert!(screen.contains("accepts it (200)"), "{name}: {screen}");
    }
}

#[test]
fn esc_passes_a_question_over_and_a_made_up_password_is_shown_on_a_screen_of_its_own() {
    let home = Home::empty();
    let mut terminal = Terminal::axis_with(&home, PLAIN, "setup --generate-password");
    terminal.after("The master password of your vault:", "y\r");
    terminal.after("Which service's key do you want to store?", "\u{1b}");
    terminal.after("Seal the policy?", "\u{1b}");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Store a key: axis add github"), "{screen}");
    let (_, shown) = screen
        .split_once("The master password of your vault:")
        .unwrap();
    let password = shown.split_whitespace().next().unwrap();
    // what follows the escape that leaves that screen never shows it
    let (_, after) = screen.split_once("\u{1b}[?1049l").unwrap();
    assert!(!after.contains(password), "{screen}");
    assert_eq!(password.len(), 29, "{screen}");
    let mut verify = home.command("axis");
    verify
        .args(["policy", "seal"])
        .env("AXIS_MASTER_PASSWORD", password);
    axis_tests::run(verify, "").ok();
}

#[test]
fn keys_in_a_dotenv_file_move_in_and_their_lines_go_only_when_told() {
    let home = Home::ready();
    let key = canary("dotenv");
    let text = format!("# mine\nDEBUG=1\nexport GITHUB_TOKEN=\"{key}\"\nOTHER='x y'\n");
    fs::write(home.file(".env"), &text).unwrap();
    let walk = |delete: &str| {
        let mut terminal =
            Terminal::axis_in(&home, PLAIN, "setup --no-check --no-seal --access none");
        terminal.after("GITHUB_TOKEN", "\r");
        terminal.after("Master password:", &format!("{PASSWORD}\r"));
        terminal.after("Delete these lines from .env?", delete);
        terminal.after("One more key?", "\r");
        let (code, screen) = terminal.end();
        assert_eq!(code, 0, "{screen}");
        assert!(!screen.contains(&key), "{screen}");
        screen
    };
    let screen = walk("n\r");
    assert!(
        screen.contains("Delete the plaintext copies in .env"),
        "{screen}"
    );
    assert_eq!(fs::read_to_string(home.file(".env")).unwrap(), text);
    assert_eq!(stored(&home), ["github"]);

    home.axis(&["revoke", "github"]).ok();
    walk("y\r");
    let left = fs::read_to_string(home.file(".env")).unwrap();
    assert_eq!(left, "# mine\nDEBUG=1\nOTHER='x y'\n");
    assert_eq!(stored(&home), ["github"]);
}

#[test]
fn lines_that_ctrl_c_left_in_a_dotenv_file_are_named_by_the_next_run() {
    let home = Home::ready();
    let text = format!("GITHUB_TOKEN={}\n", canary("left"));
    fs::write(home.file(".env"), &text).unwrap();
    let setup = "setup --no-check --no-seal --access none";
    let mut terminal = Terminal::axis_in(&home, PLAIN, setup);
    terminal.after("GITHUB_TOKEN", "\r");
    terminal.after("Master password:", &format!("{PASSWORD}\r"));
    terminal.after("Delete these lines from .env?", "\u{3}");
    assert_eq!(terminal.end().0, 1);
    assert_eq!(stored(&home), ["github"]);
    let mut terminal = Terminal::axis_in(&home, PLAIN, setup);
    terminal.after("One more key?", "\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let known = "Not stored from .env, since there is a credential already: GITHUB_TOKEN (github)";
    assert!(screen.contains(known), "{screen}");
    assert_eq!(fs::read_to_string(home.file(".env")).unwrap(), text);
}

#[test]
fn a_password_that_is_typed_into_the_menu_before_it_is_asked_for_is_never_shown() {
    let home = Home::empty();
    let mut terminal = Terminal::axis_in(&home, PLAIN, "setup --no-import");
    terminal.after(
        "How do you want to set the master password?",
        "too soon typed",
    );
    // what is typed there chooses nothing either
    make_the_vault(&mut terminal);
    terminal.after("Which service's key do you want to store?", "\u{3}");
    let (_, screen) = terminal.end();
    assert!(!screen.contains("too soon"), "{screen}");
}
