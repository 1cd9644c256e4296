//! An upstream on loopback that answers with whatever bytes a test gives it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What an upstream does once it has sent its bytes.
#[derive(Clone, Copy)]
pub enum Then {
    /// Waits for the next request on the same connection.
    KeepAlive,
    /// Hangs up.
    Close,
    /// Says nothing more and keeps the connection.
    Hang,
    /// Sends these again and again, pausing in between.
    Repeat(&'static [u8], Duration),
}

/// Raw bytes of an answer, and what comes after it.
pub struct Answer(pub Vec<u8>, pub Then);

impl Answer {
    /// A whole answer with its Content-Length.
    pub fn whole(head: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
        Self([head.as_bytes(), body].concat(), Then::KeepAlive)
    }
}

/// The upstream. It ends with the test's runtime.
pub struct Loopback {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    hung_up: Arc<Notify>,
}

impl Loopback {
    pub async fn answering(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let hung_up = Arc::new(Notify::new());
        let answer = Arc::new(answer);
        tokio::spawn({
            let (requests, connections) = (Arc::clone(&requests), Arc::clone(&connections));
            let hung_up = Arc::clone(&hung_up);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::SeqCst);
                    let conversation = converse(stream, Arc::clone(&requests), Arc::clone(&answer));
                    let hung_up = Arc::clone(&hung_up);
                    tokio::spawn(async move {
                        conversation.await;
                        hung_up.notify_one();
                    });
                }
            }
        });
        Self {
            port,
            requests,
            connections,
            hung_up,
        }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All requests so far, head and body as they came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns when a client has hung up.
    pub async fn hung_up(&self) {
        self.hung_up.notified().await;
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn converse(
    mut stream: TcpStream,
    requests: Arc<Mutex<Vec<String>>>,
    answer: Arc<impl Fn(&str) -> Answer>,
) {
    while let Some(request) = read_request(&mut stream).await {
        requests.lock().unwrap().push(request.clone());
        let Answer(bytes, then) = answer(&request);
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        match then {
            Then::KeepAlive => {}
            Then::Close => return,
            Then::Hang => std::future::pending().await,
            Then::Repeat(bytes, pause) => loop {
                if stream.write_all(bytes).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
            },
        }
    }
}

/// One request with its body; `None` when the client hung up.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut buffer = [0; 4096];
        let read = stream
            .read(&mut buffer)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
}
