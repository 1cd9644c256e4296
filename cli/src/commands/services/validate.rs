//! `axis services validate`: whether files are definitions, without putting
//! them in force.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use axis_proto::v1::{Service, ValidateServiceRequest, ValidateServiceResponse};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines};
use crate::prompt;

/// The largest definition that is sent to axisd, in bytes: a little more than
/// it takes, so that it says itself what is too large.
const MAX_BYTES: u64 = (1 << 20) + 1;

/// Check service files without putting them in force
///
/// axisd reads them as it would in its own directory; nothing is written.
/// Exits with 1 when one of them is broken, and with 2 when one can't be read.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  axis services validate acme.yaml")]
pub struct Validate {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

impl Validate {
    /// Checks each, and says all.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let mut verdicts = Vec::new();
        let mut is_unread = false;
        for file in &self.files {
            let verdict = match read(file) {
                Ok(text) => validate(&mut daemon, file, text).await?,
                Err(problem) => {
                    is_unread = true;
                    ValidateServiceResponse {
                        error: Some(format!("{}: {problem}", file.display())),
                        service: None,
                    }
                }
            };
            verdicts.push((file, verdict));
        }
        if self.json {
            let all: Vec<Value> = verdicts
                .iter()
                .map(|(file, verdict)| document(file, verdict))
                .collect();
            output.json(&all)?;
        } else {
            for (file, verdict) in &verdicts {
                show(output, file, verdict)?;
            }
        }
        let is_broken = verdicts.iter().any(|(_, verdict)| verdict.error.is_some());
        Ok(match (is_unread, is_broken) {
            (true, _) => Exit::Usage,
            (false, true) => Exit::Failed,
            (false, false) => Exit::Done,
        })
    }
}

/// Asks axisd what `text` would be in the file `origin`.
pub(super) async fn validate(
    daemon: &mut Daemon,
    origin: &Path,
    text: String,
) -> Result<ValidateServiceResponse, Failure> {
    let origin = origin.display().to_string();
    ask(daemon
        .admin
        .validate_service(ValidateServiceRequest { text, origin }))
    .await
}

fn read(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "this isn't UTF-8 text".to_owned())
}

fn document(file: &Path, verdict: &ValidateServiceResponse) -> Value {
    json!({
        "file": file.display().to_string(),
        "valid": verdict.error.is_none(),
        "error": verdict.error,
        "service": verdict.service.as_ref().map(|service| &service.service),
        "actions": verdict.service.as_ref().map(own_actions),
    })
}

/// How many actions the file defines: every service has those of `http.*` besides.
fn own_actions(service: &Service) -> usize {
    let own = |name: &str| !name.to_ascii_lowercase().starts_with("http.");
    let actions = service.actions.iter();
    actions.filter(|action| own(&action.action)).count()
}

fn show(output: Output, file: &Path, verdict: &ValidateServiceResponse) -> Result<(), Failure> {
    let name = file.display().to_string();
    if let Some(error) = &verdict.error {
        output.line(output.paint(Tone::Bad, &format!("✗ {}", printable(&name))))?;
        for line in printable_lines(error) {
            output.line(format_args!("  {line}"))?;
        }
        return Ok(());
    }
    let service = verdict.service.clone().unwrap_or_default();
    output.line(format_args!(
        "{} {}: {}, actions: {}, host: {}",
        output.paint(Tone::Good, "✓"),
        printable(&name),
        printable(&service.service),
        own_actions(&service),
        printable(&service.host)
    ))
}
