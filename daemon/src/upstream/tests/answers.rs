use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::loopback::{Answer, Then};
use super::*;
use crate::upstream::Errand;

fn gzip(body: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_reflected_key_never_gets_through() {
    let body = format!("{{\"error\":\"bad key {}\"}}", KEY.replace('/', "\\/"));
    let chunked = |size: usize| {
        let mut answer = b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.as_bytes().chunks(size) {
            answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
            answer.extend(chunk);
            answer.extend(b"\r\n");
        }
        answer.extend(b"0\r\n\r\n");
        answer
    };
    let whole = |head, body: &[u8]| Answer::whole(head, body).0;
    for (case, answer) in [
        ("in a body", whole("200 OK", body.as_bytes())),
        ("in an error's body", whole("500 No", body.as_bytes())),
        (
            "in a compressed body",
            whole("200 OK\r\nContent-Encoding: gzip", &gzip(&body)),
        ),
        (
            "in members of gzip",
            whole(
                "200 OK\r\nContent-Encoding: GZIP",
                &[gzip(&body[..25]), gzip(&body[25..])].concat(),
            ),
        ),
        ("across chunks", chunked(5)),
        ("byte by byte", chunked(1)),
    ] {
        let server = Loopback::answering(move |_| Answer(answer.clone(), Then::KeepAlive)).await;
        let response = call(&server).await.unwrap();
        assert_eq!(
            response.body, "{\"error\":\"bad key [redacted by axis]\"}",
            "{case}"
        );
        assert_eq!(response.redacted, 1, "{case}");
    }
}

#[tokio::test]
async fn of_the_headers_only_type_and_pause_go_on() {
    let head = format!(
        "429 {KEY}\r\nContent-Type: text/{KEY}\r\nRetry-After: 17\r\nSet-Cookie: a={KEY}\r\nX-Api-Key: {KEY}"
    );
    let server = Loopback::answering(move |_| Answer::whole(&head, "slow down")).await;
    let response = call(&server).await.unwrap();
    assert_eq!(response.status.as_u16(), 429);
    assert_eq!(response.retry_after_s, Some(17));
    assert_eq!(
        response.content_type.as_deref(),
        Some("text/[redacted by axis]")
    );
    assert_eq!(response.redacted, 1);
    assert!(!format!("{response:?}").contains("canary"));
}

#[tokio::test]
async fn a_cookie_is_not_sent_back() {
    let server = Loopback::answering(|_| Answer::whole("200 OK\r\nSet-Cookie: a=b", "")).await;
    let client = upstream();
    for _ in 0..2 {
        let request = request(Method::GET, &server.base(), "/");
        client
            .send(request, &LeakGuard::new(&[]), &Errand::default())
            .await
            .unwrap();
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| !request.to_lowercase().contains("cookie"))
    );
}

#[tokio::test]
async fn an_encoding_that_can_not_be_checked_is_refused() {
    let zipped = gzip("text");
    for (header, body) in [
        ("Content-Encoding: br", zipped.clone()),
        ("Content-Encoding: zstd", zipped.clone()),
        ("Content-Encoding: gzip, gzip", zipped.clone()),
        (
            "Content-Encoding: gzip\r\nContent-Encoding: br",
            zipped.clone(),
        ),
        (
            "Content-Encoding: sk-canary/0123456789+abcdef",
            zipped.clone(),
        ),
        (
            "Content-Encoding: gzip",
            b"no gzip at all, but long enough".to_vec(),
        ),
        (
            "Content-Encoding: gzip",
            zipped[..zipped.len() - 3].to_vec(),
        ),
        ("Content-Encoding: gzip", zipped[..5].to_vec()),
        (
            "Content-Encoding: gzip",
            [&zipped[..], b"and more"].concat(),
        ),
    ] {
        let answer = format!("200 OK\r\n{header}");
        let server = Loopback::answering(move |_| Answer::whole(&answer, &body)).await;
        let error = call(&server).await.unwrap_err();
        assert!(
            matches!(error, UpstreamError::Undecodable { .. }),
            "{header}: {error}"
        );
        assert_harmless(&error);
    }
}

#[tokio::test]
async fn an_encoding_of_nothing_is_an_empty_answer() {
    for (method, status) in [
        (Method::HEAD, "200 OK"),
        (Method::GET, "204 No Content"),
        (Method::GET, "200 OK"),
    ] {
        let answer = format!("{status}\r\nContent-Encoding: gzip");
        let server = Loopback::answering(move |_| Answer::whole(&answer, "")).await;
        let request = request(method, &server.base(), "/");
        let response = upstream()
            .send(request, &LeakGuard::new(&[KEY]), &Errand::default())
            .await
            .unwrap();
        assert!(response.body.is_empty());
    }
}

#[tokio::test]
async fn identity_is_no_encoding_and_a_wrong_type_no_error() {
    let server = Loopback::answering(|_| {
        Answer::whole(
            "200 OK\r\nContent-Encoding: identity\r\nContent-Type: application/json",
            "<html>",
        )
    })
    .await;
    assert_eq!(call(&server).await.unwrap().body, "<html>");
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_made() {
    let server = Loopback::answering(|_| Answer::whole("200 OK", "")).await;
    let mut asked = request(Method::POST, &server.base(), "/v1/x?q=a%20b");
    asked
        .0
        .headers
        .insert(http::header::HOST, HeaderValue::from_static("evil.example"));
    asked.0.headers.insert(
        http::header::ACCEPT_ENCODING,
        HeaderValue::from_static("br"),
    );
    upstream()
        .send(asked, &LeakGuard::new(&[KEY]), &Errand::default())
        .await
        .unwrap();
    let sent = server.requests().pop().unwrap();
    assert!(
        sent.starts_with("POST /v1/x?q=a%20b HTTP/1.1\r\n"),
        "{sent}"
    );
    for line in [
        format!("x-api-key: {KEY}"),
        format!("host: {}", server.base().trim_start_matches("http://")),
        "accept-encoding: gzip".to_owned(),
        format!("user-agent: axis/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(
            sent.contains(&format!("\r\n{line}\r\n")),
            "{line} in {sent}"
        );
    }
    assert!(!sent.contains("evil"), "{sent}");
}
