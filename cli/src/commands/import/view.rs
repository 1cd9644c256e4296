//! What was found, what became of it: names alone, never a part of a value.

use super::choice::Candidate;
use crate::failure::Failure;
use crate::import::{Certainty, Skipped, Source};
use crate::output::{Cell, Output, Table, Tone, printable, tell, warn};

/// How many of those that are left out are named.
const MAX_SKIPPED: usize = 20;

/// What became of one credential.
pub struct Outcome {
    /// `service` or `service/label`.
    pub credential: String,
    /// In a word.
    pub state: State,
    /// What axisd said of it.
    pub remarks: Vec<String>,
}

/// What became of one credential, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Stored, and its service accepts it.
    Accepted,
    /// Stored, and its service refuses it.
    Refused,
    /// Stored; its service wasn't asked, or didn't say.
    Stored,
    /// Not stored.
    Failed,
}

impl Outcome {
    /// Whether it is in the vault now.
    pub fn is_stored(&self) -> bool {
        self.state != State::Failed
    }
}

/// The table of what was found.
pub fn found(
    output: Output,
    source: &Source,
    candidates: &[Candidate],
    replace: bool,
) -> Result<(), Failure> {
    if candidates.is_empty() {
        tell(format_args!(
            "No credential was found in {}.",
            printable(&source.words())
        ));
        return Ok(());
    }
    if output.is_terminal() {
        output.line(format_args!("In {}:", printable(&source.words())))?;
    }
    let rows: Vec<Vec<Cell>> = candidates
        .iter()
        .enumerate()
        .map(|(at, candidate)| {
            let (tone, state) = state(candidate, replace);
            vec![
                Cell::new(Tone::Faint, &(at + 1).to_string()),
                Cell::plain(&candidate.found.variable()),
                Cell::new(Tone::Strong, &candidate.found.credential()),
                Cell::new(tone, &state),
                Cell::new(Tone::Faint, &candidate.found.origin),
            ]
        })
        .collect();
    Table::new(&["#", "NAME", "CREDENTIAL", "STATE", "WHERE"]).print(output, &rows)?;
    for candidate in candidates {
        for remark in &candidate.found.remarks {
            warn(&format!("{}: {remark}", candidate.found.variable()));
        }
    }
    Ok(())
}

fn state(candidate: &Candidate, replace: bool) -> (Tone, String) {
    let found = &candidate.found;
    if candidate.is_stored {
        return if replace {
            (Tone::Warn, "would replace the one in the vault".into())
        } else {
            (Tone::Faint, "has a credential already".into())
        };
    }
    if !candidate.own_host.is_empty() {
        let host = &candidate.own_host;
        return (
            Tone::Warn,
            format!("not built in, goes to {host}: choose it to import it"),
        );
    }
    match (found.certainty, found.shape_ok) {
        (Certainty::Guessed, _) => {
            let service = &found.service;
            (
                Tone::Warn,
                format!("looks like a key of {service}; choose it if it is"),
            )
        }
        (Certainty::Named, false) => (Tone::Warn, "new; it looks odd".into()),
        (Certainty::Named, true) => (Tone::Good, "new".into()),
    }
}

/// What is left out, and why.
pub fn skipped(skipped: &[Skipped], others: usize) {
    if !skipped.is_empty() {
        tell("Left out:");
    }
    for one in skipped.iter().take(MAX_SKIPPED) {
        let (name, why) = (printable(&one.variable), printable(&one.why));
        tell(format_args!("  {name}: {why}"));
    }
    if let Some(more @ 1..) = skipped.len().checked_sub(MAX_SKIPPED) {
        tell(format_args!("  … and {more} more"));
    }
    if others > 0 {
        tell(format_args!(
            "Other names, which hold no credential: {others}"
        ));
    }
}

/// What became of those that were chosen.
pub fn outcomes(output: Output, outcomes: &[Outcome]) -> Result<(), Failure> {
    if outcomes.is_empty() {
        tell("Nothing was imported.");
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = outcomes
        .iter()
        .map(|outcome| {
            let (tone, words) = match outcome.state {
                State::Accepted => (Tone::Good, "imported, and accepted"),
                State::Refused => (Tone::Warn, "imported, but refused by its service"),
                State::Stored => (Tone::Good, "imported, unchecked"),
                State::Failed => (Tone::Bad, "not imported"),
            };
            vec![
                Cell::new(Tone::Strong, &outcome.credential),
                Cell::new(tone, words),
            ]
        })
        .collect();
    Table::new(&["CREDENTIAL", "RESULT"]).print(output, &rows)?;
    for outcome in outcomes {
        for remark in &outcome.remarks {
            warn(&format!("{}: {remark}", outcome.credential));
        }
    }
    Ok(())
}
