//! `axis approve`: lets calls that wait go out.

use axis_proto::v1::{Approval, ApproveRequest, WatchApprovalsResponse};
use clap::Args;
use jiff::{Span, SpanRelativeTo};
use secrecy::ExposeSecret;

use super::approvals::{next, show, watch};
use crate::client::Daemon;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable};
use crate::prompt;

/// Longest approval, in seconds.
const MAX_SECONDS: u64 = 24 * 60 * 60;

/// Let calls that wait go out, after a look at them and with the master password
///
/// The password is asked for each time, and remembered nowhere: the agent may
/// have a shell, too. Several calls can be approved with one entry. An approval
/// is for one call; with --for also for what the same identity asks of the same
/// action in that time, until the vault is locked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis approve k7f2qd9a\n  \
    axis approve k7f2qd9a 3m8xw0hv\n  \
    axis approve k7f2qd9a --for 15m")]
pub struct Approve {
    /// The approvals, as `axis approvals` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Approve the same action for so long, such as 15m or 2h; at most 24h
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    lasts_s: Option<u64>,
    /// Show long params whole
    #[arg(long)]
    full: bool,
}

impl Approve {
    /// Shows them, asks for the password, and approves all or none.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let now = next(&mut watch(&mut daemon).await?).await?;
        for id in &self.ids {
            let approval = find(&now, id)?;
            show(output, approval, self.full)?;
            if let Some(seconds) = self.lasts_s {
                let warning = format!(
                    "  For {seconds} s every {} {} of {} will go out, whatever its params.",
                    printable(&approval.service),
                    printable(&approval.action),
                    printable(&approval.identity),
                );
                output.line(output.paint(Tone::Warn, &warning))?;
            }
            output.line("")?;
        }
        let password = prompt::master_password().await?;
        let request = ApproveRequest {
            master_password: password.expose_secret().to_owned(),
            ids: self.ids,
            lasts_s: self.lasts_s.unwrap_or_default(),
        };
        drop(password);
        let approved = daemon
            .confide(async move |mut admin| admin.approve(request).await)
            .await??
            .approved;
        for approval in &approved {
            let done = match self.lasts_s {
                None => "Approved, once:".to_owned(),
                Some(seconds) => format!("Approved for {seconds} s, until the vault is locked:"),
            };
            output.line(format_args!(
                "{} {} {} for {}",
                output.paint(Tone::Good, &done),
                printable(&approval.service),
                printable(&approval.action),
                printable(&approval.identity),
            ))?;
        }
        Ok(Exit::Done)
    }
}

/// A mistyped id is told before the password is typed.
fn find<'n>(now: &'n WatchApprovalsResponse, id: &str) -> Result<&'n Approval, Failure> {
    let mut waiting = now.waiting.iter();
    let found = waiting.find(|approval| approval.id.eq_ignore_ascii_case(id.trim()));
    found.ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            format!("no call waits under {id:?}: it was answered, withdrawn or timed out, or never asked"),
        )
        .fix("axis approvals")
    })
}

pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let problem = || "write a stretch of time such as 90s, 15m or 2h".to_owned();
    let span: Span = text.parse().map_err(|_| problem())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let seconds = length.map_err(|_| problem())?.as_secs();
    u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds > 0)
        .ok_or_else(problem)
        .and_then(|seconds| match seconds {
            ..=MAX_SECONDS => Ok(seconds),
            _ => Err("an approval lasts 24h at most; what is to be allowed for longer is a rule: axis allow --for".to_owned()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_people_do() {
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("1h 30m"), Ok(5400));
        assert_eq!(seconds("90s"), Ok(90));
        for text in ["25h", "", "0s", "-5m", "15", "soon", "1 month"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
