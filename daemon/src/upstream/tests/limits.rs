use std::io::Write as _;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::mpsc;

use super::loopback::{Answer, Then};
use super::*;
use crate::upstream::Errand;

const SHORT: Duration = Duration::from_millis(300);

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn whatever_never_ends_times_out_as_a_whole() {
    let drip = |bytes| Then::Repeat(bytes, Duration::from_millis(20));
    for (case, head, then) in [
        ("no answer", "", Then::Hang),
        ("half a head", "HTTP/1.1 200 OK\r\nA: b", Then::Hang),
        ("a dripping head", "HTTP/1.1 200 OK\r\nA: ", drip(b"b")),
        (
            "no body",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            Then::Hang,
        ),
        (
            "a dripping body",
            "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
            drip(b"x"),
        ),
        (
            "dripping chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            drip(b"1\r\nx\r\n"),
        ),
    ] {
        let server = Loopback::answering(move |_| Answer(head.into(), then)).await;
        let start = Instant::now();
        let error = call_within(&server, SHORT).await.unwrap_err();
        assert!(
            matches!(error, UpstreamError::Timeout { .. }),
            "{case}: {error}"
        );
        assert!(error.to_string().contains("within 0.3 s"), "{error}");
        assert!((SHORT..SHORT * 10).contains(&start.elapsed()), "{case}");
        assert_harmless(&error);
    }
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_and_one_at_the_cap_is_not() {
    let cap = 64 * 1024;
    let chunked = |body: Vec<u8>| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let size = format!("{:x}\r\n", body.len());
        Answer(
            [head, size.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat(),
            Then::KeepAlive,
        )
    };
    let plain = |body: Vec<u8>| Answer::whole("200 OK", body);
    let zipped = |body: Vec<u8>| Answer::whole("200 OK\r\nContent-Encoding: gzip", gzip(&body));
    let sizes = [(cap, true), (cap + 1, false), (10_000_000, false)];
    let ways = [
        ("announced", plain as fn(_) -> _),
        ("chunked", chunked),
        ("compressed", zipped),
    ];
    for (way, answer) in ways {
        for (size, fits) in sizes {
            let server = Loopback::answering(move |_| answer(vec![b'x'; size])).await;
            match call(&server).await {
                Ok(response) => assert!(fits && response.body.len() == size, "{way}, {size}"),
                Err(error) => {
                    assert!(!fits, "{way}, {size}: {error}");
                    assert!(matches!(error, UpstreamError::TooLarge { cap: c, .. } if c == cap));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_gzip_bomb_stops_at_the_cap() {
    // 1 GiB of zeros in a megabyte
    let bomb = gzip(&vec![0; 1 << 20]).repeat(1024);
    let server =
        Loopback::answering(move |_| Answer::whole("200 OK\r\nContent-Encoding: gzip", &bomb))
            .await;
    let error = call(&server).await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_http_is_an_error_that_says_so() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (case, bytes, then) in [
        ("closed at once", String::new(), Then::Close),
        (
            "another protocol",
            "220 smtp.example ESMTP\r\n".to_owned(),
            Then::Close,
        ),
        (
            "closed in the head",
            "HTTP/1.1 200 OK\r\nA: b".to_owned(),
            Then::Close,
        ),
        (
            "closed in the body",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxx".to_owned(),
            Then::Close,
        ),
        ("closed in a chunk", format!("{head}9\r\nxx"), Then::Close),
        (
            "a bad chunk size",
            format!("{head}zz\r\nxx\r\n"),
            Then::Hang,
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx".to_owned(),
            Then::Hang,
        ),
        (
            "many headers",
            format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(9999)),
            Then::Hang,
        ),
        (
            "an endless header",
            "HTTP/1.1 200 OK\r\nA: ".to_owned(),
            Then::Repeat(&[b'x'; 4096], Duration::ZERO),
        ),
    ] {
        let server = Loopback::answering(move |_| Answer(bytes.clone().into_bytes(), then)).await;
        let error = call_within(&server, Duration::from_secs(20))
            .await
            .unwrap_err();
        assert!(
            matches!(error, UpstreamError::Broken { .. }),
            "{case}: {error}"
        );
        assert_harmless(&error);
    }
}

#[tokio::test]
async fn nobody_there_is_told_from_an_answer_that_failed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let guard = LeakGuard::new(&[KEY]);
    let error = upstream()
        .send(
            request(Method::GET, &base, "/v1/x"),
            &guard,
            &Errand::default(),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(error, UpstreamError::Unreachable { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert_harmless(&error);
}

#[tokio::test]
async fn plain_http_leaves_this_machine_under_no_name() {
    for url in [
        "http://api.example.com/v1/x",
        "http://10.0.0.1/v1/x",
        "ftp://10.0.0.1/v1/x",
    ] {
        let request = AuthorisedRequest(BoundRequest {
            method: Method::GET,
            url: url.parse().unwrap(),
            headers: HeaderMap::new(),
            region: None,
            streamed: false,
            body: None,
        });
        let error = upstream()
            .send(request, &LeakGuard::new(&[KEY]), &Errand::default())
            .await
            .unwrap_err();
        assert!(matches!(error, UpstreamError::Insecure { .. }), "{error}");
        assert_harmless(&error);
    }
}

#[tokio::test]
async fn two_calls_share_one_connection() {
    let server = Loopback::answering(|_| Answer::whole("200 OK", "x")).await;
    let client = upstream();
    let guard = LeakGuard::new(&[KEY]);
    for _ in 0..2 {
        let request = request(Method::GET, &server.base(), "/");
        client
            .send(request, &guard, &Errand::default())
            .await
            .unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn a_dropped_call_hangs_up() {
    let (arrived, mut arrival) = mpsc::unbounded_channel();
    let server = Loopback::answering(move |_| {
        arrived.send(()).unwrap();
        Answer(Vec::new(), Then::KeepAlive)
    })
    .await;
    let client = upstream();
    let guard = LeakGuard::new(&[KEY]);
    let errand = Errand::default();
    tokio::select! {
        _ = client.send(request(Method::GET, &server.base(), "/"), &guard, &errand) => unreachable!(),
        _ = arrival.recv() => {}
    }
    let hung_up = tokio::time::timeout(Duration::from_secs(20), server.hung_up()).await;
    hung_up.expect("the connection of a dropped call is closed");
}
