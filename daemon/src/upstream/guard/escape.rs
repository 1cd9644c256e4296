//! How one character can be written inside a text other than as itself:
//! percent-encoded, behind backslashes, as an HTML entity.
//!
//! [`forms`] lists every writing, [`ends`] recognises them in a text without
//! allocating; a test holds the two to each other.

/// Backslashes before one escape: four is JSON inside JSON.
const BACKSLASHES: usize = 4;
/// Zeros that may pad the number of an entity, as in `&#0039;`.
const ZEROS: usize = 3;
/// Bytes of the longest writing: four UTF-8 bytes, each `%252573` or `\\\\x73`.
pub(super) const LONGEST: usize = 28;

/// Whether `byte` can begin a writing that [`ends`] knows.
pub(super) fn introduces(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&' | b'+')
}

/// How often `%` or `&` may themselves be escaped before `symbol`. Letters and
/// digits are left alone by every encoder, so nobody encodes them twice.
fn nestings(symbol: char) -> usize {
    if symbol.is_ascii_alphanumeric() { 0 } else { 2 }
}

/// What stands behind the backslash in the short escape of `symbol`.
fn short(symbol: char) -> Option<u8> {
    Some(match symbol {
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        _ if symbol.is_ascii_punctuation() => u8::try_from(symbol).ok()?,
        _ => return None,
    })
}

/// The HTML names of `symbol`.
fn names(symbol: char) -> &'static [&'static str] {
    match symbol {
        '!' => &["excl"],
        '"' => &["quot"],
        '#' => &["num"],
        '$' => &["dollar"],
        '%' => &["percnt"],
        '&' => &["amp"],
        '\'' => &["apos"],
        '(' => &["lpar"],
        ')' => &["rpar"],
        '*' => &["ast", "midast"],
        '+' => &["plus"],
        ',' => &["comma"],
        '.' => &["period"],
        '/' => &["sol"],
        ':' => &["colon"],
        ';' => &["semi"],
        '<' => &["lt"],
        '=' => &["equals"],
        '>' => &["gt"],
        '?' => &["quest"],
        '@' => &["commat"],
        '[' => &["lsqb", "lbrack"],
        '\\' => &["bsol"],
        ']' => &["rsqb", "rbrack"],
        '^' => &["hat"],
        '_' => &["lowbar", "underbar"],
        '`' => &["grave"],
        '{' => &["lcub", "lbrace"],
        '|' => &["verbar", "vert"],
        '}' => &["rcub", "rbrace"],
        '\n' => &["newline"],
        '\t' => &["tab"],
        _ => &[],
    }
}

/// Every writing of `symbol` but the plain one, in lower case.
pub(super) fn forms(symbol: char) -> Vec<String> {
    let (mut utf8, mut utf16) = ([0; 4], [0; 2]);
    let bytes = symbol.encode_utf8(&mut utf8).as_bytes();
    let units = symbol.encode_utf16(&mut utf16);
    let code = u32::from(symbol);
    let mut forms = Vec::new();

    if symbol == ' ' {
        forms.push("+".to_owned());
    }
    for level in 0..=nestings(symbol) {
        let percent = format!("%{}", "25".repeat(level));
        forms.push(joined(bytes, |byte| format!("{percent}{byte:02x}")));
    }
    for depth in 1..=BACKSLASHES {
        let slashes = "\\".repeat(depth);
        forms.push(joined(units, |unit| format!("{slashes}u{unit:04x}")));
        forms.push(joined(bytes, |byte| format!("{slashes}x{byte:02x}")));
        forms.push(format!("{slashes}u{{{code:x}}}"));
        forms.extend(short(symbol).map(|s| format!("{slashes}{}", char::from(s).to_lowercase())));
    }
    for amp in &["&", "&amp;"][..=nestings(symbol).min(1)] {
        for zeros in 0..=ZEROS {
            let zeros = "0".repeat(zeros);
            forms.push(format!("{amp}#{zeros}{code};"));
            forms.push(format!("{amp}#x{zeros}{code:x};"));
        }
        forms.extend(names(symbol).iter().map(|name| format!("{amp}{name};")));
    }
    forms
}

fn joined<T>(parts: &[T], write: impl Fn(&T) -> String) -> String {
    parts.iter().map(write).collect::<Vec<_>>().concat()
}

/// Adds to `found` where each writing of `symbol` (but the plain one) that
/// begins at `text[at]` ends; hex digits and letters in either case.
pub(super) fn ends(symbol: char, text: &[u8], at: usize, found: &mut Vec<usize>) {
    let reader = Reader { text, at };
    match text.get(at) {
        Some(b'+') if symbol == ' ' => found.push(at + 1),
        Some(b'%') => percent(symbol, reader, found),
        Some(b'\\') => backslash(symbol, reader, found),
        Some(b'&') => entity(symbol, reader, found),
        _ => {}
    }
}

