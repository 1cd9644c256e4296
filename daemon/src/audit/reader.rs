//! Reading a log by its lines, forwards through all of it and backwards from
//! its end, while it is being written to.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// No record comes near this length, in bytes; a longer line is none.
pub(super) const MAX_LINE_BYTES: usize = 256 * 1024;
const BLOCK_BYTES: usize = 64 * 1024;

/// Opens a file for reading, and says how long it is; a pipe or a device is
/// no file. `None` where there is none.
pub(super) fn open_plain(path: &Path) -> io::Result<Option<(Arc<File>, u64)>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is not a plain file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok(Some((Arc::new(file), size)))
}

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
        let read = self
            .file
            .read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.at)?;
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

/// Reads a file's first bytes from the beginning, line by line.
pub(super) struct Forwards {
    reader: BufReader<Section>,
    line: Vec<u8>,
    /// Where the next piece begins.
    offset: u64,
}

impl Forwards {
    pub(super) fn over(file: Arc<File>, size: u64) -> Self {
        Self {
            reader: BufReader::with_capacity(
                BLOCK_BYTES,
                Section {
                    file,
                    at: 0,
                    end: size,
                },
            ),
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
        let mut read = (&mut self.reader)
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
            let block = self.reader.fill_buf()?;
            let newline = memchr::memchr(b'\n', block);
            let used = newline.map_or(block.len(), |at| at + 1);
            if used == 0 {
                return Ok((skipped, false));
            }
            self.reader.consume(used);
            skipped += used;
            if newline.is_some() {
                return Ok((skipped, true));
            }
        }
    }
}

/// Reads a file from its end, line by line, in blocks.
pub(super) struct Backwards {
    file: Arc<File>,
    /// Where `block` begins in the file.
    start: u64,
    block: Vec<u8>,
    /// What of `block` is still unread; the newline of its last line not included.
    unread: usize,
    done: bool,
}

impl Backwards {
    pub(super) fn over(file: Arc<File>, size: u64) -> io::Result<Self> {
        let mut lines = Self {
            file,
            start: size,
            block: Vec::new(),
            unread: 0,
            done: size == 0,
        };
        lines.load()?;
        if lines.block.last() == Some(&b'\n') {
            lines.unread -= 1;
        }
        Ok(lines)
    }

    /// The line before the last one that was read, without its newline.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if self.done {
            return Ok(None);
        }
        let newline = loop {
            let unread = self.block.get(..self.unread).unwrap_or_default();
            let newline = memchr::memrchr(b'\n', unread);
            if newline.is_some() || self.start == 0 {
                break newline;
            }
            if unread.len() > MAX_LINE_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the audit log holds a line that is longer than any record; run: axis logs verify",
                ));
            }
            self.load()?;
        };
        let end = self.unread;
        self.done = newline.is_none();
        self.unread = newline.unwrap_or(0);
        Ok(self.block.get(newline.map_or(0, |at| at + 1)..end))
    }

    /// Puts the block before the unread bytes in front of them.
    fn load(&mut self) -> io::Result<()> {
        let length = BLOCK_BYTES.min(usize::try_from(self.start).unwrap_or(usize::MAX));
        self.start -= u64::try_from(length).unwrap_or(0);
        let mut block = vec![0; length];
        self.file.read_exact_at(&mut block, self.start)?;
        block.extend_from_slice(self.block.get(..self.unread).unwrap_or_default());
        self.unread = block.len();
        self.block = block;
        Ok(())
    }
}
