//! How one text differs from another, line by line.

use std::time::{Duration, Instant};

use similar::{ChangeTag, TextDiff};

/// Most lines that are told of one file.
const MAX_LINES: usize = 5000;
/// Most characters of one line.
const MAX_LINE_CHARS: usize = 500;
/// Lines around a change.
const CONTEXT: usize = 2;
/// From then on the difference is told coarser: a text can be made so that
/// finding the finest takes for ever.
const PATIENCE: Duration = Duration::from_millis(300);

/// The lines of a unified diff, without its heading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Each begins with `+`, `-`, a blank or `@@`.
    pub lines: Vec<String>,
    /// How many more there are.
    pub left_out: usize,
}

impl Lines {
    /// What makes `after` of `before`, told coarser from the moment `until`
    /// on. Line ends don't count as a difference
    /// of their own, unless they are all there is.
    pub fn between(before: &str, after: &str, until: Instant) -> Self {
        let diff = TextDiff::configure()
            .deadline(until.min(Instant::now() + PATIENCE))
            .diff_lines(before, after);
        let mut told = Self::default();
        for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
            told.add(hunk.header().to_string());
            for change in hunk.iter_changes() {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                // a carriage return stays: it is what differs, perhaps
                let line = change.value().trim_end_matches('\n');
                let mut text: String = line.chars().take(MAX_LINE_CHARS).collect();
                if text.len() < line.len() {
                    text.push('…');
                }
                told.add(format!("{sign}{text}"));
            }
        }
        told
    }

    fn add(&mut self, line: String) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        } else {
            self.left_out += 1;
        }
    }

    /// The same, of at most `most` lines.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        let shown = self.lines.len().min(most);
        Self {
            lines: self.lines[..shown].to_vec(),
            left_out: self.left_out + self.lines.len() - shown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(before: &str, after: &str) -> Lines {
        Lines::between(before, after, Instant::now() + PATIENCE)
    }

    #[test]
    fn the_lines_that_came_and_went_are_told_with_some_around_them() {
        let before = "a\nb\nc\nd\ne\nf\n";
        let after = "a\nb\nc\nD\ne\nf\n";
        let told = between(before, after);
        assert_eq!(
            told.lines,
            ["@@ -2,5 +2,5 @@", " b", " c", "-d", "+D", " e", " f"]
        );
        assert_eq!(told.left_out, 0);
        assert_eq!(told.first(3).lines, ["@@ -2,5 +2,5 @@", " b", " c"]);
        assert_eq!(told.first(3).left_out, 4);
        assert!(between(before, before).lines.is_empty());
    }

    #[test]
    fn a_text_of_a_megabyte_is_told_in_bounds_and_in_time() {
        let text = |every: u32| -> String {
            let numbers: Vec<String> = (0..60_000).map(|n| (n % every).to_string()).collect();
            numbers.join("\n")
        };
        let (before, after) = (text(977), text(991));
        let began = Instant::now();
        let told = between(&before, &after);
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(!told.lines.is_empty() && told.lines.len() <= MAX_LINES);
        let told = between("", &after);
        assert_eq!(told.lines.len(), MAX_LINES);
        assert_eq!(told.left_out, 60_001 - MAX_LINES, "its heading included");
        let told = between("", &"x".repeat(1024 * 1024));
        assert!(told.lines.iter().all(|line| line.len() < 600));
    }
}
