//! A compressed segment: zstd frames one after another, as `zstdcat` reads
//! them, each of whole lines and with its size and checksum, so that each can
//! be read without the others. There is no index beside them: the frames' own
//! headers are walked, so nothing can name fewer frames than there are.

use std::fs::File;
use std::io::{self, Write};

use axis_proto::system;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

/// The most text in one frame, in bytes.
const FRAME_BYTES: usize = 1024 * 1024;
/// The least in any frame but the last: a line is shorter than the rest.
const LEAST_BYTES: u64 = 512 * 1024;
/// The most that text may have shrunk. Records with a hash of their own each
/// don't come near; a file made to fill the memory or to take for ever does.
const MOST_SHRUNK: u64 = 1024;
/// How hard to compress. The lines are mostly hashes: more effort makes them no
/// smaller, and takes longer to undo.
const LEVEL: i32 = 1;

const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Magic, descriptor, window, content size.
const LONGEST_HEADER: usize = 4 + 1 + 1 + 8;
const CHECKSUM_BYTES: u64 = 4;
const MOST_IN_BLOCK: u64 = 128 * 1024;

/// One frame of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where it begins in the file, in bytes.
    at: u64,
    /// How long it is there.
    packed: usize,
    /// How long its text is.
    text: usize,
}

/// Writes the first `size` bytes of `plain` to `target` in frames. `go_on` is
/// asked before each.
///
/// # Errors
/// Reading or writing failed, or `go_on` said no.
pub(super) fn compress(
    plain: &File,
    size: u64,
    target: &mut impl Write,
    go_on: &dyn Fn() -> bool,
) -> io::Result<()> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    let mut text = vec![0; FRAME_BYTES];
    let mut at = 0;
    while at < size {
        if !go_on() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = usize::try_from(size - at).unwrap_or(usize::MAX);
        let read = text.get_mut(..left.min(FRAME_BYTES)).unwrap_or_default();
        system::read_exact_at(plain, read, at)?;
        let end = if left <= FRAME_BYTES {
            read.len()
        } else {
            // what has no newline for so long is no log, but is kept as it is
            memchr::memrchr(b'\n', read)
                .map(|newline| newline + 1)
                .filter(|end| bytes(*end) >= LEAST_BYTES)
                .unwrap_or(read.len())
        };
        target.write_all(&compressor.compress(read.get(..end).unwrap_or_default())?)?;
        at += bytes(end);
    }
    Ok(())
}

/// The frames of a file of `size` bytes, by their own headers.
///
/// # Errors
/// It can't be read, or holds something that [`compress`] doesn't write.
pub(super) fn walk(file: &File, size: u64) -> io::Result<Vec<Frame>> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while at < size {
        if frames
            .last()
            .is_some_and(|last| bytes(last.text) < LEAST_BYTES)
        {
            return Err(foreign("a frame is too short", at));
        }
        let frame = frame_at(file, size, at)?;
        at += bytes(frame.packed);
        frames.push(frame);
    }
    Ok(frames)
}

fn frame_at(file: &File, size: u64, at: u64) -> io::Result<Frame> {
    let mut header = [0; LONGEST_HEADER];
    let there = usize::try_from(size - at).unwrap_or(usize::MAX);
    let header = header
        .get_mut(..there.min(LONGEST_HEADER))
        .unwrap_or_default();
    system::read_exact_at(file, header, at)?;
    let (text, header_bytes) =
        text_size(header).ok_or_else(|| foreign("it is no frame of axisd's", at))?;
    if text == 0 || text > bytes(FRAME_BYTES) {
        return Err(foreign("a frame says that it holds more than any does", at));
    }
    let mut end = at + header_bytes;
    loop {
        let mut block = [0; 3];
        system::read_exact_at(file, &mut block, end)
            .map_err(|_| foreign("it ends within a frame", at))?;
        let [low, middle, high] = block;
        let block = u64::from(u32::from_le_bytes([low, middle, high, 0]));
        let (is_last, kind, length) = (block & 1 == 1, block >> 1 & 3, block >> 3);
        // raw, one byte repeated, compressed
        if kind == 3 || length > MOST_IN_BLOCK {
            return Err(foreign("a frame is damaged", at));
        }
        end += 3 + if kind == 1 { 1 } else { length };
        if is_last {
            break;
        }
    }
    end += CHECKSUM_BYTES;
    if end > size {
        return Err(foreign("it ends within a frame", at));
    }
    let packed = end - at;
    if text > packed.saturating_mul(MOST_SHRUNK) {
        return Err(foreign("a frame holds more than records can", at));
    }
    let in_memory = |bytes| usize::try_from(bytes).map_err(io::Error::other);
    Ok(Frame {
        at,
        packed: in_memory(packed)?,
        text: in_memory(text)?,
    })
}

/// The size of a frame's text and that of its header; `None` when it isn't
/// written as [`compress`] writes it: with its size and a checksum, without a
/// dictionary.
fn text_size(header: &[u8]) -> Option<(u64, u64)> {
    let rest = header.strip_prefix(&MAGIC)?;
    let (descriptor, rest) = rest.split_first()?;
    let has_checksum = descriptor & 0b100 != 0;
    let is_single = descriptor & 0b10_0000 != 0;
    if !has_checksum || descriptor & 0b1_1011 != 0 {
        return None;
    }
    let window_bytes = usize::from(!is_single);
    let rest = rest.get(window_bytes..)?;
    let (size, length) = match (descriptor >> 6, is_single) {
        (0, true) => (u64::from(*rest.first()?), 1),
        (1, _) => (u64::from(u16::from_le_bytes(*rest.first_chunk()?)) + 256, 2),
        (2, _) => (u64::from(u32::from_le_bytes(*rest.first_chunk()?)), 4),
        (3, _) => (u64::from_le_bytes(*rest.first_chunk()?), 8),
        _ => return None,
    };
    Some((size, bytes(MAGIC.len() + 1 + window_bytes + length)))
}

/// What is used again from frame to frame.
pub(super) struct Unpacker {
    packed: Vec<u8>,
    decompressor: Decompressor<'static>,
}

impl Unpacker {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            packed: Vec::new(),
            decompressor: Decompressor::new()?,
        })
    }

    /// Puts the text of `frame` into `text`.
    ///
    /// # Errors
    /// It can't be read, or isn't what its checksum says.
    pub(super) fn unpack(
        &mut self,
        file: &File,
        frame: &Frame,
        text: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.packed.resize(frame.packed, 0);
        system::read_exact_at(file, &mut self.packed, frame.at)?;
        text.clear();
        text.reserve_exact(frame.text);
        let unpacked = self.decompressor.decompress_to_buffer(&self.packed, text);
        match unpacked {
            Ok(length) if length == frame.text => Ok(()),
            _ => Err(foreign("a frame is damaged", frame.at)),
        }
    }
}

fn foreign(what: &str, at: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what} (at byte {at} of the compressed file)"),
    )
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
