//! Lines from a byte stream: bounded in memory, safe to cancel between any
//! two bytes, and none lost, neither the last without its newline nor the
//! one that is too long.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line that is read, in bytes without its end.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// How much is read at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// With less room than this it isn't worth reading, in bytes.
const LEAST_ROOM: usize = 8 * 1024;

/// How much of a line that is too long is kept to find its id in, in bytes.
const HEAD_BYTES: usize = 4 * 1024;

/// What stood between two newlines.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line without its end, neither LF nor CRLF.
    Whole(Bytes),
    /// A line over [`MAX_LINE_BYTES`]: only its beginning was kept.
    TooLong(Bytes),
}

/// Splits what it reads into lines.
pub struct LineReader<R> {
    input: R,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no newline.
    searched: usize,
    /// Whether the buffer may have grown beyond a chunk.
    is_large: bool,
    /// The beginning of the line that is being skipped.
    skipping: Option<Bytes>,
    ended: bool,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// A reader at the beginning of a line.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: BytesMut::new(),
            searched: 0,
            is_large: false,
            skipping: None,
            ended: false,
        }
    }

    /// The next line, or `None` once the stream has ended. A call that is
    /// dropped before it is ready loses nothing.
    ///
    /// # Errors
    /// What the stream itself reports.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(self.take_rest());
            }
            self.make_room();
            self.ended = self.input.read_buf(&mut self.buffer).await? == 0;
        }
    }

    /// Room for what is read next: what lines before took, once they are gone.
    /// This runs each time that a read is begun or begun anew.
    fn make_room(&mut self) {
        if self.buffer.is_empty() && self.is_large {
            // a long line before this one must not keep its memory
            self.buffer = BytesMut::new();
            self.is_large = false;
        }
        if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM {
            self.is_large |= !self.buffer.is_empty();
            self.buffer.reserve(CHUNK_BYTES);
        }
    }

    fn take_line(&mut self) -> Option<Line> {
        let fresh = &self.buffer[self.searched..];
        if let Some(offset) = fresh.iter().position(|byte| *byte == b'\n') {
            let mut line = self.buffer.split_to(self.searched + offset + 1);
            self.searched = 0;
            line.truncate(line.len() - 1);
            return Some(self.finish(line));
        }
        self.searched = self.buffer.len();
        if self.buffer.len() > MAX_LINE_BYTES || self.skipping.is_some() {
            self.skip_buffer();
        }
        None
    }

    fn take_rest(&mut self) -> Option<Line> {
        if self.buffer.is_empty() && self.skipping.is_none() {
            return None;
        }
        self.searched = 0;
        let line = self.buffer.split();
        Some(self.finish(line))
    }

    fn finish(&mut self, mut line: BytesMut) -> Line {
        if let Some(head) = self.skipping.take() {
            return Line::TooLong(head);
        }
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > MAX_LINE_BYTES {
            return Line::TooLong(Bytes::copy_from_slice(&line[..HEAD_BYTES]));
        }
        Line::Whole(line.freeze())
    }

    fn skip_buffer(&mut self) {
        if self.skipping.is_none() {
            self.skipping = Some(Bytes::copy_from_slice(&self.buffer[..HEAD_BYTES]));
        }
        self.buffer = BytesMut::new();
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8]) -> Vec<Line> {
        let mut reader = LineReader::new(input);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(line);
        }
        lines
    }

    fn whole(text: &str) -> Line {
        Line::Whole(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[tokio::test]
    async fn lf_crlf_and_a_last_line_without_newline_are_lines() {
        for (input, expected) in [
            ("", vec![]),
            ("a\nb\n", vec![whole("a"), whole("b")]),
            ("a\r\n\r\nb", vec![whole("a"), whole(""), whole("b")]),
            ("\n\na", vec![whole(""), whole(""), whole("a")]),
        ] {
            assert_eq!(lines(input.as_bytes()).await, expected, "{input:?}");
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_keeps_its_beginning_and_the_next_line_whole() {
        let mut input = b"{\"id\":7,".to_vec();
        input.resize(MAX_LINE_BYTES + 5 * CHUNK_BYTES, b'x');
        input.extend_from_slice(b"\nnext");
        let lines = lines(&input).await;
        let Line::TooLong(head) = &lines[0] else {
            panic!("taken as a whole line")
        };
        assert!(head.starts_with(b"{\"id\":7,") && head.len() == HEAD_BYTES);
        assert_eq!(lines[1..], [whole("next")]);
    }

    #[tokio::test]
    async fn the_longest_line_is_still_read() {
        let mut input = vec![b'x'; MAX_LINE_BYTES];
        input.extend_from_slice(b"\r\n");
        assert!(
            matches!(&lines(&input).await[..], [Line::Whole(line)] if line.len() == MAX_LINE_BYTES)
        );
    }

    #[tokio::test]
    async fn short_lines_share_memory_and_a_long_one_keeps_none() {
        let mut input = Vec::new();
        for _ in 0..1000 {
            input.extend_from_slice(&[b'x'; 999]);
            input.push(b'\n');
        }
        input.extend(vec![b'x'; 40 * CHUNK_BYTES]);
        input.extend_from_slice(b"\nlast\n");
        let mut reader = LineReader::new(input.as_slice());
        let mut places = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let Ok(Some(Line::Whole(line))) = reader.next().await else {
                panic!("a line was lost")
            };
            places.insert(line.as_ptr() as usize / CHUNK_BYTES);
        }
        // one chunk, or two where the allocator gave another in between
        assert!(places.len() <= 4, "{places:?}");
        assert!(matches!(reader.next().await, Ok(Some(Line::Whole(_)))));
        assert_eq!(reader.next().await.unwrap(), Some(whole("last")));
        assert!(reader.next().await.unwrap().is_none());
        assert!(reader.buffer.capacity() <= 2 * CHUNK_BYTES);
    }

    #[tokio::test]
    async fn a_read_that_was_given_up_loses_no_byte() {
        use tokio::io::AsyncWriteExt;
        let (mut writer, reader) = tokio::io::duplex(8);
        let mut reader = LineReader::new(reader);
        writer.write_all(b"hal").await.unwrap();
        tokio::select! {
            biased;
            line = reader.next() => panic!("{line:?}"),
            () = tokio::task::yield_now() => {}
        }
        writer.write_all(b"ves\n").await.unwrap();
        assert_eq!(reader.next().await.unwrap(), Some(whole("halves")));
    }
}
