//! Rules out nearly every place of a text at a few bytes a nanosecond.
//!
//! Each form of a secret has at least `window` bytes, so of all places that
//! are `window - 3` apart one lies in its first `window` bytes with four bytes
//! to come. Only if those four occur there in some form does anybody look
//! closer.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::pattern::Pattern;

/// Bytes at the beginning of a form that are looked at, where a filter is made
/// once and meets many texts: more would let more through than it skips.
pub(super) const WIDE: usize = 32;
/// The same where a filter is made for one text: its grams are fewer.
pub(super) const NARROW: usize = 16;
/// Bytes of a gram.
const GRAM: usize = 4;
/// Bytes of a few characters and a break, of which all grams count.
const LONG_WINDOW: usize = 1024;

/// Some of the patterns: a bit each, the 65th shares that of the first.
#[derive(Clone, Copy)]
pub(super) struct Which(u64);

impl Which {
    /// Patterns whose numbers differ by this share a bit.
    pub const BITS: usize = 64;

    fn only(index: usize) -> Self {
        Self(1 << (index % Self::BITS))
    }

    /// The bits that are set: the lowest number of each pattern of them.
    pub fn bits(self) -> impl Iterator<Item = usize> {
        let next = |bits: &u64| Some(bits & (bits - 1)).filter(|left| *left != 0);
        let all = std::iter::successors(Some(self.0).filter(|bits| *bits != 0), next);
        all.map(|bits| bits.trailing_zeros() as usize)
    }
}

/// Where the forms of some patterns may begin.
#[derive(Clone)]
pub(super) struct Filter {
    /// For each byte, the patterns with a form that begins with it.
    first: Zeroizing<[u64; 256]>,
    /// Bytes at the beginning of a form that are looked at; no form has fewer.
    window: usize,
    /// The grams in the first `window` bytes of all forms.
    grams: Grams,
}

impl Filter {
    /// A filter that lets nothing through.
    pub fn new() -> Self {
        Self {
            first: Zeroizing::new([0; 256]),
            window: WIDE,
            grams: Grams::new(),
        }
    }

    /// Lets through what may be a form of `patterns`, of which the first has
    /// the number `start`, and looks at no more than `window` bytes of each.
    pub fn add(&mut self, patterns: &[Arc<Pattern>], start: usize, window: usize) {
        // the grams of those that were added before are more than those of a
        // smaller window
        let lengths = patterns.iter().map(|pattern| pattern.len());
        if let Some(shortest) = lengths.min() {
            self.window = self.window.min(shortest).min(window);
        }
        for (index, pattern) in patterns.iter().enumerate() {
            let forms = pattern.forms(self.window);
            let forms: Vec<&[Vec<u8>]> = forms.iter().map(Vec::as_slice).collect();
            for form in forms.iter().take(1).copied().flatten() {
                for byte in [form[0], form[0].to_ascii_uppercase()] {
                    self.first[usize::from(byte)] |= Which::only(start + index).0;
                }
            }
            if let Some(row) = plain_row(&forms) {
                self.add_row(&row, pattern.breaks());
            } else {
                self.grams.add(&forms, self.window);
                self.add_broken(&forms, pattern.breaks());
            }
        }
    }

    /// Lets through what `other` does, of whose patterns the first has the
    /// number `start` here.
    pub fn join(&mut self, other: &Self, start: usize) {
        // the grams in a larger window are more than those in a smaller one
        self.window = self.window.min(other.window);
        let shift = u32::try_from(start % Which::BITS).unwrap_or(0);
        for (own, others) in self.first.iter_mut().zip(other.first.iter()) {
            *own |= others.rotate_left(shift);
        }
        for (own, others) in self.grams.0.iter_mut().zip(other.grams.0.iter()) {
            *own |= others;
        }
    }

    /// Adds the grams of characters that are one byte each and nothing else.
    fn add_row(&mut self, row: &[u8], breaks: &[&[u8]]) {
        self.grams.add_all_of(row);
        for at in 1..row.len() {
            let before = &row[at.saturating_sub(GRAM - 1)..at];
            let behind = &row[at..row.len().min(at + GRAM - 1)];
            for ending in breaks {
                self.grams.add_all_of(&[before, ending, behind].concat());
            }
        }
    }

    /// Adds the grams that hold some of a break between two of these characters.
    fn add_broken(&mut self, forms: &[&[Vec<u8>]], breaks: &[&[u8]]) {
        if breaks.is_empty() {
            return;
        }
        let breaks: Vec<Vec<u8>> = breaks.iter().map(|ending| ending.to_vec()).collect();
        for at in 1..forms.len() {
            let before = &forms[at.saturating_sub(GRAM - 1)..at];
            let behind = &forms[at..forms.len().min(at + GRAM - 1)];
            let around = [before, &[breaks.as_slice()], behind].concat();
            self.grams.add(&around, LONG_WINDOW);
        }
    }

    /// Visits every place of `text` where a form of some patterns may begin,
    /// in order, until `visit` breaks.
    pub fn candidates(&self, text: &[u8], visit: impl FnMut(usize, Which) -> ControlFlow<()>) {
        // the result says only who ended the search
        let _ = self.search(text, visit);
    }

