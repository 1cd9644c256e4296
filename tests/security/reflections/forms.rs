//! The forms of a credential that upstreams give back, and the ways of an answer.

use std::io::Write;

use axum::body::{Body, Bytes};
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;

/// `key` in each form that upstreams were seen to give back.
pub(super) fn forms(key: &str) -> Vec<(&'static str, String)> {
    let each = |write: &dyn Fn(u8) -> String| key.bytes().map(write).collect::<Vec<_>>().concat();
    let reserved = |write: &dyn Fn(u8) -> String| {
        let written = key.bytes().map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                write(byte)
            }
        });
        written.collect::<Vec<_>>().concat()
    };
    let quoted = Value::from(key).to_string();
    let json = quoted[1..quoted.len() - 1].to_owned();
    vec![
        ("raw", key.to_owned()),
        ("upper case", key.to_ascii_uppercase()),
        ("JSON", json.clone()),
        (
            "JSON in JSON",
            json.replace('\\', "\\\\").replace('"', "\\\""),
        ),
        ("JSON escapes", each(&|byte| format!("\\u{byte:04x}"))),
        ("percent", reserved(&|byte| format!("%{byte:02X}"))),
        (
            "percent in lower case",
            reserved(&|byte| format!("%{byte:02x}")),
        ),
        ("percent everywhere", each(&|byte| format!("%{byte:02x}"))),
        (
            "a form",
            reserved(&|byte| format!("%{byte:02X}")).replace("%20", "+"),
        ),
        ("base64", STANDARD.encode(key)),
        ("base64 after one byte", STANDARD.encode(format!("x{key}"))),
        (
            "base64 after two bytes",
            URL_SAFE.encode(format!("xy{key}")),
        ),
        (
            "base64 of user and password",
            STANDARD.encode(format!("user:{key}")),
        ),
        ("base64 URL-safe", URL_SAFE_NO_PAD.encode(key)),
        (
            "base64 in lines",
            in_lines(&STANDARD.encode(format!("user:{key}"))),
        ),
        (
            "base64 of base64",
            STANDARD.encode(STANDARD.encode(format!("u:{key}"))),
        ),
        ("hex", hex::encode(key)),
        ("capital hex", hex::encode_upper(key)),
        ("HTML", reserved(&|byte| format!("&#{byte};"))),
        ("HTML hex", each(&|byte| format!("&#x{byte:02X};"))),
    ]
}

/// Lines as JSON writes them.
fn in_lines(text: &str) -> String {
    let lines = text.as_bytes().chunks(20).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\\n")
}

/// What a text must not hold: the middle of each form, since base64 shares its
/// ends with what stands around.
#[track_caller]
pub(super) fn holds_nothing_of(text: &str, key: &str, what: &str) {
    let unescaped = text.replace("\\\\", "\\").replace("\\\"", "\"");
    let twice = unescaped.replace("\\\\", "\\").replace("\\\"", "\"");
    for (name, form) in forms(key) {
        let inner = &form[4..form.len() - 6];
        for text in [text, &unescaped, &twice] {
            assert!(!text.contains(inner), "{what}: {name} in {text}");
        }
    }
}

fn chunks(bytes: &[u8], size: usize) -> Body {
    let chunks: Vec<_> = bytes
        .chunks(size)
        .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
        .collect();
    Body::from_stream(tokio_stream::iter(chunks))
}

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// The ways of an answer; `{}` of a path is a form's number.
pub(super) const WAYS: [&str; 14] = [
    "json",
    "bare",
    "chunks",
    "bytewise",
    "gzip",
    "gzip-chunks",
    "gzip-twice",
    "text",
    "html",
    "type",
    "binary",
    "events",
    "error",
    "error-text",
];

/// The answer to `way`, with `form` in it. JSON is written by hand: a library
/// would escape the form again.
pub(super) fn answer(way: &str, form: &str) -> Response<Body> {
    let json = format!("{{\"message\":\"you sent {form} to us\",\"n\":[1]}}");
    let json_type = "application/json";
    let (status, kind, body) = match way {
        "json" => (200, json_type, Body::from(json)),
        "bare" => (200, json_type, Body::from(form.to_owned())),
        "chunks" => (200, json_type, chunks(json.as_bytes(), 7)),
        "bytewise" => (200, json_type, chunks(json.as_bytes(), 1)),
        "gzip" => (200, json_type, Body::from(gzipped(json.as_bytes()))),
        "gzip-chunks" => (200, json_type, chunks(&gzipped(json.as_bytes()), 5)),
        // two members of one stream, cut through the form
        "gzip-twice" => {
            let (one, other) = json.split_at(30);
            let members = [gzipped(one.as_bytes()), gzipped(other.as_bytes())];
            (200, json_type, Body::from(members.concat()))
        }
        "text" => (200, "text/plain", Body::from(format!("<{form}>\n"))),
        "html" => (
            200,
            "text/html",
            Body::from(format!("<p title='{form}'>{form}")),
        ),
        "type" => (200, "", Body::from(json)),
        "binary" => {
            let bytes = [b"\xff\x00", form.as_bytes(), b"\xfe"].concat();
            (200, "application/octet-stream", Body::from(bytes))
        }
        "events" => {
            let events = format!("event: {form}\ndata: {json}\n\ndata: {form}\nid: {form}\n\n");
            (200, "text/event-stream", Body::from(events))
        }
        "error" => (422, json_type, Body::from(json)),
        _ => (500, "text/plain", Body::from(form.to_owned())),
    };
    let mut response = Response::builder().status(status);
    if way.starts_with("gzip") {
        response = response.header("content-encoding", "gzip");
    }
    // what can't stand in a header can't come back in one
    let in_header = form.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if in_header {
        for name in [
            "set-cookie",
            "www-authenticate",
            "x-request-id",
            "etag",
            "date",
        ] {
            response = response.header(name, form);
        }
        let link = format!("<https://api.example.com/?page={form}&after={form}>; rel=\"next\"");
        response = response.header("link", link);
        response = response.header("retry-after", form);
    }
    match kind {
        "" => response = response.header("content-type", format!("application/{form}")),
        kind => response = response.header("content-type", kind),
    }
    response.body(body).unwrap()
}
