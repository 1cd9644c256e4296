//! What is sealed, and how the files differ from it. All lines are from files
//! that an agent may have written.

use axis_proto::v1::{SealDifference, SealMeaning, ShowSealResponse};
use maud::{Markup, html};

use super::super::words::{Tone, command, count, counted, said, state};
use crate::output::printable_lines;

/// More lines than that are folded.
const MANY_LINES: usize = 60;

/// Nothing where nothing is sealed, or nothing differs.
pub fn show(seal: &ShowSealResponse) -> Markup {
    if seal.withheld || (!seal.sealed && seal.fault.is_none()) {
        return html! {
            @if !seal.withheld {
                p.faint { "Whoever can write the file, and so the agent, can change what counts. To let only what you sealed with the master password count: "
                    (command("axis policy seal")) }
            }
        };
    }
    html! {
        @if let Some(fault) = &seal.fault {
            section.problem role="alert" {
                p { (state(Tone::Bad, "what is sealed is not in force, and no call goes out")) }
                @for line in printable_lines(fault) { p { bdi { (line) } } }
                p { (command("axis policy seal")) }
            }
        }
        @if !seal.differences.is_empty() {
            section aria-labelledby="seal" {
                h2 #seal { "The files differ from what is sealed" }
                p { "What is sealed counts, whatever the files say. To take the files as they are: "
                    (command("axis policy seal")) " To change the policy and seal that: " (command("axis policy edit")) }
                @if let Some(meaning) = &seal.meaning { (self::meaning(meaning)) }
                @if seal.new_certificates {
                    p { (state(Tone::Warn, "upstreams would be believed by certificates that aren't sealed")) }
                }
                @for file in &seal.differences { (difference(file)) }
            }
        }
    }
}

/// What a seal of the files would change.
fn meaning(meaning: &SealMeaning) -> Markup {
    let kinds = [
        (
            Tone::Warn,
            "would be allowed and isn't",
            &meaning.more,
            meaning.more_count,
        ),
        (
            Tone::Plain,
            "would no longer be allowed",
            &meaning.less,
            meaning.less_count,
        ),
        (
            Tone::Warn,
            "would be allowed on other terms",
            &meaning.other,
            meaning.other_count,
        ),
    ];
    html! {
        dl.meaning {
            @for (tone, what, changes, number) in kinds {
                @if number > 0 {
                    dt { (state(tone, &format!("{} {what}", counted(number.into(), "action", "actions")))) }
                    @for change in changes { dd { (said(change)) } }
                }
            }
        }
        @if meaning.cut { p { (state(Tone::Warn, "there are too many identities to compare all of them: read the lines")) } }
    }
}

fn difference(file: &SealDifference) -> Markup {
    html! {
        details.difference open[file.lines.len() <= MANY_LINES] {
            summary { h3 { (said(&file.name)) } " " span.faint { (said(&file.path)) ", " (counted(file.lines.len() as u64, "line", "lines")) } }
            @for line in file.error.iter().flat_map(|error| printable_lines(error)) { p { (state(Tone::Bad, "can't be sealed")) " " bdi { (line) } } }
            @for words in &file.words { p { (said(words)) } }
            @if !file.lines.is_empty() {
                pre.diff tabindex="0" role="region" aria-label="How the file differs from what is sealed" {
                    @for line in &file.lines { span class=(kind(line)) { (said(line)) "\n" } }
                }
            }
            @if file.left_out > 0 { p { (state(Tone::Warn, &format!("and {} more lines: read the file", count(file.left_out.into())))) } }
        }
    }
}

fn kind(line: &str) -> &'static str {
    match line.chars().next() {
        Some('+') => "added",
        Some('-') => "removed",
        Some('@') => "place",
        _ => "same",
    }
}
