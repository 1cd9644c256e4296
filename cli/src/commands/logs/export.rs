//! `axis logs export`: the audit log for other programs.

use std::io::{self, BufWriter};

use clap::Args;

use super::selection::Lines;
use crate::client::Daemon;
use crate::export::{Format, Writer};
use crate::failure::{Exit, Failure};
use crate::prompt;

/// Write all of the audit log to standard output
///
/// Oldest first, in CSV (RFC 4180, with a header) or one JSON object a line. In
/// CSV, text that a spreadsheet would run as a formula has a ' before it, and
/// control characters are escaped.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis logs export --format csv > audit.csv\n  axis logs export --format jsonl --since 24h --decision deny"
)]
pub struct Export {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    #[command(flatten)]
    lines: Lines,
}

impl Export {
    /// Writes them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let mut messages = daemon.admin.logs(self.lines.request()).await?.into_inner();
        let mut writer = Writer::new(self.format, BufWriter::new(io::stdout()))?;
        loop {
            match messages.message().await {
                Ok(Some(message)) => {
                    for line in message.line.split(|byte| *byte == b'\n') {
                        writer.line(line)?;
                    }
                }
                Ok(None) => {
                    writer.flush()?;
                    return Ok(Exit::Done);
                }
                Err(status) => {
                    // what came before is true all the same
                    writer.flush()?;
                    return Err(status.into());
                }
            }
        }
    }
}
