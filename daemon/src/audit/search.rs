//! Looking through the log, newest lines first, on all processors, and no
//! further than is needed.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bytes::Bytes;

use super::aside::file_name;
use super::bounds;
use super::filter::Filter;
use super::reader::{Log, named};
use super::stretches::{Page, Stretches};

/// More threads than this gain nothing: memory is the limit then.
const MOST_THREADS: usize = 8;

/// The lines that were found.
#[derive(Debug, Default)]
pub struct Found {
    /// Without their newlines, oldest first.
    pub lines: Vec<Bytes>,
    /// A file that can't be read, and why: there may be older lines.
    pub unread: Option<io::Error>,
}

/// The last `n` lines of `log` that `filter` takes. `wanted` is asked now and
/// then whether anyone still waits for them.
pub(super) fn last(
    log: Log,
    n: usize,
    filter: &Filter,
    wanted: &(dyn Fn() -> bool + Sync),
) -> Found {
    let mut found = Found::default();
    let mut newest_first: Vec<Bytes> = Vec::new();
    for file in files(bounds::trimmed(log, filter)).rev() {
        if newest_first.len() >= n || !wanted() {
            break;
        }
        let (stretches, name) = match file {
            Ok(Some(file)) => file,
            // one that was pruned meanwhile is as if it had been before
            Ok(None) => continue,
            Err(error) => {
                found.unread.get_or_insert(error);
                continue;
            }
        };
        let search = Search {
            stretches: &stretches,
            range: bounds::range(&mut Page::default(), &stretches, filter),
            filter,
            wanted,
            missing: n - newest_first.len(),
            taken: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            progress: Mutex::default(),
        };
        let progress = search.run();
        newest_first.extend(progress.lines);
        if let Some(error) = progress.error {
            found.unread.get_or_insert(named(&name, error));
        }
        if progress.is_past {
            break;
        }
    }
    newest_first.truncate(n);
    newest_first.reverse();
    found.lines = newest_first;
    found
}

/// The files of `log` in their order, each opened when its turn comes. One that
/// was pruned meanwhile is as if it had been before.
fn files(log: Log) -> impl DoubleEndedIterator<Item = io::Result<Option<(Stretches, String)>>> {
    let current = log
        .current
        .map(|(file, size)| Ok(Some((Stretches::plain(file, size), String::new()))));
    log.segments
        .into_iter()
        .map(|segment| {
            let name = file_name(segment.path());
            match Stretches::of(&segment) {
                Ok(stretches) => Ok(stretches.map(|stretches| (stretches, name))),
                Err(error) => Err(named(&name, error)),
            }
        })
        .chain(current)
}

/// The lines of a stretch, without their newlines.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = (!text.is_empty()).then(|| text.strip_suffix(b"\n").unwrap_or(text));
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, after) = match memchr::memchr(b'\n', text) {
            Some(newline) => (text.get(..newline), text.get(newline + 1..)),
            None => (Some(text), None),
        };
        rest = after;
        line
    })
}

/// Shows each line of `log` that `filter` takes to `see`, oldest first, until
/// that says no. A file that can't be read, and why.
pub(super) fn each(
    log: Log,
    filter: &Filter,
    see: &mut dyn FnMut(&[u8]) -> bool,
) -> Option<io::Error> {
    let mut unread = None;
    let mut page = Page::default();
    for file in files(bounds::trimmed(log, filter)) {
        let (stretches, name) = match file {
            Ok(Some(file)) => file,
            Ok(None) => continue,
            Err(error) => {
                unread.get_or_insert(error);
                continue;
            }
        };
        for nth in bounds::range(&mut page, &stretches, filter) {
            match page.read(&stretches, nth) {
                Ok(text) => {
                    let is_asked_for = |line: &&[u8]| filter.reaches(line) && filter.takes(line);
                    for line in lines(text).filter(is_asked_for) {
                        if !see(line) {
                            return unread;
                        }
                    }
                }
                Err(error) => {
                    unread.get_or_insert(named(&name, error));
                }
            }
        }
    }
    unread
}

