//! What an agent asks of an answer (`select`), as the process answers it.
//!
//! - Any text is an expression, or gets a sentence of one line on what is wrong.
//! - What it puts out is one JSON value of no more than was asked for, or there
//!   is a sentence of one line on why there is none.
//! - The same question gets the same answer.
//!
//! The process has limits for what goes on for ever, takes all memory or ends
//! the stack. Here there are none, so only expressions that can't are applied.

use std::thread;

use axisd::selection::inspection::answer;
use axisd::selection::{MAX_EXPRESSION_BYTES, SelectError};
use serde_json::value::RawValue;

/// However deep an expression nests: the process may end with its stack, what
/// looks for faults may not.
const STACK_BYTES: usize = 512 * 1024 * 1024;
/// Longest sentence, in characters; part of the value may stand in it.
const SENTENCE_CHARS: usize = 600;
/// Most output, in bytes.
const MOST_BYTES: usize = 4096;

/// Longest expression that is applied, in bytes, and longest value: what is
/// doubled again and again is doubled seldom, and is little.
const APPLIED_BYTES: usize = 64;
const VALUE_BYTES: usize = 256;
/// Most parts of such an expression that make more of what they get.
const MOST_STEPS: usize = 6;
/// These parts.
const STEPS: &[&str] = &[
    ",", "..", "[]", "+", "@", "\\(", "$", "tojson", "map", "paths", "tostream", "INDEX",
];
/// Those that make its square of it.
const LEAPS: &[&str] = &["join", "sub"];

/// The words of it, but for those of one letter: what they begin ends.
const TAME: &[&str] = &[
    "IN",
    "INDEX",
    "abs",
    "add",
    "all",
    "and",
    "any",
    "arrays",
    "as",
    "ascii_downcase",
    "ascii_upcase",
    "base64",
    "base64d",
    "booleans",
    "bsearch",
    "capture",
    "catch",
    "ceil",
    "contains",
    "csv",
    "date",
    "del",
    "elif",
    "else",
    "empty",
    "end",
    "endswith",
    "error",
    "explode",
    "false",
    "first",
    "flatten",
    "floor",
    "from_entries",
    "getpath",
    "group_by",
    "has",
    "html",
    "id",
    "if",
    "implode",
    "in",
    "index",
    "indices",
    "infinite",
    "inside",
    "isempty",
    "isnan",
    "items",
    "join",
    "json",
    "keys",
    "keys_unsorted",
    "last",
    "leaf_paths",
    "length",
    "limit",
    "ltrim",
    "ltrimstr",
    "map",
    "map_values",
    "match",
    "max",
    "max_by",
    "min",
    "min_by",
    "name",
    "nan",
    "not",
    "null",
    "nulls",
    "numbers",
    "objects",
    "or",
    "paths",
    "pick",
    "reverse",
    "rindex",
    "round",
    "rtrim",
    "rtrimstr",
    "scalars",
    "scan",
    "select",
    "sh",
    "skip",
    "sort",
    "sort_by",
    "split",
    "splits",
    "sqrt",
    "startswith",
    "strings",
    "sub",
    "test",
    "text",
    "then",
    "title",
    "to_entries",
    "toarray",
    "toboolean",
    "tobytes",
    "todate",
    "tojson",
    "tostream",
    "tostring",
    "total",
    "transpose",
    "trim",
    "trimstr",
    "true",
    "try",
    "tsv",
    "type",
    "unique",
    "unique_by",
    "uri",
    "urid",
    "utf8bytelength",
    "values",
    "with_entries",
];

/// Bytes: the expression, a zero, the value.
pub fn run(data: &[u8]) {
    let (expression, value) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &data[..0]),
    };
    if expression.len() > MAX_EXPRESSION_BYTES {
        return;
    }
    let expression = String::from_utf8_lossy(expression).into_owned();
    let value = value.to_vec();
    let asked = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || ask(&expression, &value));
    if let Err(panic) = asked.expect("a thread").join() {
        std::panic::resume_unwind(panic);
    }
}

fn ask(expression: &str, value: &[u8]) {
    if !ends(expression) || !is_small(value) {
        match answer(expression.as_bytes(), b"", MOST_BYTES) {
            Ok(nothing) => assert!(nothing.is_empty(), "a result of nothing"),
            Err(error @ SelectError::NoExpression(_)) => is_sentence(&error),
            Err(error) => panic!("applied to nothing: {error}"),
        }
        return;
    }
    let first = answer(expression.as_bytes(), value, MOST_BYTES);
    let again = answer(expression.as_bytes(), value, MOST_BYTES);
    match (first, again) {
        (Ok(result), Ok(again)) => {
            assert_eq!(result, again, "the same question, another answer");
            // with the brackets of several outputs
            assert!(result.len() <= MOST_BYTES + 2, "{} bytes", result.len());
            let json = serde_json::from_slice::<&RawValue>(&result);
            let text = String::from_utf8_lossy(&result);
            assert!(json.is_ok(), "no JSON: {text}");
            let value = serde_json::from_slice::<serde_json::Value>(&result);
            assert!(value.is_ok(), "too deep for others: {text}");
        }
        (Err(error), Err(again)) => {
            assert_eq!(error.to_string(), again.to_string());
            is_sentence(&error);
        }
        _ => panic!("the same question is answered once"),
    }
}

fn is_sentence(error: &SelectError) {
    let said = error.to_string();
    assert!(said.chars().count() <= SENTENCE_CHARS, "{said}");
    assert!(!said.contains(char::is_control), "{said:?}");
}

/// Whether it ends soon, whatever it is applied to.
fn ends(expression: &str) -> bool {
    let count = |parts: &[&str]| -> usize {
        let counts = parts.iter().map(|part| expression.matches(part).count());
        counts.sum()
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    let is_short = |word: &str| word.len() < 2 || (is_number(word) && word.len() < 3);
    let mut words = expression.split(|c| !is_word(c));
    expression.len() <= APPLIED_BYTES
        && count(STEPS) + 3 * count(LEAPS) <= MOST_STEPS
        // a text so many times, and what changes all that is below it
        && !expression.contains('*')
        && !(expression.contains("..") && expression.contains('='))
        && words.all(|word| is_short(word) || TAME.contains(&word))
}

/// Whether it is little, and no number in it a place far out in an array.
fn is_small(value: &[u8]) -> bool {
    let numbers = value.split(|byte| !byte.is_ascii_digit());
    let is_power = |pair: &[u8]| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E');
    !value.is_empty()
        && value.len() <= VALUE_BYTES
        && numbers.map(<[u8]>::len).max() < Some(4)
        && !value.windows(2).any(is_power)
}
