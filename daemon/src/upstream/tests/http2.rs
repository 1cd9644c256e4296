//! Upstreams that speak HTTP/2 in frames that a test writes itself, and some
//! that don't even get through TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use super::tls::acceptor;
use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` in HPACK.
const STATUS_200: &[u8] = &[0x88];
const PREFACE: usize = 24;

/// How long a call may take here.
const LIMIT: Duration = Duration::from_secs(2);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn goaway(last: u32, code: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// What an upstream answers a request in stream 1.
#[derive(Clone)]
struct Frames {
    /// These first.
    once: Vec<u8>,
    /// Then these for ever, or nothing more.
    forever: Vec<u8>,
}

/// The error of a POST to an upstream that answers so, and how often it got it.
async fn answered(settings: Vec<u8>, frames: Frames) -> (UpstreamError, usize) {
    let (acceptor, certificate) = acceptor("localhost", &[b"h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let requests = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let requests = requests.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let settings = frame(SETTINGS, 0, 0, &settings);
                // it ends when the client hangs up
                tokio::spawn(converse(stream, settings, frames.clone(), requests.clone()));
            }
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let upstream = Upstream::with_roots(&UpstreamSettings::default(), roots).unwrap();
    let errand = Errand {
        timeout: Some(LIMIT),
        ..Errand::default()
    };
    let request = request(Method::POST, &base, "/v1/x");
    let error = upstream
        .send(request, &LeakGuard::new(&[KEY]), &errand)
        .await
        .unwrap_err();
    assert_harmless(&error);
    (error, requests.load(Ordering::SeqCst))
}

async fn converse(
    stream: TlsStream<TcpStream>,
    settings: Vec<u8>,
    frames: Frames,
    requests: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    let (mut reading, mut writing) = tokio::io::split(stream);
    writing.write_all(&settings).await?;
    reading.read_exact(&mut [0; PREFACE]).await?;
    loop {
        let mut head = [0; 9];
        reading.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        reading.read_exact(&mut payload).await?;
        if head[3] == HEADERS {
            requests.fetch_add(1, Ordering::SeqCst);
            answer(&mut writing, &frames).await?;
        }
    }
}

async fn answer(writing: &mut (impl AsyncWrite + Unpin), frames: &Frames) -> std::io::Result<()> {
    writing.write_all(&frames.once).await?;
    writing.flush().await?;
    while !frames.forever.is_empty() {
        writing.write_all(&frames.forever).await?;
    }
    Ok(())
}

fn once(frames: &[Vec<u8>]) -> Frames {
    Frames {
        once: frames.concat(),
        forever: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_break_http2_end_the_call_and_repeat_no_change() {
    let reset = |code: u32| once(&[frame(RST_STREAM, 0, 1, &code.to_be_bytes())]);
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    for (case, frames) in [
        ("an internal error", reset(2)),
        ("a reset without an error", reset(0)),
        ("a cancelled stream", reset(8)),
        (
            "a body before its head",
            once(&[frame(DATA, END_STREAM, 1, b"[]")]),
        ),
        (
            "an answer in another stream",
            once(&[frame(HEADERS, END_HEADERS, 7, STATUS_200)]),
        ),
        (
            "garbage for headers",
            once(&[frame(HEADERS, END_HEADERS, 1, &[0xff; 100])]),
        ),
        (
            "more than the window has room for",
            Frames {
                once: head.clone(),
                forever: frame(DATA, 0, 1, &[b'x'; 16_384]),
            },
        ),
        (
            "a frame of sixteen megabytes",
            once(&[vec![0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1]]),
        ),
        (
            "a head without end",
            Frames {
                once: frame(HEADERS, 0, 1, STATUS_200),
                forever: frame(CONTINUATION, 0, 1, &[0x88; 1024]),
            },
        ),
        ("bytes of no protocol", once(&[vec![b'?'; 100_000]])),
    ] {
        let (error, requests) = answered(Vec::new(), frames).await;
        assert!(
            matches!(
                error,
                UpstreamError::Broken { .. } | UpstreamError::TooLarge { .. }
            ),
            "{case}: {error}"
        );
        assert_eq!(requests, 1, "{case}: what changes is sent once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upstream_says_it_did_not_begin_is_tried_again_but_not_for_ever() {
    for frames in [
        once(&[frame(RST_STREAM, 0, 1, &7_u32.to_be_bytes())]),
        once(&[goaway(0, 0)]),
    ] {
        let (error, requests) = answered(Vec::new(), frames).await;
        assert!(
            matches!(
                error,
                UpstreamError::Timeout { .. } | UpstreamError::Broken { .. }
            ),
            "{error}"
        );
        assert!((1..=4).contains(&requests), "{requests} requests: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_and_silence_end_with_the_calls_time() {
    let no_window = [0, 4, 0, 0, 0, 0];
    let flood = |frame: Vec<u8>| Frames {
        once: Vec::new(),
        forever: frame.repeat(100),
    };
    let silence = once(&[]);
    for (case, settings, frames) in [
        ("silence", Vec::new(), silence.clone()),
        // it may yet answer what it has begun
        ("an end and silence", Vec::new(), once(&[goaway(1, 2)])),
        ("no room for the body", no_window.to_vec(), silence),
        ("settings", Vec::new(), flood(frame(SETTINGS, 0, 0, &[]))),
        ("pings", Vec::new(), flood(frame(PING, 0, 0, &[0; 8]))),
    ] {
        let (error, requests) = answered(settings, frames).await;
        assert!(
            matches!(
                error,
                UpstreamError::Timeout { .. } | UpstreamError::Broken { .. }
            ),
            "{case}: {error}"
        );
        assert_eq!(requests, 1, "{case}");
    }
}

#[tokio::test]
async fn a_handshake_that_breaks_sends_nothing_and_says_why() {
    let garbage: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    for said in [b"", garbage, &[0x16, 3, 3, 0xff, 0xff, 0, 0]] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut hello = [0; 64];
                let _ = stream.read(&mut hello).await;
                let _ = stream.write_all(said).await;
            }
        });
        let request = request(Method::POST, &base, "/v1/x");
        let error = upstream()
            .send(request, &LeakGuard::new(&[KEY]), &Errand::default())
            .await
            .unwrap_err();
        assert!(
            matches!(error, UpstreamError::Unreachable { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("nothing was sent"), "{error}");
        assert_harmless(&error);
    }
}
