//! `axis logs head`: the last line, to be kept elsewhere.

use axis_proto::v1::LogsHeadRequest;
use clap::Args;
use serde::Serialize;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, printable};
use crate::prompt;

/// Print the audit log's head, to be kept elsewhere
///
/// The head is the last record's number and hash. Kept where no agent writes
/// (on paper, on another machine), it shows later whether the log was cut off
/// or written anew: `axis logs verify --head SEQ:HASH`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis logs head\n  axis logs head --json")]
pub struct Head {
    /// One JSON document, with the record's MAC and time
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    head: String,
    seq: u64,
    hash: &'a str,
    mac: Option<&'a str>,
    timestamp: Option<&'a str>,
}

impl Head {
    /// Prints it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let last = ask(daemon.admin.logs_head(LogsHeadRequest {})).await?;
        let head = format!("{}:{}", last.seq, last.hash);
        if self.json {
            output.json(&Document {
                head,
                seq: last.seq,
                hash: &last.hash,
                mac: last.mac.as_deref(),
                timestamp: Some(last.timestamp.as_str()).filter(|time| !time.is_empty()),
            })?;
        } else {
            output.line(printable(&head))?;
        }
        Ok(Exit::Done)
    }
}
