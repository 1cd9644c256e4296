//! `select`: a jq expression that an agent applies to a result, so that it gets
//! three fields of a large answer.
//!
//! The expression is the adversary's, and jq is a whole language: it can run
//! for ever, ask for all memory, or recurse until the stack ends, which ends
//! the process. So it runs in one of its own, which holds no secret and has
//! limits that the kernel keeps.
//!
//! - [`Selector`]: axisd's side, which starts such a process for each question.
//! - [`worker`]: the process's side.
//! - [`inspection`]: the same without a process, for whoever attacks it.
//! - `jq`: what is asked, over the crate family `jaq`.
//!
//! What an expression makes was made of guarded text, by somebody who doesn't
//! know the secret: it can't put one back, and all that it can decode the agent
//! could decode as well. So its output passes no second guard.

pub mod inspection;
mod jq;
mod process;
pub mod worker;

pub use process::{SelectError, Selector};

/// Longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 16 * 1024;

/// Largest output, in bytes.
pub const MAX_OUTPUT_BYTES: usize = 16 * 1024 * 1024;

/// What the process answers: its first byte; the rest is a JSON value for
/// [`Verdict::Result`], else a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The expression was applied; where there was no input, it is one.
    Result,
    /// It is no expression.
    NoExpression,
    /// It doesn't fit this input.
    Failed,
    /// It puts out too much.
    TooLarge,
}

impl Verdict {
    const ALL: [Self; 4] = [
        Self::Result,
        Self::NoExpression,
        Self::Failed,
        Self::TooLarge,
    ];

    fn byte(self) -> u8 {
        match self {
            Self::Result => b'=',
            Self::NoExpression => b'?',
            Self::Failed => b'!',
            Self::TooLarge => b'>',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.byte() == byte)
    }
}
