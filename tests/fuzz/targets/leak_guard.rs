//! Two secrets, a body that holds forms of them, and how it comes in chunks.
//!
//! - However the body is cut, the same comes out, and the same is counted.
//! - No form that stands in the body stands in what comes out.
//! - What is no form comes out as it was, in its order.
//! - Text stays text, and JSON whose strings hold forms stays JSON.

use std::fmt::Write;

use axisd::upstream::{LeakGuard, REPLACEMENT};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::Bytes;

/// From here on a secret's encodings as a whole are searched, too.
const LONG_ENOUGH: usize = 8;
/// The byte of the body behind which a form's number stands.
const FORM: u8 = 0xff;

/// Bytes: two secrets with their lengths, the number of cuts and the cuts, the
/// body, in which 0xff and a number stand for a form.
pub fn run(data: &[u8]) {
    let mut data = Bytes(data);
    let secrets = [data.text(200), data.text(40)];
    let cuts: Vec<usize> = (0..data.byte() % 8).map(|_| data.short()).collect();
    let (body, forms) = body(data.rest(), &secrets);

    let guard = LeakGuard::new(&[&secrets[0], &secrets[1]]);
    let (whole, redacted) = guarded(&guard, [body.as_slice()]);
    let cut = guarded(&guard, chunks(&body, &cuts));
    assert!(
        cut == (whole.clone(), redacted),
        "{cuts:?} make a difference"
    );
    let single = guarded(&guard, body.chunks(1));
    assert!(
        single == (whole.clone(), redacted),
        "byte by byte makes a difference"
    );

    if redacted == 0 {
        assert!(body == whole, "something was changed and not counted");
    }
    if let Ok(text) = std::str::from_utf8(&body) {
        let out = std::str::from_utf8(&whole).expect("text is no text any more");
        assert_eq!((guard.redact_counted(text)), (out.to_owned(), redacted));
    }
    let left: Vec<&[u8]> = pieces(&whole);
    for form in &forms {
        for piece in &left {
            assert!(!contains(piece, form), "a form is left");
        }
    }
    if !contains(&body, REPLACEMENT.as_bytes()) {
        let mut rest = body.as_slice();
        for piece in &left {
            // a backslash may have been put before what stands for a form
            let piece = piece.strip_suffix(b"\\").unwrap_or(piece);
            let at = find(rest, piece).expect("something is lost, or in another order");
            rest = &rest[at + piece.len()..];
        }
    }
    in_json(&guard, &secrets, &forms, &body);
}

/// The same forms inside of a JSON string.
fn in_json(guard: &LeakGuard, secrets: &[String; 2], forms: &[Vec<u8>], body: &[u8]) {
    let text = Value::from(String::from_utf8_lossy(body)).to_string();
    let document = format!("{{{text}:[{text},0]}}");
    let redacted = guard.redact(&document);
    // what JSON is made of can't be taken out of it, nor the digits of an escape
    let is_harmless = |secret: &String| {
        let text = secret
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        text && secret.len() >= LONG_ENOUGH
            && !(document.contains("\\u") && secret.starts_with(|c: char| c.is_ascii_hexdigit()))
    };
    if secrets
        .iter()
        .all(|secret| secret.is_empty() || is_harmless(secret))
    {
        let value = serde_json::from_str::<Value>(&redacted);
        assert!(value.is_ok(), "{redacted} was {document}");
    }
    // at a third level there are more backslashes than are looked through
    for form in forms.iter().filter(|form| !form.contains(&b'\\')) {
        let inside = Value::from(String::from_utf8_lossy(form)).to_string();
        let inside = &inside[1..inside.len() - 1];
        for piece in pieces(redacted.as_bytes()) {
            assert!(
                !contains(piece, inside.as_bytes()),
                "a form is left in JSON"
            );
        }
    }
}

/// The body, and the forms that were put into it, as far as they must go.
fn body(template: &[u8], secrets: &[String; 2]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut body, mut must_go) = (Vec::new(), Vec::new());
    let mut bytes = template.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != FORM {
            body.push(byte);
            continue;
        }
        let number = bytes.next().unwrap_or(0);
        let secret = &secrets[usize::from(number >> 7)];
        if let Some((form, core)) = form(secret, number & 0x7f) {
            body.extend_from_slice(form.as_bytes());
            // a secret that stands in the words that replace it stays there
            if !core.is_empty() && !contains(REPLACEMENT.as_bytes(), core.as_bytes()) {
                must_go.push(core.into_bytes());
            }
        }
    }
    (body, must_go)
}

/// Form number `number` of `secret`, and what of it must go: of base64 not what
/// it shares with its neighbours.
fn form(secret: &str, number: u8) -> Option<(String, String)> {
    let same = |form: String| Some((form.clone(), form));
    let each = |write: &dyn Fn(u8) -> String| secret.bytes().map(write).collect::<String>();
    let each_char = |write: &dyn Fn(char) -> String| {
        let forms: Vec<_> = secret.chars().map(write).collect();
        forms.concat()
    };
    let quoted = Value::from(secret).to_string();
    let json = &quoted[1..quoted.len() - 1];
    let is_long = secret.len() >= LONG_ENOUGH;
    match number % 16 {
        0 => same(secret.to_owned()),
        1 => same(secret.to_ascii_uppercase()),
        2 => same(json.to_owned()),
        3 => same(json.replace('\\', "\\\\").replace('"', "\\\"")),
        4 => same(each(&|b| format!("%{b:02X}"))),
        5 => same(each(&|b| format!("%{b:02x}"))),
        6 => same(secret.encode_utf16().fold(String::new(), |mut text, unit| {
            let _ = write!(text, "\\u{unit:04x}");
            text
        })),
        7 => same(each_char(&|c| format!("&#{};", u32::from(c)))),
        8 => same(each_char(&|c| format!("&#x{:X};", u32::from(c)))),
        9 if is_long => same(hex::encode(secret)),
        10 if is_long => same(hex::encode_upper(secret)),
        11 if is_long => base64(secret, "", &STANDARD),
        12 if is_long => base64(secret, "x", &STANDARD),
        13 if is_long => base64(secret, "u:", &URL_SAFE_NO_PAD),
        14 if is_long => base64(secret, "user:", &STANDARD),
        15 if is_long => base64(secret, ":", &URL_SAFE_NO_PAD),
        _ => None,
    }
}

fn base64(secret: &str, before: &str, engine: &impl Engine) -> Option<(String, String)> {
    let form = engine.encode(format!("{before}{secret}"));
    let (first, end) = (before.len() * 8, (before.len() + secret.len()) * 8);
    let core = form.get(first.div_ceil(6)..end / 6)?.to_owned();
    Some((form, core))
}

fn guarded<'c>(guard: &LeakGuard, chunks: impl IntoIterator<Item = &'c [u8]>) -> (Vec<u8>, u32) {
    let mut out = Vec::new();
    let mut stream = guard.stream();
    for chunk in chunks {
        stream.push(chunk, &mut out);
    }
    let redacted = stream.finish(&mut out);
    (out, redacted)
}

fn chunks<'b>(body: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| &body[pair[0]..pair[1]])
        .collect()
}

/// What stands between the replacements.
fn pieces(mut out: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = find(out, REPLACEMENT.as_bytes()) {
        pieces.push(&out[..at]);
        out = &out[at + REPLACEMENT.len()..];
    }
    pieces.push(out);
    pieces
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}
