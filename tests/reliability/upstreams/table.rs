//! The faults, and what an agent is to be told of each.

use std::io::Write;
use std::time::Duration;

use axis_tests::Act;
use serde_json::{Value, json};

/// What comes of a call that meets a fault.
pub(super) enum Told {
    /// It fails with this code, in words that hold this part.
    Failed(&'static str, &'static str),
    /// It succeeds with this result: what was odd about it does no harm.
    Result(Value),
}

/// One fault.
pub(super) struct Fault {
    /// The path that meets it.
    pub name: &'static str,
    /// What the upstream does.
    pub acts: Vec<Act>,
    /// What the agent is told.
    pub told: Told,
}

const MEGABYTE: usize = 1_000_000;
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
/// An answer that nobody asked for; taken for the next call's it would be a lie.
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\"poison\"";

fn broken(name: &'static str, acts: Vec<Act>) -> Fault {
    let told = Told::Failed("upstream_error", "gave no complete answer");
    Fault { name, acts, told }
}

fn failed(name: &'static str, code: &'static str, part: &'static str, acts: Vec<Act>) -> Fault {
    let told = Told::Failed(code, part);
    Fault { name, acts, told }
}

fn harmless(name: &'static str, result: Value, bytes: impl AsRef<[u8]>) -> Fault {
    Fault {
        name,
        acts: answer(bytes),
        told: Told::Result(result),
    }
}

fn say(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::say(bytes)]
}

/// Says it and keeps the connection: what is wrong has to be seen in the bytes.
fn hold(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::say(bytes), Act::Hang]
}

/// Says it, and is there for the next request.
fn answer(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::say(bytes), Act::KeepAlive]
}

fn ok(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len();
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// All that end by themselves.
pub(super) fn that_end() -> Vec<Fault> {
    let mut faults = cut_off();
    faults.extend(no_http());
    faults.extend(lengths());
    faults.extend(encodings());
    faults.extend(odd_answers());
    faults
}

fn cut_off() -> Vec<Fault> {
    vec![
        broken("closed-at-once", vec![]),
        broken("reset-at-once", vec![Act::Reset]),
        broken("closed-in-the-head", say("HTTP/1.1 200 OK\r\nA: b")),
        broken(
            "closed-in-the-body",
            say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1"),
        ),
        broken("closed-in-a-chunk", say(format!("{CHUNKED}9\r\n[1"))),
        broken(
            "closed-between-chunks",
            say(format!("{CHUNKED}3\r\n[1]\r\n")),
        ),
        broken(
            "reset-in-the-body",
            vec![
                Act::say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1"),
                Act::Reset,
            ],
        ),
    ]
}

fn no_http() -> Vec<Fault> {
    let header = |value: &str| format!("HTTP/1.1 200 OK\r\nA: {value}\r\n\r\n");
    vec![
        broken("another-protocol", hold("220 smtp.example ESMTP\r\n")),
        broken("http-0.9", say("<html>hello</html>")),
        broken("a-status-of-two-digits", hold("HTTP/1.1 20 OK\r\n\r\n")),
        broken("a-status-of-words", hold("HTTP/1.1 OK\r\n\r\n")),
        broken("a-nul-in-a-header", hold(header("a\0b"))),
        broken(
            "a-header-without-a-name",
            hold("HTTP/1.1 200 OK\r\n: a\r\n\r\n"),
        ),
        broken(
            "a-header-of-ten-megabytes",
            hold(header(&"x".repeat(10 * MEGABYTE))),
        ),
        broken(
            "a-hundred-thousand-headers",
            hold(format!(
                "HTTP/1.1 200 OK\r\n{}\r\n",
                "A: b\r\n".repeat(100_000)
            )),
        ),
        broken(
            "an-endless-header",
            vec![
                Act::say("HTTP/1.1 200 OK\r\nA: "),
                Act::Forever(vec![b'x'; 65_536], Duration::ZERO),
            ],
        ),
        failed(
            "a-switch-nobody-asked-for",
            "upstream_error",
            "101",
            hold(format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n{POISON}"
            )),
        ),
    ]
}

fn lengths() -> Vec<Fault> {
    let chunk = |size: &str| hold(format!("{CHUNKED}{size}\r\n[1]\r\n0\r\n\r\n"));
    let length = |lines: &str| hold(format!("HTTP/1.1 200 OK\r\n{lines}\r\n[1, 2]"));
    vec![
        broken("a-chunk-of-no-number", chunk("zz")),
        broken("a-negative-chunk", chunk("-1")),
        broken("a-chunk-beyond-64-bits", chunk("fffffffffffffffff")),
        failed(
            "a-chunk-of-exabytes",
            "upstream_error",
            "no complete answer",
            say(format!("{CHUNKED}7fffffffffffffff\r\n[1]")),
        ),
        broken(
            "a-chunk-with-a-megabyte-beside-it",
            chunk(&format!("3;a={}", "x".repeat(MEGABYTE))),
        ),
        broken("a-negative-length", length("Content-Length: -6\r\n")),
        broken("a-length-of-words", length("Content-Length: six\r\n")),
        broken(
            "two-lengths",
            length("Content-Length: 6\r\nContent-Length: 3\r\n"),
        ),
        failed(
            "a-length-beyond-the-cap",
            "response_too_large",
            "is larger than",
            length("Content-Length: 10000000000\r\n"),
        ),
        broken(
            "a-length-beyond-64-bits",
            length("Content-Length: 99999999999999999999999\r\n"),
        ),
        harmless(
            "more-than-its-length",
            json!([1]),
            format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]{POISON}"),
        ),
        harmless(
            "chunks-and-a-length",
            json!([1]),
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n{POISON}"
            ),
        ),
        harmless(
            "a-body-where-none-may-be",
            Value::Null,
            format!("HTTP/1.1 204 No Content\r\nContent-Length: 78\r\n\r\n{POISON}"),
        ),
        failed(
            "an-endless-body",
            "response_too_large",
            "is larger than",
            vec![
                Act::say("HTTP/1.1 200 OK\r\n\r\n"),
                Act::Forever(vec![b'x'; 65_536], Duration::ZERO),
            ],
        ),
        failed(
            "endless-chunks",
            "response_too_large",
            "is larger than",
            vec![
                Act::say(CHUNKED),
                Act::Forever(
                    format!("12c\r\n{}\r\n", "1".repeat(300)).repeat(200).into(),
                    Duration::ZERO,
                ),
            ],
        ),
    ]
}

