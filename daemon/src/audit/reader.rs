//! Reading a log by its lines, forwards through one file and backwards from
//! its end through all of them, while it is being written to.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use axis_proto::system;

use super::aside::file_name;
use super::chain::Head;
use super::segments::{Opened, Segment};
use super::stretches::{Page, Stretches};

/// No record comes near this length, in bytes; a longer line is none.
pub(super) const MAX_LINE_BYTES: usize = 256 * 1024;
const BLOCK_BYTES: usize = 64 * 1024;

/// The first so many bytes of a file, with a position of its own.
struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let read = system::read_at(&self.file, buffer, self.at)?;
        self.at += u64::try_from(read).unwrap_or(0);
        Ok(read)
    }
}

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A line, without its newline.
    Line(&'a [u8]),
    /// A line of more than [`MAX_LINE_BYTES`].
    Overlong,
    /// Bytes at the end without a newline.
    Fragment,
    /// Nothing more.
    End,
}

/// A file's text from its beginning.
enum Input {
    Plain(BufReader<Section>),
    Compressed {
        stretches: Stretches,
        page: Page,
        /// The next stretch.
        nth: usize,
        /// What of the page was read already, in bytes.
        read: usize,
    },
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let length = there.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), there.get(..length)) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(reader) => reader.fill_buf(),
            Self::Compressed {
                stretches,
                page,
                nth,
                read,
            } => {
                while *read >= page.text().len() && *nth < stretches.count() {
                    page.read(stretches, *nth)?;
                    *nth += 1;
                    *read = 0;
                }
                Ok(page.text().get(*read..).unwrap_or_default())
            }
        }
    }

    fn consume(&mut self, length: usize) {
        match self {
            Self::Plain(reader) => reader.consume(length),
            Self::Compressed { read, .. } => *read += length,
        }
    }
}

/// Reads one file from the beginning, line by line.
pub(super) struct Forwards {
    input: Input,
    line: Vec<u8>,
    /// Where the next piece begins in the text.
    offset: u64,
}

impl Forwards {
    /// Over the first `size` bytes of a plain file.
    pub(super) fn over(file: Arc<File>, size: u64) -> Self {
        let section = Section {
            file,
            at: 0,
            end: size,
        };
        Self::of(Input::Plain(BufReader::with_capacity(BLOCK_BYTES, section)))
    }

    /// Over an older segment.
    pub(super) fn through(opened: Opened) -> io::Result<Self> {
        if !opened.is_compressed {
            return Ok(Self::over(opened.file, opened.size));
        }
        Ok(Self::of(Input::Compressed {
            stretches: Stretches::opened(opened)?,
            page: Page::default(),
            nth: 0,
            read: 0,
        }))
    }

    fn of(input: Input) -> Self {
        Self {
            input,
            line: Vec::with_capacity(1024),
            offset: 0,
        }
    }

    /// Where the next piece begins, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn next(&mut self) -> io::Result<Piece<'_>> {
        self.line.clear();
        let limit = u64::try_from(MAX_LINE_BYTES + 1).unwrap_or(u64::MAX);
        let mut read = (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.line)?;
        let whole = self.line.last() == Some(&b'\n');
        let mut ended = whole;
        if !whole && read > MAX_LINE_BYTES {
            let (skipped, newline) = self.skip_line()?;
            read += skipped;
            ended = newline;
        }
        self.offset += u64::try_from(read).unwrap_or(0);
        Ok(match (read, whole, ended) {
            (0, ..) => Piece::End,
            (_, true, _) => Piece::Line(self.line.get(..read - 1).unwrap_or_default()),
            (_, false, true) => Piece::Overlong,
            (_, false, false) => Piece::Fragment,
        })
    }

    fn skip_line(&mut self) -> io::Result<(usize, bool)> {
        let mut skipped = 0;
        loop {
            let block = self.input.fill_buf()?;
            let newline = memchr::memchr(b'\n', block);
            let used = newline.map_or(block.len(), |at| at + 1);
            if used == 0 {
                return Ok((skipped, false));
            }
            self.input.consume(used);
            skipped += used;
            if newline.is_some() {
                return Ok((skipped, true));
            }
        }
    }
}

/// The whole log at one moment.
pub(super) struct Log {
    /// The older segments, in their order.
    pub(super) segments: Vec<Segment>,
    /// The file that is written to, and where its last line ends.
    pub(super) current: Option<(Arc<File>, u64)>,
    /// Its last line, where axisd has written it.
    pub(super) head: Option<Head>,
}

/// Reads the log from its end, line by line.
pub(super) struct Backwards {
    /// Older segments that weren't opened yet; the next is the last.
    older: Vec<Segment>,
    stretches: Option<(Stretches, String)>,
    /// How many of these weren't read yet.
    left: usize,
    page: Page,
    /// What of the page is still unread, in bytes.
    unread: usize,
}

impl Backwards {
    /// Over the first `size` bytes of one file.
    pub(super) fn over(file: Arc<File>, size: u64) -> Self {
        let stretches = Stretches::plain(file, size);
        Self {
            older: Vec::new(),
            left: stretches.count(),
            stretches: Some((stretches, String::new())),
            page: Page::default(),
            unread: 0,
        }
    }

    /// Over all of `log`.
    pub(super) fn through(log: Log) -> Self {
        let mut lines = match log.current {
            Some((file, size)) => Self::over(file, size),
            None => Self {
                older: Vec::new(),
                stretches: None,
                left: 0,
                page: Page::default(),
                unread: 0,
            },
        };
        lines.older = log.segments;
        lines
    }

    /// Over one older segment.
    pub(super) fn of(segment: Segment) -> Self {
        Self::through(Log {
            segments: vec![segment],
            current: None,
            head: None,
        })
    }

    /// The line before the last one that was read, without its newline.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        while self.unread == 0 {
            if !self.load()? {
                return Ok(None);
            }
        }
        let unread = self.page.text().get(..self.unread).unwrap_or_default();
        let line = unread.strip_suffix(b"\n").unwrap_or(unread);
        let begin = memchr::memrchr(b'\n', line).map_or(0, |newline| newline + 1);
        let end = line.len();
        self.unread = begin;
        Ok(self.page.text().get(begin..end))
    }

    /// Reads the stretch before. Whether there was one.
    fn load(&mut self) -> io::Result<bool> {
        loop {
            if let (Some((stretches, name)), Some(nth)) =
                (&self.stretches, self.left.checked_sub(1))
            {
                self.left = nth;
                let read = self.page.read(stretches, nth);
                self.unread = read.map_err(|error| named(name, error))?.len();
                return Ok(true);
            }
            let Some(segment) = self.older.pop() else {
                return Ok(false);
            };
            let name = file_name(segment.path());
            // one that was pruned meanwhile is as if it had been before
            if let Some(stretches) = Stretches::of(&segment).map_err(|error| named(&name, error))? {
                self.left = stretches.count();
                self.stretches = Some((stretches, name));
            }
        }
    }
}

/// `error` with the file that it is about.
pub(super) fn named(name: &str, error: io::Error) -> io::Error {
    if name.is_empty() {
        return error;
    }
    io::Error::new(error.kind(), format!("{name}: {error}"))
}
