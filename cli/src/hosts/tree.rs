//! What a host's file says, and where in its text each part stands: the one
//! form of JSON and TOML in which entries are read and secrets looked for.

use std::ops::Range;

use serde_json::{Map, Value};

/// A part of a file.
#[derive(Debug, Clone)]
pub enum Node {
    /// A string, decoded.
    Text(Range<usize>, String),
    /// A table, or JSON's object.
    Table(Table),
    /// A list, or JSON's array.
    List(Range<usize>, Vec<Node>),
    /// A number, a truth value, null, a date: as it is written.
    Other(Range<usize>, String),
}

/// Keys and what they hold.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its text: with the braces, or the header.
    pub span: Range<usize>,
    /// How it is written.
    pub kind: Kind,
    /// In the order of the file; a key may stand there twice.
    pub members: Vec<Member>,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Between braces.
    Braces,
    /// Under a header of its own.
    Header,
    /// By the keys of others alone; it has no text.
    Implied,
}

/// One key.
#[derive(Debug, Clone)]
pub struct Member {
    /// The key, decoded.
    pub key: String,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// What it holds.
    pub node: Node,
}

/// A change of a text: what stands in the range becomes the other.
pub type Splice = (Range<usize>, String);

/// A string of a file, and the way to it.
#[derive(Debug)]
pub struct Found<'a> {
    /// The keys; elements of lists have their number.
    pub way: &'a [String],
    /// Where it stands.
    pub span: Range<usize>,
    /// What it says.
    pub text: &'a str,
}

impl Node {
    /// Where it stands.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Text(span, _) | Self::List(span, _) | Self::Other(span, _) => span.clone(),
            Self::Table(table) => table.span.clone(),
        }
    }

    /// As a table.
    pub fn table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// As a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(_, text) => Some(text),
            _ => None,
        }
    }

    /// As a list of strings only.
    pub fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(_, items) => items.iter().map(Self::text).collect(),
            _ => None,
        }
    }

    /// What it is, for a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(..) => "a string",
            Self::Table(_) => "a table",
            Self::List(..) => "a list",
            Self::Other(..) => "a plain value",
        }
    }

    /// The node that `way` leads to.
    pub fn at<'a>(&'a self, way: &[String]) -> Option<&'a Self> {
        way.iter()
            .try_fold(self, |node, key| node.table()?.get(key))
    }

    /// What it says, without where.
    pub fn value(&self) -> Value {
        match self {
            Self::Text(_, text) => Value::String(text.clone()),
            Self::List(_, items) => items.iter().map(Self::value).collect(),
            // no file mixes these with strings: it has them in quotes
            Self::Other(_, raw) => Value::Array(vec![Value::Null, Value::String(raw.clone())]),
            Self::Table(table) => Value::Object(
                table
                    .members
                    .iter()
                    .map(|member| (member.key.clone(), member.node.value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// Shows every string to `look`.
    pub fn each_text(&self, look: &mut impl FnMut(&Found<'_>)) {
        self.walk(&mut Vec::new(), look);
    }

    fn walk(&self, way: &mut Vec<String>, look: &mut impl FnMut(&Found<'_>)) {
        match self {
            Self::Text(span, text) => look(&Found {
                way,
                span: span.clone(),
                text,
            }),
            Self::Other(..) => {}
            Self::List(_, items) => {
                for (number, item) in items.iter().enumerate() {
                    way.push(number.to_string());
                    item.walk(way, look);
                    way.pop();
                }
            }
            Self::Table(table) => {
                for member in &table.members {
                    way.push(member.key.clone());
                    member.node.walk(way, look);
                    way.pop();
                }
            }
        }
    }
}

impl Table {
    /// What a key holds; the first where it stands twice.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.member(key).map(|member| &member.node)
    }

    /// A key and what it holds.
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.key == key)
    }

    /// How often a key stands there.
    pub fn count(&self, key: &str) -> usize {
        (self.members.iter())
            .filter(|member| member.key == key)
            .count()
    }
}

/// `text` with all of `splices` made; none may overlap another.
pub fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    let mut changed = String::with_capacity(text.len() + 512);
    let mut from = 0;
    for (range, new) in splices {
        changed.push_str(text.get(from..range.start).unwrap_or_default());
        changed.push_str(&new);
        from = range.end;
    }
    changed.push_str(text.get(from..).unwrap_or_default());
    changed
}

/// The line break that the text uses first.
pub fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The white space at the beginning of the line that `at` is in, and whether
/// nothing else comes before `at`.
pub fn indent_at(text: &str, at: usize) -> (&str, bool) {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &text[start..at];
    let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
    (&line[..indent], indent == line.len())
}
