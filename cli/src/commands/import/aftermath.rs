//! What is to be done with the copies in plaintext, which are still where they
//! were: an agent reads them as before.

use std::path::{Path, PathBuf};

use axis_proto::shell;

use super::choice::Candidate;
use crate::failure::Failure;
use crate::import::{Source, Variable, dotenv, lines_with};
use crate::output::{printable, tell, warn};
use crate::prompt;

/// Where shells and sessions take variables from, below the home directory.
const STARTUP_FILES: [&str; 14] = [
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".config/fish/config.fish",
    ".config/fish/fish_variables",
    ".config/environment.d",
    ".pam_environment",
    ".envrc",
    ".secrets",
];

/// Whether lines of a `.env` file are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// A flag says so.
    Wanted,
    /// Its owner is asked, where there is a terminal.
    Asked,
    /// Nobody is to be asked.
    Unasked,
}

/// Says what should be deleted now and how; deletes lines of a `.env` file only
/// where that was asked for, and never what was `kept` in the vault as it was:
/// it may be another value.
pub async fn tell_leftovers(
    source: &Source,
    imported: &[&Candidate],
    kept: &[Candidate],
    deletion: Deletion,
) -> Result<(), Failure> {
    if imported.is_empty() && kept.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = imported.iter().flat_map(|it| it.found.names()).collect();
    match source {
        Source::Dotenv(path) => {
            let variables: Vec<Variable> = imported
                .iter()
                .flat_map(|it| it.found.variables.iter().cloned())
                .collect();
            if !variables.is_empty() {
                dotenv_left(path, &names, &variables, deletion).await?;
            }
            let word = shell::word(&path.display().to_string());
            kept_left(&path.display().to_string(), kept, &word);
        }
        Source::Environment => {
            if !names.is_empty() {
                environment_left(&names);
            }
            kept_left("the environment", kept, "env");
        }
        Source::OnePassword(path) | Source::Bitwarden(path) => {
            let word = shell::word(&path.display().to_string());
            warn(&format!(
                "the export {} holds every password in it in plaintext. Delete it now:",
                path.display()
            ));
            tell(format_args!("  rm {}", printable(&word)));
        }
        Source::AxisAsv(path) => {
            let word = shell::word(&path.display().to_string());
            tell("axis-asv's vault is as it was. Once your agents work with Axis, delete it:");
            tell(format_args!("  rm {}", printable(&word)));
        }
        Source::Host(name) => {
            let file = super::gather::host_file(name)?.display().to_string();
            if !names.is_empty() {
                warn(&format!(
                    "{file} still holds these in plaintext: {}",
                    names.join(", ")
                ));
                tell("  Delete them there, with the servers that need them: an agent has the same");
                tell("  services through Axis. See: axis hosts list");
            }
            kept_left(&file, kept, &format!("host {}", shell::word(name)));
        }
        Source::Pass(_) => {
            tell("The password store is as it was: encrypted, but an agent with a shell can run");
            tell("`pass show` while gpg-agent remembers your passphrase. Delete there what Axis");
            tell("now holds, or end the remembering with: gpgconf --kill gpg-agent");
        }
    }
    Ok(())
}

/// What wasn't stored since its service has a credential: nobody can tell here
/// whether it is the same, so nobody is told to delete it.
fn kept_left(place: &str, kept: &[Candidate], source: &str) {
    if kept.is_empty() {
        return;
    }
    for one in kept {
        warn(&format!(
            "{} has a credential already; {} in {place} was not stored",
            one.found.credential(),
            one.found.variable()
        ));
    }
    tell("  It may be another key, and an agent reads it there. To store it in place of the");
    tell(format_args!(
        "  one in the vault: axis import {} --replace",
        printable(source)
    ));
}

async fn dotenv_left(
    path: &Path,
    names: &[&str],
    variables: &[Variable],
    deletion: Deletion,
) -> Result<(), Failure> {
    let shown = path.display();
    let list = names.join(", ");
    warn(&format!("{shown} still holds these in plaintext: {list}"));
    tell("  Programs that read them from there would no longer find them.");
    let question = format!(
        "Delete these lines of {} now?",
        printable(&shown.to_string())
    );
    let is_asked_for = match deletion {
        Deletion::Wanted => true,
        Deletion::Asked if prompt::can_ask() => {
            prompt::confirms(&question, "--delete-lines").await?
        }
        _ => false,
    };
    if is_asked_for {
        let taken = dotenv::without_lines(path, variables)?;
        tell(format_args!(
            "Deleted from {} (lines that went: {}). A history of it, such as git's, still has them.",
            printable(&shown.to_string()),
            taken.lines
        ));
        for (name, line) in taken.others {
            warn(&format!(
                "another value of {name} stays in {shown}, line {line}: look at it, then delete it"
            ));
        }
    } else {
        tell(format_args!(
            "  Delete those lines in an editor: {}",
            printable(&shell::word(&shown.to_string()))
        ));
    }
    Ok(())
}

fn environment_left(names: &[&str]) {
    warn(&format!(
        "these are still in the environment, where an agent reads them: {}",
        names.join(", ")
    ));
    let mut is_found = false;
    for path in startup_files() {
        for (line, name) in lines_with(&path, names) {
            let path = path.display().to_string();
            tell(format_args!(
                "  delete in {}, line {line}: {name}",
                printable(&path)
            ));
            is_found = true;
        }
    }
    if !is_found {
        tell("  Delete them where they are set, such as in ~/.bashrc or ~/.zshrc.");
    }
    tell(format_args!(
        "  In this shell: unset {}",
        printable(&names.join(" "))
    ));
}

fn startup_files() -> Vec<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    let mut files: Vec<PathBuf> = Vec::new();
    for name in STARTUP_FILES {
        let path = home.join(name);
        if let Ok(entries) = std::fs::read_dir(&path) {
            files.extend(entries.take(100).filter_map(|it| Some(it.ok()?.path())));
        } else {
            files.push(path);
        }
    }
    files.push("/etc/environment".into());
    files
}
