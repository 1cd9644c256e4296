//! The port on 127.0.0.1: its connections, how many and how long, and which
//! room answers what.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceExt;

use super::app::App;
use super::neighbour::Neighbour;
use super::{
    activity, api, approvals, assets, guard, health, live, login, neighbour, overview, policy,
    services,
};

/// Connections at once. A browser has six at most; a page that opens many
/// keeps others waiting no longer than [`HEAD_TIMEOUT`].
const CONNECTIONS: usize = 512;
/// How long a connection may take over the head of its next request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest head of a request, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// Connections of other users at once, which are told so and ended.
const REFUSALS: usize = 16;
/// How long that may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// After a failed accept: the system may be out of descriptors for a while.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens on `port` of 127.0.0.1; 0 takes a free one.
pub async fn open(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves the dashboard for as long as it is polled.
pub async fn serve(listener: TcpListener, app: App) -> Infallible {
    let routes = routes(&app);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let doorway = Arc::new(Semaphore::new(REFUSALS));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(local) = stream.local_addr() else {
            continue;
        };
        let whose = neighbour::of(peer, local);
        if whose == Neighbour::Gone {
            continue;
        }
        let routes = routes.clone();
        // how a connection ended is the browser's business
        if let Neighbour::Other(_) = whose {
            if let Ok(place) = Arc::clone(&doorway).try_acquire_owned() {
                tokio::spawn(async move {
                    let _place = place;
                    let _ = timeout(REFUSAL_TIME, connection(stream, whose, routes)).await;
                });
            }
            continue;
        }
        // the semaphore is never closed
        let place = Arc::clone(&room).acquire_owned().await;
        tokio::spawn(async move {
            let _place = place;
            let _ = connection(stream, whose, routes).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    whose: Neighbour,
    routes: Router,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(whose);
        let routes = routes.clone();
        async move { answer(routes, request.map(Body::new)).await }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .await?;
    Ok(())
}

async fn answer(routes: Router, request: Request<Body>) -> Result<Response, Infallible> {
    routes.oneshot(request).await
}

fn routes(app: &App) -> Router {
    let pages = Router::new()
        .route("/", get(overview::show))
        .route("/activity", get(activity::show))
        .route("/activity/live", get(activity::events))
        .route("/activity/export", get(activity::export))
        .route("/activity/verify", get(activity::verify))
        .route("/services", get(services::show))
        .route("/services/{service}", get(services::show_one))
        .route("/policy", get(policy::show))
        .route("/approvals", get(approvals::show).post(approvals::answer))
        .route("/approvals/{id}", get(approvals::show_card))
        .route("/health", get(health::show))
        .route("/lock", post(health::lock))
        .route("/live", get(live::events))
        .fallback(overview::not_found)
        .layer(from_fn_with_state(app.clone(), guard::signed_in));
    Router::new()
        .route("/login", get(login::redeem))
        .route("/assets/{name}", get(assets::serve))
        .nest("/api", api::routes(app))
        .merge(pages)
        .layer(from_fn_with_state(app.clone(), guard::gate))
        .layer(from_fn_with_state(app.clone(), guard::headers))
        .with_state(app.clone())
}
