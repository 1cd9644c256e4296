//! Where in a log the lines can stand that are asked for: found by halving, so
//! that a page deep in a long log, or an hour of it, is as quick as the last.

use std::ops::Range;

use super::filter::{Filter, seq};
use super::reader::Log;
use super::search::lines;
use super::segments::Segment;
use super::stretches::{Page, Stretches};

/// `log` without the files that hold nothing of what is asked for.
pub(super) fn trimmed(mut log: Log, filter: &Filter) -> Log {
    let mut page = Page::default();
    let first = |segment: &Segment| Stretches::of(segment).ok().flatten();
    if filter.has_end() {
        let end = log.segments.partition_point(|segment| {
            // where it can't be told, it is looked through
            first(segment).is_none_or(|stretches| !ends_before(&mut page, &stretches, 0, filter))
        });
        if end < log.segments.len() {
            log.segments.truncate(end);
            log.current = None;
        }
    }
    if filter.has_beginning() {
        let after = log.segments.partition_point(|segment| {
            first(segment).is_some_and(|stretches| begins_after(&mut page, &stretches, 0, filter))
        });
        log.segments.drain(..after.saturating_sub(1));
    }
    log
}

/// The stretches of a file that may hold something of what is asked for.
pub(super) fn range(page: &mut Page, stretches: &Stretches, filter: &Filter) -> Range<usize> {
    let begin = if filter.has_beginning() {
        let after = partition(stretches.count(), |nth| {
            begins_after(page, stretches, nth, filter)
        });
        after.saturating_sub(1)
    } else {
        0
    };
    begin..end(page, stretches, filter).max(begin)
}

/// After which of a file's stretches nothing is asked for any more.
fn end(page: &mut Page, stretches: &Stretches, filter: &Filter) -> usize {
    if !filter.has_end() {
        return stretches.count();
    }
    partition(stretches.count(), |nth| {
        !ends_before(page, stretches, nth, filter)
    })
}

/// How many of so many numbers from 0 on are `early`, where no other is before
/// one that is.
fn partition(count: usize, mut early: impl FnMut(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if early(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Whether nothing from the first record of a stretch on is asked for.
fn ends_before(page: &mut Page, stretches: &Stretches, nth: usize, filter: &Filter) -> bool {
    page.read(stretches, nth).is_ok_and(|text| {
        let first = lines(text).find(|line| seq(line).is_some());
        first.is_some_and(|line| filter.ends_before(line))
    })
}

/// Whether nothing before a stretch is asked for.
fn begins_after(page: &mut Page, stretches: &Stretches, nth: usize, filter: &Filter) -> bool {
    page.read(stretches, nth)
        .is_ok_and(|text| filter.begins_after(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_finds_the_border() {
        for count in 0..9 {
            for border in 0..=count {
                assert_eq!(partition(count, |nth| nth < border), border);
            }
        }
    }
}
