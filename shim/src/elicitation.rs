//! Asking in the MCP host's own window whether a call may go out, where the
//! policy says so and the host can show one. It is never the only way: the
//! owner can answer, too.

use std::time::Duration;

use axis_proto::v1::{AnswerApprovalRequest, Waiting};
use rmcp::model::{
    ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, ProtocolVersion,
};
use rmcp::service::ElicitationMode;
use rmcp::{Peer, RoleServer};
use tokio::time::Instant;

use crate::link::Link;
use crate::progress::News;

/// The field that says yes.
const APPROVE: &str = "approve";
/// A host that says no sooner has shown nobody anything: some do so by
/// themselves.
const HUMAN: Duration = Duration::from_secs(1);

/// Whether the host has a window to ask in, and a protocol that allows it.
pub fn is_possible(peer: &Peer<RoleServer>) -> bool {
    let speaks = peer
        .peer_info()
        .is_some_and(|client| client.protocol_version <= ProtocolVersion::V_2025_11_25);
    speaks
        && peer
            .supported_elicitation_modes()
            .contains(&ElicitationMode::Form)
}

/// Asks what the call comes to be asked about, as long as it lasts; never
/// returns.
pub async fn ask(peer: &Peer<RoleServer>, link: &Link, news: &News) {
    loop {
        let waiting = news.question().await;
        let Waiting {
            approval_id,
            question: Some(question),
            answer_key,
        } = waiting
        else {
            continue;
        };
        let Some(approved) = answer(peer, question).await else {
            // nobody said anything there: it is the owner's
            continue;
        };
        let answer = AnswerApprovalRequest {
            approval_id,
            answer_key,
            approved,
        };
        if let Err(status) = link.answer_approval(answer).await {
            tracing::debug!(%status, "the host's answer came too late");
        }
    }
}

/// What was said in the host's window; none where nothing was.
async fn answer(peer: &Peer<RoleServer>, question: String) -> Option<bool> {
    let schema = ElicitationSchema::builder()
        .required_bool_with(APPROVE, |field| {
            field
                .title("Send this call")
                .description("Axis adds the credential and makes exactly this call, once")
                .with_default(false)
        })
        .build()
        .ok()?;
    let asked_at = Instant::now();
    let asked = peer.create_elicitation(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: question,
        requested_schema: schema,
    });
    match asked.await {
        Ok(answer) => meant(&answer, asked_at.elapsed()),
        Err(error) => {
            tracing::debug!(%error, "the host could not ask");
            None
        }
    }
}

fn meant(answer: &ElicitResult, took: Duration) -> Option<bool> {
    match answer.action {
        ElicitationAction::Accept => {
            let content = answer.content.as_ref();
            let approve = content.and_then(|content| content.get(APPROVE));
            Some(approve.and_then(serde_json::Value::as_bool) == Some(true))
        }
        ElicitationAction::Decline if took >= HUMAN => Some(false),
        // what a later protocol may say is no answer either
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        let accepted = |content| ElicitResult::new(ElicitationAction::Accept).with_content(content);
        let soon = Duration::from_millis(10);
        assert_eq!(meant(&accepted(json!({"approve": true})), soon), Some(true));
        for content in [
            json!({"approve": false}),
            json!({"approve": "true"}),
            json!({}),
            json!(null),
        ] {
            assert_eq!(meant(&accepted(content), soon), Some(false));
        }
        let bare = ElicitResult::new(ElicitationAction::Accept);
        assert_eq!(meant(&bare, soon), Some(false));
    }

    #[test]
    fn a_no_that_nobody_can_have_said_is_none() {
        let declined = ElicitResult::new(ElicitationAction::Decline);
        assert_eq!(meant(&declined, Duration::from_millis(10)), None);
        assert_eq!(meant(&declined, Duration::from_secs(3)), Some(false));
        let closed = ElicitResult::new(ElicitationAction::Cancel);
        assert_eq!(meant(&closed, Duration::from_secs(3)), None);
    }
}
