//! `.env` files: `NAME=value` a line, as shells and the usual libraries read
//! them, but that nothing is ever expanded: `$` in a secret is a `$`. Each entry
//! knows its place, so that it can be taken out and all else stays as it is.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use axis_proto::system::{self, Rights};
use zeroize::Zeroizing;

use super::{ImportError, Item, Skipped, Variable, file};

/// The largest `.env` that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// One variable and where it stands.
struct Entry {
    name: String,
    value: Zeroizing<String>,
    /// Its lines with their ends, in bytes.
    range: Range<usize>,
    /// Its first line, from 1.
    line: usize,
}

/// A line that is none.
struct Fault {
    line: usize,
    name: Option<String>,
    problem: &'static str,
}

/// The variables of the file at `path`, and the lines that can't be understood.
/// Of several with one name the last counts, as everywhere.
///
/// # Errors
/// It can't be read.
pub fn items(path: &Path) -> Result<(Vec<Item>, Vec<Skipped>), ImportError> {
    let text = file::text(path, MAX_BYTES)?;
    let (entries, faults) = read(&text);
    let shown = path.display();
    let is_last = |at: usize, name: &str| !entries[at + 1..].iter().any(|it| it.name == name);
    let items = entries
        .iter()
        .enumerate()
        .filter(|(at, entry)| is_last(*at, &entry.name))
        .map(|(_, entry)| {
            let place = format!("{shown}, line {}", entry.line);
            Item::variable(&entry.name, place, &entry.value)
        })
        .collect();
    let faults = faults.into_iter().map(|fault| match fault.name {
        Some(variable) => Skipped {
            variable,
            why: format!("in line {}, {}", fault.line, fault.problem),
        },
        None => Skipped {
            variable: format!("line {}", fault.line),
            why: fault.problem.to_owned(),
        },
    });
    Ok((items, faults.collect()))
}

/// What [`without_lines`] has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many lines went.
    pub lines: usize,
    /// What stays under one of the names since it holds another value, and in
    /// which line it stands now.
    pub others: Vec<(String, usize)>,
}

/// Takes `variables` out of the file at `path`, each with all of its lines, and
/// leaves every other byte as it is: also a line that gives one of them another
/// value. No copy of the old file stays, since it would be one of the secrets.
///
/// # Errors
/// It can't be read or written, or somebody else has changed it meanwhile; then
/// it is as it was.
pub fn without_lines(path: &Path, variables: &[Variable]) -> Result<Taken, ImportError> {
    let unwritable = |error: std::io::Error| ImportError::Unreadable {
        path: path.to_owned(),
        error,
    };
    // a link stays one
    let target = fs::canonicalize(path).map_err(unwritable)?;
    let before = Zeroizing::new(file::bytes(&target, MAX_BYTES)?);
    let text = std::str::from_utf8(&before).map_err(|error| ImportError::NotText {
        path: path.to_owned(),
        at: error.valid_up_to(),
    })?;
    let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let (entries, _) = read(&text[mark..]);
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    let (mut from, mut taken) = (0, Taken::default());
    for entry in &entries {
        if !variables.iter().any(|it| it.name == entry.name) {
            continue;
        }
        if !variables.iter().any(|it| it.is(&entry.name, &entry.value)) {
            if !entry.value.is_empty() {
                let line = entry.line - taken.lines;
                taken.others.push((entry.name.clone(), line));
            }
            continue;
        }
        let range = mark + entry.range.start..mark + entry.range.end;
        kept.push_str(&text[from..range.start]);
        taken.lines += text[range.clone()].lines().count();
        from = range.end;
    }
    kept.push_str(&text[from..]);
    if taken.lines == 0 {
        return Ok(taken);
    }
    let directory = target.parent().unwrap_or(Path::new("/"));
    let metadata = fs::metadata(&target).map_err(unwritable)?;
    if metadata.permissions().readonly() {
        return Err(unwritable(std::io::ErrorKind::PermissionDenied.into()));
    }
    let mut new = tempfile::Builder::new()
        .prefix(".env-")
        .suffix(".tmp")
        .tempfile_in(directory)
        .map_err(unwritable)?;
    new.write_all(kept.as_bytes()).map_err(unwritable)?;
    let rights = Rights::of(&metadata);
    rights.give(new.as_file()).map_err(unwritable)?;
    new.as_file().sync_all().map_err(unwritable)?;
    if *file::bytes(&target, MAX_BYTES)? != **before {
        return Err(ImportError::Changed {
            path: path.to_owned(),
        });
    }
    new.persist(&target)
        .map_err(|error| unwritable(error.error))?;
    // where this fails, the rename may be lost with the power, and no more
    let _ = system::sync_directory(directory);
    Ok(taken)
}

