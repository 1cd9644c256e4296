//! What the process of an expression answers, without a process and without its
//! limits of time, memory and stack: for whoever asks many questions that stay
//! within them.

use super::SelectError;
use super::process::told;
use super::worker::judge;

/// The result of `expression` for `value`, a JSON text, of at most `most` bytes;
/// without a value the expression is only looked at, and the result empty.
///
/// # Errors
/// It is no expression, doesn't fit the value, or puts out more.
pub fn answer(expression: &[u8], value: &[u8], most: usize) -> Result<Vec<u8>, SelectError> {
    let (verdict, text) = judge(expression, value, most);
    told(verdict, &text).map(<[u8]>::to_vec)
}
