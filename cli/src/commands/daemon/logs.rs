//! `axis daemon logs`: what axisd says of itself.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use crate::failure::{Exit, Failure};
use crate::output::{Output, printable, tell};
use crate::service::{Installation, Manager, journal};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// From so far before its end the file is read, in bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// Show axisd's own log: starts, warnings, trouble
///
/// That is the system's journal where axisd is a service, else axisd.log beside
/// the audit log. What agents did is in `axis logs`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis daemon logs\n  axis daemon logs --tail")]
pub struct Logs {
    /// Go on with new lines until you end it
    #[arg(short = 'f', long, alias = "follow")]
    pub(super) tail: bool,
    /// How many lines from before
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    last: usize,
}

impl Logs {
    /// Shows it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let installation = Installation::here()?;
        if let Ok(manager @ Manager::Systemd) = Manager::of_this_system()
            && manager
                .files(&installation)?
                .iter()
                .any(|file| file.path.exists())
        {
            return self.show_journal().await;
        }
        self.show_file(&installation.log).await
    }

    async fn show_journal(self) -> Result<Exit, Failure> {
        let ended = journal(self.last, self.tail).status().await;
        let ended = ended.map_err(|error| {
            Failure::new(Exit::Failed, "the journal can't be shown")
                .because(format!("journalctl: {error}"))
        })?;
        Ok(if ended.success() {
            Exit::Done
        } else {
            Exit::Failed
        })
    }

    async fn show_file(self, path: &Path) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let unreadable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => Failure::new(Exit::Failed, "axisd has no log here yet")
                .because(format!("There is no {}.", path.display()))
                .because("An axisd that you started by hand writes to its own terminal instead."),
            _ => Failure::new(Exit::Failed, format!("can't read {}", path.display()))
                .because(error.to_string()),
        };
        let mut log = Following::open(path).map_err(unreadable)?;
        let before = log.new_lines().map_err(unreadable)?;
        let skipped = before.len().saturating_sub(self.last);
        for line in &before[skipped..] {
            output.line(printable(line))?;
        }
        if !self.tail {
            return Ok(Exit::Done);
        }
        if before.is_empty() {
            tell("The log is empty so far.");
        }
        loop {
            sleep(LOOK).await;
            for line in log.new_lines().map_err(unreadable)? {
                output.line(printable(&line))?;
            }
        }
    }
}

/// A file and how far it was read.
struct Following {
    file: File,
    read_to: u64,
    /// A line that isn't whole yet.
    rest: Vec<u8>,
}

impl Following {
    fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            read_to: length.saturating_sub(MOST_BYTES),
            rest: Vec::new(),
        })
    }

    /// The lines that were written since. axisd empties a long file when it starts.
    fn new_lines(&mut self) -> std::io::Result<Vec<String>> {
        if self.file.metadata()?.len() < self.read_to {
            self.read_to = 0;
            self.rest.clear();
        }
        self.file.seek(SeekFrom::Start(self.read_to))?;
        let read = self
            .file
            .by_ref()
            .take(MOST_BYTES)
            .read_to_end(&mut self.rest)?;
        self.read_to += u64::try_from(read).unwrap_or(u64::MAX);
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n');
        let whole: Vec<u8> = self.rest.drain(..whole.map_or(0, |end| end + 1)).collect();
        let text = String::from_utf8_lossy(&whole);
        Ok(text.lines().map(ToOwned::to_owned).collect())
    }
}
