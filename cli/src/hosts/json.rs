//! JSON with comments: read with the place of every part, and changed by
//! inserting and cutting text, so that all else stays as it is, byte for byte.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Range as Span;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::tree::{Kind, Member, Node, Splice, Table, indent_at, line_break};

/// Where a file has none of its own.
const INDENT: &str = "  ";

/// Why it doesn't parse, and where.
pub type Mistake = (usize, usize, String);

/// Reads `text`; none is a file without anything in it.
pub fn parse(text: &str) -> Result<Option<Node>, Mistake> {
    // What hosts read in such files, and no more.
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| {
        let why = error.kind().to_string();
        (error.line_display(), error.column_display(), why)
    })?;
    Ok(parsed.value.map(|value| node(text, value)))
}

fn node(text: &str, value: ast::Value<'_>) -> Node {
    let raw = |span: Span| {
        text.get(span.start..span.end)
            .unwrap_or_default()
            .to_owned()
    };
    match value {
        ast::Value::StringLit(it) => Node::Text(range(it.range), it.value.into_owned()),
        ast::Value::NumberLit(it) => Node::Other(range(it.range), it.value.to_owned()),
        ast::Value::BooleanLit(it) => Node::Other(range(it.range), raw(it.range)),
        ast::Value::NullKeyword(it) => Node::Other(range(it.range), raw(it.range)),
        ast::Value::Array(it) => Node::List(
            range(it.range),
            it.elements
                .into_iter()
                .map(|item| node(text, item))
                .collect(),
        ),
        ast::Value::Object(it) => Node::Table(Table {
            span: range(it.range),
            kind: Kind::Braces,
            members: (it.properties.into_iter())
                .map(|property| member(text, property))
                .collect(),
        }),
    }
}

fn member(text: &str, property: ast::ObjectProp<'_>) -> Member {
    let key_span = match &property.name {
        ObjectPropName::String(name) => range(name.range),
        ObjectPropName::Word(name) => range(name.range),
    };
    Member {
        key: property.name.into_string(),
        key_span,
        node: node(text, property.value),
    }
}

fn range(span: Span) -> std::ops::Range<usize> {
    span.start..span.end
}

/// What makes the value at `way` be `value`. What is missing on the way is made.
pub fn set(text: &str, root: Option<&Node>, way: &[String], value: &Value) -> Vec<Splice> {
    let style = Style::of(text, root);
    let Some(root) = root else {
        let mut whole = value.clone();
        for key in way.iter().rev() {
            whole = Value::Object([(key.clone(), whole)].into_iter().collect());
        }
        let object = style.render(&whole, Some(""));
        // after comments, if there is anything
        let gap = match text {
            "" => "",
            _ if text.ends_with('\n') => "",
            _ => style.line_break,
        };
        let at = text.len();
        return vec![(at..at, format!("{gap}{object}{}", style.line_break))];
    };
    if let Some(found) = root.at(way) {
        let span = found.span();
        let (indent, _) = indent_at(text, span.start);
        let indent = (!style.compact).then_some(indent);
        return vec![(span, style.render(value, indent))];
    }
    let Some((key, parents)) = way.split_last() else {
        return Vec::new();
    };
    if let Some(table) = root.at(parents).and_then(Node::table) {
        return style.insert(text, table, key, value);
    }
    let value = Value::Object([(key.clone(), value.clone())].into_iter().collect());
    set(text, Some(root), parents, &value)
}

