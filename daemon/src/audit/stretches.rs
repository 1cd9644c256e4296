//! A file of the log in stretches that can each be read on their own, by
//! several threads at once and in any order: pieces of a plain file, frames of
//! a compressed one.

use std::fs::File;
use std::io;
use std::sync::Arc;

use axis_proto::system;

use super::frames::{self, Frame, Unpacker};
use super::reader::MAX_LINE_BYTES;
use super::segments::{Opened, Segment};

/// How much of a plain file is read at once, in bytes.
pub(super) const STRETCH_BYTES: u64 = 256 * 1024;
/// How much more is read for a line that goes beyond it.
const MORE_BYTES: usize = 4 * 1024;

/// One file of the log, divided.
pub(super) struct Stretches {
    file: Arc<File>,
    division: Division,
}

enum Division {
    /// A stretch is the lines that begin in it.
    Plain { size: u64 },
    /// A stretch is a frame.
    Compressed { frames: Vec<Frame> },
}

impl Stretches {
    /// The first `size` bytes of a plain file.
    pub(super) fn plain(file: Arc<File>, size: u64) -> Self {
        Self {
            file,
            division: Division::Plain { size },
        }
    }

    /// An older segment; `None` when it isn't there any more.
    ///
    /// # Errors
    /// It can't be read, or is compressed in another way than axisd's.
    pub(super) fn of(segment: &Segment) -> io::Result<Option<Self>> {
        segment.open()?.map(Self::opened).transpose()
    }

    /// An older segment that is open.
    ///
    /// # Errors
    /// It can't be read, or is compressed in another way than axisd's.
    pub(super) fn opened(opened: Opened) -> io::Result<Self> {
        if !opened.is_compressed {
            return Ok(Self::plain(opened.file, opened.size));
        }
        let frames = frames::walk(&opened.file, opened.size)?;
        Ok(Self {
            file: opened.file,
            division: Division::Compressed { frames },
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        match &self.division {
            Division::Plain { size } => {
                usize::try_from(size.div_ceil(STRETCH_BYTES)).unwrap_or(usize::MAX)
            }
            Division::Compressed { frames } => frames.len(),
        }
    }
}

/// The text of one stretch at a time.
#[derive(Default)]
pub(super) struct Page {
    text: Vec<u8>,
    unpacker: Option<Unpacker>,
}

impl Page {
    /// The lines of stretch `nth`, with their newlines.
    ///
    /// # Errors
    /// It can't be read, or holds a line that is longer than any record.
    pub(super) fn read(&mut self, stretches: &Stretches, nth: usize) -> io::Result<&[u8]> {
        match &stretches.division {
            Division::Plain { size } => self.read_plain(&stretches.file, *size, nth)?,
            Division::Compressed { frames } => {
                let frame = frames.get(nth).ok_or(io::ErrorKind::UnexpectedEof)?;
                let unpacker = match &mut self.unpacker {
                    Some(unpacker) => unpacker,
                    none => none.insert(Unpacker::new()?),
                };
                unpacker.unpack(&stretches.file, frame, &mut self.text)?;
            }
        }
        Ok(&self.text)
    }

    /// The text that was read last.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    fn read_plain(&mut self, file: &File, size: u64, nth: usize) -> io::Result<()> {
        let begin = u64::try_from(nth)
            .unwrap_or(u64::MAX)
            .saturating_mul(STRETCH_BYTES)
            .min(size);
        let end = (begin + STRETCH_BYTES).min(size);
        // the byte before says whether a line begins here
        let from = begin.saturating_sub(1);
        self.text.clear();
        self.extend(file, from, end)?;
        if begin > 0 {
            let own = memchr::memchr(b'\n', &self.text).map(|newline| newline + 1);
            match own {
                Some(own) if from + bytes(own) < end => {
                    self.text.drain(..own);
                }
                // the line that goes on here began in a stretch before
                _ => {
                    self.text.clear();
                    return Ok(());
                }
            }
        }
        let mut at = end;
        while at < size && self.text.last().is_some_and(|last| *last != b'\n') {
            let known = self.text.len();
            let more = (at + bytes(MORE_BYTES)).min(size);
            self.extend(file, at, more)?;
            at = more;
            let added = self.text.get(known..).unwrap_or_default();
            if let Some(newline) = memchr::memchr(b'\n', added) {
                self.text.truncate(known + newline + 1);
            } else if at - end > bytes(MAX_LINE_BYTES) {
                return Err(overlong());
            }
        }
        Ok(())
    }

    fn extend(&mut self, file: &File, from: u64, to: u64) -> io::Result<()> {
        let known = self.text.len();
        let more = usize::try_from(to - from).map_err(io::Error::other)?;
        self.text.resize(known + more, 0);
        let text = self.text.get_mut(known..).unwrap_or_default();
        system::read_exact_at(file, text, from)
    }
}

/// Why a line is not shown.
pub(super) fn overlong() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the audit log holds a line that is longer than any record; run: axis logs verify",
    )
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
