//! `axis policy edit`: the policy in the owner's editor, checked before it
//! counts.

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Args;
use tokio::task::spawn_blocking;

use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines, tell};
use crate::policy_file::PolicyFile;
use crate::prompt;

/// Edit the policy, and check it before it is saved
///
/// Opens $VISUAL, else $EDITOR, else vi, with a copy. One with a mistake in it is
/// not saved without asking. Where the policy is sealed, the master password is
/// asked for first, and the change is sealed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis policy edit\n  EDITOR=nano axis policy edit")]
pub struct Edit {}

impl Edit {
    /// Opens the editor until what comes of it is saved or given up.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let file = PolicyFile::read(&mut daemon).await?;
        let directory = tempfile::Builder::new().prefix("axis-policy-").tempdir();
        let directory = directory.map_err(|error| failed("no copy can be made", &error))?;
        let copy = directory.path().join("policy.yaml");
        fs::write(&copy, &file.text).map_err(|error| failed("no copy can be made", &error))?;
        let text = loop {
            open(&copy).await?;
            let text = fs::read_to_string(&copy)
                .map_err(|error| failed("what was edited can't be read", &error))?;
            if text == file.text {
                output.line("Nothing was changed.")?;
                return Ok(Exit::Done);
            }
            let checked = file.check(&mut daemon, &text).await?;
            let Some(error) = checked.error else {
                for warning in &checked.warnings {
                    tell(format_args!("! {}", printable(warning)));
                }
                break text;
            };
            for line in printable_lines(&error) {
                tell(line);
            }
            let unsaved = "nothing was saved; correct the mistake and run: axis policy edit";
            if prompt::confirms("Edit it again?", unsaved).await? {
                continue;
            }
            // what is sealed is in force as it is, so a mistake can't be sealed
            if !file.is_sealed()
                && prompt::confirms(
                    "Save it with the mistake? The last good policy stays in force.",
                    unsaved,
                )
                .await?
            {
                file.save(&mut daemon, &text).await?;
                output.line(output.paint(Tone::Warn, "Saved; it isn't in force."))?;
                return Ok(Exit::Done);
            }
            return Err(Failure::new(Exit::Failed, "nothing was saved"));
        };
        file.save(&mut daemon, &text).await?;
        file.in_force(&mut daemon, &text).await?;
        output.line(output.paint(Tone::Good, "Saved, and in force."))?;
        Ok(Exit::Done)
    }
}

/// Runs the editor, a line of shell as in other programs, to its end.
async fn open(file: &Path) -> Result<(), Failure> {
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|variable| {
        let value = std::env::var(variable).ok()?;
        (!value.trim().is_empty()).then_some(value)
    });
    let editor = named.unwrap_or_else(|| "vi".to_owned());
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(file)
        // the editor is none of those who have to know it
        .env_remove("AXIS_MASTER_PASSWORD");
    let ended = spawn_blocking(move || shell.status()).await;
    match ended.map_err(std::io::Error::other).and_then(|ended| ended) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(
            Exit::Failed,
            format!("the editor {editor:?} failed ({status}); nothing was saved"),
        )
        .fix("set EDITOR to another one")),
        Err(error) => Err(failed("no editor can be started", &error)),
    }
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{what}: {error}"))
}
