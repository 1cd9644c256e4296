//! Words and small shapes that every page uses. What agents and upstreams say
//! goes through [`said`]: it is shown, never obeyed.

use std::borrow::Cow;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::output::printable;

/// What something's state is; its colour, its sign and its word go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong, or denied.
    Bad,
    /// Waits for somebody.
    Waits,
    /// Neither.
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Waits => "waits",
            Self::Plain => "plain",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Warn => "!",
            Self::Bad => "✗",
            Self::Waits => "◷",
            Self::Plain => "·",
        }
    }
}

/// A state in a word of ours, with its sign.
pub fn state(tone: Tone, word: &str) -> Markup {
    html! {
        span class={ "state " (tone.class()) } {
            span.sign aria-hidden="true" { (tone.sign()) }
            (text(word))
        }
    }
}

/// The tone and the word of a call's decision.
pub fn decision(decision: &str) -> Markup {
    let tone = match decision {
        "allow" | "approved" => Tone::Good,
        "deny" | "rejected" => Tone::Bad,
        "error" => Tone::Warn,
        "ask" | "asked" | "pending" => Tone::Waits,
        _ => Tone::Plain,
    };
    state(tone, decision)
}

/// What an action does: read, write or delete.
pub fn effect(effect: &str) -> Markup {
    html! { span class={ "effect " (effect_class(effect)) } { (text(effect)) } }
}

fn effect_class(effect: &str) -> &'static str {
    match effect {
        "read" => "reads",
        "write" => "writes",
        "delete" => "deletes",
        _ => "",
    }
}

/// Text that someone else gave: an agent, an upstream, a file. What a browser
/// would hide or obey is shown escaped, and no direction of writing in it moves
/// what stands around it.
pub fn said(words: &str) -> Markup {
    html! { bdi { (text(words)) } }
}

/// The same for where no element may be: in an attribute or an option.
pub fn text(words: &str) -> Cow<'_, str> {
    printable(words)
}

/// A moment in RFC 3339, which the page shows in the browser's own time.
pub fn moment(timestamp: &str) -> Markup {
    match timestamp.parse::<Timestamp>() {
        Ok(time) => html! {
            time datetime=(time.strftime("%Y-%m-%dT%H:%M:%SZ")) {
                (time.strftime("%Y-%m-%d %H:%M:%S"))
            }
        },
        Err(_) => said(timestamp),
    }
}

/// How long ago that was, roughly; the moment itself on asking.
pub fn ago(timestamp: &str, now: Timestamp) -> Markup {
    match timestamp.parse::<Timestamp>() {
        Ok(time) => {
            let seconds = now.duration_since(time).as_secs().max(0);
            html! {
                time datetime=(time.strftime("%Y-%m-%dT%H:%M:%SZ"))
                    title=(time.strftime("%Y-%m-%d %H:%M:%S UTC")) data-ago {
                    (span(seconds.unsigned_abs())) " ago"
                }
            }
        }
        Err(_) => said(timestamp),
    }
}

/// A stretch of time in its largest unit: `3 h`.
pub fn span(seconds: u64) -> String {
    match seconds {
        ..=89 => format!("{seconds} s"),
        90..=5_399 => format!("{} min", seconds / 60),
        5_400..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A number with thin spaces between its thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 call`, `3 calls`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// What mends something: a command to copy, or what to do in words.
pub fn mending(fix: &str) -> Markup {
    if is_command(fix) {
        command(fix)
    } else {
        html! { span.faint { "to do: " } (said(fix)) }
    }
}

/// Whether `fix` can be run as it stands. Axis's own sentences name a command
/// first or none.
fn is_command(fix: &str) -> bool {
    const PROGRAMS: [&str; 6] = ["axis", "chmod", "chown", "df", "install", "ulimit"];
    let program = fix.split(' ').next().unwrap_or_default();
    PROGRAMS.contains(&program) && ![", ", "; ", "…"].iter().any(|word| fix.contains(word))
}

/// A command to run in a terminal, with a button that copies it.
pub fn command(command: &str) -> Markup {
    html! {
        span.command {
            code { (text(command)) }
            button.copy type="button" data-copy=(text(command)) hidden { "Copy" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_neither_markup_nor_hidden() {
        let shown = said("<script>alert(1)</script>\u{202e}\u{1b}[31m\n\"'&").into_string();
        assert_eq!(
            shown,
            "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}\\u{1b}[31m\\u{a}&quot;'&amp;</bdi>"
        );
        assert_eq!(moment("<b>").into_string(), "<bdi>&lt;b&gt;</bdi>");
        let attribute = command("x\" onclick=\"alert(1)").into_string();
        assert!(!attribute.contains("\" onclick=\""), "{attribute}");
    }

    #[test]
    fn only_what_can_be_run_is_shown_as_a_command() {
        for (fix, expected) in [
            ("axis policy seal", true),
            ("chmod 600 /home/x/.axis", true),
            ("axis lock, then axis unlock", false),
            ("axis hosts list names the file; then axis lock", false),
            ("add /usr/bin to your PATH", false),
            ("", false),
        ] {
            assert_eq!(is_command(fix), expected, "{fix}");
        }
    }

    #[test]
    fn numbers_and_spans_are_short() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "call", "calls"), "1 call");
        for (seconds, shown) in [(0, "0 s"), (89, "89 s"), (90, "1 min"), (7_200, "2 h")] {
            assert_eq!(span(seconds), shown);
        }
        assert_eq!(span(10 * 86_400), "10 d");
    }
}
