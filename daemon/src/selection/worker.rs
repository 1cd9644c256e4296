//! The process in which one expression runs. It is axisd's own program, told
//! by `--select` to be this instead of a daemon, with nothing in its
//! environment and nothing open but two pipes.

use std::io::{self, Read, Write};

use super::jq::{Fault, Filter};
use super::{MAX_OUTPUT_BYTES, Verdict};
use crate::process::{self, Bounds};

/// Seconds of a processor that an expression may take.
pub(super) const CPU_SECONDS: u64 = 2;
/// Bytes of memory that it may take: an answer of 16 MiB takes up to ten times
/// as much when it is read.
pub(super) const MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Reads one question from standard input and answers it on standard output:
/// the expression's length in four bytes, the expression, and the value to
/// apply it to; without a value it is only looked at.
///
/// # Errors
/// A limit couldn't be set, or a pipe broke.
pub fn answer() -> io::Result<()> {
    process::confine(Bounds {
        memory_bytes: MEMORY_BYTES,
        cpu_seconds: CPU_SECONDS,
    })?;
    let mut input = io::stdin().lock();
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
    let mut question = Vec::new();
    input.read_to_end(&mut question)?;
    let (expression, value) = question
        .split_at_checked(length)
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let (verdict, text) = judge(expression, value, MAX_OUTPUT_BYTES);
    let mut output = io::stdout().lock();
    output.write_all(&[verdict.byte()])?;
    output.write_all(&text)?;
    output.flush()
}

/// The expression's verdict on `value`, or on itself where that is empty, and
/// what goes with it: at most `most` bytes of a result.
pub(super) fn judge(expression: &[u8], value: &[u8], most: usize) -> (Verdict, Vec<u8>) {
    let expression = String::from_utf8_lossy(expression);
    let filter = match Filter::parse(&expression) {
        Ok(filter) => filter,
        Err(problem) => return (Verdict::NoExpression, problem.into_bytes()),
    };
    if value.is_empty() {
        return (Verdict::Result, Vec::new());
    }
    match filter.apply(value, most) {
        Ok(result) => (Verdict::Result, result),
        Err(Fault::Failed(problem)) => (Verdict::Failed, problem.into_bytes()),
        Err(Fault::TooLarge) => (Verdict::TooLarge, Vec::new()),
    }
}
