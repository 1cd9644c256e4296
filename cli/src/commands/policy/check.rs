//! `axis policy check`: whether a policy is valid, and what it can hardly mean.

use std::io::ErrorKind;
use std::path::PathBuf;

use axis_proto::v1::{CheckPolicyRequest, ShowPolicyRequest};
use clap::Args;
use serde_json::json;

use super::read;
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines};
use crate::prompt;

/// Check a policy without putting it in force
///
/// Exits with 1 when it is broken. Warnings, such as rules that can never take
/// effect, leave the exit code at 0 unless --strict is given. Notes say what a
/// policy means that is as it should be.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis policy check\n  axis policy check new-policy.yaml --strict"
)]
pub struct Check {
    /// The file [default: the policy file itself]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    strict: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

impl Check {
    /// Checks it, and says all.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let file = match self.file {
            Some(file) => file,
            None => policy_file(&mut daemon).await?,
        };
        let policy = Some(read(&file)?);
        let checked = ask(daemon.admin.check_policy(CheckPolicyRequest { policy })).await?;
        let name = file.display().to_string();
        if self.json {
            output.json(&json!({
                "file": name,
                "valid": checked.error.is_none(),
                "error": checked.error,
                "warnings": checked.warnings,
                "notes": checked.notes,
                "rules": checked.rules,
            }))?;
        } else if let Some(error) = &checked.error {
            output.line(output.paint(Tone::Bad, &format!("✗ {}", printable(&name))))?;
            for line in printable_lines(error) {
                output.line(format_args!("  {line}"))?;
            }
        } else {
            let sign = output.paint(Tone::Good, "✓");
            output.line(format_args!(
                "{sign} {}: rules: {}",
                printable(&name),
                checked.rules
            ))?;
            for warning in &checked.warnings {
                let sign = output.paint(Tone::Warn, "!");
                output.line(format_args!("{sign} {}", printable(warning)))?;
            }
            for note in &checked.notes {
                let sign = output.paint(Tone::Warn, "note:");
                output.line(format_args!("{sign} {}", printable(note)))?;
            }
        }
        let is_good = checked.error.is_none() && (checked.warnings.is_empty() || !self.strict);
        Ok(if is_good { Exit::Done } else { Exit::Failed })
    }
}

/// Where the policy itself lies.
async fn policy_file(daemon: &mut Daemon) -> Result<PathBuf, Failure> {
    let shown = ask(daemon.admin.show_policy(ShowPolicyRequest {})).await?;
    let path = PathBuf::from(shown.path);
    if let Err(error) = path.symlink_metadata()
        && error.kind() == ErrorKind::NotFound
    {
        let what = format!("there is no policy file {}", path.display());
        let absent = Failure::new(Exit::Failed, what);
        return Err(if shown.sealed {
            absent.because("The policy in force is the one that is sealed: axis policy show")
        } else {
            absent
                .because("So everything is denied.")
                .fix("axis init makes it")
        });
    }
    Ok(path)
}
