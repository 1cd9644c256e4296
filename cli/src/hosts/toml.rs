//! TOML: read with the place of every part, and changed by inserting and
//! cutting text, so that all else stays as it is, byte for byte.

use std::fmt::Write;
use std::ops::Range;

use serde_json::Value;
use toml_edit::{Document, Item};

use super::json::Mistake;
use super::tree::{Kind, Member, Node, Splice, Table, line_break};

/// Reads `text`.
pub fn parse(text: &str) -> Result<Node, Mistake> {
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        let why = error
            .message()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        (line, column, why)
    })?;
    Ok(Node::Table(table(text, document.as_table())))
}

fn table(text: &str, table: &toml_edit::Table) -> Table {
    let span = table.span().unwrap_or_default();
    let is_header = text
        .get(span.clone())
        .is_some_and(|text| text.starts_with('['));
    Table {
        kind: if is_header {
            Kind::Header
        } else {
            Kind::Implied
        },
        span,
        members: table
            .iter()
            .map(|(key, item)| Member {
                key: key.to_owned(),
                key_span: table
                    .key(key)
                    .and_then(toml_edit::Key::span)
                    .unwrap_or_default(),
                node: node(text, item),
            })
            .collect(),
    }
}

fn node(text: &str, item: &Item) -> Node {
    match item {
        Item::Table(it) => Node::Table(table(text, it)),
        Item::ArrayOfTables(tables) => Node::List(
            tables.span().unwrap_or_default(),
            tables
                .iter()
                .map(|it| Node::Table(table(text, it)))
                .collect(),
        ),
        Item::Value(it) => value(text, it),
        Item::None => Node::Other(0..0, String::new()),
    }
}

fn value(text: &str, it: &toml_edit::Value) -> Node {
    let span = it.span().unwrap_or_default();
    match it {
        toml_edit::Value::String(it) => Node::Text(span, it.value().clone()),
        toml_edit::Value::Array(items) => {
            Node::List(span, items.iter().map(|item| value(text, item)).collect())
        }
        toml_edit::Value::InlineTable(table) => Node::Table(Table {
            kind: if table.is_dotted() {
                Kind::Implied
            } else {
                Kind::Braces
            },
            span,
            members: table
                .iter()
                .map(|(key, item)| Member {
                    key: key.to_owned(),
                    key_span: table
                        .key(key)
                        .and_then(toml_edit::Key::span)
                        .unwrap_or_default(),
                    node: value(text, item),
                })
                .collect(),
        }),
        _ => {
            let raw = text.get(span.clone()).unwrap_or_default().to_owned();
            Node::Other(span, raw)
        }
    }
}

/// What makes the value at `way` be `wanted`. What is missing on the way is made.
///
/// # Errors
/// The form of the file leaves no place for it.
pub fn set(
    text: &str,
    root: &Node,
    way: &[String],
    wanted: &Value,
) -> Result<Vec<Splice>, &'static str> {
    if let Some(found) = root.at(way) {
        let by_lines = found
            .table()
            .is_some_and(|table| table.kind != Kind::Braces);
        if by_lines {
            return Err("a table stands where a value should");
        }
        return Ok(vec![(found.span(), inline(wanted))]);
    }
    let Some((key, parents)) = way.split_last() else {
        return Ok(Vec::new());
    };
    let Some(parent) = root.at(parents).and_then(Node::table) else {
        if wanted.is_object() {
            return Ok(vec![section_at_end(text, way, wanted)]);
        }
        let table = Value::Object([(key.clone(), wanted.clone())].into_iter().collect());
        return set(text, root, parents, &table);
    };
    match (parent.kind, wanted) {
        (Kind::Braces, _) => Ok(vec![insert_inline(parent, key, wanted)]),
        // Our entry goes to the end, what belongs to it right behind it.
        (Kind::Header, Value::Object(_)) if parents.len() > 1 => {
            let at = end_of_own_lines(text, parent);
            Ok(vec![(at..at, section(text, at, way, wanted))])
        }
        (_, Value::Object(_)) => Ok(vec![section_at_end(text, way, wanted)]),
        (Kind::Header, _) => {
            let at = end_of_own_lines(text, parent);
            let eol = line_break(text);
            let before = if text[..at].ends_with('\n') { "" } else { eol };
            let line = format!("{before}{} = {}{eol}", word(key), inline(wanted));
            Ok(vec![(at..at, line)])
        }
        (Kind::Implied, _) => Err("its keys are dotted"),
    }
}

