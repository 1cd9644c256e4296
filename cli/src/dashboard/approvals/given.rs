//! What the owner's form says is done, and the browser led back. What is wrong
//! is said beside its field; the password is typed again each time.

use std::collections::BTreeSet;

use axis_proto::v1::{
    Approval, ApproveRequest, ApproveResponse, RejectRequest, WatchApprovalsResponse,
};
use axum::http::StatusCode;
use axum::response::Response;
use tonic::Code;

use super::super::app::answer as answered;
use super::super::form::Form;
use super::super::health::see;
use super::super::page::Visit;
use super::super::session::Notice;
use super::super::words::{count, text};
use super::Refused;
use super::ask::{DURATIONS, Entry, Field, REASON_CHARS};
use crate::failure::{Exit, Failure};

/// Most calls that one entry of the password decides.
const MOST: usize = 64;

/// Approves or rejects what the form names, or ends a grant.
pub async fn answer(visit: Visit, form: Form) -> Response {
    let entry = entry(&form);
    let done = match form.text("do") {
        "approve" => approve(&visit, &form, &entry).await,
        "reject" => reject(&visit, &entry).await,
        "end" => end(&visit, form.text("grant")).await,
        _ => Err(Refusal::new(Field::Calls, "press Approve or Reject")),
    };
    match done {
        Ok(notice) => {
            let notice = Notice::Done(notice);
            visit.app.sessions().leave(&visit.session, notice);
            see(form.text("back"))
        }
        // led on, too: a browser keeps what was sent with a page that answers it,
        // and sends it again when that is loaded again
        Err(refusal) => {
            let entry = Entry {
                problem: Some((refusal.field, refusal.what)),
                ..entry
            };
            let status = refusal.status;
            let refused = Refused { entry, status };
            visit.app.sessions().leave_refused(&visit.session, refused);
            see("/approvals")
        }
    }
}

/// Why nothing was done.
struct Refusal {
    field: Field,
    what: String,
    status: StatusCode,
}

impl Refusal {
    fn new(field: Field, what: impl Into<String>) -> Self {
        Self {
            field,
            what: what.into(),
            status: StatusCode::BAD_REQUEST,
        }
    }

    /// What axisd said, beside the field that it is about.
    async fn of(visit: &Visit, failure: &Failure, code: Option<Code>, entry: &Entry) -> Self {
        let (sentence, fix) = failure.sentence();
        let sentence = match fix {
            Some(fix) => format!("{sentence}: {fix}"),
            None => sentence,
        };
        let (field, what, status) = match code {
            Some(Code::PermissionDenied | Code::Unauthenticated) => {
                (Field::Password, sentence, StatusCode::FORBIDDEN)
            }
            Some(Code::ResourceExhausted) => {
                (Field::Password, sentence, StatusCode::TOO_MANY_REQUESTS)
            }
            Some(Code::NotFound) => {
                let now = visit.app.standing().await.approvals;
                (
                    Field::Calls,
                    gone(entry, &now, sentence),
                    StatusCode::CONFLICT,
                )
            }
            _ if failure.exit() == Exit::Unavailable => {
                (Field::Calls, sentence, StatusCode::SERVICE_UNAVAILABLE)
            }
            _ => (Field::Calls, sentence, StatusCode::BAD_REQUEST),
        };
        Self {
            field,
            what,
            status,
        }
    }
}

/// Which of what was ticked doesn't wait any more.
fn gone(entry: &Entry, now: &WatchApprovalsResponse, sentence: String) -> String {
    let waits = |id: &str| now.waiting.iter().any(|approval| approval.id == id);
    let ticked = entry.ticked.iter().flatten();
    let gone: Vec<_> = ticked.filter(|id| !waits(id)).map(|id| text(id)).collect();
    match gone.as_slice() {
        [] => sentence,
        [one] => format!(
            "{one} doesn't wait any more (it was answered, withdrawn or timed out), so nothing was done. The others are still ticked."
        ),
        several => format!(
            "{} don't wait any more (they were answered, withdrawn or timed out), so nothing was done. The others are still ticked.",
            several.join(", ")
        ),
    }
}

