//! One run of a program that reads a credential: by its absolute path, without
//! a shell, in an environment of its own, its time and its output bounded.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::error::SourceError;
use super::program::SYSTEM_PATH;
use crate::process;

/// How long a program may take.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// Most bytes that it may put out.
pub(super) const MAX_OUTPUT_BYTES: usize = 64 * 1024;
/// Most bytes that are kept of what it complains of.
const MAX_COMPLAINT_BYTES: u64 = 2048;

/// What of axisd's own environment a program gets. No variable of a password
/// manager is among them: what lets it in is sealed with the source.
const PASSED_ON: [&str; 11] = [
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// What a program put out.
pub(super) struct Said {
    pub output: Zeroizing<Vec<u8>>,
}

/// Why there is nothing, and what the program complained of: for the owner
/// alone, and only in the answer to what they asked.
pub(super) struct Complaint {
    pub error: SourceError,
    pub words: Option<String>,
}

impl From<SourceError> for Complaint {
    fn from(error: SourceError) -> Self {
        Self { error, words: None }
    }
}

/// A program that runs; its whole process group ends with this.
pub(super) struct Group {
    child: Child,
    id: Option<u32>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            process::kill_group(id);
        }
    }
}

/// What runs `program`, with the variable `token` where it needs one.
pub(super) fn command(program: &str, arguments: &[&str], token: Option<(&str, &str)>) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment())
        .envs(token)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    process::lead_a_group(&mut command);
    command
}

/// Starts it, which waits for the file system that `program` is on.
pub(super) fn start(program: &str, mut command: Command) -> Result<Group, SourceError> {
    let child = command
        .spawn()
        .map_err(|error| unstartable(program, &error))?;
    let id = child.id();
    Ok(Group { child, id })
}

/// What it puts out until it ends.
pub(super) async fn finish(program: &str, mut group: Group) -> Result<Said, Complaint> {
    let Ok(heard) = timeout(LIMIT, hear(&mut group.child)).await else {
        let program = program.to_owned();
        return Err(SourceError::TooSlow { program }.into());
    };
    let (status, output, words) = heard.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => SourceError::TooLong {
            program: program.to_owned(),
        },
        _ => unstartable(program, &error),
    })?;
    // what it leaves behind on purpose, such as gpg's agent, may stay
    group.id = None;
    if !status.success() {
        let (program, status) = (program.to_owned(), status.to_string());
        let error = SourceError::Refused { program, status };
        return Err(Complaint { error, words });
    }
    Ok(Said { output })
}

fn unstartable(program: &str, error: &io::Error) -> SourceError {
    SourceError::Unstartable {
        program: program.to_owned(),
        why: error.to_string(),
    }
}

fn environment() -> impl Iterator<Item = (&'static str, OsString)> {
    let passed_on = PASSED_ON
        .into_iter()
        .filter_map(|name| Some((name, env::var_os(name)?)));
    passed_on.chain([("PATH", SYSTEM_PATH.into())])
}

async fn hear(child: &mut Child) -> io::Result<(ExitStatus, Zeroizing<Vec<u8>>, Option<String>)> {
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("it has no pipes"));
    };
    let words = async { Ok(complaint_in(stderr).await) };
    let (output, words) = tokio::try_join!(output_of(stdout), words)?;
    Ok((child.wait().await?, output, words))
}

/// All of it, unless that is more than it may be. The buffer never grows: it
/// would leave what it outgrew behind.
async fn output_of(mut stdout: impl AsyncRead + Unpin) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(vec![0; MAX_OUTPUT_BYTES + 1]);
    let mut filled = 0;
    loop {
        let rest = output.get_mut(filled..).unwrap_or_default();
        if rest.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match stdout.read(rest).await? {
            0 => break,
            read => filled += read,
        }
    }
    output.truncate(filled);
    Ok(output)
}

/// Reads it all, so that nobody waits for a full pipe, and keeps its beginning.
async fn complaint_in(mut stderr: impl AsyncRead + Unpin) -> Option<String> {
    let mut bytes = Vec::new();
    let _ = (&mut stderr)
        .take(MAX_COMPLAINT_BYTES)
        .read_to_end(&mut bytes)
        .await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
