//! One encoding of a secret as a row of characters, and where it stands in a
//! text however its characters are escaped there.

use std::ops::Range;
use std::str::{self, Chars};
use std::sync::Arc;

use axis_proto::pages::SecretPages;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::escape;

/// Bytes from which on a secret's base64 and hex are searched too: those of a
/// shorter one would be found in many an innocent text.
const LONG_ENOUGH: usize = 8;

/// How many bytes may stand before a secret, modulo three.
const OFFSETS: [usize; 3] = [0, 1, 2];

/// What may part the lines that an encoding comes in: as it is, and in JSON.
const BREAKS: [&[u8]; 6] = [b"\n", b"\r\n", b"\\n", b"\\r\\n", b"\\\\n", b"\\\\r\\\\n"];
/// Fewest characters of such a line.
const SHORTEST_LINE: usize = 16;

/// What the characters of a [`Pattern`] are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    /// The secret itself: either case, any character escaped.
    Text,
    /// Base64: the case counts; what isn't a letter or digit may be escaped,
    /// and may be of the URL-safe alphabet.
    Base64,
    /// The same in lines.
    LinesOfBase64,
    /// Hex digits, or the bytes of UTF-16: either case, never escaped.
    Bytes,
}

/// A row of characters to be found in a text.
pub(super) struct Pattern {
    /// All rows of one secret: a guard lives as long as its credential, and a
    /// row tells the secret.
    rows: Arc<SecretPages>,
    at: Range<usize>,
    alphabet: Alphabet,
}

/// Places in the text that a search has reached, kept from one search to the
/// next for their memory alone, and how much may still be searched.
#[derive(Default)]
pub(super) struct Front {
    reached: Vec<Place>,
    next: Vec<Place>,
    ends: Vec<usize>,
    /// How many places may still be gone on from. Once it is none, all of the
    /// text counts as a form: what can't be looked through doesn't pass.
    pub left: u64,
}

impl Front {
    /// A search that may go on from so many places.
    pub fn with(left: u64) -> Self {
        Self {
            left,
            ..Self::default()
        }
    }
}

/// One way to read the text up to some place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: usize,
    /// Characters since the last break of a line, up to [`SHORTEST_LINE`].
    line: usize,
}

/// What came of looking for a pattern at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The end of the longest form that starts there.
    pub end: Option<usize>,
    /// The text ended while a (longer) form was still possible.
    pub open: bool,
}

impl Pattern {
    /// The patterns of `secret`: itself, and if it is long enough its hex, its
    /// UTF-16, and the base64 of all of these at each of the three offsets that
    /// it can have in a longer text.
    pub fn of(secret: &str) -> Vec<Self> {
        let mut rows = Vec::new();
        if !secret.is_empty() {
            rows.push((Zeroizing::new(secret.to_owned()), Alphabet::Text));
        }
        if secret.len() >= LONG_ENOUGH {
            rows.extend(encoded(secret));
        }
        let mut pages = SecretPages::zeroed(rows.iter().map(|(row, _)| row.len()).sum());
        let mut start = 0;
        let mut places = Vec::new();
        for (row, alphabet) in &rows {
            let at = start..start + row.len();
            pages.bytes_mut()[at.clone()].copy_from_slice(row.as_bytes());
            start = at.end;
            places.push((at, *alphabet));
        }
        let rows = Arc::new(pages);
        let pattern = |(at, alphabet)| Self {
            rows: Arc::clone(&rows),
            at,
            alphabet,
        };
        places.into_iter().map(pattern).collect()
    }

