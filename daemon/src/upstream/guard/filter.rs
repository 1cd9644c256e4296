//! Rules out nearly every place of a text at a few bytes a nanosecond.
//!
//! Each form of a secret has at least `window` bytes, so of all places that
//! are `window - 3` apart one lies in its first `window` bytes with four bytes
//! to come. Only if those four occur there in some form does anybody look
//! closer.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use zeroize::Zeroizing;

use super::pattern::Pattern;

/// Bytes at the beginning of a form that are looked at: more would skip
/// further, but let more through.
const WINDOW: usize = 12;
/// Bytes of a gram.
const GRAM: usize = 4;

/// Some of the patterns: a bit each, the 33rd shares that of the first.
#[derive(Clone, Copy)]
pub(super) struct Which(u32);

impl Which {
    fn only(index: usize) -> Self {
        Self(1 << (index % 32))
    }

    /// Whether pattern number `index` is among these.
    pub fn has(self, index: usize) -> bool {
        self.0 & Self::only(index).0 != 0
    }
}

/// Where the forms of some patterns may begin.
pub(super) struct Filter {
    /// For each byte, the patterns with a form that begins with it.
    first: Zeroizing<[u32; 256]>,
    /// Bytes at the beginning of a form that are looked at; no form has fewer.
    window: usize,
    /// The grams in the first `window` bytes of all forms.
    grams: Grams,
}

impl Filter {
    /// A filter for the forms of `patterns`.
    pub fn new(patterns: &[Pattern]) -> Self {
        let shortest = patterns.iter().map(Pattern::len).min().unwrap_or(0);
        let window = shortest.min(WINDOW);
        let mut first = Zeroizing::new([0; 256]);
        let mut grams = Grams::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let forms = pattern.forms(window);
            for form in forms.iter().take(1).flatten() {
                for byte in [form[0], form[0].to_ascii_uppercase()] {
                    first[usize::from(byte)] |= Which::only(index).0;
                }
            }
            grams.add(&forms);
        }
        Self {
            first,
            window,
            grams,
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
        let mut look_closer = |mut places: std::ops::Range<usize>| {
            places.try_for_each(|at| match self.first[usize::from(text[at])] {
                0 => ControlFlow::Continue(()),
                which => visit(at, Which(which)),
            })
        };
        let mut undecided = 0;
        if self.window >= GRAM {
            let mut sample = self.window - GRAM;
            while let Some(gram) = text.get(sample..).and_then(<[u8]>::first_chunk) {
                if self.grams.contain(*gram) {
                    look_closer(undecided..sample + 1)?;
                }
                undecided = sample + 1;
                sample += self.window - GRAM + 1;
            }
        }
        look_closer(undecided..text.len())
    }
}

/// A set of grams that may claim to contain some it doesn't, and takes upper
/// and lower case for the same.
struct Grams(Zeroizing<Vec<u64>>);

impl Grams {
    /// 2^16 bits fit a core's first cache beside the text.
    const BITS: u32 = 16;

    fn new() -> Self {
        Self(Zeroizing::new(vec![0; (1 << Self::BITS) / 64]))
    }

    /// Adds the grams that lie in the first `forms.len()` bytes of any row of
    /// one form for each symbol.
    fn add(&mut self, forms: &[Vec<Vec<u8>>]) {
        let window = forms.len();
        let mut following = Beginnings::of_nothing();
        for (symbol, forms) in forms.iter().enumerate().rev() {
            // no form of this symbol begins before byte number `symbol`
            let offsets = (0..).take_while(|offset| symbol + offset + GRAM <= window);
            let tails: BTreeSet<_> = offsets
                .flat_map(|offset| forms.iter().filter_map(move |form| form.get(offset..)))
                .filter(|tail| !tail.is_empty())
                .map(|tail| &tail[..tail.len().min(GRAM)])
                .collect();
            for tail in tails {
                following.complete(tail, GRAM, |gram| self.insert(gram));
            }
            following = following.behind(forms);
        }
    }

    fn insert(&mut self, gram: [u8; GRAM]) {
        let (word, bit) = Self::place(gram);
        self.0[word] |= 1 << bit;
    }

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
struct Beginnings([BTreeSet<[u8; GRAM]>; GRAM]);

impl Beginnings {
    fn of_nothing() -> Self {
        let mut beginnings = Self(Default::default());
        beginnings.0[0].insert([0; GRAM]);
        beginnings
    }

    /// The beginnings when one of `forms` stands before these.
    fn behind(&self, forms: &[Vec<u8>]) -> Self {
        let mut beginnings = Self::of_nothing();
        for (length, set) in beginnings.0.iter_mut().enumerate().skip(1) {
            for form in forms {
                self.complete(form, length, |bytes| {
                    set.insert(bytes);
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
