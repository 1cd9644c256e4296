//! Builds the parts, opens the sockets, serves, and drains when told to end.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axis_proto::socket::{self, Held, Listener, SocketError};
use axis_proto::v1::admin_server::AdminServer;
use axis_proto::v1::broker_server::BrokerServer;
use axis_proto::{MAX_FRAME_BYTES, MAX_MESSAGE_BYTES};
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tracing::{error, info, warn};

use crate::broker::Broker;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::identities::OwnSockets;
use crate::names::Identity;
use crate::owner::{Owner, Unlock};
use crate::paths::Paths;
use crate::process::Endings;
use crate::rpc::admin::AdminRpc;
use crate::rpc::broker::BrokerRpc;
use crate::rpc::peer;
use crate::supervision::{self, HandedOver, StartedBy};

/// How long calls in flight may take to finish once the daemon is told to end.
const DRAIN: Duration = Duration::from_secs(10);
/// Calls and listings that one connection may have open at once.
const STREAMS_PER_CONNECTION: u32 = 64;
/// A request's head and params, with room around them.
const MAX_REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// The servers of the two sockets.
enum Servers {
    /// Until they are told to end.
    Serve(JoinHandle<Result<((), ()), tonic::transport::Error>>),
    /// A task that ended must not be asked again.
    Ended,
}

impl Servers {
    /// Waits for their end; at once where that was before.
    async fn end(&mut self) -> anyhow::Result<()> {
        let Self::Serve(serving) = self else {
            return Ok(());
        };
        let ended = serving.await;
        *self = Self::Ended;
        ended
            .context("the servers crashed")?
            .context("the sockets failed")?;
        Ok(())
    }
}

/// What axisd got from whoever started it.
pub struct Start {
    /// The master password.
    pub password: Option<SecretString>,
    /// Who that was.
    pub by: StartedBy,
    /// The sockets that they hold for it.
    pub sockets: HandedOver,
}

