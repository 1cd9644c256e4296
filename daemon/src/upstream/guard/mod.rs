//! The leak guard: takes a secret and its encodings out of what an upstream
//! answers, whole or chunk by chunk.
//!
//! - [`LeakGuard`] knows the forms of one credential's secrets.
//! - [`GuardedStream`] applies it to one answer as it arrives.
//! - `filter` rules out most of the text, `pattern` looks closely at the rest,
//!   `escape` knows how one character may be written.

mod escape;
mod filter;
mod pattern;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use self::filter::{Filter, Which};
use self::pattern::{Attempt, Front, Pattern};

/// What stands in an answer where a secret stood.
pub const REPLACEMENT: &str = "[redacted by axis]";

/// More held bytes than this are not looked at for every byte that comes.
const MUCH: usize = 4096;

/// From how many places of an answer a search may go on beyond the usual …
const STEPS: u64 = 1 << 20;
/// … and for each of its bytes. Texts that resemble no secret need hardly any.
const STEPS_PER_BYTE: usize = 4;

/// Finds the forms of some secrets. It holds them, so it has no `Debug` and
/// wipes itself.
///
/// The forms of a secret:
/// - itself, in either case, with each character plain or escaped in its own
///   way: `%2F` (or `%252F`), `\/`, `\u002f`, `\x2f`, `\u{2f}` behind one to
///   four backslashes, `&sol;`, `&#47;`, `&#x2f;` (or `&amp;#47;`), `+` for a
///   space;
/// - its hex digits, in either case;
/// - its base64, standard or URL-safe, wherever it stands in what was encoded
///   (so also in `user:secret`), in one line or in lines of 16 characters and
///   more, also as JSON writes them;
/// - the base64 of that base64, in one line;
/// - its UTF-16 in either byte order, and the base64 of it, where it is ASCII.
///
/// Of a secret shorter than 8 bytes only the first are searched: its hex and
/// base64 are so short that innocent texts hold them. Where a base64 character
/// holds bits of the secret and of its neighbour, it stays: at most 4 bits at
/// either end. Anything else passes: a reversed secret, half of it, its hash,
/// a file that is compressed itself.
///
/// A text that resembles the secret nowhere passes at over a gigabyte a second. One
/// that an upstream made of nearly the secret takes up to the secret's length
/// times longer, and most if that is a row of backslashes; once it has taken some
/// tenths of a second, the rest is taken out unseen.
pub struct LeakGuard {
    patterns: Vec<Arc<Pattern>>,
    filter: Filter,
}

impl LeakGuard {
    /// A guard for `secrets`: a credential's own, and each part of a compound
    /// one that is secret by itself. Empty ones are left out.
    pub fn new(secrets: &[&str]) -> Self {
        let nothing = Self {
            patterns: Vec::new(),
            filter: Filter::new(),
        };
        nothing.with(secrets, filter::WIDE)
    }

    /// A guard for `secrets` beside those that this one knows, for one answer:
    /// it is sooner made than one by [`LeakGuard::new`], and takes longer over a
    /// text.
    #[must_use]
    pub fn and(&self, secrets: &[&str]) -> Self {
        self.with(secrets, filter::NARROW)
    }

    /// A guard for all that this one and `others` know. It is soon made, since
    /// they share what they hold.
    #[must_use]
    pub fn beside(&self, others: &[Arc<Self>]) -> Self {
        let mut all = Self {
            patterns: self.patterns.clone(),
            filter: self.filter.clone(),
        };
        for other in others {
            all.filter.join(&other.filter, all.patterns.len());
            all.patterns.extend(other.patterns.iter().cloned());
        }
        all
    }

    fn with(&self, secrets: &[&str], window: usize) -> Self {
        let more = secrets.iter().copied().flat_map(Pattern::of);
        let more: Vec<_> = more.map(Arc::new).collect();
        let mut filter = self.filter.clone();
        filter.add(&more, self.patterns.len(), window);
        let known = self.patterns.iter().cloned();
        Self {
            patterns: known.chain(more).collect(),
            filter,
        }
    }

