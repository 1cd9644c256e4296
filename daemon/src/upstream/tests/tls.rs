use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::Version;
use axum::routing::get;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::upstream::Errand;

/// A listener whose connections speak TLS.
struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            // a client that doesn't trust us hangs up here
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// An upstream that says which HTTP version it was asked in; its base URL and
/// its certificate.
async fn https(protocols: &[&[u8]]) -> (String, CertificateDer<'static>) {
    let (port, certificate) = served("localhost", protocols).await;
    (format!("https://localhost:{port}"), certificate)
}

/// The same under another name: its port, and its certificate in PEM.
pub(super) async fn https_of(name: &str) -> (u16, String) {
    let (port, certificate) = served(name, &[b"h2", b"http/1.1"]).await;
    let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    (port, pem)
}

/// What makes TLS of a connection, under a new certificate for `name`.
pub(super) fn acceptor(name: &str, protocols: &[&[u8]]) -> (TlsAcceptor, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

async fn served(name: &str, protocols: &[&[u8]]) -> (u16, CertificateDer<'static>) {
    let (acceptor, certificate) = acceptor(name, protocols);
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = tcp.local_addr().unwrap().port();
    let listener = TlsListener { tcp, acceptor };
    let version = |version: Version| async move { format!("{version:?}") };
    let router = Router::new().route("/v1/x", get(version));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (port, certificate)
}

#[tokio::test]
async fn a_trusted_upstream_is_spoken_to_in_the_newest_http_it_knows() {
    let both: &[&[u8]] = &[b"h2", b"http/1.1"];
    let old: &[&[u8]] = &[b"http/1.1"];
    for (protocols, expected) in [(both, "HTTP/2.0"), (old, "HTTP/1.1"), (&[], "HTTP/1.1")] {
        let (base, certificate) = https(protocols).await;
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let upstream = Upstream::with_roots(&UpstreamSettings::default(), roots).unwrap();
        let guard = LeakGuard::new(&[KEY]);
        let request = request(Method::GET, &base, "/v1/x");
        let response = upstream
            .send(request, &guard, &Errand::default())
            .await
            .unwrap();
        assert_eq!(response.body, expected);
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() {
    let (base, _) = https(&[b"h2"]).await;
    let guard = LeakGuard::new(&[KEY]);
    let request = request(Method::GET, &base, "/v1/x");
    let error = upstream()
        .send(request, &guard, &Errand::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, UpstreamError::Unreachable { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_harmless(&error);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_with_nothing_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", silent.local_addr().unwrap());
    let settings = UpstreamSettings {
        connect_timeout: Duration::from_millis(200),
        ..UpstreamSettings::default()
    };
    let upstream = Upstream::new(&settings).unwrap();
    let request = request(Method::GET, &base, "/v1/x");
    let guard = LeakGuard::new(&[KEY]);
    let error = upstream
        .send(request, &guard, &Errand::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, UpstreamError::Unreachable { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
}