/// What takes the member at `way` out, with its comma and its line.
pub fn cut(text: &str, root: &Node, way: &[String]) -> Vec<Splice> {
    let Some((key, parents)) = way.split_last() else {
        return Vec::new();
    };
    let Some(table) = root.at(parents).and_then(Node::table) else {
        return Vec::new();
    };
    let Some(index) = table.members.iter().position(|member| member.key == *key) else {
        return Vec::new();
    };
    let member = &table.members[index];
    let end = member.node.span().end;
    let comma = comma_after(text, end);
    if table.members.len() == 1 {
        let inside = table.span.start + 1..table.span.end - 1;
        let before = &text[inside.start..member.key_span.start];
        let after = &text[comma.map_or(end, |comma| comma + 1)..inside.end];
        if before.trim().is_empty() && after.trim().is_empty() {
            return vec![(inside, String::new())];
        }
    }
    let is_last = index + 1 == table.members.len();
    let before = match index.checked_sub(1) {
        Some(before) => table.members[before].node.span().end,
        None => table.span.start + 1,
    };
    let end = comma.map_or(end, |comma| comma + 1);
    let gap = line_gap_before(text, member.key_span.start);
    // The line break may end a comment, which must not reach what comes behind us.
    let ends_comment = ends_with_line_comment(&text[before..gap]);
    let start = if ends_comment && !begins_with_line_break(&text[end..]) {
        member.key_span.start
    } else {
        gap
    };
    let mut splices = vec![(start..end, String::new())];
    if is_last
        && comma.is_none()
        && index > 0
        && let Some(comma) = comma_after(text, before)
    {
        splices.push((comma..comma + 1, String::new()));
    }
    splices
}

/// How a file is written.
struct Style {
    line_break: &'static str,
    /// One step of indentation.
    unit: String,
    /// All of it stands in one line.
    compact: bool,
    /// A space stands after colons and commas of one line.
    spaced: bool,
}

impl Style {
    fn of(text: &str, root: Option<&Node>) -> Self {
        let members = root
            .and_then(Node::table)
            .map_or(&[][..], |table| &table.members);
        let first = members.first();
        let unit = first.and_then(|member| {
            let (indent, alone) = indent_at(text, member.key_span.start);
            (alone && !indent.is_empty()).then(|| indent.to_owned())
        });
        let spaced = first.is_none_or(|member| {
            let (key, value) = (member.key_span.end, member.node.span().start);
            text[key..value].contains(' ')
        });
        Self {
            line_break: line_break(text),
            unit: unit.unwrap_or_else(|| INDENT.to_owned()),
            compact: first.is_some() && !text.trim_end().contains('\n'),
            spaced,
        }
    }

    /// `value` in lines after `indent`, or in one line.
    fn render(&self, value: &Value, indent: Option<&str>) -> String {
        let space = if self.spaced { " " } else { "" };
        let quoted = |text: &str| Value::String(text.to_owned()).to_string();
        match (value, indent) {
            (Value::Object(members), Some(indent)) if !members.is_empty() => {
                let (eol, unit) = (self.line_break, &self.unit);
                let inner = format!("{indent}{unit}");
                let lines: Vec<String> = members
                    .iter()
                    .map(|(key, value)| {
                        let value = self.render(value, Some(&inner));
                        format!("{inner}{}:{space}{value}", quoted(key))
                    })
                    .collect();
                format!("{{{eol}{}{eol}{indent}}}", lines.join(&format!(",{eol}")))
            }
            (Value::Object(members), _) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| {
                        format!("{}:{space}{}", quoted(key), self.render(value, None))
                    })
                    .collect();
                format!("{{{}}}", members.join(&format!(",{space}")))
            }
            (Value::Array(items), _) => {
                let items: Vec<String> = items.iter().map(|item| self.render(item, None)).collect();
                format!("[{}]", items.join(&format!(",{space}")))
            }
            (plain, _) => plain.to_string(),
        }
    }

    /// Adds a member after the last one, in the way of the others.
    fn insert(&self, text: &str, table: &Table, key: &str, value: &Value) -> Vec<Splice> {
        let Some(last) = table.members.last() else {
            return vec![self.insert_first(text, table, key, value)];
        };
        let end = last.node.span().end;
        let comma = comma_after(text, end);
        let after = comma.map_or(end, |comma| comma + 1);
        let trail = if comma.is_some() { "," } else { "" };
        let mut splices = Vec::new();
        if comma.is_none() {
            splices.push((end..end, ",".to_owned()));
        }
        if text[table.span.clone()].contains('\n') {
            let (indent, alone) = indent_at(text, last.key_span.start);
            let indent = if alone {
                indent.to_owned()
            } else {
                let (outer, _) = indent_at(text, table.span.end - 1);
                format!("{outer}{}", self.unit)
            };
            // A comment behind the last member stays in its line.
            let at = end_of_line(text, after).unwrap_or(after);
            let member = self.member(key, value, Some(&indent));
            let line = format!("{}{indent}{member}{trail}", self.line_break);
            splices.push((at..at, line));
        } else {
            let space = if self.spaced { " " } else { "" };
            let member = self.member(key, value, None);
            splices.push((after..after, format!("{space}{member}{trail}")));
        }
        splices
    }

    /// Adds a member to a table that has none.
    fn insert_first(&self, text: &str, table: &Table, key: &str, value: &Value) -> Splice {
        let inside = table.span.start + 1..table.span.end - 1;
        let within = &text[inside.clone()];
        if self.compact && !within.contains('\n') {
            return (inside.start..inside.start, self.member(key, value, None));
        }
        let (outer, _) = indent_at(text, table.span.start);
        let indent = format!("{outer}{}", self.unit);
        let eol = self.line_break;
        let line = format!("{eol}{indent}{}", self.member(key, value, Some(&indent)));
        // The closing brace stands alone in its line: before that.
        if let Some(newline) = within.rfind('\n')
            && within[newline..].trim().is_empty()
        {
            let before = within[..newline].trim_end_matches('\r').len();
            let at = inside.start + before;
            return (at..at, line);
        }
        let kept = inside.start + within.trim_end().len();
        (kept..inside.end, format!("{line}{eol}{outer}"))
    }

    fn member(&self, key: &str, value: &Value, indent: Option<&str>) -> String {
        let space = if self.spaced { " " } else { "" };
        let key = Value::String(key.to_owned());
        format!("{key}:{space}{}", self.render(value, indent))
    }
}

