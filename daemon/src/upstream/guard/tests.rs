use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::escape;
use super::*;

/// Has whatever encoders treat differently.
const SECRET: &str = "tok_Ab/+=\"\\'<&%é 漢😀\n0123456789zZ";

fn guarded(guard: &LeakGuard, chunks: &[&[u8]]) -> (Vec<u8>, u32) {
    let mut out = Vec::new();
    let mut stream = guard.stream();
    for chunk in chunks {
        stream.push(chunk, &mut out);
    }
    let redacted = stream.finish(&mut out);
    (out, redacted)
}

fn each<T>(parts: impl Iterator<Item = T>, write: impl Fn(T) -> String) -> String {
    parts.map(write).collect::<Vec<_>>().concat()
}

fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn unicode_escapes(text: &str) -> String {
    each(text.encode_utf16(), |unit| format!("\\u{unit:04x}"))
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn html(text: &str, escape: impl Fn(char) -> String) -> String {
    text.chars()
        .map(|c| {
            if "<>&\"'".contains(c) {
                escape(c)
            } else {
                c.to_string()
            }
        })
        .collect()
}

/// `text` in lines of `length` characters.
fn lines(text: &str, length: usize, ending: &str) -> String {
    let lines = text.as_bytes().chunks(length);
    let lines: Vec<_> = lines
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join(ending)
}

/// Ways in which upstreams were seen to give back what they were sent.
fn reflections(secret: &str) -> Vec<(&'static str, String)> {
    let after = |before: &str| format!("{before}{secret}");
    let named = |c| {
        match c {
            '<' => "&lt;",
            '>' => "&gt;",
            '&' => "&amp;",
            '"' => "&quot;",
            _ => "&#039;",
        }
        .to_owned()
    };
    vec![
        ("raw", secret.to_owned()),
        ("lower case", secret.to_lowercase()),
        ("upper case", secret.to_ascii_uppercase()),
        ("JSON", json(secret)),
        ("JSON with \\/", json(secret).replace('/', "\\/")),
        ("JSON in JSON", json(&json(secret))),
        ("JSON with each character escaped", unicode_escapes(secret)),
        (
            "JSON with capital digits",
            unicode_escapes(secret).to_uppercase(),
        ),
        ("percent", percent(secret)),
        ("percent in lower case", percent(secret).to_lowercase()),
        ("percent twice", percent(&percent(secret))),
        ("form", percent(secret).replace("%20", "+")),
        (
            "percent everywhere",
            each(secret.bytes(), |b| format!("%{b:02x}")),
        ),
        ("hex", hex::encode(secret)),
        ("capital hex", hex::encode_upper(secret)),
        ("base64", STANDARD.encode(secret)),
        ("base64 unpadded", STANDARD_NO_PAD.encode(secret)),
        ("base64 URL-safe", URL_SAFE.encode(secret)),
        ("base64 URL-safe unpadded", URL_SAFE_NO_PAD.encode(secret)),
        (
            "base64 in JSON with \\/",
            STANDARD.encode(secret).replace('/', "\\/"),
        ),
        ("base64 in a query", percent(&STANDARD.encode(secret))),
        ("basic user", STANDARD.encode(after("user:"))),
        ("basic without user", STANDARD.encode(after(":"))),
        ("basic password", STANDARD.encode(format!("{secret}:"))),
        ("basic after two bytes", URL_SAFE_NO_PAD.encode(after("a:"))),
        (
            "base64 in lines",
            lines(&STANDARD.encode(after("user: ")), 16, "\n"),
        ),
        (
            "base64 in lines of mail",
            lines(&STANDARD.encode(after("u")), 76, "\r\n"),
        ),
        (
            "base64 in lines in JSON",
            lines(&STANDARD.encode(secret), 20, "\\n"),
        ),
        (
            "base64 in lines in JSON in JSON",
            lines(&URL_SAFE.encode(after("ab")), 17, "\\\\r\\\\n"),
        ),
        (
            "base64 twice",
            STANDARD.encode(STANDARD.encode(after("x:"))),
        ),
        (
            "base64 of URL-safe base64",
            URL_SAFE_NO_PAD.encode(format!("{{{}", URL_SAFE.encode(secret))),
        ),
        ("HTML names", html(secret, named)),
        (
            "HTML decimal",
            html(secret, |c| format!("&#{};", u32::from(c))),
        ),
        (
            "HTML hex",
            html(secret, |c| format!("&#x{:02X};", u32::from(c))),
        ),
        (
            "HTML everywhere",
            each(secret.chars(), |c| format!("&#{};", u32::from(c))),
        ),
        ("HTML twice", html(secret, named).replace('&', "&amp;")),
    ]
}

#[test]
fn no_reflection_gets_through_however_it_is_cut_into_chunks() {
    let guard = LeakGuard::new(&[SECRET]);
    for (way, form) in reflections(SECRET) {
        let text = format!("{{\"error\":\"bad key: {form} :yek\"}}");
        let (whole, redacted) = guarded(&guard, &[text.as_bytes()]);
        let whole = String::from_utf8(whole).unwrap();
        assert_eq!(redacted, 1, "{way}: {whole}");
        // base64 keeps the characters that it shares with what stands around
        if way.starts_with("ba") {
            assert!(
                whole.len() < text.len() - SECRET.len() + 8,
                "{way}: {whole}"
            );
        } else {
            assert_eq!(whole, text.replace(&form, REPLACEMENT), "{way}");
        }
        for cut in 0..=text.len() {
            let (one, other) = text.as_bytes().split_at(cut);
            assert_eq!(
                guarded(&guard, &[one, other]),
                (whole.clone().into(), 1),
                "{way}, {cut}"
            );
        }
        let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
        assert_eq!(
            guarded(&guard, &bytes),
            (whole.into(), 1),
            "{way}, byte by byte"
        );
    }
}

#[test]
fn what_is_no_form_of_the_secret_passes_untouched() {
    let guard = LeakGuard::new(&[SECRET]);
    let reversed: String = SECRET.chars().rev().collect();
    let half = &SECRET[..SECRET.len() - 1];
    for text in [
        reversed.as_str(),
        half,
        "",
        "\\",
        "%",
        "&",
        "\\u00",
        "tok_",
        "😀",
    ] {
        assert_eq!(
            guarded(&guard, &[text.as_bytes()]),
            (text.into(), 0),
            "{text}"
        );
    }
}

#[test]
fn a_short_secret_is_guarded_in_its_plain_and_escaped_forms_alone() {
    let guard = LeakGuard::new(&["p/q"]);
    let x = REPLACEMENT;
    for (text, expected) in [
        ("ap/qb", format!("a{x}b")),
        ("p\\/q", x.to_owned()),
        ("%70%2fq", x.to_owned()),
        ("p&#x2F;q", x.to_owned()),
        ("cC9x 702f71", "cC9x 702f71".to_owned()),
    ] {
        assert_eq!(guard.redact(text), expected, "{text}");
    }
}

#[test]
fn every_secret_of_a_compound_is_guarded_and_overlaps_leave_nothing() {
    let guard = LeakGuard::new(&["AC12345678:tokentoken", "tokentoken", "", "tokentokentail"]);
    let x = REPLACEMENT;
    for (text, expected) in [
        ("tokentoken", x.to_owned()),
        ("AC12345678:tokentoken", x.to_owned()),
        ("AC12345678:tokentokentail", x.to_owned()),
        ("AC1234567:tokentokentai", format!("AC1234567:{x}tai")),
        ("tokentokentokentoken", x.to_owned()),
        ("tokentoken tokentoken", format!("{x} {x}")),
    ] {
        assert_eq!(guard.redact(text), expected, "{text}");
        let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
        assert_eq!(guarded(&guard, &bytes).0, expected.into_bytes(), "{text}");
    }
}

#[test]
fn utf_16_is_known_in_both_byte_orders_and_their_base64() {
    let secret = "ghp_Ab/+0123456789zZ";
    let guard = LeakGuard::new(&[secret]);
    let orders: [fn(u16) -> [u8; 2]; 2] = [u16::to_le_bytes, u16::to_be_bytes];
    for to_bytes in orders {
        let text: Vec<u8> = "key: ghp_Ab/+0123456789zZ, of 2026"
            .encode_utf16()
            .flat_map(to_bytes)
            .collect();
        let (out, redacted) = guarded(&guard, &[&text]);
        assert_eq!(redacted, 1);
        // a zero on its own belongs to no character that is left
        assert_eq!(
            out.len(),
            text.len() - (2 * secret.len() - 1) + REPLACEMENT.len()
        );
        for offset in 0..3 {
            let encoded = STANDARD.encode(&text[offset..]);
            let (out, redacted) = guarded(&guard, &[encoded.as_bytes()]);
            assert_eq!(redacted, 1, "{encoded}");
            let left = out.len() - REPLACEMENT.len();
            assert!(left < encoded.len() - (2 * secret.len() - 1) * 4 / 3 + 4);
        }
    }
}

#[test]
fn base64_is_known_wherever_its_lines_break() {
    let secret = "AC0123456789/token+/=\u{fe}tail";
    let guard = LeakGuard::new(&[secret]);
    for length in 16..80 {
        for before in 0..40 {
            let encoded = STANDARD.encode(format!("{}{secret} and more", "x".repeat(before)));
            let text = lines(&encoded, length, ["\n", "\r\n", "\\n"][before % 3]);
            let (whole, redacted) = guarded(&guard, &[text.as_bytes()]);
            assert_eq!(redacted, 1, "{length}, {before}: {text}");
            let left = whole.len() - REPLACEMENT.len();
            assert!(left < text.len() - secret.len() * 4 / 3 + 2, "{text}");
            let (one, other) = text.as_bytes().split_at(text.len() / 2);
            assert_eq!(guarded(&guard, &[one, other]), (whole, 1), "{text}");
        }
    }
}

#[test]
fn a_guard_that_learns_more_forgets_nothing() {
    let first = LeakGuard::new(&["first-0123456789"]);
    let both = first.and(&["x", "second-012345678"]);
    let text = "x first-0123456789 second-012345678";
    let x = REPLACEMENT;
    assert_eq!(both.redact(text), format!("{x} {x} {x}"));
    assert_eq!(first.redact(text), format!("x {x} second-012345678"));
    for (way, form) in reflections("first-0123456789") {
        assert!(both.redact(&form).contains(x), "{way}");
    }
}

#[test]
fn a_guard_beside_others_knows_what_each_of_them_does() {
    let secrets: Vec<String> = (0..30).map(|n| format!("tok/+{n:02}-secret")).collect();
    let guards = secrets.iter().map(|it| Arc::new(LeakGuard::new(&[it])));
    let guards: Vec<_> = guards.collect();
    // of more patterns than a word has bits, and of different lengths
    let short = Arc::new(LeakGuard::new(&["short"]));
    let all = short.beside(&guards);
    for secret in secrets.iter().map(String::as_str).chain(["short"]) {
        let plain = secret == "short";
        for (way, form) in reflections(secret) {
            let text = format!("before {form} after");
            let (out, found) = all.redact_counted(&text);
            assert!(plain || found > 0, "{way} of {secret}: {out}");
            let alone = LeakGuard::new(&[secret]).redact(&text);
            assert_eq!(out, alone, "{way} of {secret}");
        }
    }
    let innocent = "tok/+ short-ish? no: shor t, secret";
    assert_eq!(
        LeakGuard::new(&[]).beside(&guards).redact(innocent),
        innocent
    );
}

#[test]
fn most_of_a_long_secret_byte_by_byte_is_not_looked_at_anew_each_time() {
    let secret = each(0..6000, |number| format!("{number:08x}"));
    let guard = LeakGuard::new(&[&secret]);
    let half = &secret.as_bytes()[..secret.len() / 2];
    let bytes: Vec<_> = half.chunks(1).collect();
    assert_eq!(guarded(&guard, &bytes), (half.to_vec(), 0));
    let bytes: Vec<_> = secret.as_bytes().chunks(1).collect();
    assert_eq!(guarded(&guard, &bytes), (REPLACEMENT.into(), 1));
}

#[test]
fn a_guard_without_a_secret_changes_nothing() {
    for guard in [LeakGuard::new(&[]), LeakGuard::new(&[""])] {
        assert_eq!(guard.redact("as it was"), "as it was");
    }
}

#[test]
fn a_json_text_stays_one_when_a_string_in_it_is_redacted() {
    let guard = LeakGuard::new(&["nsecret/secret"]);
    for inner in [
        "nsecret/secret",
        "\\nsecret/secret",
        "\\\\nsecret/secret",
        "\\u006esecret\\/secret",
        "\\\\\\u006esecret\\/secret",
        "\\\\\\\\\\u006esecret/secret\\\"",
        "\\\\\\\\\\\\\\u006esecret/secret",
    ] {
        let text = format!("{{\"a\":\"{inner}\"}}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "{text}"
        );
        for chunk in [1, 2, 7, text.len()] {
            let chunks: Vec<_> = text.as_bytes().chunks(chunk).collect();
            let (out, redacted) = guarded(&guard, &chunks);
            assert_eq!(redacted, 1, "{text}");
            let out = String::from_utf8(out).unwrap();
            assert!(
                serde_json::from_str::<serde_json::Value>(&out).is_ok(),
                "{out}"
            );
        }
    }
}

#[test]
fn only_what_may_become_a_form_is_held_back() {
    let guard = LeakGuard::new(&["secret-token-0123456789"]);
    let mut stream = guard.stream();
    let mut out = Vec::new();
    stream.push(b"data: {\"delta\":\"words\"}\n\n", &mut out);
    assert_eq!(out, b"data: {\"delta\":\"words\"}\n\n");
    stream.push(b"secret-tok", &mut out);
    assert_eq!(out.len(), 25);
    stream.push(b"en is not it", &mut out);
    assert!(out.ends_with(b"\n\nsecret-token is not it"));
}

/// A secret, and a text for it in which each character is plain or escaped in
/// its own way, or that some upstream would write.
fn secret_in_some_form() -> impl Strategy<Value = (String, String)> {
    let secret = prop_oneof![
        "[A-Za-z0-9_-]{8,40}",
        r"[!-~]{8,24}",
        r"[%\\&+/ ]{3,12}",
        "[a-c/éЯ漢😀]{4,16}",
    ];
    (secret, 1..60_usize).prop_flat_map(|(secret, plain)| {
        let escaped: Vec<_> = secret
            .chars()
            .map(|symbol| {
                let mut forms = escape::forms(symbol);
                forms.extend(vec![symbol.to_string(); plain]);
                prop::sample::select(forms)
            })
            .collect();
        let mut written = reflections(&secret);
        if secret.len() < 8 {
            written.retain(|(way, _)| !way.contains("hex") && !way.starts_with("ba"));
        }
        let form = prop_oneof![
            escaped.prop_map(|forms| forms.concat()),
            prop::sample::select(written).prop_map(|(_, form)| form),
        ];
        (Just(secret), form)
    })
}

fn chunked<'t>(text: &'t [u8], cuts: &[usize]) -> Vec<&'t [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| &text[pair[0]..pair[1]])
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_secret_in_any_mix_of_escapes_never_gets_through(
        (secret, form) in secret_in_some_form(),
        before in r#"[A-Z{}":,]{0,40}"#,
        after in r#"[A-Z{}":,]{0,40}"#,
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let guard = LeakGuard::new(&[&secret]);
        let text = format!("{before}\u{1}{form}\u{1}{after}");
        let (out, redacted) = guarded(&guard, &chunked(text.as_bytes(), &cuts));
        let out = String::from_utf8(out).unwrap();
        prop_assert!(redacted >= 1);
        prop_assert!(!out.contains(&form), "{out}");
        prop_assert!(out.contains(REPLACEMENT), "{out}");
        // nothing around it is lost, and no cut makes a difference
        prop_assert!(out.starts_with(&format!("{before}\u{1}")), "{out}");
        prop_assert!(out.ends_with(&format!("\u{1}{after}")), "{out}");
        prop_assert_eq!(out, guard.redact(&text));
    }

    #[test]
    fn a_text_without_the_secret_is_not_touched(
        secret in "[A-Za-z0-9/+=_-]{8,40}",
        text in prop_oneof![any::<String>(), r"([ -~]|\\u00[0-9a-f]{2}|%[0-9a-f]{2}|&#[0-9]{2};){0,200}"],
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let guard = LeakGuard::new(&[&secret]);
        let chunks = chunked(text.as_bytes(), &cuts);
        prop_assert_eq!(guarded(&guard, &chunks), (text.clone().into_bytes(), 0));
    }
}

#[test]
fn what_takes_too_long_to_look_through_is_taken_out_with_all_that_follows() {
    for secret in ["\\".repeat(2000), r"\\\p4ssw0rd".to_owned(), "\\".repeat(9)] {
        let guard = LeakGuard::new(&[&secret]);
        let row = "\\".repeat(8 * 1024);
        let mut chunks = vec!["before ".as_bytes()];
        chunks.extend(std::iter::repeat_n(row.as_bytes(), 20));
        let behind = format!(" {secret} and behind");
        chunks.extend(behind.as_bytes().chunks(5));
        let (out, redacted) = guarded(&guard, &chunks);
        let out = String::from_utf8(out).unwrap();
        assert!(redacted > 0);
        assert!(out.starts_with("before "), "{out}");
        assert!(
            !out.contains("p4ssw0rd") && !out.contains("behind"),
            "{out}"
        );
    }
}
