//! Changes to a policy's text that leave all else in it as it stands: comments,
//! order, indentation, line ends.

use std::ops::Range;

use super::tree::{Kind, Node};

/// What a rule says, field by field in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct RuleText(Vec<(&'static str, String)>);

impl RuleText {
    /// Adds a field; `value` is YAML that fits into one line.
    pub fn field(&mut self, name: &'static str, value: String) {
        self.0.push((name, value));
    }

    fn flow(&self) -> String {
        let fields: Vec<_> = self.0.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        format!("{{ {} }}", fields.join(", "))
    }

    fn block(&self) -> Vec<String> {
        let fields = self.0.iter().enumerate();
        fields
            .map(|(at, (name, value))| {
                let dash = if at == 0 { "- " } else { "  " };
                format!("{dash}{name}: {value}")
            })
            .collect()
    }
}

/// `text` as YAML in one line: as it is where that can be nothing else.
pub fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if plain { text.to_owned() } else { quoted(text) }
}

/// `text` in double quotes.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A list of quoted texts.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<_> = texts.into_iter().map(quoted).collect();
    format!("[{}]", texts.join(", "))
}

/// A text that is being changed.
pub struct Layout<'t> {
    text: &'t str,
    line_end: &'static str,
}

impl<'t> Layout<'t> {
    /// Lines are ended as the file's first one.
    pub fn of(text: &'t str) -> Self {
        let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
        Self {
            text,
            line_end: if crlf { "\r\n" } else { "\n" },
        }
    }

    /// The text with a rule put into the list `name` of `entry`, before its
    /// item `before` or at its end.
    pub fn with_rule(
        &self,
        entry: &Node,
        name: &str,
        rule: &RuleText,
        before: Option<usize>,
    ) -> String {
        match entry.value(name) {
            Some(list) => self.with_item(list, rule, before),
            None if entry.is_flow() => {
                let at = last_end(entry);
                self.spliced(at..at, &format!(", {name}: [{}]", rule.flow()))
            }
            None => {
                let indent = self.column(entry.range.start);
                let mut lines = vec![format!("{}{name}:", blanks(indent))];
                lines.extend(indented(indent + 2, rule.block()));
                self.with_lines_after(entry.range.end, &lines)
            }
        }
    }

    /// The text with a new entry for `identity`, which has this one rule.
    pub fn with_entry(&self, root: &Node, identity: &str, name: &str, rule: &RuleText) -> String {
        let Some(policies) = root.value("policies") else {
            return self.text.to_owned();
        };
        let identity = scalar(identity);
        let mut lines = vec![format!("- identity: {identity}"), format!("  {name}:")];
        lines.extend(indented(4, rule.block()));
        if policies.is_flow() {
            let inline = format!("{{ identity: {identity}, {name}: [{}] }}", rule.flow());
            let Some(last) = policies.items().last() else {
                if root.is_flow() {
                    let at = policies.range.start + 1;
                    return self.spliced(at..at, &inline);
                }
                let before = self.text[..policies.range.start]
                    .trim_end_matches(' ')
                    .len();
                let entry = indented(2, lines).join(self.line_end);
                return self.spliced(
                    before..policies.range.end,
                    &format!("{}{entry}", self.line_end),
                );
            };
            return self.spliced(last.range.end..last.range.end, &format!(", {inline}"));
        }
        // behind what is commented out there: that belongs to the entry before it
        let indent = policies
            .items()
            .first()
            .map_or(2, |first| self.dash(first.range.start));
        let end = self.text.trim_end().len();
        let entry = indented(indent, lines).join(self.line_end);
        self.spliced(end..end, &format!("{0}{0}{entry}", self.line_end))
    }

    /// The text with a field put into `map`, behind the one that is called
    /// `after`; `None` where that has no such field.
    pub fn with_field_after(
        &self,
        map: &Node,
        after: &str,
        name: &str,
        value: &str,
    ) -> Option<String> {
        let (key, before) = map.field(after)?;
        let end = before.range.end;
        if map.is_flow() {
            return Some(self.spliced(end..end, &format!(", {name}: {value}")));
        }
        let indent = blanks(self.column(key.range.start));
        Some(self.with_lines_after(end, &[format!("{indent}{name}: {value}")]))
    }