/// Shows each line of `log` that `filter` takes to `see`, on all processors and
/// in any order; what each thread made of them goes to `merge`. A file that
/// can't be read, and why.
pub(super) fn each_in_any_order<T: Default + Send>(
    log: Log,
    filter: &Filter,
    wanted: &(dyn Fn() -> bool + Sync),
    see: impl Fn(&mut T, &[u8]) + Sync,
    mut merge: impl FnMut(T),
) -> Option<io::Error> {
    let mut unread = None;
    for file in files(bounds::trimmed(log, filter)) {
        let (stretches, name) = match file {
            Ok(Some(file)) => file,
            Ok(None) => continue,
            Err(error) => {
                unread.get_or_insert(error);
                continue;
            }
        };
        let Range { start, end } = bounds::range(&mut Page::default(), &stretches, filter);
        let taken = AtomicUsize::new(start);
        let work = || {
            let (mut page, mut made, mut failed) = (Page::default(), T::default(), None);
            loop {
                let nth = taken.fetch_add(1, Ordering::Relaxed);
                if nth >= end || !wanted() {
                    return (made, failed);
                }
                match page.read(&stretches, nth) {
                    Ok(text) => {
                        let is_asked_for =
                            |line: &&[u8]| filter.reaches(line) && filter.takes(line);
                        for line in lines(text).filter(is_asked_for) {
                            see(&mut made, line);
                        }
                    }
                    Err(error) => failed = Some(error),
                }
            }
        };
        let parts = thread::scope(|scope| {
            let others: Vec<_> = (1..threads(end - start))
                .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut parts = vec![work()];
            parts.extend(others.into_iter().map(|other| {
                let crashed = || io::Error::other("a thread that read it has crashed");
                other
                    .join()
                    .unwrap_or_else(|_| (T::default(), Some(crashed())))
            }));
            parts
        });
        for (made, failed) in parts {
            merge(made);
            if let Some(error) = failed {
                unread.get_or_insert(named(&name, error));
            }
        }
    }
    unread
}

/// How many threads so many stretches are worth.
fn threads(stretches: usize) -> usize {
    thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MOST_THREADS)
        .min(stretches)
}

/// What was found in one stretch.
struct Part {
    /// Newest first.
    lines: Vec<Bytes>,
    error: Option<io::Error>,
    /// Nothing before it is asked for.
    is_past: bool,
}

/// The search through one file.
struct Search<'a> {
    stretches: &'a Stretches,
    /// Which of them are looked through.
    range: Range<usize>,
    filter: &'a Filter,
    wanted: &'a (dyn Fn() -> bool + Sync),
    /// How many lines to find.
    missing: usize,
    /// How many stretches were given out, from the last on.
    taken: AtomicUsize,
    ended: AtomicBool,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Newest first, of all stretches up to `next`.
    lines: Vec<Bytes>,
    /// The stretch whose lines come next, counted from the last.
    next: usize,
    /// Of stretches that were done before their turn.
    early: BTreeMap<usize, Part>,
    error: Option<io::Error>,
    is_past: bool,
}

impl Search<'_> {
    fn run(self) -> Progress {
        let threads = threads(self.range.len());
        // the last stretch alone has the answer mostly
        self.look_through(1);
        if threads > 1 && !self.ended.load(Ordering::Relaxed) {
            thread::scope(|scope| {
                for _ in 1..threads {
                    // a thread less takes longer, no more
                    let _ = thread::Builder::new().spawn_scoped(scope, || {
                        self.look_through(usize::MAX);
                    });
                }
                self.look_through(usize::MAX);
            });
        } else {
            self.look_through(usize::MAX);
        }
        self.progress
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes at most so many stretches, one after another.
    fn look_through(&self, most: usize) {
        let mut page = Page::default();
        for _ in 0..most {
            if self.ended.load(Ordering::Relaxed) || !(self.wanted)() {
                return;
            }
            let nth = self.taken.fetch_add(1, Ordering::Relaxed);
            let from_begin = self.range.end.checked_sub(nth + 1);
            let Some(from_begin) = from_begin.filter(|nth| *nth >= self.range.start) else {
                return;
            };
            let part = self.part(&mut page, from_begin);
            self.add(nth, part);
        }
    }

    fn part(&self, page: &mut Page, nth: usize) -> Part {
        let text = match page.read(self.stretches, nth) {
            Ok(text) => self.filter.cut(text),
            Err(error) => {
                return Part {
                    lines: Vec::new(),
                    error: Some(error),
                    is_past: false,
                };
            }
        };
        let mut lines = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && lines.len() < self.missing {
            let ended = rest.strip_suffix(b"\n").unwrap_or(rest);
            let begin = memchr::memrchr(b'\n', ended).map_or(0, |newline| newline + 1);
            let (before, line) = ended.split_at(begin);
            if self.filter.follows(line) && self.filter.takes(line) {
                lines.push(Bytes::copy_from_slice(line));
            }
            rest = before;
        }
        Part {
            is_past: !text.is_empty() && lines.is_empty() && self.filter.is_past(text),
            lines,
            error: None,
        }
    }

    fn add(&self, nth: usize, part: Part) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.early.insert(nth, part);
        loop {
            let next = progress.next;
            let Some(part) = progress.early.remove(&next) else {
                return;
            };
            progress.next += 1;
            if self.ended.load(Ordering::Relaxed) {
                continue;
            }
            progress.lines.extend(part.lines);
            if progress.error.is_none() {
                progress.error = part.error;
            }
            progress.is_past = part.is_past;
            if progress.is_past || progress.lines.len() >= self.missing {
                self.ended.store(true, Ordering::Relaxed);
            }
        }
    }
}