fn percent(symbol: char, start: Reader<'_>, found: &mut Vec<usize>) {
    let mut utf8 = [0; 4];
    let bytes = symbol.encode_utf8(&mut utf8).as_bytes();
    for level in 0..=nestings(symbol) {
        let mut reader = start;
        let whole = bytes.iter().all(|&byte| {
            reader.take(b"%")
                && (0..level).all(|_| reader.take(b"25"))
                && reader.number(byte.into(), 16, 2)
        });
        found.extend(whole.then_some(reader.at));
    }
}

fn backslash(symbol: char, start: Reader<'_>, found: &mut Vec<usize>) {
    let (mut utf8, mut utf16) = ([0; 4], [0; 2]);
    let bytes = symbol.encode_utf8(&mut utf8).as_bytes();
    let units = symbol.encode_utf16(&mut utf16);
    for depth in 1..=BACKSLASHES {
        let slashes = &[b'\\'; BACKSLASHES][..depth];
        let mut body = start;
        if !body.take(slashes) {
            return;
        }
        match body.peek() {
            Some(b'u' | b'U') => {
                let mut unicode = start;
                let whole = units.iter().all(|&unit| {
                    unicode.take(slashes)
                        && unicode.take(b"u")
                        && unicode.number(unit.into(), 16, 4)
                });
                found.extend(whole.then_some(unicode.at));

                let mut braced = body;
                let whole =
                    braced.take(b"u{") && braced.number(symbol.into(), 16, 1) && braced.take(b"}");
                found.extend(whole.then_some(braced.at));
            }
            Some(b'x' | b'X') => {
                let mut hex = start;
                let whole = bytes.iter().all(|&byte| {
                    hex.take(slashes) && hex.take(b"x") && hex.number(byte.into(), 16, 2)
                });
                found.extend(whole.then_some(hex.at));
            }
            _ => {}
        }
        if short(symbol).is_some_and(|short| body.take(&[short])) {
            found.push(body.at);
        }
    }
}

fn entity(symbol: char, start: Reader<'_>, found: &mut Vec<usize>) {
    let amps: [&[u8]; 2] = [b"&", b"&amp;"];
    for amp in &amps[..=nestings(symbol).min(1)] {
        let mut body = start;
        if !body.take(amp) {
            continue;
        }
        for zeros in 0..=ZEROS {
            let zeros = &[b'0'; ZEROS][..zeros];
            for (mark, radix) in [(b"#".as_slice(), 10), (b"#x", 16)] {
                let mut number = body;
                let whole = number.take(mark)
                    && number.take(zeros)
                    && number.number(symbol.into(), radix, 1)
                    && number.take(b";");
                found.extend(whole.then_some(number.at));
            }
        }
        for name in names(symbol) {
            let mut named = body;
            if named.take(name.as_bytes()) && named.take(b";") {
                found.push(named.at);
            }
        }
    }
}

/// A place in a text that moves on over what was expected there.
#[derive(Clone, Copy)]
struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Moves over `expected`, in either case, if it comes next.
    fn take(&mut self, expected: &[u8]) -> bool {
        let end = self.at + expected.len();
        let there = self
            .text
            .get(self.at..end)
            .is_some_and(|next| next.eq_ignore_ascii_case(expected));
        if there {
            self.at = end;
        }
        there
    }

    /// Moves over `value` written with at least `width` digits.
    fn number(&mut self, value: u32, radix: u32, width: usize) -> bool {
        let mut digits = [b'0'; 10];
        let mut first = digits.len();
        let mut rest = value;
        while rest > 0 || digits.len() - first < width {
            first -= 1;
            let digit = char::from_digit(rest % radix, radix).unwrap_or('0');
            digits[first] = u8::try_from(digit).unwrap_or(b'0');
            rest /= radix;
        }
        self.take(&digits[first..])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn symbols() -> impl Iterator<Item = char> {
        (0..=127)
            .map(char::from)
            .chain("éßЯ€漢😀\u{10ffff}".chars())
    }

    #[test]
    fn every_listed_form_is_recognised_to_its_end() {
        for symbol in symbols() {
            for form in forms(symbol) {
                assert!(form.len() <= LONGEST, "{form}");
                for text in [form.clone(), form.to_uppercase()] {
                    let mut found = Vec::new();
                    ends(symbol, format!("{text}x").as_bytes(), 0, &mut found);
                    assert!(found.contains(&form.len()), "{symbol:?} as {text}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_but_a_listed_form_is_recognised(
            symbol in prop::sample::select(symbols().collect::<Vec<_>>()),
            text in r"(%|\\{1,6}|&|&amp;|\+)(25){0,4}(u|x|u\{|#|#x|)[0-9a-f\\]{0,8}[;}]?",
        ) {
            let listed = forms(symbol);
            let mut found = Vec::new();
            ends(symbol, text.as_bytes(), 0, &mut found);
            for end in found {
                prop_assert!(listed.iter().any(|form| *form == text[..end]), "{}", &text[..end]);
            }
        }
    }
}