fn read(text: &str) -> (Vec<Entry>, Vec<Fault>) {
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        let end = line_end(text, at);
        let mut next = end;
        match assignment(&text[at..end]) {
            Line::Nothing => {}
            Line::Fault(problem) => faults.push(Fault {
                line,
                name: None,
                problem,
            }),
            Line::Assignment { name, value } => {
                let fault = |problem| Fault {
                    line,
                    name: Some(name.to_owned()),
                    problem,
                };
                match read_value(text, at + value) {
                    Ok((value, stop)) => {
                        next = line_end(text, stop);
                        entries.push(Entry {
                            name: name.to_owned(),
                            value,
                            range: at..next,
                            line,
                        });
                    }
                    Err(problem) => faults.push(fault(problem)),
                }
            }
        }
        line += text[at..next].matches('\n').count();
        at = next;
    }
    (entries, faults)
}

enum Line<'t> {
    /// A blank, a comment, an `export` of something set elsewhere.
    Nothing,
    Assignment {
        name: &'t str,
        /// Where the value begins.
        value: usize,
    },
    Fault(&'static str),
}

fn assignment(line: &str) -> Line<'_> {
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Line::Nothing;
    }
    let without_export = trimmed
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']));
    let Some(equals) = line.find('=') else {
        return match without_export {
            Some(name) if is_name(name.trim()) => Line::Nothing,
            _ => Line::Fault("this is not of the form NAME=value"),
        };
    };
    let name = line[..equals].trim();
    let name = match without_export {
        Some(_) => name.strip_prefix("export").unwrap_or(name).trim_start(),
        None => name,
    };
    if !is_name(name) {
        return Line::Fault("what stands before the = is no name of a variable");
    }
    Line::Assignment {
        name,
        value: equals + 1,
    }
}

fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.len() <= 256
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(is_inner)
}

/// The value that begins at `from`, and where it ends.
fn read_value(text: &str, from: usize) -> Result<(Zeroizing<String>, usize), &'static str> {
    let end = line_end(text, from);
    let rest = &text[from..end];
    let start = from + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let quote = text[start..end].chars().next();
    let Some(quote @ ('"' | '\'' | '`')) = quote else {
        let value = text[start..end].trim_end();
        // a # within a word is a part of it
        let value = match value.find(" #").or_else(|| value.find("\t#")) {
            _ if value.starts_with('#') => "",
            Some(comment) => value[..comment].trim_end(),
            None => value,
        };
        return Ok((Zeroizing::new(value.to_owned()), start + value.len()));
    };
    let mut value = Zeroizing::new(String::new());
    let mut chars = text[start + 1..].char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            let stop = start + 1 + at + 1;
            let after = text[stop..line_end(text, stop)].trim();
            if !after.is_empty() && !after.starts_with('#') {
                return Err("something stands behind the closing quote");
            }
            return Ok((value, stop));
        }
        if c != '\\' || quote != '"' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => value.push('\n'),
            Some((_, 'r')) => value.push('\r'),
            Some((_, 't')) => value.push('\t'),
            Some((_, c @ ('"' | '\\' | '$' | '`' | '\''))) => value.push(c),
            Some((_, c)) => {
                value.push('\\');
                value.push(c);
            }
            None => break,
        }
    }
    Err("the quote is never closed")
}

/// Behind the line break of the line that `at` is in.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

#[cfg(test)]
mod tests;
