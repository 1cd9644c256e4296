//! Takes a body in as it arrives: decodes it, counts it against the cap and
//! takes the credential out, all in one pass.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};

use super::error::UpstreamError;
use super::guard::{GuardedStream, LeakGuard};

/// Characters of an unknown encoding that an error repeats.
const LONGEST_ENCODING: usize = 64;

/// Encoded bytes that are decoded before the result is handed on: gzip makes
/// up to a thousand times as many of them.
const PIECE: usize = 1024;

/// A body on its way in.
pub(super) struct Intake<'g> {
    host: &'g str,
    cap: usize,
    announced: usize,
    coding: Coding<'g>,
    /// Nothing came yet: an answer to HEAD may say gzip and have no body.
    empty: bool,
}

enum Coding<'g> {
    Plain(Sink<'g>),
    Gzip(Box<MultiGzDecoder<Sink<'g>>>),
}

/// Where decoded bytes go.
struct Sink<'g> {
    guarded: GuardedStream<'g>,
    out: Vec<u8>,
    /// Bytes that may still come.
    room: usize,
    overflown: bool,
}

impl<'g> Intake<'g> {
    /// Makes ready for the body that `headers` announce, of at most `cap`
    /// bytes when decoded.
    ///
    /// # Errors
    /// It is too large by its own account, or its encoding is not understood.
    pub fn new(
        headers: &HeaderMap,
        cap: usize,
        host: &'g str,
        guard: &'g LeakGuard,
    ) -> Result<Self, UpstreamError> {
        let mut intake = Self::passing(headers, cap, host, guard)?;
        if let Coding::Plain(sink) = &mut intake.coding {
            sink.out.reserve_exact(intake.announced);
        }
        Ok(intake)
    }

    /// The same for a body that is taken out by [`Self::take`] as it comes.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn passing(
        headers: &HeaderMap,
        cap: usize,
        host: &'g str,
        guard: &'g LeakGuard,
    ) -> Result<Self, UpstreamError> {
        let sink = |out| Sink {
            guarded: guard.stream(),
            out,
            room: cap,
            overflown: false,
        };
        let announced = announced_length(headers);
        let coding = match encoding(headers).as_str() {
            "" if announced <= cap => Coding::Plain(sink(Vec::new())),
            "" => return Err(too_large(host, cap)),
            "gzip" | "x-gzip" => Coding::Gzip(Box::new(MultiGzDecoder::new(sink(Vec::new())))),
            other => {
                let encoding = guard.redact(other);
                return Err(undecodable(
                    host,
                    encoding.chars().take(LONGEST_ENCODING).collect(),
                ));
            }
        };
        Ok(Self {
            host,
            cap,
            announced,
            coding,
            empty: true,
        })
    }

    /// How long the body is by the upstream's account, if it isn't encoded.
    pub fn announced(&self) -> Option<u64> {
        let is_plain = matches!(self.coding, Coding::Plain(_)) && self.announced > 0;
        u64::try_from(self.announced).ok().filter(|_| is_plain)
    }

    /// `chunk` in pieces that don't become too large when decoded.
    pub fn pieces<'c>(&self, chunk: &'c [u8]) -> std::slice::Chunks<'c, u8> {
        match self.coding {
            Coding::Plain(_) => chunk.chunks(chunk.len().max(1)),
            Coding::Gzip(_) => chunk.chunks(PIECE),
        }
    }

    /// What is decoded and guarded so far, and not taken yet.
    pub fn decoded(&self) -> &[u8] {
        match &self.coding {
            Coding::Plain(sink) => &sink.out,
            Coding::Gzip(decoder) => &decoder.get_ref().out,
        }
    }

    /// Takes it; as much is expected to come next.
    pub fn take(&mut self) -> Bytes {
        let out = match &mut self.coding {
            Coding::Plain(sink) => &mut sink.out,
            Coding::Gzip(decoder) => &mut decoder.get_mut().out,
        };
        let next = Vec::with_capacity(out.len());
        Bytes::from(std::mem::replace(out, next))
    }

    /// Takes in what came next.
    ///
    /// # Errors
    /// The body is over the cap, or not what its encoding says.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), UpstreamError> {
        self.empty &= chunk.is_empty();
        let overflown = match &mut self.coding {
            Coding::Plain(sink) => sink.write_all(chunk).map_err(|_| true),
            Coding::Gzip(decoder) => decoder
                .write_all(chunk)
                .map_err(|_| decoder.get_ref().overflown),
        };
        overflown.map_err(|overflown| self.fault(overflown))
    }

    /// The whole body without secrets, and how many were in it.
    ///
    /// # Errors
    /// As for [`Self::push`]; also if encoded text ends too early.
    pub fn finish(self) -> Result<(Bytes, u32), UpstreamError> {
        let (host, cap) = (self.host, self.cap);
        let Sink {
            guarded, mut out, ..
        } = match self.coding {
            Coding::Gzip(_) if self.empty => return Ok((Bytes::new(), 0)),
            Coding::Plain(sink) => sink,
            Coding::Gzip(mut decoder) => match decoder.try_finish() {
                Err(_) if decoder.get_ref().overflown => return Err(too_large(host, cap)),
                Err(_) => return Err(undecodable(host, "gzip".to_owned())),
                Ok(()) => decoder
                    .finish()
                    .map_err(|_| undecodable(host, "gzip".to_owned()))?,
            },
        };
        let redacted = guarded.finish(&mut out);
        Ok((Bytes::from(out), redacted))
    }

    fn fault(&self, overflown: bool) -> UpstreamError {
        if overflown {
            too_large(self.host, self.cap)
        } else {
            undecodable(self.host, "gzip".to_owned())
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, decoded: &[u8]) -> io::Result<usize> {
        let Some(room) = self.room.checked_sub(decoded.len()) else {
            self.overflown = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.room = room;
        self.guarded.push(decoded, &mut self.out);
        Ok(decoded.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All encodings of the body in one line; empty if there is none.
fn encoding(headers: &HeaderMap) -> String {
    let transfer = headers.get_all(TRANSFER_ENCODING).iter();
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .chain(transfer)
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .map(|coding| String::from_utf8_lossy(coding).trim().to_ascii_lowercase())
        .filter(|coding| !matches!(coding.as_str(), "" | "identity" | "chunked"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The Content-Length in bytes; 0 if unknown.
fn announced_length(headers: &HeaderMap) -> usize {
    let value = headers.get(CONTENT_LENGTH);
    value
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

fn too_large(host: &str, cap: usize) -> UpstreamError {
    UpstreamError::TooLarge {
        host: host.to_owned(),
        cap,
    }
}

fn undecodable(host: &str, encoding: String) -> UpstreamError {
    UpstreamError::Undecodable {
        host: host.to_owned(),
        encoding,
    }
}
