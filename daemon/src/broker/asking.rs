//! A call that a rule asks about, from the question to the owner's word.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::mpsc;

use super::Broker;
use super::outcome::{Code, Denied, Failure, Pending};
use super::refusal::{self, Refusal};
use super::request::{ActionRequest, Socket};
use crate::approvals::{ApprovalId, Asked, Binding, Ended, HostKey, NotWaiting, Question, Waiting};
use crate::audit::{self, ApprovalRecord, Peer, Stage, is_unseen};
use crate::catalogue::{Action, Service, canonical_params};
use crate::names::{CredentialName, Identity};
use crate::policy::{Allowed, Approver, Reservation};
use crate::upstream::request::BoundRequest;
use crate::upstream::{HostQuestion, Part};

/// How long a call waits whose client gives up what is silent for a minute.
const PATIENCE: Duration = Duration::from_secs(40);
/// Most characters of the params in the window of an MCP host.
const SHOWN_TO_HOST: usize = 4000;

/// A call that may go out if someone says so.
pub(super) struct Ask {
    pub question: Question,
    pub approver: Approver,
    pub held: Held,
}

/// A place in the limits, and the decision that it was taken for.
pub(super) struct Held {
    pub allowed: Allowed,
    pub slot: Reservation,
}

/// The word that a call may go out.
pub(super) struct Pass {
    pub approval: ApprovalId,
    /// For this call and no other.
    pub binding: Binding,
    pub held: Held,
}

/// The params that a request is made of. Where the owner is asked, they are
/// brought into their one spelling, so that what is shown is what is sent, and
/// the same call again is the same question.
pub(super) fn params<'r>(request: &'r ActionRequest, allowed: &Allowed) -> Cow<'r, [u8]> {
    let spelled = allowed.ask.and_then(|_| canonical_params(&request.params));
    // what has no spelling makes no request, and the action says why
    spelled.map_or(Cow::Borrowed(&request.params), Cow::Owned)
}

/// Who asks for what.
pub(super) struct Subject<'a> {
    pub approver: Approver,
    pub request: &'a ActionRequest,
    pub identity: &'a Identity,
    pub service: &'a Service,
    pub action: &'a Action,
    pub credential: &'a CredentialName,
}

impl Subject<'_> {
    /// The question about the request that was made of `params`, with the
    /// headers that it has before the credential comes to them.
    pub fn question(&self, params: &[u8], bound: &BoundRequest, headers: &HeaderMap) -> Question {
        let url = &bound.url;
        let credential = self.credential.to_string();
        let own_socket = self.request.socket == Socket::Own;
        let mut parts: Vec<&[u8]> = vec![
            self.identity.as_str().as_bytes(),
            if own_socket { b"own" } else { b"general" },
            // what a host was asked is no answer where the owner is by now
            self.approver.word().as_bytes(),
            self.service.name().as_str().as_bytes(),
            self.action.name().as_bytes(),
            params,
            credential.as_bytes(),
            bound.method.as_str().as_bytes(),
            url.as_str().as_bytes(),
            bound.body.as_deref().unwrap_or_default(),
        ];
        for (name, value) in headers {
            parts.extend([name.as_str().as_bytes(), value.as_bytes()]);
        }
        let binding = Binding::to(parts);
        let host = url.host_str().unwrap_or_default();
        Question {
            binding,
            request_id: self.request.id,
            identity: self.identity.clone(),
            own_socket,
            peer: self.request.peer.clone(),
            justification: self.request.justification.clone(),
            service: self.service.name().clone(),
            action: self.action.name().to_owned(),
            effect: self.action.effect().word(),
            credential: self.credential.clone(),
            params: String::from_utf8_lossy(params).into_owned(),
            method: bound.method.to_string(),
            host: match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
            target: match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            },
        }
    }
}

