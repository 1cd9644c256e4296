//! How the demo shows itself: scenes, texts, and a list of what was observed.

use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, pretty, printable, printable_lines, width};

/// The widest line of prose, in columns.
const MEASURE: usize = 78;

/// The stage, and what was observed on it.
pub struct Stage {
    output: Output,
    scene: usize,
    observed: usize,
    missing: Vec<String>,
}

impl Stage {
    /// An empty stage.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            scene: 0,
            observed: 0,
            missing: Vec::new(),
        }
    }

    /// Begins a scene.
    pub fn scene(&mut self, title: &str) -> Result<(), Failure> {
        self.scene += 1;
        let heading = format!("{}. {title}", self.scene);
        self.output.line(format_args!(
            "\n{}",
            self.output.paint(Tone::Strong, &heading)
        ))
    }

    /// Says something in prose.
    pub fn say(&self, text: &str) -> Result<(), Failure> {
        let columns = MEASURE.min(self.output.columns());
        wrap(&printable(text), columns)
            .iter()
            .try_for_each(|line| self.output.line(line))
    }

    /// Shows a text as it stands in a file.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        printable_lines(text).try_for_each(|line| self.output.line(format_args!("    {line}")))
    }

    /// Shows JSON.
    pub fn json(&self, json: &str) -> Result<(), Failure> {
        self.text(&pretty(json))
    }

    /// Says whether something that must be so is so, and remembers it.
    pub fn observe(&mut self, seen: bool, what: &str) -> Result<(), Failure> {
        let (tone, mark) = if seen {
            self.observed += 1;
            (Tone::Good, "✓")
        } else {
            self.missing.push(what.to_owned());
            (Tone::Bad, "✗ NOT SO:")
        };
        self.output.line(format_args!(
            "{} {}",
            self.output.paint(tone, mark),
            printable(what)
        ))
    }

    /// The end: done only if everything was observed.
    pub fn verdict(self) -> Result<Exit, Failure> {
        if self.missing.is_empty() && self.observed > 0 {
            let all = format!("\nAll {} observations were made.", self.observed);
            self.output.line(self.output.paint(Tone::Good, &all))?;
            self.output
                .line("The demo's files are gone. Your own vault: axis init")?;
            return Ok(Exit::Done);
        }
        let mut failure = Failure::new(
            Exit::Failed,
            format!(
                "{} of {} observations were not made",
                self.missing.len(),
                self.missing.len() + self.observed
            ),
        );
        for missing in self.missing {
            failure = failure.because(format!("not so: {missing}"));
        }
        Err(failure)
    }
}

/// Breaks prose between words; a word longer than a line stays whole.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                line.push_str(word);
                continue;
            }
            if width(line) + 1 + width(word) <= columns {
                line.push(' ');
                line.push_str(word);
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_breaks_between_words() {
        let cases = [
            ("one two three", 7, vec!["one two", "three"]),
            ("one two three", 80, vec!["one two three"]),
            ("averyverylongword b", 5, vec!["averyverylongword", "b"]),
            ("  spaced   out ", 80, vec!["spaced out"]),
        ];
        for (text, columns, lines) in cases {
            assert_eq!(wrap(text, columns), lines, "{text:?}");
        }
    }

    #[test]
    fn the_verdict_is_good_only_if_everything_was_observed() {
        let stage = |observed, missing: &[&str]| Stage {
            observed,
            missing: missing.iter().map(|what| (*what).to_owned()).collect(),
            ..Stage::new(Output::stdout())
        };
        assert_eq!(stage(3, &[]).verdict().unwrap(), Exit::Done);
        for failed in [stage(0, &[]), stage(3, &["the key is hidden"])] {
            assert_eq!(failed.verdict().unwrap_err().exit(), Exit::Failed);
        }
        let told = stage(3, &["the key is hidden"]).verdict().unwrap_err();
        assert!(told.to_string().contains("1 of 4"), "{told}");
        assert!(told.to_string().contains("not so: the key is hidden"));
    }
}