    fn search(
        &self,
        text: &[u8],
        mut visit: impl FnMut(usize, Which) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut look_closer = |mut places: Range<usize>| {
            places.try_for_each(|at| match self.first[usize::from(text[at])] {
                0 => ControlFlow::Continue(()),
                which => visit(at, Which(which)),
            })
        };
        let mut undecided = 0;
        if self.window >= GRAM {
            let step = self.window - GRAM + 1;
            let mut sample = step - 1;
            loop {
                sample = self.grams.skip(text, sample, step);
                undecided = sample + 1 - step;
                if gram_at(text, sample).is_none() {
                    break;
                }
                // of a form that begins before, each gram up to here is known
                let known = (undecided..sample).rev().take_while(|at| {
                    gram_at(text, *at).is_some_and(|gram| self.grams.contain(gram))
                });
                let start = sample - known.count();
                look_closer(start..sample + 1)?;
                sample += step;
            }
        }
        look_closer(undecided..text.len())
    }
}

/// The gram at `text[at]`, unless the text ends within.
fn gram_at(text: &[u8], at: usize) -> Option<[u8; GRAM]> {
    text.get(at..)?.first_chunk().copied()
}

/// The bytes of characters that have one form of one byte each.
fn plain_row(forms: &[&[Vec<u8>]]) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = forms.iter().map(|forms| match forms {
        [form] => form.first().copied().filter(|_| form.len() == 1),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}

/// A set of grams that may claim to contain some it doesn't, and takes upper
/// and lower case for the same.
struct Grams(Box<Zeroizing<[u64; Grams::WORDS]>>);

impl Clone for Grams {
    /// Never by way of the stack, where it would stay.
    fn clone(&self) -> Self {
        let mut copy = Self::new();
        copy.0.copy_from_slice(&self.0[..]);
        copy
    }
}

impl Grams {
    /// 2^17 bits fit a core's first cache beside the text; of a usual secret
    /// 4,000 are set.
    const BITS: u32 = 17;
    /// A number that is known spares each gram a look at the set's size.
    const WORDS: usize = (1 << Self::BITS) / 64;

    fn new() -> Self {
        Self(Box::new(Zeroizing::new([0; Self::WORDS])))
    }

    /// Adds the grams that lie in the first `window` bytes of any row of one
    /// form for each symbol.
    fn add(&mut self, forms: &[&[Vec<u8>]], window: usize) {
        let mut following = Beginnings::of_nothing();
        let mut short: Vec<&[u8]> = Vec::new();
        for (symbol, forms) in forms.iter().enumerate().rev() {
            // no form of this symbol begins before byte number `symbol`
            let starts = (window + 1).saturating_sub(symbol + GRAM);
            for form in *forms {
                for at in 0..form.len().min(starts) {
                    let tail = &form[at..];
                    if let Some(gram) = tail.first_chunk() {
                        self.insert(*gram);
                    } else if !short.contains(&tail) {
                        short.push(tail);
                    }
                }
            }
            for tail in short.drain(..) {
                following.complete(tail, GRAM, |gram| self.insert(gram));
            }
            following = following.behind(forms);
        }
    }

    /// Adds all grams of `row`.
    fn add_all_of(&mut self, row: &[u8]) {
        for gram in row.windows(GRAM) {
            self.insert([gram[0], gram[1], gram[2], gram[3]]);
        }
    }

    fn insert(&mut self, gram: [u8; GRAM]) {
        let (word, bit) = Self::place(gram);
        self.0[word] |= 1 << bit;
    }

    /// The first of the places `sample`, `sample + step`, … where a gram of these
    /// stands, or the first beyond the text. It is all that most of a text meets,
    /// and has the processor's registers for itself.
    #[inline(never)]
    fn skip(&self, text: &[u8], mut sample: usize, step: usize) -> usize {
        while let Some(gram) = gram_at(text, sample)
            && !self.contain(gram)
        {
            sample += step;
        }
        sample
    }

    #[inline]
    fn contain(&self, gram: [u8; GRAM]) -> bool {
        let (word, bit) = Self::place(gram);
        self.0[word] >> bit & 1 == 1
    }

    fn place(gram: [u8; GRAM]) -> (usize, u32) {
        let folded = u32::from_le_bytes(gram) | 0x2020_2020;
        let hash = folded.wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS);
        ((hash >> 6).try_into().unwrap_or(0), hash & 63)
    }
}

/// The first bytes of all that can stand behind some symbol, by their number
/// (0 to 3); what goes beyond that number is zero.
struct Beginnings([Vec<[u8; GRAM]>; GRAM]);

impl Beginnings {
    fn of_nothing() -> Self {
        let mut beginnings = Self(Default::default());
        beginnings.0[0].push([0; GRAM]);
        beginnings
    }

    /// The beginnings when one of `forms` stands before these.
    fn behind(&self, forms: &[Vec<u8>]) -> Self {
        let mut beginnings = Self::of_nothing();
        for (length, set) in beginnings.0.iter_mut().enumerate().skip(1) {
            for form in forms {
                self.complete(form, length, |bytes| {
                    // there are a few dozens
                    if !set.contains(&bytes) {
                        set.push(bytes);
                    }
                });
            }
        }
        beginnings
    }

    /// Every `length` bytes that begin with `form` and go on with these.
    fn complete(&self, form: &[u8], length: usize, mut found: impl FnMut([u8; GRAM])) {
        let own = form.len().min(length);
        let mut bytes = [0; GRAM];
        bytes[..own].copy_from_slice(&form[..own]);
        for rest in &self.0[length - own] {
            bytes[own..length].copy_from_slice(&rest[..length - own]);
            found(bytes);
        }
    }
}