/// Where the comma after `at` is, if one comes before anything else but white
/// space and comments.
fn comma_after(text: &str, at: usize) -> Option<usize> {
    let at = after_trivia(text, at);
    text[at..].starts_with(',').then_some(at)
}

fn after_trivia(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        let begun = at + rest.len() - trimmed.len();
        let length = if trimmed.starts_with("//") {
            trimmed.find('\n').unwrap_or(trimmed.len())
        } else if trimmed.starts_with("/*") {
            trimmed.find("*/").map_or(trimmed.len(), |end| end + 2)
        } else {
            return begun;
        };
        at = begun + length;
    }
}

/// The end of the line that `at` is in, where nothing but white space and
/// comments that end in it comes before that.
fn end_of_line(text: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let begun = at + rest.len() - trimmed.len();
        if trimmed.starts_with('\n') || trimmed.starts_with("\r\n") {
            return Some(begun);
        }
        if trimmed.starts_with("//") {
            let line = trimmed.find('\n').unwrap_or(trimmed.len());
            return Some(begun + trimmed[..line].trim_end_matches('\r').len());
        }
        let end = trimmed.strip_prefix("/*")?.find("*/")?;
        if trimmed[..end].contains('\n') {
            return None;
        }
        at = begun + end + 4;
    }
}

/// Whether trivia (white space, comments, a comma) ends in a `//` comment.
fn ends_with_line_comment(trivia: &str) -> bool {
    let mut rest = trivia;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        if rest.starts_with("//") {
            match rest.find('\n') {
                Some(newline) => rest = &rest[newline..],
                None => return true,
            }
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
        } else {
            return false;
        }
    }
}

fn begins_with_line_break(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\t']);
    text.starts_with('\n') || text.starts_with("\r\n")
}

/// Where the white space before `at` begins: with the line break before it,
/// where nothing else stands in its line.
fn line_gap_before(text: &str, at: usize) -> usize {
    let before = text[..at].trim_end_matches([' ', '\t']);
    match before.strip_suffix('\n') {
        Some(before) => before.trim_end_matches('\r').len(),
        None => before.len(),
    }
}