    fn symbols(&self) -> Chars<'_> {
        // each row is made from text
        str::from_utf8(&self.rows.bytes()[self.at.clone()])
            .unwrap_or_default()
            .chars()
    }

    /// The number of characters: no form has fewer bytes.
    pub fn len(&self) -> usize {
        self.symbols().count()
    }

    /// For each of the first `count` characters, all its forms, ASCII letters
    /// in lower case.
    pub fn forms(&self, count: usize) -> Vec<Vec<Vec<u8>>> {
        let lower = |text: String| text.to_ascii_lowercase().into_bytes();
        let of_symbol = |symbol| {
            let mut forms = Vec::new();
            for variant in self.variants(symbol) {
                forms.push(lower(variant.to_string()));
                if self.escapes(symbol) {
                    forms.extend(escape::forms(variant).into_iter().map(lower));
                }
            }
            forms
        };
        self.symbols().take(count).map(of_symbol).collect()
    }

    /// What may stand between any two of its characters.
    pub fn breaks(&self) -> &'static [&'static [u8]] {
        match self.alphabet {
            Alphabet::LinesOfBase64 => &BREAKS,
            Alphabet::Text | Alphabet::Base64 | Alphabet::Bytes => &[],
        }
    }

    /// Looks for this pattern at `text[start]`.
    pub fn attempt(&self, text: &[u8], start: usize, front: &mut Front) -> Attempt {
        let mut at = start;
        let mut symbols = self.symbols();
        loop {
            let rest = symbols.clone();
            let Some(symbol) = symbols.next() else {
                return Attempt {
                    end: Some(at),
                    open: false,
                };
            };
            match text.get(at) {
                // one byte, and nothing but itself: the usual case
                Some(&byte)
                    if symbol.is_ascii()
                        && !(escape::introduces(byte) && self.escapes(symbol))
                        && !(at > start && self.may_break_at(byte)) =>
                {
                    if !self.is_plain(symbol, byte) {
                        return Attempt::default();
                    }
                    at += 1;
                }
                _ => return self.attempt_escaped(text, start..at, rest, front),
            }
        }
    }

    /// Like [`Self::attempt`] for the `symbols` that are left behind what was
    /// `read`, following every way to read the text at once.
    fn attempt_escaped(
        &self,
        text: &[u8],
        read: Range<usize>,
        symbols: Chars<'_>,
        front: &mut Front,
    ) -> Attempt {
        let Front {
            reached,
            next,
            ends,
            left,
        } = front;
        reached.clear();
        reached.push(Place {
            at: read.end,
            line: SHORTEST_LINE,
        });
        let mut open = false;
        let mut is_first = read.is_empty();
        for symbol in symbols {
            if !is_first {
                open |= self.pass_breaks(text, reached);
            }
            is_first = false;
            *left = left.saturating_sub(u64::try_from(reached.len()).unwrap_or(u64::MAX));
            if *left == 0 {
                return Attempt {
                    end: Some(text.len()),
                    open: false,
                };
            }
            for Place { at, line } in reached.drain(..) {
                let line = (line + 1).min(SHORTEST_LINE);
                for variant in self.variants(symbol) {
                    self.ends(symbol, variant, text, at, ends);
                    open |= self.may_go_on(symbol, variant, &text[at..]);
                }
                next.extend(ends.drain(..).map(|at| Place { at, line }));
            }
            next.sort_unstable();
            next.dedup();
            std::mem::swap(reached, next);
            if reached.is_empty() {
                break;
            }
        }
        Attempt {
            end: reached.last().map(|place| place.at),
            open,
        }
    }

    /// Adds to `reached` what lies behind the end of a line there; whether the
    /// text ends in the midst of one.
    fn pass_breaks(&self, text: &[u8], reached: &mut Vec<Place>) -> bool {
        let mut open = false;
        for index in 0..reached.len() {
            let Place { at, line } = reached[index];
            if line < SHORTEST_LINE {
                continue;
            }
            let rest = &text[at..];
            for ending in self.breaks() {
                if rest.starts_with(ending) {
                    let at = at + ending.len();
                    reached.push(Place { at, line: 0 });
                }
                open |= ending.len() > rest.len() && ending.starts_with(rest);
            }
        }
        open
    }

    fn may_break_at(&self, byte: u8) -> bool {
        matches!(byte, b'\n' | b'\r' | b'\\') && !self.breaks().is_empty()
    }

    fn ends(&self, symbol: char, variant: char, text: &[u8], at: usize, found: &mut Vec<usize>) {
        let mut utf8 = [0; 4];
        let plain = variant.encode_utf8(&mut utf8).as_bytes();
        let end = at + plain.len();
        if let Some(there) = text.get(at..end)
            && self.equal(there, plain)
        {
            found.push(end);
        }
        if self.escapes(symbol) {
            escape::ends(variant, text, at, found);
        }
    }

    /// Whether `rest`, the end of the text, is the beginning of a form.
    fn may_go_on(&self, symbol: char, variant: char, rest: &[u8]) -> bool {
        if rest.is_empty() || rest.len() >= escape::LONGEST {
            return rest.is_empty();
        }
        let begins =
            |form: &[u8]| form.len() > rest.len() && form[..rest.len()].eq_ignore_ascii_case(rest);
        let mut utf8 = [0; 4];
        begins(variant.encode_utf8(&mut utf8).as_bytes())
            || (self.escapes(symbol)
                && escape::introduces(rest[0])
                && escape::forms(variant)
                    .iter()
                    .any(|form| begins(form.as_bytes())))
    }

    /// The characters that may stand for `symbol`, but for the case of ASCII
    /// letters.
    fn variants(&self, symbol: char) -> impl Iterator<Item = char> + use<> {
        let others = match (self.alphabet, symbol) {
            (Alphabet::Base64 | Alphabet::LinesOfBase64, '+') => [Some('-'), None],
            (Alphabet::Base64 | Alphabet::LinesOfBase64, '/') => [Some('_'), None],
            (Alphabet::Text, _) if !symbol.is_ascii() => {
                [only(symbol.to_lowercase()), only(symbol.to_uppercase())]
            }
            _ => [None, None],
        };
        let others = others.into_iter().flatten();
        std::iter::once(symbol).chain(others.filter(move |other| *other != symbol))
    }

    /// Whether `byte` alone stands for `symbol`, which is ASCII.
    fn is_plain(&self, symbol: char, byte: u8) -> bool {
        let there = char::from(byte);
        match (self.alphabet, symbol) {
            (Alphabet::Text | Alphabet::Bytes, _) => there.eq_ignore_ascii_case(&symbol),
            (_, '+') => matches!(there, '+' | '-'),
            (_, '/') => matches!(there, '/' | '_'),
            _ => there == symbol,
        }
    }

    fn equal(&self, one: &[u8], other: &[u8]) -> bool {
        match self.alphabet {
            Alphabet::Base64 | Alphabet::LinesOfBase64 => one == other,
            Alphabet::Text | Alphabet::Bytes => one.eq_ignore_ascii_case(other),
        }
    }

    fn escapes(&self, symbol: char) -> bool {
        match self.alphabet {
            Alphabet::Text => true,
            Alphabet::Base64 | Alphabet::LinesOfBase64 => !symbol.is_ascii_alphanumeric(),
            Alphabet::Bytes => false,
        }
    }
}

