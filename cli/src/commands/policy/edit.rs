//! `axis policy edit`: the policy in the owner's editor, checked before it
//! counts.

use std::fs;
use std::path::Path;

use axis_proto::given;
use axis_proto::v1::ShowSealRequest;
use clap::Args;
use tokio::task::spawn_blocking;

use super::difference::{self, Most};
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines, tell};
use crate::policy_file::PolicyFile;
use crate::prompt;
use crate::system;

/// Edit the policy, and check it before it is saved
///
/// Opens $VISUAL, else $EDITOR, else vi, with a copy. One with a mistake in it is
/// not saved without asking. Where the policy is sealed, the change and what it
/// means are shown once the editor has ended; the master password is the
/// confirmation, and seals what was shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis policy edit\n  EDITOR=nano axis policy edit")]
pub struct Edit {}

impl Edit {
    /// Opens the editor until what comes of it is saved or given up.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let mut file = PolicyFile::read(&mut daemon).await?;
        // beside the policy, where its new text is going to be written, too
        let beside = file.path.parent().unwrap_or(Path::new("/"));
        let mut builder = tempfile::Builder::new();
        system::set_mode(&mut builder, 0o700);
        let directory = builder.prefix(".policy-edit-").tempdir_in(beside);
        let directory = directory.map_err(|error| failed("no copy can be made", &error))?;
        let copy = directory.path().join("policy.yaml");
        fs::write(&copy, &file.text).map_err(|error| failed("no copy can be made", &error))?;
        let text = loop {
            open(&copy).await?;
            // anybody who runs as this user could have written it, and can go
            // on: from here on only what was read now counts
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
        if file.is_sealed() {
            confirm(output, &mut daemon, &text).await?;
            file.ask_password().await?;
        }
        file.save(&mut daemon, &text).await?;
        file.in_force(&mut daemon, &text).await?;
        output.line(output.paint(Tone::Good, "Saved, and in force."))?;
        Ok(Exit::Done)
    }
}

/// Shows all that sealing `text` would change. The master password says yes to
/// it; where that isn't typed, the owner is asked.
async fn confirm(output: Output, daemon: &mut Daemon, text: &str) -> Result<(), Failure> {
    let shown = ask(daemon.admin.show_seal(ShowSealRequest {
        policy_text: Some(text.to_owned()),
    }))
    .await?;
    if !shown.sealed || shown.withheld || shown.fault.is_some() {
        return Err(Failure::new(
            Exit::Failed,
            "what is sealed changed meanwhile; nothing was saved",
        )
        .fix("run the command again"));
    }
    output.line("This would be sealed, and in force:")?;
    for file in &shown.differences {
        difference::show_file(output, "", Most::ALL, file)?;
    }
    difference::show_meaning(output, Most::ALL, &shown.meaning.unwrap_or_default())?;
    if prompt::password_from_environment()?.is_none() {
        return Ok(());
    }
    let without_terminal =
        "nothing was saved; run it in a terminal, or change the file and run: axis policy seal";
    if prompt::confirms("Seal this change?", without_terminal).await? {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "nothing was saved"))
}

/// Runs the editor, a line of shell as in other programs, to its end.
async fn open(file: &Path) -> Result<(), Failure> {
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|variable| {
        let value = std::env::var(variable).ok()?;
        (!value.trim().is_empty()).then_some(value)
    });
    let editor = named.unwrap_or_else(|| system::EDITOR.to_owned());
    let mut shell = system::edit(&editor, file);
    // the editor is none of those who have to know it
    given::keep_from(&mut shell);
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
