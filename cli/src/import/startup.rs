//! Where a shell's own files set a variable.

use std::path::Path;

use super::file;

/// The largest such file that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The lines of the file at `path` that set one of these variables, with its
/// name; none where it can't be read.
pub fn lines_with<'n>(path: &Path, names: &[&'n str]) -> Vec<(usize, &'n str)> {
    let Ok(text) = file::text(path, MAX_BYTES) else {
        return Vec::new();
    };
    let numbered = text.lines().enumerate();
    let found = numbered.filter_map(|(at, line)| Some((at + 1, set_in(line, names)?)));
    found.collect()
}

fn set_in<'n>(line: &str, names: &[&'n str]) -> Option<&'n str> {
    let line = line.trim_start();
    if line.starts_with('#') {
        return None;
    }
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    // fish writes `set -gx NAME value`, the others `NAME=value`
    let is_set = line.contains('=') || line.starts_with("set") || line.starts_with("SETUVAR");
    let mut words = words.take(8);
    words
        .find_map(|word| names.iter().copied().find(|name| *name == word))
        .filter(|_| is_set)
}

#[cfg(test)]
mod tests {
    use super::set_in;

    #[test]
    fn a_line_sets_a_variable_or_does_not() {
        for (line, is_set) in [
            ("export GITHUB_TOKEN=ghp_1", true),
            ("  GITHUB_TOKEN='ghp_1' && export GITHUB_TOKEN", true),
            ("set -gx GITHUB_TOKEN ghp_1", true),
            ("SETUVAR --export GITHUB_TOKEN:ghp_1", true),
            ("# export GITHUB_TOKEN=ghp_1", false),
            ("echo $GITHUB_TOKEN", false),
            ("export GITHUB_TOKENS=1", false),
        ] {
            assert_eq!(set_in(line, &["GITHUB_TOKEN"]).is_some(), is_set, "{line}");
        }
    }
}