/// Runs until a signal or the owner's Stop, and drains. With a password the
/// vault is unlocked before the sockets answer; a wrong one is logged and
/// leaves it locked.
///
/// The caller holds the [`Instance`](crate::instance::Instance) of `paths`.
///
/// # Errors
/// A socket can't be made, or the catalogue is broken.
pub async fn run(config: &Config, paths: &Paths, start: Start) -> anyhow::Result<()> {
    let Start {
        password,
        by,
        mut sockets,
    } = start;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stopping = CancellationToken::new();
    let broker = Arc::new(Broker::build(config, paths, clock)?);
    let forget: peer::OnClose = {
        let broker = broker.clone();
        Arc::new(move |connection| broker.connection_closed(connection))
    };
    let own_sockets = own_sockets(paths, &broker, &stopping, &forget);
    let (broker_path, admin_path) = (paths.sockets.broker(), paths.sockets.admin());
    let handed_over = (sockets.at(&broker_path), sockets.at(&admin_path));
    sockets.none_left(&broker_path, &admin_path)?;
    let owner = Owner::new(
        broker.clone(),
        paths.clone(),
        own_sockets,
        stopping.clone(),
        by,
    );
    let owner = Arc::new(owner);
    owner.record_start();
    let _watching = (
        owner.watch_policy()?,
        owner.watch_services()?,
        owner.watch_settings()?,
    );
    let from_keychain = password.is_none() && owner.may_open_from_keychain();
    unlock_at_start(&owner, password).await;
    owner.own_sockets.serve_found();
    let opening = from_keychain.then(|| unlock_from_keychain(owner.clone()));

    let broker_socket = open_socket(handed_over.0, &broker_path)?;
    let admin_socket = open_socket(handed_over.1, &admin_path)?;
    let broker_server = broker_server(broker.clone(), stopping.clone())
        .serve_with_incoming_shutdown(
            peer::incoming(broker_socket, forget.clone()),
            stopping.clone().cancelled_owned(),
        );
    let admin_server = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .add_service(
            AdminServer::new(AdminRpc::new(owner.clone(), stopping.clone()))
                .max_decoding_message_size(MAX_REQUEST_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
        .serve_with_incoming_shutdown(
            peer::incoming(admin_socket, forget),
            stopping.clone().cancelled_owned(),
        );
    let mut servers = Servers::Serve(tokio::spawn(async move {
        tokio::try_join!(broker_server, admin_server)
    }));
    let ticking = tick_each_second(owner.clone(), stopping.clone());
    let tidying = tidy_each_second(broker.clone(), stopping.clone());
    info!(
        version = axis_proto::VERSION,
        sockets = %paths.sockets.path().display(),
        "axisd serves"
    );
    supervision::ready();

    let failed = until_end(&stopping, &mut servers).await;
    stopping.cancel();
    supervision::stopping();
    // those that wait for the owner would wait in vain
    broker.approvals.clear();
    drain(servers, &owner).await;
    let _ = tokio::join!(ticking, tidying);
    if let Some(opening) = opening {
        let _ = opening.await;
    }
    owner.record_end();
    info!("axisd ends");
    failed
}

/// The listener that the service manager made, or one of our own.
fn open_socket(handed_over: Option<Held>, path: &Path) -> Result<Listener, SocketError> {
    match handed_over {
        Some(listener) => socket::adopt(listener, path),
        None => socket::listen(path),
    }
}

fn broker_server(broker: Arc<Broker>, until: CancellationToken) -> Router {
    Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_frame_size(MAX_FRAME_BYTES)
        .add_service(
            BrokerServer::new(BrokerRpc::new(broker, until))
                .max_decoding_message_size(MAX_REQUEST_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
}

/// The identities' own sockets, each with a server of its own.
fn own_sockets(
    paths: &Paths,
    broker: &Arc<Broker>,
    stopping: &CancellationToken,
    forget: &peer::OnClose,
) -> OwnSockets {
    let (broker, forget) = (broker.clone(), forget.clone());
    let shared = peer::Places::shared();
    // an identity's places stay its own, however often its socket is put back
    let places: Mutex<HashMap<Identity, peer::Places>> = Mutex::default();
    OwnSockets::new(
        paths.sockets.identities(),
        stopping.clone(),
        move |entrance| {
            let stop = entrance.stop.clone();
            let server = broker_server(broker.clone(), stop.clone());
            let places = {
                let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
                let identity = entrance.identity.identity.clone();
                let own = places.entry(identity);
                own.or_insert_with(|| peer::Places::within(&shared)).clone()
            };
            let connections = peer::incoming_own(entrance, places, forget.clone());
            tokio::spawn(async move {
                let ended = server
                    .serve_with_incoming_shutdown(connections, stop.cancelled_owned())
                    .await;
                if let Err(error) = ended {
                    error!(%error, "an identity's own socket failed");
                }
            })
        },
    )
}

async fn unlock_at_start(owner: &Owner, password: Option<SecretString>) {
    let Some(password) = password else { return };
    let unlock = Unlock {
        password,
        accept_older: false,
        only_if_never_locked: true,
    };
    if let Err(error) = owner.unlock(unlock, None).await {
        warn!(%error, "the vault stays locked");
    }
}

/// Beside all else, since the keychain may take its time; from the first moment
/// on, whoever comes waits for it.
fn unlock_from_keychain(owner: Arc<Owner>) -> JoinHandle<()> {
    let pending = owner.broker.opening.begin();
    tokio::spawn(async move { owner.unlock_from_keychain(pending).await })
}

/// Waits until it is told to end, or the servers end by themselves, which is
/// an error. Both at once is no error: they end because they are told to.
async fn until_end(stopping: &CancellationToken, servers: &mut Servers) -> anyhow::Result<()> {
    tokio::select! {
        biased;
        () = told_to_end(stopping) => Ok(()),
        ended = servers.end() => ended,
    }
}

/// Resolves at the first signal to end, or Stop.
async fn told_to_end(stopping: &CancellationToken) {
    let Ok(mut endings) = Endings::listen() else {
        error!("signals can't be heard; only `axis daemon stop` ends axisd gracefully");
        return stopping.cancelled().await;
    };
    tokio::select! {
        () = endings.next() => {}
        () = stopping.cancelled() => {}
    }
    stopping.cancel();
    tokio::spawn(async move {
        endings.next().await;
        error!("a second signal: axisd ends at once");
        #[expect(
            clippy::disallowed_methods,
            reason = "whoever signals twice won't wait for what still hangs"
        )]
        std::process::exit(130);
    });
}

async fn drain(mut servers: Servers, owner: &Owner) {
    let broker = &owner.broker;
    let in_flight = broker.in_flight();
    if in_flight > 0 {
        info!(in_flight, "waiting for calls in flight");
    }
    let drained = tokio::time::timeout(DRAIN, async {
        // calls run on their connections, which end once the answers are written
        let _ = servers.end().await;
        owner.own_sockets.ended().await;
        // a refresh token that was just used up has to be replaced
        broker.authoriser.settled().await;
    })
    .await;
    if drained.is_err() {
        warn!(
            in_flight = broker.in_flight(),
            "calls or connections didn't end in time"
        );
    }
}

fn tick_each_second(owner: Arc<Owner>, stopping: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopping.cancelled() => return,
            }
            owner.broker.sweep_approvals();
            let owner = owner.clone();
            // an fdatasync may take as long as the disk does
            let ticked = tokio::task::spawn_blocking(move || {
                owner.broker.audit.tick();
                owner.own_sockets.look();
            });
            let _ = ticked.await;
        }
    })
}

/// Compressing a segment takes longer than a tick may.
fn tidy_each_second(broker: Arc<Broker>, stopping: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopping.cancelled() => return,
            }
            let (audit, stopping) = (broker.audit.clone(), stopping.clone());
            let tidied =
                tokio::task::spawn_blocking(move || audit.tidy(&|| !stopping.is_cancelled()));
            let _ = tidied.await;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Servers whose task has ended.
    async fn ended() -> Servers {
        let task = tokio::spawn(async { Ok(((), ())) });
        while !task.is_finished() {
            tokio::task::yield_now().await;
        }
        Servers::Serve(task)
    }

    #[tokio::test]
    async fn servers_that_end_as_they_are_told_are_waited_for_once() {
        // which of the two is seen first must not be a matter of chance
        for _ in 0..64 {
            let stopping = CancellationToken::new();
            stopping.cancel();
            let mut servers = ended().await;
            until_end(&stopping, &mut servers).await.unwrap();
            assert!(matches!(servers, Servers::Serve(_)));
            servers.end().await.unwrap();
            servers.end().await.unwrap();
        }
        let mut servers = ended().await;
        until_end(&CancellationToken::new(), &mut servers)
            .await
            .unwrap();
        servers.end().await.unwrap();
    }

    #[tokio::test]
    async fn servers_that_crash_are_an_error_and_are_not_asked_again() {
        let task = tokio::spawn(std::future::pending());
        task.abort();
        let mut servers = Servers::Serve(task);
        let crashed = until_end(&CancellationToken::new(), &mut servers).await;
        assert!(crashed.is_err());
        servers.end().await.unwrap();
    }
}
