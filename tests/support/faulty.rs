//! An upstream that answers in bytes, as badly as a test tells it to: nothing
//! of HTTP is kept that the test doesn't write itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::wait_for;

/// What the upstream does next with a request that it has read.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, with a pause in between, until the
    /// client hangs up.
    Forever(Vec<u8>, Duration),
    /// Says nothing more until the client hangs up.
    Hang,
    /// As the first: what follows comes before the request's body is read.
    BeforeBody,
    /// Neither reads nor says anything more.
    Stall,
    /// Breaks the connection off without a goodbye.
    Reset,
    /// Waits for the next request on the same connection. What comes after it
    /// is not done.
    KeepAlive,
}

impl Act {
    /// Sends this text.
    pub fn say(text: impl AsRef<[u8]>) -> Self {
        Self::Send(text.as_ref().to_vec())
    }

    /// A whole answer: `200 OK`, JSON, its length, and the connection is kept.
    pub fn json(body: &str) -> Vec<Self> {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        vec![Self::say(head + body), Self::KeepAlive]
    }
}

/// One request as it came, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// The method.
    pub method: String,
    /// Path and query, still encoded.
    pub path: String,
    /// Its head, as it came.
    pub head: String,
    /// Which request on its connection it was, from 0.
    pub nth: usize,
}

type Acts = Arc<dyn Fn(&Came) -> Vec<Act> + Send + Sync>;

/// The upstream; it ends with this value. A connection whose acts are done is
/// closed.
pub struct Faulty {
    port: u16,
    came: Arc<Mutex<Vec<Came>>>,
    open: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl Faulty {
    /// An upstream that does what `acts` says to each request.
    pub fn doing(acts: impl Fn(&Came) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (came, open) = (
            Arc::<Mutex<Vec<Came>>>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let acts: Acts = Arc::new(acts);
        runtime.spawn({
            let (came, open) = (came.clone(), open.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (came, open, acts) = (came.clone(), open.clone(), acts.clone());
                    open.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(async move {
                        // an error is the client's hanging up
                        let _ = converse(stream, &came, &acts).await;
                        open.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            }
        });
        Self {
            port,
            came,
            open,
            _runtime: runtime,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far, each whole unless what it met began before.
    pub fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// How many of them went to `path`.
    pub fn came_to(&self, path: &str) -> usize {
        let came = self.came.lock().unwrap();
        came.iter().filter(|it| it.path == path).count()
    }

    /// Waits for a request to `path`.
    pub fn wait_for(&self, path: &str) {
        wait_for("a request at the upstream", || {
            (self.came_to(path) > 0).then_some(())
        });
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

async fn converse(
    mut stream: TcpStream,
    came: &Mutex<Vec<Came>>,
    acts: &Acts,
) -> std::io::Result<()> {
    let mut nth = 0;
    let mut unread = Vec::new();
    while let Some(request) = read_head(&mut stream, &mut unread, nth).await? {
        nth += 1;
        let acts = acts(&request);
        let is_read_first = !matches!(acts.first(), Some(Act::BeforeBody));
        let length = content_length(&request.head);
        if is_read_first && !read_body(&mut stream, &mut unread, length).await? {
            return Ok(());
        }
        came.lock().unwrap().push(request);
        let mut goes_on = false;
        for act in acts {
            match act {
                Act::BeforeBody => {}
                Act::Stall => std::future::pending().await,
                Act::Send(bytes) => stream.write_all(&bytes).await?,
                Act::Forever(bytes, pause) => loop {
                    stream.write_all(&bytes).await?;
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        ended = hung_up(&mut stream), if !pause.is_zero() => return ended,
                    }
                },
                Act::Hang => return hung_up(&mut stream).await,
                Act::Reset => return reset(stream),
                Act::KeepAlive => {
                    goes_on = true;
                    break;
                }
            }
        }
        if !goes_on {
            return stream.shutdown().await;
        }
    }
    Ok(())
}

/// A socket that is closed with this set sends a reset instead of its end.
fn reset(stream: TcpStream) -> std::io::Result<()> {
    stream.set_zero_linger()?;
    drop(stream);
    Ok(())
}

async fn hung_up(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// The head of a request; `None` when the client hung up.
async fn read_head(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    nth: usize,
) -> std::io::Result<Option<Came>> {
    loop {
        if let Some(end) = unread.windows(4).position(|it| it == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&unread[..end]).into_owned();
            unread.drain(..end + 4);
            let mut words = head.split_whitespace().map(str::to_owned);
            return Ok(Some(Came {
                method: words.next().unwrap_or_default(),
                path: words.next().unwrap_or_default(),
                head: head.clone(),
                nth,
            }));
        }
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
}

/// Whether the body came whole.
async fn read_body(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    length: usize,
) -> std::io::Result<bool> {
    while unread.len() < length {
        if stream.read_buf(unread).await? == 0 {
            return Ok(false);
        }
    }
    unread.drain(..length);
    Ok(true)
}

fn content_length(head: &str) -> usize {
    head.lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        })
        .unwrap_or(0)
}
