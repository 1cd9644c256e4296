//! An upstream on loopback that speaks TLS, with a certificate that nobody
//! vouches for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A running upstream; it ends with this value.
pub struct TlsUpstream {
    port: u16,
    pem: String,
    _runtime: tokio::runtime::Runtime,
}

impl TlsUpstream {
    /// One on localhost that answers as `router` does, in HTTP/2 where `newest`
    /// says so, else in HTTP/1.1.
    pub fn start(router: Router, newest: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .expect("a certificate can be made");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_no_client_auth()
            .with_single_cert(
                vec![made.cert.der().clone()],
                key.expect("the key was just made"),
            )
            .expect("key and certificate belong together");
        let protocol: &[u8] = if newest { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        let tcp = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port is free");
        let port = tcp.local_addr().expect("it is bound").port();
        let listener = Listening {
            tcp,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            port,
            pem: made.cert.pem(),
            _runtime: runtime,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

struct Listening {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Listening {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.tcp.accept().await else {
                continue;
            };
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