fn entry(form: &Form) -> Entry {
    let lasts_s = form.text("lasts").parse().unwrap_or_default();
    let is_known = DURATIONS.iter().any(|(seconds, _)| *seconds == lasts_s);
    Entry {
        ticked: Some(form.all("id").map(str::to_owned).collect()),
        lasts_s: if is_known { lasts_s } else { 0 },
        reason: form.text("reason").chars().take(REASON_CHARS * 2).collect(),
        problem: None,
    }
}

fn ids(entry: &Entry) -> Result<Vec<String>, Refusal> {
    let ids: Vec<String> = entry.ticked.iter().flatten().cloned().collect();
    match ids.len() {
        0 => Err(Refusal::new(
            Field::Calls,
            "Nothing is ticked: tick the calls that you mean.",
        )),
        1..=MOST => Ok(ids),
        _ => Err(Refusal::new(
            Field::Calls,
            format!("At most {MOST} calls can be answered at once."),
        )),
    }
}

async fn approve(visit: &Visit, form: &Form, entry: &Entry) -> Result<String, Refusal> {
    let ids = ids(entry)?;
    // who presses Enter in the field of the reason presses Approve
    if !entry.reason.trim().is_empty() {
        return Err(Refusal::new(
            Field::Reason,
            "A reason is for a rejection: press Reject, or empty it to approve.",
        ));
    }
    if form.text("lasts") != entry.lasts_s.to_string() {
        return Err(Refusal::new(Field::Calls, "Say for how long."));
    }
    if form.text("password").is_empty() {
        return Err(Refusal::new(
            Field::Password,
            "Approving takes the master password.",
        ));
    }
    let request = ApproveRequest {
        master_password: form.text("password").to_owned(),
        ids,
        lasts_s: entry.lasts_s,
    };
    let mut code = None;
    let asked = answered(async {
        let mut admin = visit.app.admin();
        let answer = admin.approve(request).await;
        code = answer.as_ref().err().map(tonic::Status::code);
        answer
    });
    match asked.await {
        Ok(response) => Ok(approved(&response, entry.lasts_s)),
        Err(failure) => Err(Refusal::of(visit, &failure, code, entry).await),
    }
}

fn approved(response: &ApproveResponse, lasts_s: u64) -> String {
    let lasts = DURATIONS.iter().find(|(seconds, _)| *seconds == lasts_s);
    let lasts = match lasts {
        Some((1.., words)) => format!("for {words}, until the vault is locked"),
        _ => "once".to_owned(),
    };
    format!("Approved {lasts}: {}", listed(&response.approved))
}

fn listed(approvals: &[Approval]) -> String {
    let listed = approvals.iter().map(|approval| {
        format!(
            "{} {} for {}",
            text(&approval.service),
            text(&approval.action),
            text(&approval.identity)
        )
    });
    listed.collect::<Vec<_>>().join("; ")
}

async fn reject(visit: &Visit, entry: &Entry) -> Result<String, Refusal> {
    let ids = ids(entry)?;
    if entry.reason.trim().chars().count() > REASON_CHARS {
        return Err(Refusal::new(
            Field::Reason,
            format!("A reason has {REASON_CHARS} characters at most."),
        ));
    }
    let rejected = say_no(visit, ids, entry.reason.clone(), entry).await?;
    Ok(match rejected {
        1 => "Rejected 1 call.".to_owned(),
        several => format!("Rejected {} calls.", count(several.into())),
    })
}

async fn end(visit: &Visit, grant: &str) -> Result<String, Refusal> {
    let ended = Entry {
        ticked: Some(BTreeSet::from([grant.to_owned()])),
        ..Entry::default()
    };
    say_no(visit, vec![grant.to_owned()], String::new(), &ended)
        .await
        .map_err(|refusal| Refusal {
            what: if refusal.status == StatusCode::CONFLICT {
                "That grant is over already.".to_owned()
            } else {
                refusal.what
            },
            ..refusal
        })?;
    Ok("The grant is ended: that action asks again.".to_owned())
}

async fn say_no(
    visit: &Visit,
    ids: Vec<String>,
    reason: String,
    entry: &Entry,
) -> Result<u32, Refusal> {
    let mut code = None;
    let asked = answered(async {
        let mut admin = visit.app.admin();
        let answer = admin.reject(RejectRequest { ids, reason }).await;
        code = answer.as_ref().err().map(tonic::Status::code);
        answer
    });
    match asked.await {
        Ok(response) => Ok(response.rejected),
        Err(failure) => Err(Refusal::of(visit, &failure, code, entry).await),
    }
}
