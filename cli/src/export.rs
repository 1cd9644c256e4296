//! The audit log in forms for other programs: a table whose cells no spreadsheet
//! runs, or the lines as they are.

use std::io::{ErrorKind, Write};

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::failure::{Exit, Failure};
use crate::output::{printable, printable_record};

/// What a record says, in the columns of a table. A line that is no record
/// stands in the last one.
pub const COLUMNS: [&str; 30] = [
    "seq",
    "event",
    "timestamp",
    "request_id",
    "identity",
    "socket",
    "service",
    "action",
    "decision",
    "reason",
    "error",
    "status",
    "latency_ms",
    "redacted",
    "folded",
    "justification",
    "credential",
    "approval",
    "stage",
    "by",
    "lasts_s",
    "act",
    "detail",
    "generation",
    "peer_uid",
    "peer_pid",
    "peer_exe",
    "hash",
    "mac",
    "damaged",
];

/// What a spreadsheet takes for the beginning of a formula, also in the wide
/// forms of East Asian keyboards.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For spreadsheets
    Csv,
    /// The lines as they are
    Jsonl,
}

/// Writes lines in one of the formats.
pub enum Writer<W: Write> {
    /// Cells under a header.
    Csv(Box<csv::Writer<W>>),
    /// The lines as they are.
    Jsonl(W),
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(format: Format, to: W) -> Result<Self, Failure> {
        let mut writer = Self::going_on(format, to);
        if let Self::Csv(table) = &mut writer {
            table
                .write_record(COLUMNS)
                .map_err(|error| unwritten(&error))?;
        }
        Ok(writer)
    }

    /// Goes on with a file that another one has begun.
    pub fn going_on(format: Format, to: W) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl(to),
            Format::Csv => Self::Csv(Box::new(
                csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .quote_style(csv::QuoteStyle::Always)
                    .from_writer(to),
            )),
        }
    }

    /// Writes a line of the log.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Csv(table) => table
                .write_record(cells(line))
                .map_err(|error| unwritten(&error)),
            Self::Jsonl(to) => to
                .write_all(&printable_record(line))
                .and_then(|()| to.write_all(b"\n"))
                .map_err(|error| unwritten(&error.into())),
        }
    }

    /// Hands over what is still kept back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Csv(table) => table.flush(),
            Self::Jsonl(to) => to.flush(),
        }
        .map_err(|error| unwritten(&error.into()))
    }

    /// What was written to, with all of it.
    pub fn into_inner(self) -> Result<W, Failure> {
        match self {
            Self::Csv(table) => table.into_inner().map_err(|error| {
                let error = error.error();
                Failure::new(Exit::Failed, format!("can't write the output: {error}"))
            }),
            Self::Jsonl(to) => Ok(to),
        }
    }
}

fn unwritten(error: &csv::Error) -> Failure {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == ErrorKind::BrokenPipe => Failure::ReaderGone,
        _ => Failure::new(Exit::Failed, format!("can't write the output: {error}")),
    }
}

/// A line's cells, in the order of the columns.
fn cells(line: &[u8]) -> Vec<String> {
    let Ok(record) = serde_json::from_slice::<Map<String, Value>>(line) else {
        let mut cells = vec![String::new(); COLUMNS.len() - 1];
        cells.push(cell(&String::from_utf8_lossy(line)));
        return cells;
    };
    let field = |column: &&str| match column.strip_prefix("peer_") {
        Some(of_peer) => record.get("peer").and_then(|peer| peer.get(of_peer)),
        None => record.get(*column),
    };
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => cell(text),
        Some(other) => cell(&other.to_string()),
    };
    COLUMNS.iter().map(|column| text(field(column))).collect()
}

/// `text` as a cell that no spreadsheet runs: a ' stands before what would
/// begin a formula, at its beginning and behind whatever another country's
/// spreadsheet may take for the end of a cell.
fn cell(text: &str) -> String {
    let text = printable(text);
    let mut cell = String::with_capacity(text.len() + 1);
    let mut may_begin = true;
    for c in text.chars() {
        if may_begin && FORMULA.contains(&c) {
            cell.push('\'');
        }
        may_begin = match c {
            ';' | ',' | '|' => true,
            ' ' | '"' | '\'' => may_begin,
            _ => false,
        };
        cell.push(c);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("", ""),
            ("plain text", "plain text"),
            ("a=b, c-d", "a=b, c-d"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "  '=1"),
            ("\t=1", "\\u{9}=1"),
            ("\r=1", "\\u{d}=1"),
            ("＝1", "'＝1"),
            ("x;=cmd", "x;'=cmd"),
            ("x;\" =cmd\"", "x;\" '=cmd\""),
            ("a\nb", "a\\u{a}b"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{202e}x", "\\u{202e}x"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn rows_are_what_a_csv_reader_reads() {
        let lines = [
            r#"{"seq":7,"event":"finished","timestamp":"2026-01-15T10:30:00.000Z","identity":"a","service":"github","justification":"say \"hi\",\nthen =go","latency_ms":5,"peer":{"uid":1000,"exe":"/bin/x"},"later":1,"hash":"ab"}"#,
            r#"{"seq":8,"event":"approval"}"#,
            "no record, \"at all\"",
        ];
        let mut written = Vec::new();
        let mut writer = Writer::new(Format::Csv, &mut written).unwrap();
        for line in lines {
            writer.line(line.as_bytes()).unwrap();
        }
        writer.flush().unwrap();
        drop(writer);
        assert!(written.ends_with(b"\r\n"));
        let mut reader = csv::Reader::from_reader(written.as_slice());
        assert_eq!(reader.headers().unwrap(), COLUMNS.as_slice());
        let rows: Vec<Map<String, Value>> = reader.deserialize().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0]["justification"], "say \"hi\",\\u{a}then =go");
        assert_eq!(rows[0]["peer_exe"], "/bin/x");
        assert_eq!(rows[0]["latency_ms"].to_string().trim_matches('"'), "5");
        assert_eq!(rows[1]["event"], "approval");
        assert_eq!(rows[2]["damaged"], "no record, \"at all\"");
    }
}