/// What `pass` is worth for the request as it would go out now: the place in
/// the limits where that is still the right one, and the approval.
pub(super) fn pass(
    pass: Option<Pass>,
    question: Option<&Question>,
    allowed: &Allowed,
) -> Result<(Option<Reservation>, Option<ApprovalId>), Refusal> {
    let Some(pass) = pass else {
        return Ok((None, None));
    };
    let then = &pass.held.allowed;
    if question.is_some_and(|it| it.binding != pass.binding || allowed.ask != then.ask) {
        return Err(denied(
            format!(
                "what approval {} was given for is no longer what would be sent: policy, credential or service changed meanwhile",
                pass.approval
            ),
            "make the call again to ask anew",
        ));
    }
    let slot = (then == allowed).then_some(pass.held.slot);
    Ok((slot, Some(pass.approval)))
}

impl Broker {
    /// Asks the owner and waits for the answer. Dropped meanwhile, the call is
    /// cancelled, and that is on record.
    pub(super) async fn approval(
        &self,
        ask: Ask,
        request: &ActionRequest,
        parts: Option<&mpsc::Sender<Part>>,
    ) -> Result<Pass, Refusal> {
        let Ask {
            question,
            approver,
            held,
        } = ask;
        let binding = question.binding;
        let pass = |approval| Pass {
            approval,
            binding,
            held,
        };
        let waiting = match self.approvals.ask(question)? {
            Asked::Granted(approval) => return Ok(pass(approval)),
            Asked::Waiting(waiting) => waiting,
        };
        if waiting.is_new() {
            self.record_approval(waiting.id(), waiting.question(), Stage::Asked);
            self.notifier.tell(waiting.id(), waiting.question());
        }
        let id = waiting.id().clone();
        if let Some(parts) = parts {
            let is_hosts = approver == Approver::Host && request.can_ask;
            let question = is_hosts.then(|| HostQuestion {
                text: shown_to_host(waiting.question()),
                key: waiting.host_key().bytes(),
            });
            // a client that takes nothing waits all the same
            let _ = parts.try_send(Part::Waiting {
                approval: id.to_string(),
                question,
            });
        }
        let waiting = Asking {
            broker: self,
            request,
            waiting: Some(waiting),
        };
        let ended = waiting.answer((!request.waits).then_some(PATIENCE)).await;
        waiting.ended(&ended);
        match ended {
            Ended::Approved(approval) => Ok(pass(approval)),
            Ended::Pending => Err(Pending {
                approval: id.to_string(),
                reason: format!(
                    "this call waits for the owner's approval {id}; nothing was sent yet. Tell the user, who can look with `axis approvals`, and make the identical call again to go on waiting"
                ),
            }
            .into()),
            Ended::Rejected { reason } => Err(denied(
                if reason.is_empty() {
                    format!("the owner rejected this call (approval {id})")
                } else {
                    format!("the owner rejected this call (approval {id}): {reason}")
                },
                "tell the user; don't try another way",
            )),
            Ended::Expired { after } => Err(denied(
                format!(
                    "nobody approved this call within {} s (approval {id})",
                    after.as_secs()
                ),
                "ask the user to look at `axis approvals`, then make the call again",
            )),
            Ended::Taken => Err(denied(
                format!("approval {id} was for one call, and an identical one took it"),
                "make the call again only if it is to be done twice",
            )),
            Ended::Locked => Err(Failure::new(
                Code::VaultLocked,
                "the vault was locked, or axisd ended, while this call waited for an approval; nothing was sent",
            )
            .hint("the owner opens it with: axis unlock")
            .into()),
        }
    }

    /// To be called once a second: ends what nobody answered.
    pub fn sweep_approvals(&self) {
        for lapsed in self.approvals.sweep() {
            self.record_approval(&lapsed.id, &lapsed.question, Stage::Expired);
        }
    }

    /// The answer from the window of the MCP host that was asked with `key`.
    ///
    /// # Errors
    /// Nothing waits for that answer.
    pub fn answer_by_host(
        &self,
        id: &ApprovalId,
        key: &HostKey,
        approved: bool,
        peer: &Peer,
    ) -> Result<(), NotWaiting> {
        let question = self.approvals.answer_by_host(id, key, approved)?;
        let stage = if approved {
            Stage::Approved
        } else {
            Stage::Rejected
        };
        let answered = Answered {
            by: Some("host"),
            ..Answered::by_owner(stage, peer)
        };
        self.record_answer(id, &question, &answered);
        Ok(())
    }