    /// Begins to guard one answer.
    pub fn stream(&self) -> GuardedStream<'_> {
        GuardedStream {
            guard: self,
            held: Vec::new(),
            enough: 0,
            progress: Progress::default(),
        }
    }

    /// `text` without secrets, for a message.
    pub fn redact(&self, text: &str) -> String {
        self.redact_counted(text).0
    }

    /// `text` without secrets, and how many were in it.
    pub fn redact_counted(&self, text: &str) -> (String, u32) {
        self.redact_within(text.as_bytes(), &mut Patience::default())
    }

    /// The same of one text of several, which take as long together as one may
    /// take. What is no UTF-8 in it becomes U+FFFD.
    pub fn redact_within(&self, text: &[u8], patience: &mut Patience) -> (String, u32) {
        if patience.0 == 0 {
            return (REPLACEMENT.to_owned(), 1);
        }
        let mut out = Vec::with_capacity(text.len());
        let mut stream = self.stream();
        stream.progress.left = patience.0;
        stream.push(text, &mut out);
        stream.end(&mut out);
        patience.0 = stream.progress.left;
        // forms begin and end between characters, so nothing is lost here
        (
            String::from_utf8_lossy(&out).into_owned(),
            stream.progress.redacted,
        )
    }

    /// Looks for some patterns at one place.
    fn attempt(&self, which: Which, text: &[u8], start: usize, front: &mut Front) -> Attempt {
        let mut best = Attempt::default();
        for first in which.bits() {
            for pattern in self.patterns.iter().skip(first).step_by(Which::BITS) {
                let attempt = pattern.attempt(text, start, front);
                best.end = best.end.max(attempt.end);
                best.open |= attempt.open;
            }
        }
        best
    }

    /// Moves `text` to `out` without its secrets, and says how many of its
    /// bytes are decided: what follows may be the beginning of a form, unless
    /// this is the `last` of the text.
    fn sift(&self, text: &[u8], last: bool, progress: &mut Progress, out: &mut Vec<u8>) -> usize {
        if self.patterns.is_empty() {
            out.extend_from_slice(text);
            return text.len();
        }
        let written = out.len();
        let mut decided = text.len();
        let mut shown = progress.covered;
        let mut front = Front::with(progress.left);
        self.filter.candidates(text, |start, which| {
            let attempt = self.attempt(which, text, start, &mut front);
            if attempt.open && !last {
                decided = start;
                return ControlFlow::Break(());
            }
            if let Some(end) = attempt.end {
                if start >= shown {
                    out.extend_from_slice(&text[shown..start]);
                    if progress.escaping(&out[written..]) {
                        // else a JSON text would go on with an escape of "["
                        out.push(b'\\');
                    }
                    out.extend_from_slice(REPLACEMENT.as_bytes());
                    progress.redacted = progress.redacted.saturating_add(1);
                    shown = end;
                }
                // forms that overlap are taken out as one
                shown = shown.max(end);
            }
            ControlFlow::Continue(())
        });
        progress.left = front.left;
        if decided > shown {
            out.extend_from_slice(&text[shown..decided]);
        }
        progress.covered = shown.saturating_sub(decided);
        progress.escaping = progress.escaping(&out[written..]);
        decided
    }
}

/// How much longer the texts of one answer may be looked through: some tenths of a
/// second beyond what a usual one takes, in all.
pub struct Patience(u64);

impl Default for Patience {
    fn default() -> Self {
        Self(STEPS)
    }
}

/// One answer on its way through a [`LeakGuard`].
///
/// It holds back only what may be the beginning of a form, and never more
/// than the longest form.
pub struct GuardedStream<'g> {
    guard: &'g LeakGuard,
    held: Vec<u8>,
    /// From how many held bytes on it is worth looking at them again.
    enough: usize,
    progress: Progress,
}

impl GuardedStream<'_> {
    /// Adds what can already be said of the text up to the end of `chunk` to
    /// `out`.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.progress.left == 0 {
            // the rest was taken out, as far as it will go
            return;
        }
        let more = u64::try_from(chunk.len() * STEPS_PER_BYTE).unwrap_or(u64::MAX);
        self.progress.left = self.progress.left.saturating_add(more);
        if self.held.is_empty() {
            let decided = self.guard.sift(chunk, false, &mut self.progress, out);
            self.held.extend_from_slice(&chunk[decided..]);
        } else {
            self.held.extend_from_slice(chunk);
            if self.held.len() < self.enough {
                return;
            }
            let decided = self.guard.sift(&self.held, false, &mut self.progress, out);
            self.held.drain(..decided);
        }
        // else an upstream that sends most of a long secret byte by byte would
        // have all of it looked at for each
        let held = self.held.len();
        self.enough = if held < MUCH { 0 } else { held + held / 8 };
    }

    /// Adds what was held back, and returns how often a secret was taken out.
    pub fn finish(mut self, out: &mut Vec<u8>) -> u32 {
        self.end(out);
        self.progress.redacted
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.guard.sift(&self.held, true, &mut self.progress, out);
    }
}

/// How far an answer has come.
struct Progress {
    /// How often a secret was taken out.
    redacted: u32,
    /// Bytes of the text to come that belong to a form already taken out.
    covered: usize,
    /// Whether the output so far ends in the midst of an escape: in an odd
    /// number of backslashes.
    escaping: bool,
    /// How many places may still be gone on from.
    left: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            redacted: 0,
            covered: 0,
            escaping: false,
            left: STEPS,
        }
    }
}

impl Progress {
    /// [`Self::escaping`] when `more` has been put out as well.
    fn escaping(&self, more: &[u8]) -> bool {
        let backslashes = more.iter().rev().take_while(|b| **b == b'\\').count();
        let carried = backslashes == more.len() && self.escaping;
        (backslashes % 2 == 1) != carried
    }
}