    /// The text without item `at` of a list, the value of `key`; the list stays,
    /// if empty. What is said in its own lines goes with it; `None` where in
    /// brackets another comment would, too.
    pub fn without_item(&self, key: &Node, list: &Node, at: usize) -> Option<String> {
        let items = list.items();
        let item = items.get(at)?;
        if list.is_flow() {
            let before = at.checked_sub(1).and_then(|at| items.get(at));
            let after = items.get(at + 1);
            let ranges = [
                before.map(|before| before.range.end..item.range.end),
                after.map(|after| item.range.start..after.range.start),
                (items.len() == 1).then(|| item.range.clone()),
            ];
            // a comment between two items may be about either
            let range = ranges.into_iter().flatten().find(|range| {
                let gone = &self.text[range.clone()];
                gone.lines().count() <= 1 || !gone.contains('#')
            });
            return range.map(|range| self.spliced(range, ""));
        }
        let from = self.line_start(item.range.start);
        let to = self.line_stop(item.range.end);
        let to = self.text[to..]
            .find('\n')
            .map_or(self.text.len(), |at| to + at + 1);
        let mut text = self.spliced(from..to, "");
        if items.len() == 1 {
            let colon = key.range.end + self.text[key.range.end..].find(':')? + 1;
            text.insert_str(colon, " []");
        }
        Some(text)
    }

    fn with_item(&self, list: &Node, rule: &RuleText, before: Option<usize>) -> String {
        let items = list.items();
        if list.is_flow() {
            let flow = rule.flow();
            return match (before.and_then(|at| items.get(at)), items.last()) {
                (Some(next), _) => {
                    let at = next.range.start;
                    self.spliced(at..at, &format!("{flow}, "))
                }
                (None, Some(end)) => {
                    let at = end.range.end;
                    self.spliced(at..at, &format!(", {flow}"))
                }
                (None, None) => {
                    let at = list.range.start + 1;
                    self.spliced(at..at, &flow)
                }
            };
        }
        let indent = items
            .first()
            .map_or(0, |first| self.dash(first.range.start));
        let lines = indented(indent, rule.block());
        match before.and_then(|at| items.get(at)) {
            None => self.with_lines_after(list.range.end, &lines),
            Some(next) => {
                let mut at = self.line_start(next.range.start);
                // the comment above a rule goes with that rule
                while let Some(above) = at.checked_sub(1).map(|end| self.line_start(end)) {
                    if !self.text[above..at].trim_start().starts_with('#') {
                        break;
                    }
                    at = above;
                }
                let lines = lines.join(self.line_end);
                self.spliced(at..at, &format!("{lines}{}", self.line_end))
            }
        }
    }

    /// Puts lines behind the one that `end` is in.
    fn with_lines_after(&self, end: usize, lines: &[String]) -> String {
        let at = self.line_stop(end);
        let lines = lines.join(self.line_end);
        self.spliced(at..at, &format!("{}{lines}", self.line_end))
    }

    fn spliced(&self, range: Range<usize>, new: &str) -> String {
        let mut text = self.text.to_owned();
        text.replace_range(range, new);
        text
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the line ends, before its line break.
    fn line_stop(&self, at: usize) -> usize {
        let end = self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end);
        self.text[..end].trim_end_matches('\r').len().max(at)
    }

    fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// The column of the dash of the item that begins at `at`.
    fn dash(&self, at: usize) -> usize {
        let line = self.line_start(at);
        self.text[line..at].rfind('-').unwrap_or(0)
    }
}

fn last_end(map: &Node) -> usize {
    let Kind::Map { fields, .. } = &map.kind else {
        return map.range.end;
    };
    fields
        .last()
        .map_or(map.range.start + 1, |(_, value)| value.range.end)
}

fn blanks(count: usize) -> String {
    " ".repeat(count)
}

fn indented(count: usize, lines: Vec<String>) -> Vec<String> {
    let blanks = blanks(count);
    lines
        .into_iter()
        .map(|line| format!("{blanks}{line}"))
        .collect()
}

#[cfg(test)]
mod tests;
