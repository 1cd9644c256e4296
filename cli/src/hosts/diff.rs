//! How a file's lines change, for the owner's eyes: with every secret in them
//! masked, since terminals are logged and agents read along.

use similar::{ChangeTag, TextDiff};

use super::host::{Format, Host};
use super::secrets;
use super::tree::{Splice, spliced};
use super::{json, toml};

/// What stands for a secret.
pub const MASK: &str = "••••••";

/// Lines of context around a change.
const CONTEXT: usize = 3;
/// A file in one line is one line of the diff: so much of it is shown.
const LONGEST: usize = 400;

/// The unified diff of two texts of a host's file, a line each.
pub fn lines(host: &Host, before: &str, after: &str) -> Vec<String> {
    let (before, after) = (masked(host, before), masked(host, after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(hunk.header().to_string());
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            // Comments are no part of what was parsed.
            let text = secrets::without_tokens(change.value().trim_end_matches(['\n', '\r']));
            lines.push(format!("{sign}{}", shortened(&text)));
        }
    }
    lines
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let half = LONGEST / 2;
    let count = text.chars().count();
    let begin: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{begin} … {end}")
}

fn masked(host: &Host, text: &str) -> String {
    let root = match host.format {
        Format::Json => json::parse(text).ok().flatten(),
        Format::Toml => toml::parse(text).ok(),
    };
    let spans = root
        .map(|root| secrets::spans(host, &root))
        .unwrap_or_default();
    let splices: Vec<Splice> = (spans.into_iter())
        .map(|span| (span, format!("\"{MASK}\"")))
        .collect();
    spliced(text, splices)
}
