//! How files differ from what is sealed, as a person reads it. All of it comes
//! from files that an agent may have written.

use axis_proto::v1::{SealDifference, SealMeaning};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Output, Tone, printable, printable_lines};

/// How much of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Lines of each file.
    lines: usize,
    /// Changes of each kind.
    changes: usize,
    /// What shows those that axisd left out.
    rest: &'static str,
}

impl Most {
    /// What a person reads.
    pub const USUAL: Self = Self {
        lines: 100,
        changes: 20,
        rest: "read the file",
    };
    /// Of what status tells of it.
    pub const FIRST: Self = Self {
        lines: 100,
        changes: 20,
        rest: "axis policy seal --dry-run --all shows them",
    };
    /// All that axisd tells.
    pub const ALL: Self = Self {
        lines: usize::MAX,
        changes: usize::MAX,
        rest: "read the file",
    };
}

/// One file that differs: its name, its lines and what they mean, each line
/// after `indent`.
pub fn show_file(
    output: Output,
    indent: &str,
    most: Most,
    file: &SealDifference,
) -> Result<(), Failure> {
    let name = output.paint(Tone::Warn, &printable(&file.name));
    let path = printable(&file.path);
    output.line(format_args!("{indent}{name} ({path})"))?;
    for line in file.error.iter().flat_map(|error| printable_lines(error)) {
        output.line(format_args!("{indent}  {}", output.paint(Tone::Bad, &line)))?;
    }
    for words in &file.words {
        output.line(format_args!("{indent}  {}", printable(words)))?;
    }
    for line in file.lines.iter().take(most.lines) {
        let tone = match line.chars().next() {
            Some('+') => Tone::Good,
            Some('-') => Tone::Bad,
            Some('@') => Tone::Faint,
            _ => Tone::Plain,
        };
        let line = printable(line);
        output.line(format_args!("{indent}  {}", output.paint(tone, &line)))?;
    }
    let hidden = file.lines.len().saturating_sub(most.lines);
    let left_out = usize::try_from(file.left_out).unwrap_or(usize::MAX);
    for (count, how) in [(hidden, "--all shows them"), (left_out, most.rest)] {
        if count > 0 {
            let more = format!("… and {count} more lines: {how}");
            output.line(format_args!(
                "{indent}  {}",
                output.paint(Tone::Warn, &more)
            ))?;
        }
    }
    Ok(())
}

/// What sealing the files as they stand would change.
pub fn show_meaning(output: Output, most: Most, meaning: &SealMeaning) -> Result<(), Failure> {
    for (what, tone, changes, count) in [
        (
            "actions that would be allowed and aren't",
            Tone::Warn,
            &meaning.more,
            meaning.more_count,
        ),
        (
            "actions that would no longer be allowed",
            Tone::Plain,
            &meaning.less,
            meaning.less_count,
        ),
        (
            "allowed on other terms",
            Tone::Warn,
            &meaning.other,
            meaning.other_count,
        ),
    ] {
        if count == 0 {
            continue;
        }
        output.line(output.paint(tone, &format!("{what}: {count}")))?;
        for change in changes.iter().take(most.changes) {
            output.line(format_args!("  {}", printable(change)))?;
        }
        let hidden = changes.len().saturating_sub(most.changes);
        if hidden > 0 {
            let more = format!("  … and {hidden} more lines: --all shows them");
            output.line(output.paint(Tone::Warn, &more))?;
        }
    }
    if meaning.cut {
        output.line(output.paint(
            Tone::Warn,
            "there are too many identities to compare all of them: read the lines",
        ))?;
    }
    Ok(())
}

/// A file that differs, for scripts.
pub fn document(file: &SealDifference) -> Value {
    json!({
        "name": file.name,
        "path": file.path,
        "lines": file.lines,
        "left_out": file.left_out,
        "words": file.words,
        "error": file.error,
    })
}
