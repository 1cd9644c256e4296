//! Serves the identities' own sockets, and keeps each in its place.
//!
//! While nobody has unlocked the vault, which of the directories that lie there
//! were ordered by the owner is not known: they are served all the same, so
//! that a shim hears that the vault is locked, and do nothing more than that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axis_proto::socket::{IdentityDirs, Listener, OpenTo, Place};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{MAX_SOCKETS, OwnSocket, SealedSockets};
use crate::names::Identity;

/// What serves the connections of one socket, until `stop`.
pub type Serve = dyn Fn(Entrance) -> JoinHandle<()> + Send + Sync;

/// One socket, about to be served.
pub struct Entrance {
    /// Where connections come in.
    pub listener: Listener,
    /// Who every caller is.
    pub identity: SocketIdentity,
    /// The other user that may connect.
    pub uid: Option<u32>,
    /// From then on no connection is taken, and those that are there end with
    /// their calls.
    pub stop: CancellationToken,
    /// Ends the connections at once.
    pub cut: CancellationToken,
}

/// The identity of a socket.
#[derive(Clone, Debug)]
pub struct SocketIdentity {
    /// Its name.
    pub identity: Identity,
    /// Whether the vault says that the owner ordered this socket.
    sealed: Arc<AtomicBool>,
}

/// An identity's socket, as the owner sees it.
#[derive(Debug)]
pub struct Served {
    /// As it is sealed; of one that was only found, as far as it is known.
    pub socket: OwnSocket,
    /// What is mounted into the sandbox.
    pub directory: PathBuf,
    /// The socket in it.
    pub path: PathBuf,
    /// Why it isn't served.
    pub problem: Option<String>,
}

/// What is known of the sockets.
#[derive(Debug)]
pub struct Standing {
    /// All of them, in the order of their names.
    pub sockets: Vec<Served>,
    /// Whether they are those that the vault says. Not before the first unlock.
    pub is_sealed: bool,
}

/// The identities' own sockets.
pub struct OwnSockets {
    directories: IdentityDirs,
    serve: Box<Serve>,
    stopping: CancellationToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is to be served, and the keystore's generation that says so.
    sealed: Option<(u64, SealedSockets)>,
    open: HashMap<Identity, Open>,
    problems: BTreeMap<Identity, String>,
    tasks: Vec<JoinHandle<()>>,
    /// What ends the connections of an identity, and for which other user they
    /// are. It outlives a socket that is put back: whoever removed it keeps the
    /// connections that there were.
    cuts: HashMap<Identity, (CancellationToken, Option<u32>)>,
}

struct Open {
    identity: SocketIdentity,
    uid: Option<u32>,
    place: Place,
    stop: CancellationToken,
}

impl SocketIdentity {
    /// Whether a call may go on as this identity; it doesn't change to no.
    pub fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }
}

