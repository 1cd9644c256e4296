//! axisd's side: a process for each question, its time and its answer bounded.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::worker::{CPU_SECONDS, MEMORY_BYTES};
use super::{MAX_EXPRESSION_BYTES, MAX_OUTPUT_BYTES, Verdict};
use crate::process::{self, Beyond};

/// So many expressions run together …
const AT_ONCE: usize = 4;
/// … and others wait so long for their turn.
const TURN: Duration = Duration::from_secs(20);
/// How long a process may take in all. It is given less time of a processor:
/// this is for one that waits for a processor, or for nothing.
const DEADLINE: Duration = Duration::from_secs(15);

/// Why `select` gave no result.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// It is longer than any expression needs to be.
    #[error("select is {0} bytes long; at most {MAX_EXPRESSION_BYTES} are taken")]
    TooLong(usize),
    /// It is no jq expression.
    #[error("select is no jq expression: {0}")]
    NoExpression(String),
    /// It doesn't fit the result.
    #[error("select could not be applied to the result: {0}")]
    Failed(String),
    /// It puts out too much.
    #[error("select puts out more than {} MiB; ask for less", MAX_OUTPUT_BYTES / (1024 * 1024))]
    TooLarge,
    /// It runs too long.
    #[error("select took more than {CPU_SECONDS} s; make it simpler, or ask the service for less")]
    TooSlow,
    /// It took too much memory, or recursed too deeply.
    #[error(
        "select took more than {} MiB of memory or nests too deeply; make it simpler, or ask the service for less",
        MEMORY_BYTES / (1024 * 1024)
    )]
    TooMuchMemory,
    /// The interpreter panicked.
    #[error("select is no expression that jq here can take; write it in another way")]
    Crashed,
    /// Others have their turn.
    #[error("too many select expressions run at this moment; try again")]
    Busy,
    /// The process couldn't be started, or broke.
    #[error("select could not be run: {0}; call without it")]
    Broken(String),
}

/// Asks processes.
pub struct Selector {
    program: io::Result<PathBuf>,
    turns: Semaphore,
}

impl Default for Selector {
    fn default() -> Self {
        Self {
            program: process::own_program(),
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

impl Selector {
    /// Whether `expression` is one, before anything is sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self, expression: &str) -> Result<(), SelectError> {
        if expression.len() > MAX_EXPRESSION_BYTES {
            return Err(SelectError::TooLong(expression.len()));
        }
        self.ask(expression, &Bytes::new()).await.map(|_| ())
    }

    /// Applies `expression` to `value`, a JSON text.
    ///
    /// # Errors
    /// It doesn't fit, or goes beyond its bounds.
    pub async fn apply(&self, expression: &str, value: &Bytes) -> Result<Bytes, SelectError> {
        self.ask(expression, value).await
    }

    async fn ask(&self, expression: &str, value: &Bytes) -> Result<Bytes, SelectError> {
        let turn = timeout(TURN, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(SelectError::Busy);
        };
        let mut child = self.start().map_err(|error| broken(&error))?;
        let asked = timeout(DEADLINE, converse(&mut child, expression, value)).await;
        let Ok(heard) = asked else {
            // dropped, it is killed
            return Err(SelectError::TooSlow);
        };
        let (status, answer) = heard.map_err(|error| broken(&error))?;
        read(status, &answer)
    }

    fn start(&self) -> io::Result<Child> {
        let program = self
            .program
            .as_ref()
            .map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let mut command = Command::new(program);
        process::call(&mut command, "axisd");
        command
            .arg("--select")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

async fn converse(
    child: &mut Child,
    expression: &str,
    value: &Bytes,
) -> io::Result<(ExitStatus, Vec<u8>)> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("it has no pipes"));
    };
    let ask = async move {
        let length = u32::try_from(expression.len()).map_err(io::Error::other)?;
        input.write_all(&length.to_be_bytes()).await?;
        input.write_all(expression.as_bytes()).await?;
        input.write_all(value).await
        // closed here, which is the question's end
    };
    let hear = async move {
        let most = u64::try_from(MAX_OUTPUT_BYTES).map_err(io::Error::other)? + 2;
        let mut answer = Vec::new();
        output.take(most).read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    // one that ended in the midst of its question has its reason
    let (_, answer) = tokio::join!(ask, hear);
    Ok((child.wait().await?, answer?))
}

fn read(status: ExitStatus, answer: &[u8]) -> Result<Bytes, SelectError> {
    // what a Rust program exits with after a panic
    const PANICKED: i32 = 101;
    match process::beyond_bounds(status) {
        Some(Beyond::Time) => return Err(SelectError::TooSlow),
        Some(Beyond::Memory) => return Err(SelectError::TooMuchMemory),
        None => {}
    }
    if status.code() == Some(PANICKED) {
        return Err(SelectError::Crashed);
    }
    let Some((verdict, text)) = answer
        .split_first()
        .filter(|_| status.success())
        .and_then(|(byte, text)| Some((Verdict::of(*byte)?, text)))
    else {
        return Err(SelectError::Broken(format!("its process ended, {status}")));
    };
    told(verdict, text).map(Bytes::copy_from_slice)
}

/// What a verdict with its text says.
pub(super) fn told(verdict: Verdict, text: &[u8]) -> Result<&[u8], SelectError> {
    let sentence = || String::from_utf8_lossy(text).into_owned();
    match verdict {
        Verdict::Result => Ok(text),
        Verdict::NoExpression => Err(SelectError::NoExpression(sentence())),
        Verdict::Failed => Err(SelectError::Failed(sentence())),
        Verdict::TooLarge => Err(SelectError::TooLarge),
    }
}

fn broken(error: &io::Error) -> SelectError {
    SelectError::Broken(error.to_string())
}