/// What takes out what `way` leads to, with its lines.
pub fn cut(text: &str, root: &Node, way: &[String]) -> Vec<Splice> {
    let Some((key, parents)) = way.split_last() else {
        return Vec::new();
    };
    let Some(parent) = root.at(parents).and_then(Node::table) else {
        return Vec::new();
    };
    let Some(index) = parent.members.iter().position(|member| member.key == *key) else {
        return Vec::new();
    };
    if parent.kind == Kind::Braces {
        return vec![(cut_inline(parent, index), String::new())];
    }
    let mut lines = Vec::new();
    lines_of(text, &parent.members[index], &mut lines);
    lines.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in lines {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
        .into_iter()
        .map(|range| (range, String::new()))
        .collect()
}

/// The whole lines that hold a member, with the empty line before a header.
fn lines_of(text: &str, member: &Member, lines: &mut Vec<Range<usize>>) {
    match &member.node {
        Node::Table(table) if table.kind != Kind::Braces => {
            if table.kind == Kind::Header {
                let mut whole = whole_lines(text, &table.span);
                let before = &text[..whole.start];
                if before.ends_with("\n\r\n") || before == "\r\n" {
                    whole.start -= 2;
                } else if before.ends_with("\n\n") || before == "\n" {
                    whole.start -= 1;
                }
                lines.push(whole);
            }
            for member in &table.members {
                lines_of(text, member, lines);
            }
        }
        Node::List(span, items) if text.get(span.clone()).is_none_or(|it| !it.starts_with('[')) => {
            // An array of tables: each has a header of its own.
            for item in items {
                if let Node::Table(table) = item {
                    lines.push(whole_lines(text, &table.span));
                    for member in &table.members {
                        lines_of(text, member, lines);
                    }
                }
            }
        }
        node => {
            let start = member.key_span.start.min(node.span().start);
            lines.push(whole_lines(text, &(start..node.span().end)));
        }
    }
}

fn whole_lines(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text[..span.start]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let end = text[span.end..]
        .find('\n')
        .map_or(text.len(), |newline| span.end + newline + 1);
    start..end
}

/// Behind the last line of what stands directly under a header.
fn end_of_own_lines(text: &str, table: &Table) -> usize {
    let own = table.members.iter().filter(|member| {
        let below = member.node.table();
        below.is_none_or(|table| table.kind == Kind::Braces)
    });
    let last = own.map(|member| member.node.span().end).max();
    let end = last.unwrap_or(table.span.end);
    whole_lines(text, &(end..end)).end
}

fn section_at_end(text: &str, way: &[String], wanted: &Value) -> Splice {
    let at = text.len();
    (at..at, section(text, at, way, wanted))
}

/// A table under a header, with those in it under theirs, after an empty line.
fn section(text: &str, at: usize, way: &[String], wanted: &Value) -> String {
    let eol = line_break(text);
    let before = &text[..at];
    let blank = format!("{eol}{eol}");
    let mut written = match before {
        "" => String::new(),
        _ if before.ends_with(&blank) => String::new(),
        _ if before.ends_with('\n') => eol.to_owned(),
        _ => blank,
    };
    write_section(&mut written, eol, way, wanted);
    written
}

fn write_section(written: &mut String, eol: &str, way: &[String], wanted: &Value) {
    let Some(members) = wanted.as_object() else {
        return;
    };
    let header: Vec<String> = way.iter().map(|key| word(key)).collect();
    // Writing to a string can't fail.
    let _ = write!(written, "[{}]{eol}", header.join("."));
    for (key, value) in members.iter().filter(|(_, value)| !value.is_object()) {
        let _ = write!(written, "{} = {}{eol}", word(key), inline(value));
    }
    for (key, value) in members.iter().filter(|(_, value)| value.is_object()) {
        written.push_str(eol);
        let mut way = way.to_vec();
        way.push(key.clone());
        write_section(written, eol, &way, value);
    }
}

fn insert_inline(table: &Table, key: &str, wanted: &Value) -> Splice {
    let member = format!("{} = {}", word(key), inline(wanted));
    if let Some(last) = table.members.last() {
        let at = last.node.span().end;
        return (at..at, format!(", {member}"));
    }
    let inside = table.span.start + 1..table.span.end - 1;
    (inside, format!(" {member} "))
}

fn cut_inline(table: &Table, index: usize) -> Range<usize> {
    let member = &table.members[index];
    let end = member.node.span().end;
    if index > 0 {
        return table.members[index - 1].node.span().end..end;
    }
    match table.members.get(index + 1) {
        Some(next) => member.key_span.start..next.key_span.start,
        None => table.span.start + 1..table.span.end - 1,
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => toml_edit::Value::from(text.as_str()).to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{} = {}", word(key), inline(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        plain => plain.to_string(),
    }
}

fn word(key: &str) -> String {
    toml_edit::Key::new(key).to_string()
}
