//! `axis policy show`: the policy in force.

use axis_proto::v1::{ShowPolicyRequest, ShowPolicyResponse};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines};
use crate::prompt;

/// Print the policy in force
///
/// Where the file has a mistake in it, that is the last good version; where it
/// is sealed, the sealed one, whatever the file says.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis policy show\n  axis policy show --json")]
pub struct Show {
    /// One JSON document: path, text and error
    #[arg(long)]
    json: bool,
}

impl Show {
    /// Prints it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let shown = ask(daemon.admin.show_policy(ShowPolicyRequest {})).await?;
        if self.json {
            output.json(&document(&shown))?;
            return Ok(Exit::Done);
        }
        let path = printable(&shown.path);
        output.line(output.paint(Tone::Faint, &format!("# {path}")))?;
        if shown.withheld {
            let sealed =
                "# It is sealed in the vault, which is locked: `axis unlock` puts it in force";
            output.line(output.paint(Tone::Warn, sealed))?;
            return Ok(Exit::Done);
        }
        if shown.differs {
            let sealed = "# The file says something else; this is what is sealed (`axis policy seal` shows the difference):";
            output.line(output.paint(Tone::Warn, sealed))?;
        } else if shown.sealed {
            output.line(output.paint(Tone::Faint, "# It is sealed:"))?;
        }
        if let Some(error) = &shown.error {
            let kept = if shown.text.is_some() {
                "# The file has a mistake in it, so this is the last good version:"
            } else {
                "# The file has a mistake in it, so everything is denied:"
            };
            output.line(output.paint(Tone::Bad, kept))?;
            for line in printable_lines(error) {
                output.line(output.paint(Tone::Bad, &format!("# {line}")))?;
            }
        }
        match &shown.text {
            Some(text) => {
                for line in printable_lines(text) {
                    output.line(line)?;
                }
            }
            None if shown.error.is_none() => {
                output.line(
                    "# There is no such file, so everything is denied; `axis init` makes it",
                )?;
            }
            None => {}
        }
        Ok(Exit::Done)
    }
}

/// What `--json` prints.
pub fn document(shown: &ShowPolicyResponse) -> Value {
    json!({
        "path": shown.path,
        "text": shown.text,
        "error": shown.error,
        "sealed": shown.sealed,
        "withheld": shown.withheld,
        "differs": shown.differs,
    })
}
