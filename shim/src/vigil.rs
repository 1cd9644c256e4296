//! Notices an axisd that no longer answers anything, as one that was stopped:
//! a call that waits for it would wait for ever.

use std::path::Path;
use std::time::Duration;

use axis_proto::socket;
use axis_proto::v1::ListActionsRequest;
use tokio::time::{sleep, timeout};

use crate::answer::Failure;
use crate::settings::UNKNOWN_IDENTITY;

/// How long a call lasts before axisd is looked after, and between two looks:
/// most calls are over by then.
const PAUSE: Duration = Duration::from_secs(5);

/// How long axisd may take to say anything at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns once the axisd on `socket` leaves a question unanswered. It is asked
/// on a connection of its own, since calls that wait may fill another one.
pub async fn until_silent(socket: Option<&Path>) {
    loop {
        sleep(PAUSE).await;
        let client = socket.and_then(|socket| socket::broker_client(socket).ok());
        let Some(mut client) = client else {
            // the call ends by itself
            return std::future::pending().await;
        };
        let question = client.list_actions(ListActionsRequest {
            identity: UNKNOWN_IDENTITY.to_owned(),
            // no service has this name, so the answer is short
            service: Some(String::new()),
            ..ListActionsRequest::default()
        });
        // a refusal is an answer, and a connection that broke ends the call itself
        if timeout(PATIENCE, question).await.is_err() {
            return;
        }
    }
}

/// What a call hears of that.
pub fn silent() -> Failure {
    Failure::new(
        "daemon_unavailable",
        format!(
            "axisd runs but has answered nothing for {} s, as if it were stopped: the call may or may not have reached the upstream",
            PATIENCE.as_secs()
        ),
    )
    .with_hint(
        "`axis status` says how the owner ends it. Then `axis logs` knows whether the call was sent; look before you repeat it.",
    )
}
