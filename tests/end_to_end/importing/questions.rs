//! What `axis import` asks on a terminal.

use std::fs;

use axis_tests::{Home, PASSWORD};

use super::stored;
use crate::terminal::Terminal;

const KEYS: &str =
    "GITHUB_TOKEN=ghp_CANARY1\nSLACK_TOKEN=xoxb-CANARY2\nDEEPSEEK_API_KEY=sk-CANARY3\n";

fn home_with_keys() -> (Home, String) {
    let home = Home::ready();
    let path = home.file("keys.env");
    fs::write(&path, KEYS).unwrap();
    let command = format!("import {} --no-check", path.display());
    (home, command)
}

#[test]
fn the_owner_chooses_by_numbers_and_the_lines_are_deleted_only_on_yes() {
    let (home, command) = home_with_keys();
    let mut terminal = Terminal::axis(&home, &command);
    terminal.after("Import 1-2?", "2-9\r");
    terminal.after("neither y nor numbers from 1 to 3", "2,3\r");
    terminal.after("Master password:", &format!("{PASSWORD}\r"));
    terminal.after("Delete these lines", "y\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        !screen.contains("CANARY") && !screen.contains(PASSWORD),
        "{screen}"
    );
    assert_eq!(stored(&home), ["openai/deepseek", "slack"]);
    assert_eq!(
        fs::read_to_string(home.file("keys.env")).unwrap(),
        "GITHUB_TOKEN=ghp_CANARY1\n"
    );
}

#[test]
fn yes_takes_what_is_sure_and_no_to_deleting_leaves_the_file() {
    let (home, command) = home_with_keys();
    let mut terminal = Terminal::axis(&home, &command);
    terminal.after("Import 1-2?", "y\r");
    terminal.after("Master password:", &format!("{PASSWORD}\r"));
    terminal.after("Delete these lines", "\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(stored(&home), ["github", "slack"]);
    assert_eq!(fs::read_to_string(home.file("keys.env")).unwrap(), KEYS);
}

#[test]
fn no_and_ctrl_c_at_each_question_store_nothing() {
    let (home, command) = home_with_keys();
    for (answers, expected) in [
        (&[("Import 1-2?", "\r")][..], 0),
        (&[("Import 1-2?", "n\r")], 0),
        (&[("Import 1-2?", "\u{3}")], 1),
        (&[("Import 1-2?", "y\r"), ("Master password:", "\u{3}")], 1),
        (
            &[("Import 1-2?", "y\r"), ("Master password:", "wrong one\r")],
            1,
        ),
    ] {
        let mut terminal = Terminal::axis(&home, &command);
        for (words, keys) in answers {
            terminal.after(words, keys);
        }
        let (code, screen) = terminal.end();
        assert_eq!(code == 0, expected == 0, "{answers:?}: {screen}");
        assert_eq!(stored(&home), Vec::<String>::new(), "{answers:?}");
    }
    assert_eq!(fs::read_to_string(home.file("keys.env")).unwrap(), KEYS);
}
