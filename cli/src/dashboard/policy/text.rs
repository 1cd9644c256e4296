//! The text in force, line by line, with what axisd has to say beside it.

use std::collections::BTreeMap;

use axis_proto::v1::CheckPolicyResponse;
use maud::{Markup, html};

use super::super::words::{Tone, said, state};
use super::{line_link, line_of};
use crate::output::printable_lines;

/// What was said of one line: whether it is a warning, and the sentence.
type Remarks<'c> = BTreeMap<u32, Vec<(bool, &'c str)>>;

/// A text with more lines is scrolled in, so what is said of it stands above, too.
const MANY_LINES: usize = 60;

/// The text with what is said of it.
pub fn show(policy: &str, checked: &CheckPolicyResponse) -> Markup {
    let remarks = remarks(checked);
    let is_long = policy.lines().count() > MANY_LINES;
    let about: Vec<_> = all(checked)
        .filter(|(_, sentence)| is_long || line_of(sentence).is_none())
        .collect();
    html! {
        @if !about.is_empty() {
            ul.remarks {
                @for (is_warning, sentence) in about { li { (remark(is_warning, sentence)) } }
            }
        }
        div.policy-text tabindex="0" role="region" aria-label="The text of the policy in force" {
            @for (at, line) in (1_u32..).zip(printable_lines(policy)) {
                @let said = remarks.get(&at);
                div.policy-line.marked[said.is_some()] id=(format!("L{at}")) {
                    a href=(format!("#L{at}")) aria-label=(format!("line {at}")) { (at) }
                    code { bdi { (line) } }
                    @for (is_warning, sentence) in said.into_iter().flatten() {
                        span.beside { (remark(*is_warning, after_line(sentence))) }
                    }
                }
            }
        }
    }
}

fn all(checked: &CheckPolicyResponse) -> impl Iterator<Item = (bool, &str)> {
    let warnings = checked.warnings.iter().map(|text| (true, text.as_str()));
    warnings.chain(checked.notes.iter().map(|text| (false, text.as_str())))
}

fn remarks(checked: &CheckPolicyResponse) -> Remarks<'_> {
    let mut remarks = Remarks::new();
    for (is_warning, sentence) in all(checked) {
        if let Some(line) = line_of(sentence) {
            remarks
                .entry(line)
                .or_default()
                .push((is_warning, sentence));
        }
    }
    remarks
}

fn remark(is_warning: bool, sentence: &str) -> Markup {
    html! {
        (if is_warning { state(Tone::Warn, "warning") } else { state(Tone::Plain, "note") }) " "
        @match line_of(sentence) {
            Some(line) => { (line_link(line)) ": " (said(after_line(sentence))) }
            None => { (said(sentence)) }
        }
    }
}

fn after_line(sentence: &str) -> &str {
    match (line_of(sentence), sentence.split_once(": ")) {
        (Some(_), Some((_, rest))) => rest,
        _ => sentence,
    }
}
