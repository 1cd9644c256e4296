//! Rows of cells: aligned under a header on a terminal, tab-separated and
//! whole in a pipe.

use super::{Output, Tone, cut, printable, width};
use crate::failure::Failure;

/// Between two columns.
const GAP: &str = "  ";

/// Before what goes on in the next line.
const INDENT: &str = "    ";

/// How many more lines a row may take.
const MORE_LINES: usize = 3;

/// One cell: its text is made printable here, so no row can carry an escape.
#[derive(Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell without colour.
    pub fn plain(text: &str) -> Self {
        Self::new(Tone::Plain, text)
    }

    /// A cell whose colour says what it means.
    pub fn new(tone: Tone, text: &str) -> Self {
        Self {
            text: printable(text).into_owned(),
            tone,
        }
    }

    /// The text as it is shown.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A table that is printed row by row; columns only ever grow.
#[derive(Debug)]
pub struct Table {
    header: Vec<&'static str>,
    widths: Vec<usize>,
}

impl Table {
    /// A table with these columns.
    pub fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            widths: header.iter().map(|name| width(name)).collect(),
        }
    }

    /// Makes room for a row that comes later.
    pub fn fit(&mut self, row: &[Cell]) {
        for (room, cell) in self.widths.iter_mut().zip(row) {
            *room = (*room).max(width(&cell.text));
        }
    }

    /// Prints all of `rows` under the header.
    pub fn print(mut self, output: Output, rows: &[Vec<Cell>]) -> Result<(), Failure> {
        for row in rows {
            self.fit(row);
        }
        self.header(output)?;
        rows.iter().try_for_each(|row| self.row(output, row))
    }

    /// Prints the header; a pipe gets none.
    pub fn header(&mut self, output: Output) -> Result<(), Failure> {
        if !output.is_terminal() {
            return Ok(());
        }
        let row: Vec<Cell> = self
            .header
            .iter()
            .map(|name| Cell::new(Tone::Faint, name))
            .collect();
        self.row(output, &row)
    }

    /// Prints one row.
    pub fn row(&mut self, output: Output, row: &[Cell]) -> Result<(), Failure> {
        if !output.is_terminal() {
            let texts: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
            return output.line(texts.join("\t"));
        }
        self.fit(row);
        output.line(self.aligned(output, row))
    }

    /// Prints one row; the cells that don't fit go on below it, indented.
    pub fn flowing_row(&mut self, output: Output, row: &[Cell]) -> Result<(), Failure> {
        if !output.is_terminal() {
            return self.row(output, row);
        }
        self.fit(row);
        let (line, more) = self.flowing(output, row);
        output.line(line)?;
        more.iter().try_for_each(|line| output.line(line))
    }

    fn flowing(&self, output: Output, row: &[Cell]) -> (String, Vec<String>) {
        let mut end = 0;
        let fitting = row.iter().zip(&self.widths).take_while(|(cell, room)| {
            let begin = if end == 0 { 0 } else { end + GAP.len() };
            end = begin + **room;
            begin + width(&cell.text) <= output.columns()
        });
        // A row begins with its first cell, cut where it must be.
        let fitting = fitting.count().clamp(1, row.len().max(1));
        let (first, rest) = row.split_at(fitting.min(row.len()));
        let rest: Vec<&str> = rest
            .iter()
            .map(|cell| cell.text.as_str())
            .filter(|text| !text.is_empty() && *text != "-")
            .collect();
        let columns = output.columns().saturating_sub(INDENT.len());
        let more = wrap(&rest.join(GAP), columns)
            .into_iter()
            .map(|line| format!("{INDENT}{line}"))
            .collect();
        (self.aligned(output, first), more)
    }

    fn aligned(&self, output: Output, row: &[Cell]) -> String {
        let mut line = String::new();
        let mut left = output.columns();
        for (index, (cell, room)) in row.iter().zip(&self.widths).enumerate() {
            if index > 0 {
                if left <= GAP.len() {
                    break;
                }
                line.push_str(GAP);
                left -= GAP.len();
            }
            let text = cut(&cell.text, left);
            let used = width(&text);
            line.push_str(&output.paint(cell.tone, &text));
            let padding = room.saturating_sub(used).min(left - used);
            if index + 1 < row.len() {
                line.push_str(&" ".repeat(padding));
                left -= used + padding;
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// `text` in lines of at most `columns`, broken at blanks where there are any;
/// the last line that is allowed is cut.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && columns > 0 {
        if lines.len() + 1 == MORE_LINES || width(rest) <= columns {
            lines.push(cut(rest, columns).into_owned());
            break;
        }
        let mut used = 0;
        let fits = rest
            .char_indices()
            .find(|(_, c)| {
                used += width(c.encode_utf8(&mut [0; 4]));
                used > columns
            })
            .map_or(rest.len(), |(at, _)| at);
        if fits == 0 {
            break;
        }
        let end = match rest.get(..=fits).and_then(|head| head.rfind(' ')) {
            Some(blank) if blank > 0 => blank,
            _ => fits,
        };
        let (line, after) = rest.split_at(end);
        lines.push(line.trim_end().to_owned());
        rest = after.trim_start();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Output = Output {
        terminal: true,
        colour: false,
        columns: 20,
    };

    #[test]
    fn columns_are_aligned_and_the_row_is_cut_to_the_terminal() {
        let row = vec![
            Cell::plain("ab"),
            Cell::plain("日本"),
            Cell::plain("why it was\nneeded"),
        ];
        let mut table = Table::new(&["name", "x", "why"]);
        table.fit(&row);
        let line = table.aligned(NARROW, &row);
        assert_eq!(line, "ab    日本  why it …");
        assert_eq!(width(&line), NARROW.columns);
    }

    #[test]
    fn what_does_not_fit_goes_on_below() {
        let row = |why: &str| {
            ["one", "two", "-", why]
                .map(Cell::plain)
                .into_iter()
                .collect::<Vec<_>>()
        };
        let table = Table::new(&["a", "b", "c", "why"]);
        let flowing = |why: &str| {
            let mut table = Table {
                header: table.header.clone(),
                widths: table.widths.clone(),
            };
            table.fit(&row(why));
            let (line, more) = table.flowing(NARROW, &row(why));
            [vec![line], more].concat()
        };
        assert_eq!(flowing("because"), ["one  two  -  because"]);
        assert_eq!(
            flowing("policy denied that"),
            ["one  two  -", "    policy denied", "    that"]
        );
        assert_eq!(
            flowing("a_word_of_more_than_a_line 日本日本日本日本日本日本 and much more"),
            [
                "one  two  -",
                "    a_word_of_more_t",
                "    han_a_line 日本",
                "    日本日本日本日…",
            ]
        );
    }

    #[test]
    fn a_very_narrow_terminal_loses_columns_not_the_program() {
        for columns in 0..12 {
            let output = Output { columns, ..NARROW };
            let row = vec![Cell::plain("one"), Cell::plain("two"), Cell::plain("three")];
            let line = Table::new(&["a", "b", "c"]).aligned(output, &row);
            assert!(width(&line) <= columns, "{columns}: {line:?}");
            let (line, _) = Table::new(&["a", "b", "c"]).flowing(output, &row);
            assert!(width(&line) <= columns, "{columns}: {line:?}");
        }
    }
}
