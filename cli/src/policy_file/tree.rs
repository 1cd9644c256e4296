//! A policy's YAML with the place of every part, so that one part can be
//! changed and all the others stay as they were written.

use std::ops::Range;

use serde_yaml::granit_parser::{Event, Parser, Span, StructureStyle};

/// One part of the file.
#[derive(Debug)]
pub struct Node {
    /// Where it stands, in bytes; without the comments and blanks after it.
    pub range: Range<usize>,
    /// The line that it begins in, from 1.
    pub line: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a part is.
#[derive(Debug)]
pub enum Kind {
    /// A word, a number.
    Scalar(String),
    /// `[a, b]` where `flow`, else a line with a dash for each.
    List {
        /// Its items.
        items: Vec<Node>,
        /// Whether it stands in brackets.
        flow: bool,
    },
    /// `{a: b}` where `flow`, else a line for each.
    Map {
        /// Its fields.
        fields: Vec<(Node, Node)>,
        /// Whether it stands in braces.
        flow: bool,
    },
}

impl Node {
    /// Reads a whole file; `None` where it is none that can be edited this way:
    /// with an alias in it, or that is no YAML.
    pub fn read(text: &str) -> Option<Self> {
        let mut events = Events {
            parser: Parser::new_from_str(text),
        };
        let (event, span) = events.next()?;
        events.node(&event, span)
    }

    /// The items, where it is a list.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List { items, .. } => items,
            _ => &[],
        }
    }

    /// The field of that name, where it is a map that has it.
    pub fn field(&self, name: &str) -> Option<&(Node, Node)> {
        match &self.kind {
            Kind::Map { fields, .. } => fields
                .iter()
                .find(|(key, _)| matches!(&key.kind, Kind::Scalar(text) if text == name)),
            _ => None,
        }
    }

    /// The value of the field of that name.
    pub fn value(&self, name: &str) -> Option<&Node> {
        self.field(name).map(|(_, value)| value)
    }

    /// The field's text, where it has one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.scalar()
    }

    /// Its text, where it is a scalar.
    pub fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it stands in brackets or braces.
    pub fn is_flow(&self) -> bool {
        matches!(
            self.kind,
            Kind::List { flow: true, .. } | Kind::Map { flow: true, .. }
        )
    }
}

struct Events<'t> {
    parser: Parser<'t, serde_yaml::granit_parser::StrInput<'t>>,
}

impl<'t> Events<'t> {
    /// The next part; comments are none.
    fn next(&mut self) -> Option<(Event<'t>, Span)> {
        loop {
            let (event, span) = self.parser.next_event()?.ok()?;
            let is_part = matches!(
                event,
                Event::Scalar(..)
                    | Event::SequenceStart(..)
                    | Event::SequenceEnd
                    | Event::MappingStart(..)
                    | Event::MappingEnd
                    | Event::Alias(..)
            );
            if is_part {
                return Some((event, span));
            }
        }
    }

    fn node(&mut self, event: &Event<'t>, span: Span) -> Option<Node> {
        let start = span.start.byte_offset()?;
        let line = span.start.line();
        match event {
            Event::Scalar(text, ..) => Some(Node {
                range: span.byte_range()?,
                line,
                kind: Kind::Scalar(text.to_string()),
            }),
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, span) => break span.end.byte_offset()?,
                        (event, span) => items.push(self.node(&event, span)?),
                    }
                };
                let flow = *style == StructureStyle::Flow;
                let inner = items.first().zip(items.last());
                let range = match inner {
                    Some((first, last)) if !flow => first.range.start..last.range.end,
                    _ => start..end,
                };
                let kind = Kind::List { items, flow };
                Some(Node { range, line, kind })
            }
            Event::MappingStart(style, ..) => {
                let mut fields: Vec<(Node, Node)> = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::MappingEnd, span) => break span.end.byte_offset()?,
                        (event, span) => {
                            let key = self.node(&event, span)?;
                            let (event, span) = self.next()?;
                            fields.push((key, self.node(&event, span)?));
                        }
                    }
                };
                let flow = *style == StructureStyle::Flow;
                let (range, line) = match fields.first().zip(fields.last()) {
                    Some((first, last)) if !flow => {
                        (first.0.range.start..last.1.range.end, first.0.line)
                    }
                    _ => (start..end, line),
                };
                let kind = Kind::Map { fields, flow };
                Some(Node { range, line, kind })
            }
            _ => None,
        }
    }
}
