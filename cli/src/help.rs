//! The first page of the help: what one needs first, then all commands, by what
//! they are for.

use std::fmt::Write;

use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory};

use crate::Cli;

/// The columns that every help fits into.
const COLUMNS: usize = 80;

/// Headings and the commands under them, in their order.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Begin here", &["setup", "add", "hosts"]),
    (
        "Credentials",
        &[
            "init", "import", "list", "revoke", "undo", "rotate", "keychain", "unlock", "lock",
        ],
    ),
    (
        "What agents may do",
        &[
            "allow",
            "deny",
            "policy",
            "approvals",
            "approve",
            "reject",
            "identity",
            "services",
        ],
    ),
    ("Calls and their record", &["call", "logs", "mcp"]),
    (
        "Axis itself",
        &["status", "doctor", "dashboard", "daemon", "completions"],
    ),
    ("Look first", &["demo"]),
];

/// The command line as it is parsed and shown.
pub fn command() -> Command {
    let command = Cli::command();
    let listed = listed(&command);
    let command = command.max_term_width(COLUMNS);
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{listed}\nOptions:\n{{options}}{{after-help}}"
    ))
}

/// The same for manual pages, which list the commands in a form of their own.
pub fn for_manual() -> Command {
    Cli::command()
}

/// Words that other programs have for what Axis does, and its own.
const ELSEWHERE: [(&[&str], &str); 13] = [
    (&["start"], "daemon start"),
    (&["stop", "quit"], "daemon stop"),
    (&["restart"], "daemon restart"),
    (&["version"], "--version"),
    (&["ls", "show"], "list"),
    (&["rm", "remove", "delete"], "revoke"),
    (&["set", "put", "store"], "add"),
    (&["run", "exec", "execute"], "call"),
    (&["log", "audit"], "logs"),
    (&["passwd", "password"], "rotate"),
    (&["tail", "follow"], "logs --tail"),
    (&["export"], "logs export"),
    (&["verify"], "logs verify"),
];

/// The same of words that stand behind a command.
const BEHIND: [(&str, &[&str], &str); 1] = [("daemon", &["status"], "axis status")];

/// `error` with a pointer to the command that is meant, where the words that were
/// `typed` are none but some of [`ELSEWHERE`] or [`BEHIND`].
pub fn pointed(mut error: clap::Error, typed: &[String]) -> clap::Error {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let unknown = unknown.as_str();
    let meant = match typed {
        [first, ..] if first == unknown => ELSEWHERE
            .iter()
            .find(|(words, _)| words.contains(&unknown))
            .map(|(_, command)| command),
        [first, second, ..] if second == unknown => BEHIND
            .iter()
            .find(|(command, words, _)| command == first && words.contains(&unknown))
            .map(|(_, _, command)| command),
        _ => None,
    };
    if let Some(command) = meant {
        let suggested = ContextValue::Strings(vec![(*command).to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, suggested);
    }
    error
}

fn listed(command: &Command) -> String {
    let mut text = String::new();
    let mut groups: Vec<(&str, Vec<&Command>)> = GROUPS
        .iter()
        .map(|(heading, names)| {
            let found = names
                .iter()
                .filter_map(|name| command.find_subcommand(name));
            (*heading, found.collect())
        })
        .collect();
    let others = command.get_subcommands().filter(|it| {
        let is_placed = GROUPS
            .iter()
            .any(|(_, names)| names.contains(&it.get_name()));
        !is_placed && !it.is_hide_set()
    });
    groups.push(("Others", others.collect()));
    let names = groups.iter().flat_map(|(_, commands)| commands);
    let room = names.map(|it| it.get_name().len()).max().unwrap_or(0);
    for (heading, commands) in groups {
        if commands.is_empty() {
            continue;
        }
        // writing to a string can't fail
        let _ = write!(text, "\n{heading}:\n");
        for command in commands {
            let about = command.get_about().map(ToString::to_string);
            let mut name = command.get_name();
            for line in wrapped(&about.unwrap_or_default(), COLUMNS - room - 4) {
                let _ = writeln!(text, "  {name:room$}  {line}");
                name = "";
            }
        }
    }
    text
}

/// `text` in lines of at most `columns`, broken between words.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn every_command_stands_under_one_heading() {
        let text = listed(&Cli::command());
        assert!(!text.contains("Others"), "{text}");
        for command in Cli::command().get_subcommands() {
            let line = format!("\n  {} ", command.get_name());
            let count = text.matches(&line).count();
            assert_eq!(count, usize::from(!command.is_hide_set()), "{line}: {text}");
        }
        assert!(text.starts_with("\nBegin here:\n"), "{text}");
    }

    #[test]
    fn a_word_of_other_programs_points_to_the_command_here() {
        for (words, meant) in ELSEWHERE {
            for typed in words {
                let error = command().try_get_matches_from(["axis", typed]).unwrap_err();
                let told = pointed(error, &[(*typed).to_owned()]).to_string();
                assert!(told.contains(&format!("'{meant}'")), "{typed}: {told}");
            }
            let arguments = ["axis"].into_iter().chain(meant.split(' '));
            let ended = command().try_get_matches_from(arguments.chain(["--help"]));
            let kind = ended.unwrap_err().kind();
            assert!(
                matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
                "{meant}: {kind}"
            );
        }
        // the same word behind another command is left to clap
        let error = command()
            .try_get_matches_from(["axis", "daemon", "rm"])
            .unwrap_err();
        let typed = ["daemon".to_owned(), "rm".to_owned()];
        assert!(!pointed(error, &typed).to_string().contains("revoke"));
    }

    #[test]
    fn a_word_behind_the_wrong_command_points_to_the_right_one() {
        for (command, words, meant) in BEHIND {
            for word in words {
                let typed = [command.to_owned(), (*word).to_owned()];
                let error = super::command()
                    .try_get_matches_from(["axis", command, word])
                    .unwrap_err();
                let told = pointed(error, &typed).to_string();
                assert!(told.contains(&format!("'{meant}'")), "{typed:?}: {told}");
                assert!(!told.contains("'start'"), "{typed:?}: {told}");
            }
        }
    }

    #[test]
    fn every_help_fits_into_eighty_columns() {
        fn check(command: &mut Command) {
            for help in [command.render_help(), command.render_long_help()] {
                for line in help.to_string().lines() {
                    let width = line.chars().count();
                    assert!(width <= COLUMNS, "{}: {line}", command.get_name());
                }
            }
            for inner in command.get_subcommands_mut() {
                check(inner);
            }
        }
        let mut command = super::command().term_width(COLUMNS);
        command.build();
        check(&mut command);
    }
}
