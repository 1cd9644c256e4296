//! `axis services import`: an OpenAPI document becomes a service of one's own.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use axis_proto::shell;
use axis_proto::system::make_private_directory;
use axis_proto::v1::ListServicesRequest;
use clap::Args;
use tokio::task::spawn_blocking;
use url::Url;

use super::validate::validate;
use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::fetch;
use crate::output::{Output, Tone, printable, printable_lines, tell, write};
use crate::prompt;
use crate::system;
use axis_cli::openapi::{self, Imported, MAX_BYTES, Note, Wishes};

/// Make a service of your own from an OpenAPI document
///
/// Reads OpenAPI 3.0 and 3.1 and Swagger 2, as JSON or YAML, and writes a
/// service file. Each operation becomes an action; what can't be expressed is
/// said for each. Nothing is sent to the service, and no key is needed yet.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis services import https://api.example.com/openapi.json\n  \
    axis services import petstore.yaml --name petstore --only 'pets.*' --dry-run")]
pub struct Import {
    /// A file, or an https URL
    #[arg(value_name = "FILE-or-URL")]
    source: String,
    /// The service's name; else it is made from the document's title
    #[arg(long)]
    name: Option<String>,
    /// Where the service is; else the document says so
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Only these actions; * stands for anything, and the option can be repeated
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Print the definition and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write over the file that is there
    #[arg(long)]
    force: bool,
}

impl Import {
    /// Reads, converts, has it checked by axisd, and writes it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let (text, origin) = self.read().await?;
        let imported = self.convert(text, origin).await.map_err(|problem| {
            let what = format!("can't import {}", printable(&self.source));
            Failure::new(Exit::Failed, what).because(problem)
        })?;
        if self.dry_run {
            write(imported.yaml.as_bytes())?;
            for line in report(&imported) {
                tell(line);
            }
            if let Some((mut daemon, _)) = Daemon::running().await? {
                let name = PathBuf::from(format!("{}.yaml", imported.name));
                check(&mut daemon, &name, &imported).await?;
            }
            return Ok(Exit::Done);
        }
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let path = self.place(&mut daemon, &imported).await?;
        check(&mut daemon, &path, &imported).await?;
        save(&path, &imported.yaml).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("can't write {}: {error}", path.display()),
            )
        })?;
        for line in report(&imported) {
            output.line(line)?;
        }
        output.line(output.paint(
            Tone::Good,
            &format!("Wrote {}.", printable(&path.display().to_string())),
        ))?;
        output.line(format_args!(
            "Next: axis add {}, and a rule for it in policy.yaml.",
            imported.name
        ))?;
        Ok(Exit::Done)
    }

    /// Converts beside the caller, so that Ctrl-C ends what takes too long.
    async fn convert(&self, text: String, origin: Option<Url>) -> Result<Imported, String> {
        let (name, base_url) = (self.name.clone(), self.base_url.clone());
        let only = self.only.clone();
        let converted = spawn_blocking(move || {
            let wishes = Wishes {
                name: name.as_deref(),
                base_url: base_url.as_deref(),
                only: &only,
                origin: origin.as_ref(),
            };
            openapi::convert(&text, &wishes).map_err(|error| error.to_string())
        });
        converted
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
    }

    /// The document's text, and its URL where it has one.
    async fn read(&self) -> Result<(String, Option<Url>), Failure> {
        let is_url = self.source.starts_with("https://") || self.source.starts_with("http://");
        let (bytes, origin) = if is_url {
            let url = Url::parse(&self.source)
                .map_err(|error| Failure::new(Exit::Usage, format!("this is no URL: {error}")))?;
            let (bytes, at) = fetch::document(&url, MAX_BYTES).await?;
            (bytes, Some(at))
        } else {
            let unreadable = |error: String| {
                Failure::new(Exit::Usage, format!("can't read {}: {error}", self.source))
            };
            let mut bytes = Vec::new();
            File::open(&self.source)
                .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
                .map_err(|error| unreadable(error.to_string()))?;
            if bytes.len() > MAX_BYTES {
                return Err(unreadable(format!("it is larger than {MAX_BYTES} bytes")));
            }
            (bytes, None)
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Failure::new(
                Exit::Usage,
                format!("{} isn't UTF-8 text (byte {at})", printable(&self.source)),
            )
        })?;
        Ok((text, origin))
    }

    /// Where the file goes; refused where something is that would be lost.
    async fn place(&self, daemon: &mut Daemon, imported: &Imported) -> Result<PathBuf, Failure> {
        let listed = ask(daemon.admin.list_services(ListServicesRequest {})).await?;
        let path = Path::new(&listed.directory).join(format!("{}.yaml", imported.name));
        let other = listed.services.iter().find(|service| {
            let is_other = !service.file.is_empty() && Path::new(&service.file) != path;
            service.service == imported.name && is_other
        });
        if let Some(other) = other {
            return Err(Failure::new(
                Exit::Failed,
                format!("the service {} is defined in {}", other.service, other.file),
            )
            .fix(self.again("--name ANOTHER")));
        }
        if path.symlink_metadata().is_ok() && !self.force {
            return Err(
                Failure::new(Exit::Failed, format!("{} is there already", path.display()))
                    .because("What you changed in it by hand would be lost.")
                    .fix(self.again("--force")),
            );
        }
        Ok(path)
    }

    fn again(&self, more: &str) -> String {
        format!("axis services import {} {more}", shell::word(&self.source))
    }
}

/// Has axisd read the definition as it would from its file.
async fn check(daemon: &mut Daemon, path: &Path, imported: &Imported) -> Result<(), Failure> {
    let verdict = validate(daemon, path, imported.yaml.clone()).await?;
    match verdict.error {
        None => Ok(()),
        Some(error) => Err(Failure::new(
            Exit::Failed,
            "axisd doesn't take the definition; nothing was written",
        )
        .because(error)
        .fix(
            "choose another --name, or leave out the action it names: --only can choose the others",
        )),
    }
}

/// Replaces the file in one step: axisd never sees half of it.
fn save(path: &Path, yaml: &str) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    make_private_directory(directory)?;
    let mut builder = tempfile::Builder::new();
    system::set_mode(&mut builder, 0o600);
    // hidden, so that axisd doesn't read it
    let mut file = builder.prefix(".import-").tempfile_in(directory)?;
    file.write_all(yaml.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// What is to be said, a line each.
fn report(imported: &Imported) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |text: &str| lines.extend(printable_lines(text).map(String::from));
    let mut each = |title: &str, notes: &[Note]| {
        if !notes.is_empty() {
            add(title);
        }
        for note in notes {
            add(&format!("  {}: {}", note.operation, note.says.join("; ")));
        }
    };
    each("Left out:", &imported.left_out);
    each("In part:", &imported.in_part);
    for remark in &imported.remarks {
        add(&format!("Note: {remark}."));
    }
    add(&format!(
        "{}: {} of {} operations became actions; left out: {}, in part: {}.",
        imported.name,
        imported.actions,
        imported.operations,
        imported.left_out.len(),
        imported.in_part.len()
    ));
    lines
}
