//! Through a proxy, and with root certificates of the owner's own.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::loopback::Answer;
use super::tls::https_of;
use super::*;

/// A proxy that leads every connection to the port `to`; its URL, and all that
/// it saw go by towards there.
async fn proxy(to: u16) -> (url::Url, Arc<Mutex<Vec<u8>>>) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = tcp.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            record.lock().unwrap().extend_from_slice(&head);
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let mut hello = [0; 4096];
            let count = client.read(&mut hello).await.unwrap();
            record.lock().unwrap().extend_from_slice(&hello[..count]);
            server.write_all(&hello[..count]).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let url = url::Url::parse(&format!("http://{address}")).unwrap();
    (url, seen)
}

async fn ask(settings: &UpstreamSettings, base: &str) -> Result<UpstreamResponse, UpstreamError> {
    let nobody = rustls::RootCertStore::empty();
    let upstream = Upstream::with_roots(settings, nobody).unwrap();
    let request = request(Method::GET, base, "/v1/x");
    upstream
        .send(request, &LeakGuard::new(&[KEY]), &Errand::default())
        .await
}

#[tokio::test]
async fn tls_goes_through_a_proxy_from_end_to_end() {
    // a name that leads nowhere but through the proxy
    let (port, certificate) = https_of("api.acme.invalid").await;
    let (url, seen) = proxy(port).await;
    let settings = UpstreamSettings {
        proxy: Some(url),
        ca: Some(certificate),
        ..UpstreamSettings::default()
    };
    let answer = ask(&settings, "https://api.acme.invalid").await.unwrap();
    assert_eq!(answer.status, 200);
    let seen = String::from_utf8_lossy(&seen.lock().unwrap()).into_owned();
    assert!(
        seen.starts_with("CONNECT api.acme.invalid:443 HTTP/1.1\r\n"),
        "{seen}"
    );
    for secret in [KEY, "x-api-key", "/v1/x"] {
        assert!(!seen.contains(secret), "{seen}");
    }
}

#[tokio::test]
async fn a_proxy_that_answers_itself_is_refused_without_the_owners_certificates() {
    let (port, _) = https_of("api.acme.invalid").await;
    let (url, _) = proxy(port).await;
    let (_, other) = https_of("api.acme.invalid").await;
    for ca in [None, Some(other)] {
        let settings = UpstreamSettings {
            proxy: Some(url.clone()),
            ca,
            ..UpstreamSettings::default()
        };
        let error = ask(&settings, "https://api.acme.invalid")
            .await
            .unwrap_err();
        assert!(
            matches!(error, UpstreamError::Unreachable { .. }),
            "{error}"
        );
        assert_harmless(&error);
    }
}

#[tokio::test]
async fn what_is_on_this_machine_is_never_reached_through_the_proxy() {
    let server = Loopback::answering(|_| Answer::whole("200 OK", "")).await;
    let (port, certificate) = https_of("localhost").await;
    let (url, seen) = proxy(port).await;
    let settings = UpstreamSettings {
        proxy: Some(url),
        ca: Some(certificate),
        ..UpstreamSettings::default()
    };
    for base in [server.base(), format!("https://localhost:{port}")] {
        let answer = ask(&settings, &base).await.unwrap();
        assert_eq!(answer.status, 200, "{base}");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn certificates_are_taken_whole_or_not_at_all() {
    let (_, good) = https_of("api.acme.invalid").await;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, words) in [
        (String::new(), "no certificate"),
        ("not PEM".into(), "no certificate"),
        (format!("{good}{broken}"), "certificate 2"),
        (
            format!("{good}-----BEGIN CERTIFICATE-----\nAAAA\n"),
            "certificate 2",
        ),
    ] {
        let settings = UpstreamSettings {
            ca: Some(pem),
            ..UpstreamSettings::default()
        };
        let error = Upstream::new(&settings).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn a_switch_counts_for_the_next_call_also_of_clones() {
    let (port, certificate) = https_of("localhost").await;
    let nobody = rustls::RootCertStore::empty();
    let upstream = Upstream::with_roots(&UpstreamSettings::default(), nobody).unwrap();
    let clone = upstream.clone();
    let guard = LeakGuard::new(&[KEY]);
    let base = format!("https://localhost:{port}");
    let ask = || request(Method::GET, &base, "/v1/x");
    assert!(clone.send(ask(), &guard, &Errand::default()).await.is_err());
    let settings = UpstreamSettings {
        ca: Some(certificate),
        ..UpstreamSettings::default()
    };
    upstream.switch_to(upstream.prepare(&settings).unwrap());
    let answer = clone.send(ask(), &guard, &Errand::default()).await.unwrap();
    assert_eq!(answer.status, 200);
}
