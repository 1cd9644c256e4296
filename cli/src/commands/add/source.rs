//! A credential that stays where the owner keeps it: where that is, and the yes
//! to what reads it.

use axis_proto::v1::ResolveSourceRequest;
use clap::Args;
use jiff::{Span, SpanRelativeTo};

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{printable, tell, warn};
use crate::prompt;

/// Where the secret is kept.
#[derive(Debug, Args)]
pub(super) struct Elsewhere {
    /// Read the secret from there when it is used: op://vault/item/field, bw://item/field,
    /// pass://path or 'cmd://PROGRAM ARGUMENT …'
    #[arg(
        long,
        value_name = "WHERE",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) source: String,
    /// The absolute path of the program that reads it, where it isn't among the system's
    #[arg(
        long,
        value_name = "PATH",
        default_value = "",
        hide_default_value = true,
        requires = "source"
    )]
    pub(super) program: String,
    /// For how long a value that was read is used [default: 15m, at most 24h; 0s: never twice]
    #[arg(long, value_name = "TIME", value_parser = seconds, requires = "source")]
    pub(super) ttl: Option<u64>,
}

fn seconds(text: &str) -> Result<u64, String> {
    let problem = || format!("{text:?} is no length of time, such as 15m or 1h");
    let span: Span = text.parse().map_err(|_| problem())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let seconds = length.map_err(|_| problem())?.as_secs();
    u64::try_from(seconds).map_err(|_| problem())
}

impl Elsewhere {
    /// The command line that reads the secret, once the owner has said yes to
    /// it; nothing where the secret is to be in the vault.
    pub(super) async fn confirmed(
        &self,
        daemon: &mut Daemon,
        yes: bool,
    ) -> Result<Option<String>, Failure> {
        if self.source.is_empty() {
            return Ok(None);
        }
        let resolved = ask(daemon.admin.resolve_source(ResolveSourceRequest {
            source: self.source.clone(),
            program: self.program.clone(),
            ttl_s: self.ttl,
        }))
        .await?;
        tell("axisd will run, as itself and without a shell,");
        tell(format_args!("  {}", printable(&resolved.command)));
        tell(match resolved.ttl_s {
            0 => "  now, and for every call".to_owned(),
            ttl_s => format!(
                "  now, at every unlock, and for a call when {} have passed since",
                length(ttl_s)
            ),
        });
        for warning in &resolved.warnings {
            warn(warning);
        }
        let fix = "look at the command, then add --yes";
        if yes || prompt::confirms("Is that right?", fix).await? {
            return Ok(Some(resolved.command));
        }
        Err(Failure::new(
            Exit::Failed,
            "the command was not confirmed; nothing was stored",
        )
        .fix("name the right program with --program"))
    }
}

fn length(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}
