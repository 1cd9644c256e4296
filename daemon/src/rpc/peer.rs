//! Who is at the other end of a connection: only processes of the owner's
//! user get in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axis_proto::socket::{self, Listener, Stream};
use axis_proto::system::own_user;
use futures_util::Stream as FutureStream;
use futures_util::stream;

use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;
use tonic::{Request, Status};
use tracing::warn;

use crate::audit::{ConnectionId, Peer};
use crate::identities::{Entrance, SocketIdentity};
use crate::process;

/// Pause after a failed accept, as when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is gathered of an answer before it is written, in bytes; larger pieces
/// go out as they are.
const ANSWER_BYTES: usize = 4096;

static NEXT_CONNECTION: AtomicU64 = AtomicU64::new(1);

/// What every request of a connection is told about it.
#[derive(Clone)]
pub struct Caller {
    /// The peer's process.
    pub peer: Peer,
    /// The connection.
    pub connection: ConnectionId,
    /// Who calls, where the socket says it and not the client.
    pub socket: Option<SocketIdentity>,
}

impl Caller {
    /// Whose request this is.
    ///
    /// # Errors
    /// The request came over no socket of ours.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Status::internal("the connection has no peer"))
    }
}

/// Connections that one socket serves at once, where the system gives axisd
/// that many descriptors: rather more than anyone has shims.
const MOST_CONNECTIONS: usize = 4096;

/// How many connections of one socket are served at once; half of the
/// descriptors stay for the other socket, the files and the upstreams.
fn most_connections() -> usize {
    let limit = process::most_files();
    let quarter = limit.and_then(|limit| usize::try_from(limit / 4).ok());
    quarter
        .unwrap_or(MOST_CONNECTIONS)
        .clamp(1, MOST_CONNECTIONS)
}

/// Connections that may be served at once.
#[derive(Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    /// What several sockets share beside that.
    shared: Option<Arc<Semaphore>>,
}

impl Places {
    /// Those of one socket.
    pub fn of_one_socket() -> Self {
        Self {
            free: Arc::new(Semaphore::new(most_connections())),
            shared: None,
        }
    }

    /// Those that several sockets share, of which each may take a quarter.
    pub fn shared() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(most_connections()))
    }

    /// Those of one socket of several.
    pub fn within(shared: &Arc<Semaphore>) -> Self {
        Self {
            free: Arc::new(Semaphore::new((most_connections() / 4).max(1))),
            shared: Some(shared.clone()),
        }
    }

    fn take(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let pools = [Some(&self.free), self.shared.as_ref()];
        let taken = pools.into_iter().flatten();
        taken
            .map(|pool| pool.clone().try_acquire_owned().ok())
            .collect()
    }
}

/// Told that a connection has ended.
pub type OnClose = Arc<dyn Fn(ConnectionId) + Send + Sync>;

/// A connection whose peer was checked.
pub struct PeerStream {
    /// HTTP/2 hands out an answer in pieces; the client is woken once.
    stream: BufWriter<Stream>,
    caller: Caller,
    on_close: OnClose,
    /// Ends the connection, whatever is under way.
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _places: Vec<OwnedSemaphorePermit>,
}

impl Drop for PeerStream {
    fn drop(&mut self) {
        (self.on_close)(self.caller.connection);
    }
}

impl Connected for PeerStream {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

/// The connections of `listener` that the owner's processes make. Others are
/// closed and logged, and so are those above [`most_connections`]; a failed
/// accept is logged and tried again.
pub fn incoming(
    listener: Listener,
    on_close: OnClose,
) -> impl FutureStream<Item = io::Result<PeerStream>> {
    connections(Door {
        listener,
        on_close,
        places: Places::of_one_socket(),
        socket: None,
        uid: None,
        cut: None,
        refuses: false,
    })
}

/// The same of an identity's own socket, where also the processes of the user
/// that it was ordered for come in.
pub fn incoming_own(
    entrance: Entrance,
    places: Places,
    on_close: OnClose,
) -> impl FutureStream<Item = io::Result<PeerStream>> {
    connections(Door {
        listener: entrance.listener,
        on_close,
        places,
        socket: Some(entrance.identity),
        uid: entrance.uid,
        cut: Some(entrance.cut),
        refuses: false,
    })
}

fn connections(door: Door) -> impl FutureStream<Item = io::Result<PeerStream>> {
    stream::unfold(door, |mut door| async move {
        let stream = door.next().await;
        Some((Ok(stream), door))
    })
}

/// Where connections come in.
struct Door {
    listener: Listener,
    on_close: OnClose,
    places: Places,
    /// Who every caller is, where that isn't the client's word.
    socket: Option<SocketIdentity>,
    /// The other user who is let in.
    uid: Option<u32>,
    cut: Option<CancellationToken>,
    /// Said already: a flood isn't logged connection by connection.
    refuses: bool,
}

impl Door {
    async fn next(&mut self) -> PeerStream {
        loop {
            let stream = match socket::accept(&self.listener).await {
                Ok(stream) => stream,
                Err(error) => {
                    warn!(%error, "can't accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let peer = match admit(&stream, self.uid) {
                Ok(peer) => peer,
                Err(reason) => {
                    self.refused(&reason);
                    continue;
                }
            };
            let Some(places) = self.places.take() else {
                self.refused("too many are open");
                continue;
            };
            self.refuses = false;
            let connection = ConnectionId(NEXT_CONNECTION.fetch_add(1, Ordering::Relaxed));
            return PeerStream {
                stream: BufWriter::with_capacity(ANSWER_BYTES, stream),
                caller: Caller {
                    peer,
                    connection,
                    socket: self.socket.clone(),
                },
                on_close: self.on_close.clone(),
                cut: self.cut.clone().map(|cut| Box::pin(cut.cancelled_owned())),
                _places: places,
            };
        }
    }

    fn refused(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.refuses, true) {
            let identity = self.socket.as_ref().map(|socket| socket.identity.as_str());
            warn!(identity, reason, "connection refused");
        }
    }
}

fn admit(stream: &Stream, also: Option<u32>) -> Result<Peer, String> {
    let found = socket::peer(stream).map_err(|error| error.to_string())?;
    let own = own_user();
    if found.uid != own && Some(found.uid) != also {
        return Err(format!("uid {} is not the owner's uid {own}", found.uid));
    }
    Ok(Peer {
        uid: found.uid,
        pid: found.pid,
        exe: found.pid.and_then(process::program_of),
    })
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(cut) = &mut self.cut
            && cut.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