    fn record_approval(&self, id: &ApprovalId, question: &Question, stage: Stage) {
        let is_asked = stage == Stage::Asked;
        let answered = Answered {
            stage,
            by: None,
            lasts: None,
            reason: None,
            peer: is_asked.then_some(&question.peer),
        };
        self.record_answer(id, question, &answered);
    }

    /// Puts on record what happened to an approval.
    pub fn record_answer(&self, id: &ApprovalId, question: &Question, answered: &Answered<'_>) {
        let request_id = question.request_id.to_string();
        let credential = question.credential.to_string();
        let is_asked = answered.stage == Stage::Asked;
        self.audit.approval(&ApprovalRecord {
            approval: id.as_str(),
            stage: answered.stage,
            call: audit::CallRecord {
                request_id: &request_id,
                identity: question.identity.as_str(),
                service: question.service.as_str(),
                action: &question.action,
                justification: if is_asked {
                    &question.justification
                } else {
                    ""
                },
                credential: Some(&credential),
                approval: None,
                own_socket: question.own_socket,
                peer: answered.peer,
            },
            by: answered.by,
            lasts: answered.lasts,
            reason: answered.reason,
        });
    }
}

/// What happened to an approval, and who did it.
pub struct Answered<'a> {
    /// How far it is.
    pub stage: Stage,
    /// Who answered: `owner` or `host`.
    pub by: Option<&'static str>,
    /// How long it lasts, where it is for more than one call.
    pub lasts: Option<Duration>,
    /// Why not.
    pub reason: Option<&'a str>,
    /// The process.
    pub peer: Option<&'a Peer>,
}

impl<'a> Answered<'a> {
    /// An answer of the owner's.
    pub fn by_owner(stage: Stage, peer: &'a Peer) -> Self {
        Self {
            stage,
            by: Some("owner"),
            lasts: None,
            reason: None,
            peer: Some(peer),
        }
    }
}

fn denied(reason: String, hint: &str) -> Refusal {
    Refusal::Denied(Denied {
        reason,
        hint: Some(hint.to_owned()),
        retry_after_s: None,
    })
}

/// A call while it waits. Dropped, it has been cancelled.
struct Asking<'a> {
    broker: &'a Broker,
    request: &'a ActionRequest,
    waiting: Option<Waiting>,
}

impl Asking<'_> {
    async fn answer(&self, patience: Option<Duration>) -> Ended {
        match &self.waiting {
            Some(waiting) => waiting.answer(patience).await,
            None => Ended::Pending,
        }
    }

    fn ended(mut self, ended: &Ended) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        let (id, question) = (waiting.id().clone(), waiting.question().clone());
        let is_last = waiting.leave(*ended == Ended::Pending);
        // heard before the sweep came, which finds nothing any more
        if is_last && matches!(ended, Ended::Expired { .. }) {
            self.broker.record_approval(&id, &question, Stage::Expired);
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        let (id, question) = (waiting.id().clone(), waiting.question().clone());
        if waiting.leave(false) {
            self.broker
                .record_approval(&id, &question, Stage::Withdrawn);
        }
        let request_id = self.request.id.to_string();
        self.broker.audit.refused(
            self.request.connection,
            &audit::CallRecord {
                approval: Some(id.as_str()),
                ..refusal::call_record(self.request, &request_id)
            },
            &audit::Refusal::Error {
                code: Code::Cancelled.as_str(),
            },
        );
    }
}

/// The question for the window of an MCP host.
fn shown_to_host(question: &Question) -> String {
    let mut params: String = question.params.chars().take(SHOWN_TO_HOST).collect();
    if params.len() < question.params.len() {
        params.push_str(" … (axis approvals shows all of it)");
    }
    // on one line, and behind all that Axis says itself
    let reason: String = question
        .justification
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect();
    let text = format!(
        "{} wants to call {} {} ({}), which sends {} to {}{}\n\nParams: {params}\n\nIts reason: {reason}",
        question.identity,
        question.service,
        question.action,
        question.effect,
        question.method,
        question.host,
        question.target,
    );
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) && character != '\n' {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}