/// The one character of a mapping that doesn't make several of one.
fn only(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    mapped.next().filter(|_| mapped.next().is_none())
}

/// The encodings of a secret that is long enough to be told from chance.
fn encoded(secret: &str) -> Vec<(Zeroizing<String>, Alphabet)> {
    let mut rows = vec![(Zeroizing::new(hex::encode(secret)), Alphabet::Bytes)];
    for offset in OFFSETS {
        let once = inner_base64(secret.as_bytes(), offset);
        for twice in [once.clone(), url_safe(&once)]
            .iter()
            .take(alphabets(&once))
        {
            for offset in OFFSETS {
                rows.push((inner_base64(twice.as_bytes(), offset), Alphabet::Base64));
            }
        }
        rows.push((once, Alphabet::LinesOfBase64));
    }
    if secret.is_ascii() {
        let wide = between_zeros(secret);
        for offset in OFFSETS {
            rows.push((inner_base64(wide.as_bytes(), offset), Alphabet::Base64));
        }
        rows.push((wide, Alphabet::Bytes));
    }
    rows
}

/// The base64 characters that depend on `bytes` alone when `offset` others
/// stand before them (modulo three) and anything behind them.
fn inner_base64(bytes: &[u8], offset: usize) -> Zeroizing<String> {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.reserve_exact(bytes.len());
    padded.extend_from_slice(bytes);
    let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
    let inner = (offset * 8).div_ceil(6)..padded.len() * 8 / 6;
    Zeroizing::new(encoded[inner].to_owned())
}

/// In how many alphabets that base64 differs.
fn alphabets(base64: &str) -> usize {
    1 + usize::from(base64.contains(['+', '/']))
}

fn url_safe(base64: &str) -> Zeroizing<String> {
    let symbols = base64.chars().map(|symbol| match symbol {
        '+' => '-',
        '/' => '_',
        other => other,
    });
    Zeroizing::new(symbols.collect())
}

/// The bytes that both byte orders of UTF-16 have of an ASCII text.
fn between_zeros(text: &str) -> Zeroizing<String> {
    let mut wide = Zeroizing::new(String::with_capacity(2 * text.len()));
    for symbol in text.chars() {
        if !wide.is_empty() {
            wide.push('\0');
        }
        wide.push(symbol);
    }
    wide
}
