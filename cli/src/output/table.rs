//! Rows of cells: aligned under a header on a terminal, tab-separated and
//! whole in a pipe.

use super::{Output, Tone, cut, printable, width};
use crate::failure::Failure;

/// Between two columns.
const GAP: &str = "  ";

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
    #[cfg(test)]
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
    fn a_very_narrow_terminal_loses_columns_not_the_program() {
        for columns in 0..12 {
            let output = Output { columns, ..NARROW };
            let row = vec![Cell::plain("one"), Cell::plain("two"), Cell::plain("three")];
            let line = Table::new(&["a", "b", "c"]).aligned(output, &row);
            assert!(width(&line) <= columns, "{columns}: {line:?}");
        }
    }
}