fn encodings() -> Vec<Fault> {
    let zipped = gzip(&b"[1, 2, 3]".repeat(1000));
    let half = &zipped[..zipped.len() / 2];
    let encoded =
        |coding: &str, body: &[u8]| answer(ok(&format!("Content-Encoding: {coding}\r\n"), body));
    let undone = |name, acts| failed(name, "upstream_error", "could not be decoded", acts);
    vec![
        undone("garbage-for-gzip", encoded("gzip", b"this is no gzip")),
        undone("half-of-a-gzip", encoded("gzip", half)),
        undone("a-gzip-with-a-wrong-sum", {
            let mut wrong = zipped.clone();
            let sum = wrong.len() - 8;
            wrong[sum] ^= 1;
            encoded("gzip", &wrong)
        }),
        undone("gzip-twice", encoded("gzip, gzip", &gzip(&zipped))),
        undone("an-encoding-of-its-own", encoded("rot13", b"[1]")),
        failed(
            "a-gzip-bomb",
            "response_too_large",
            "is larger than",
            encoded("gzip", &gzip(&vec![0; MEGABYTE]).repeat(50)),
        ),
    ]
}

fn odd_answers() -> Vec<Fault> {
    let json_type = "Content-Type: application/json\r\n";
    let status = |line: &str| answer(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"));
    vec![
        harmless("html-for-json", json!("<html>"), ok(json_type, "<html>")),
        harmless(
            "bytes-for-text",
            json!({"content_type": "text/plain", "size": 4, "base64": "AP/+gA=="}),
            ok("Content-Type: text/plain\r\n", b"\0\xff\xfe\x80"),
        ),
        harmless(
            "json-that-is-cut",
            json!("{\"a\": [1,"),
            ok(json_type, "{\"a\": [1,"),
        ),
        harmless("no-type", json!([1]), ok("", "[1]")),
        harmless(
            "hints-before-the-answer",
            json!([1]),
            [
                b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(50),
                ok("", "[1]"),
            ]
            .concat(),
        ),
        Fault {
            name: "http-1.0-without-a-length",
            acts: say("HTTP/1.0 200 OK\r\n\r\n[1]"),
            told: Told::Result(json!([1])),
        },
        failed(
            "not-modified",
            "upstream_error",
            "304",
            status("304 Not Modified"),
        ),
        failed(
            "status-999",
            "upstream_error",
            "999",
            status("999 Whatever"),
        ),
        failed("status-600", "upstream_error", "600", status("600")),
        failed(
            "in-circles",
            "upstream_error",
            "redirects in circles",
            vec![
                Act::say(
                    "HTTP/1.1 302 Found\r\nLocation: /in-circles\r\nContent-Length: 0\r\n\r\n",
                ),
                Act::KeepAlive,
            ],
        ),
    ]
}

/// All that end only because the client has had enough.
pub(super) fn that_hang() -> Vec<Fault> {
    let timeout = |name, acts| failed(name, "upstream_timeout", "within 1 s", acts);
    let drip = |bytes: &str| Act::Forever(bytes.into(), Duration::from_millis(100));
    // no faster: an unoptimised axisd would be busy with nothing else
    let flood = |bytes: &str| Act::Forever(bytes.repeat(5).into(), Duration::from_millis(5));
    vec![
        timeout("never-an-answer", vec![Act::Hang]),
        timeout("half-a-head", hold("HTTP/1.1 200 OK\r\nA: b")),
        timeout(
            "a-dripping-head",
            vec![Act::say("HTTP/1.1 200 OK\r\nA: "), drip("b")],
        ),
        timeout(
            "a-head-alone",
            hold("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        ),
        timeout(
            "a-dripping-body",
            vec![
                Act::say("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
                drip("1"),
            ],
        ),
        timeout(
            "dripping-chunks",
            vec![Act::say(CHUNKED), drip("1\r\n1\r\n")],
        ),
        timeout(
            "dripping-gzip",
            vec![
                Act::say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
                Act::say(&gzip(b"[1, 2, 3]")[..12]),
                Act::Hang,
            ],
        ),
        timeout(
            "a-dripping-trailer",
            vec![
                Act::say(format!("{CHUNKED}3\r\n[1]\r\n0\r\nA: ")),
                drip("b"),
            ],
        ),
        timeout(
            "endless-continue",
            vec![flood("HTTP/1.1 100 Continue\r\n\r\n")],
        ),
        timeout(
            "endless-hints",
            vec![flood("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")],
        ),
    ]
}