impl OwnSockets {
    /// None is served yet. All end with `stopping`.
    pub fn new(
        directories: IdentityDirs,
        stopping: CancellationToken,
        serve: impl Fn(Entrance) -> JoinHandle<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            directories,
            serve: Box::new(serve),
            stopping,
            state: Mutex::default(),
        }
    }

    /// Where they are.
    pub fn directories(&self) -> &IdentityDirs {
        &self.directories
    }

    /// Serves the directories that lie there, unless the vault has said by now
    /// which of them are the owner's.
    pub fn serve_found(&self) {
        let mut state = self.state();
        if state.sealed.is_some() {
            return;
        }
        for (name, open_to) in self.directories.found(MAX_SOCKETS) {
            match Identity::parse(&name) {
                Ok(identity) if identity.as_str() == name => {
                    self.open(&mut state, &identity, None, open_to, false);
                }
                _ => {}
            }
        }
    }

    /// Serves `sealed` and nothing else, as the keystore of this generation
    /// says since it was written. What a later one said stands.
    pub fn keep(&self, generation: u64, sealed: SealedSockets) {
        let mut state = self.state();
        if state
            .sealed
            .as_ref()
            .is_none_or(|(at, _)| *at <= generation)
        {
            self.follow(&mut state, generation, sealed);
        }
    }

    /// The same of a keystore that was unlocked, whatever another one said.
    pub fn adopt(&self, generation: u64, sealed: SealedSockets) {
        self.follow(&mut self.state(), generation, sealed);
    }

    fn follow(&self, state: &mut State, generation: u64, sealed: SealedSockets) {
        let open = state
            .open
            .iter()
            .map(|(identity, open)| (identity, open.uid));
        let cuts = state
            .cuts
            .iter()
            .map(|(identity, (_, uid))| (identity, *uid));
        let unknown: HashSet<_> = open
            .chain(cuts)
            .filter(|(identity, uid)| {
                let socket = sealed.get(identity);
                socket.is_none_or(|socket| socket.uid != *uid)
            })
            .map(|(identity, _)| identity.clone())
            .collect();
        for identity in unknown {
            self.close(state, &identity);
        }
        state.problems.clear();
        state.sealed = Some((generation, sealed));
        self.mend(state);
    }

    /// Puts sockets that are gone back in their places.
    pub fn look(&self) {
        let mut state = self.state();
        let gone: Vec<_> = state
            .open
            .iter()
            .filter(|(identity, open)| !self.directories.is_in_place(identity.as_str(), open.place))
            .map(|(identity, _)| identity.clone())
            .collect();
        for identity in gone {
            warn!(%identity, "the identity's socket or its directory was removed or replaced; a sandbox that has the old directory must be started anew");
            if let Some(open) = state.open.remove(&identity) {
                open.stop.cancel();
            }
        }
        self.mend(&mut state);
    }

    /// How they stand.
    pub fn standing(&self) -> Standing {
        let state = self.state();
        let served = |socket: OwnSocket| Served {
            directory: self.directories.directory(socket.identity.as_str()),
            path: self.directories.socket(socket.identity.as_str()),
            problem: state.problems.get(&socket.identity).cloned(),
            socket,
        };
        if let Some((_, sealed)) = &state.sealed {
            return Standing {
                sockets: sealed.iter().cloned().map(served).collect(),
                is_sealed: true,
            };
        }
        let mut found: Vec<_> = state.open.keys().cloned().collect();
        found.sort();
        let found = found.into_iter().map(|identity| OwnSocket {
            identity,
            uid: None,
            created_at: None,
        });
        Standing {
            sockets: found.map(served).collect(),
            is_sealed: false,
        }
    }

    /// Removes the directory of an identity whose socket isn't served any more.
    /// What is in the way, if something is.
    pub fn remove_directory(&self, identity: &Identity) -> Option<String> {
        let removed = self.directories.remove(identity.as_str());
        removed.err().map(|error| error.to_string())
    }

    /// Resolves when all have ended, once `stopping` has come.
    pub async fn ended(&self) {
        let tasks = std::mem::take(&mut self.state().tasks);
        for task in tasks {
            let _ = task.await;
        }
    }

    /// Opens what should be and isn't; a failure is said once.
    fn mend(&self, state: &mut State) {
        let Some((_, sealed)) = state.sealed.clone() else {
            return;
        };
        for socket in sealed.iter() {
            if let Some(open) = state.open.get(&socket.identity) {
                open.identity.sealed.store(true, Ordering::Release);
                continue;
            }
            let open_to = match socket.uid {
                None => OpenTo::Owner,
                Some(_) => OpenTo::Others,
            };
            self.open(state, &socket.identity, socket.uid, open_to, true);
        }
    }

    fn open(
        &self,
        state: &mut State,
        identity: &Identity,
        uid: Option<u32>,
        open_to: OpenTo,
        is_sealed: bool,
    ) {
        if self.stopping.is_cancelled() {
            return;
        }
        let bound = match self.directories.listen(identity.as_str(), open_to) {
            Ok(bound) => bound,
            Err(error) => {
                let problem = error.to_string();
                if state.problems.get(identity) != Some(&problem) {
                    warn!(%identity, problem, "an identity's own socket isn't served");
                    state.problems.insert(identity.clone(), problem);
                }
                return;
            }
        };
        state.problems.remove(identity);
        info!(%identity, is_sealed, "an identity's own socket is served");
        let open = Open {
            identity: SocketIdentity {
                identity: identity.clone(),
                sealed: Arc::new(AtomicBool::new(is_sealed)),
            },
            uid,
            place: bound.place,
            stop: self.stopping.child_token(),
        };
        let (cut, _) = state
            .cuts
            .entry(identity.clone())
            .or_insert_with(|| (CancellationToken::new(), uid));
        let serving = (self.serve)(Entrance {
            listener: bound.listener,
            identity: open.identity.clone(),
            uid,
            stop: open.stop.clone(),
            cut: cut.clone(),
        });
        state.tasks.retain(|task| !task.is_finished());
        state.tasks.push(serving);
        state.open.insert(identity.clone(), open);
    }

    fn close(&self, state: &mut State, identity: &Identity) {
        if let Some((cut, _)) = state.cuts.remove(identity) {
            cut.cancel();
        }
        let Some(open) = state.open.remove(identity) else {
            return;
        };
        open.stop.cancel();
        if self.directories.is_in_place(identity.as_str(), open.place) {
            self.directories.remove_socket(identity.as_str());
        }
        info!(%identity, "an identity's own socket is closed");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // every change is one insertion or removal, so a panic left none half done
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
