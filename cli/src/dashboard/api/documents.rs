//! The documents under `/api/`: those of the commands, where a command prints
//! the same.

use axis_proto::v1::{
    CheckPolicyRequest, ListCredentialsRequest, ListServicesRequest, LogsRequest, LogsStatsRequest,
    PolicyText, ShowPolicyRequest, WatchApprovalsRequest,
};
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Json, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::query::Query;
use super::{App, Refusal};
use crate::commands::logs::selection::DECISIONS;
use crate::commands::services::list::{Entry, words};
use crate::commands::{approvals, doctor, list, logs, policy};
use crate::dashboard::app::answer;
use crate::dashboard::{health, record};
use crate::failure::Exit;
use crate::output::printable_record;

/// How many lines there are where nothing is said, and at most.
const LINES: u64 = 50;
const MOST_LINES: u64 = 1_000;

const EVENTS: [&str; 4] = ["started", "finished", "approval", "admin"];

type Answer = Result<Response, Refusal>;

/// What `axis doctor --json` says.
pub async fn health(State(app): State<App>, uri: Uri) -> Answer {
    Query::of(&uri, &[])?;
    let report = health::examine(&app).await?;
    let document = doctor::document(Some(report.level), &report.checks);
    Ok(Json(document).into_response())
}

/// A service as `axis services list --json` has it, and whether it can be called.
#[derive(Serialize)]
struct Service<'a> {
    #[serde(flatten)]
    entry: Entry<'a>,
    has_credential: bool,
    /// Their names; `credentials` of the document says more of each.
    credentials: Vec<&'a str>,
}

/// The services in force, and the stored credentials as `axis list --json` has
/// them.
pub async fn services(State(app): State<App>, uri: Uri) -> Answer {
    Query::of(&uri, &[])?;
    let (mut of_services, mut of_credentials) = (app.admin(), app.admin());
    let (listed, stored) = tokio::join!(
        answer(of_services.list_services(ListServicesRequest {})),
        answer(of_credentials.list_credentials(ListCredentialsRequest {})),
    );
    let (listed, stored) = (listed?, stored?);
    let services: Vec<Service<'_>> = listed
        .services
        .iter()
        .map(|service| {
            let own = stored.credentials.iter();
            let own = own.filter(|credential| credential.service == service.service);
            let credentials: Vec<&str> = own.map(|credential| credential.name.as_str()).collect();
            Service {
                entry: Entry::of(service),
                has_credential: !credentials.is_empty(),
                credentials,
            }
        })
        .collect();
    let faults: Vec<Value> = listed
        .faults
        .iter()
        .map(|fault| json!({"path": fault.path, "message": words(fault)}))
        .collect();
    let stored = list::document(&stored, Timestamp::now());
    let document = json!({
        "unlocked": stored.unlocked,
        "services": services,
        "credentials": stored.credentials,
        "faults": faults,
        "sealed": listed.sealed,
        "differing": listed.differing,
    });
    Ok(Json(document).into_response())
}

/// Some of the log.
#[derive(Serialize)]
struct Excerpt {
    /// The oldest first.
    lines: Vec<Line>,
    /// What `before` is for the lines before these; none where these are the
    /// first.
    before: Option<u64>,
    /// Why there may be others that can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    /// A record as it is.
    Record(Box<RawValue>),
    /// What is none: evidence, too.
    Damaged { damaged: String },
}

impl Line {
    fn of(line: &[u8]) -> Self {
        let line = printable_record(line);
        match serde_json::from_slice::<Box<RawValue>>(&line) {
            Ok(record) if record.get().trim_start().starts_with('{') => Self::Record(record),
            _ => Self::Damaged {
                damaged: String::from_utf8_lossy(&line).into_owned(),
            },
        }
    }

    fn seq(&self) -> Option<u64> {
        #[derive(Deserialize)]
        struct Record {
            seq: u64,
        }
        match self {
            Self::Record(record) => {
                let record = serde_json::from_str::<Record>(record.get()).ok()?;
                Some(record.seq)
            }
            Self::Damaged { .. } => None,
        }
    }
}

/// The last lines of the audit log that were asked for, as `axis logs --json`
/// prints them.
pub async fn lines(State(app): State<App>, uri: Uri) -> Answer {
    let query = Query::of(
        &uri,
        &[
            "last", "service", "action", "identity", "decision", "event", "since", "until", "q",
            "before",
        ],
    )?;
    let last = query.number("last", MOST_LINES)?.unwrap_or(LINES);
    let event = query.word("event", &EVENTS)?;
    let request = LogsRequest {
        // at most a thousand
        last: u32::try_from(last).unwrap_or(u32::MAX),
        service: query.text("service"),
        identity: query.text("identity"),
        action: query.text("action"),
        decision: query.word("decision", &DECISIONS)?,
        since_ms: query.moment("since")?,
        until_ms: query.moment("until")?,
        text: query.text("q"),
        before_seq: query.number("before", u64::MAX)?,
        events: Some(event)
            .filter(|event| !event.is_empty())
            .into_iter()
            .collect(),
        ..LogsRequest::default()
    };
    let read = record::lines(&app, request).await?;
    let lines: Vec<Line> = read.lines.iter().map(|line| Line::of(line)).collect();
    let is_full = lines.len() as u64 == last;
    let first = lines.iter().filter_map(Line::seq).min();
    let document = Excerpt {
        before: first.filter(|first| is_full && *first > 1),
        lines,
        warning: read.warning,
    };
    Ok(Json(document).into_response())
}

/// The policy in force as `axis policy show --json` has it, and what `axis
/// policy check` finds in it.
pub async fn policy(State(app): State<App>, uri: Uri) -> Answer {
    Query::of(&uri, &[])?;
    let mut admin = app.admin();
    let shown = answer(admin.show_policy(ShowPolicyRequest {})).await?;
    let mut document = policy::show::document(&shown);
    let (mut rules, mut warnings, mut notes) = (0, Vec::new(), Vec::new());
    if let Some(text) = shown.text {
        let policy = Some(PolicyText {
            text,
            origin: shown.path,
        });
        let checked = answer(admin.check_policy(CheckPolicyRequest { policy })).await?;
        (rules, warnings, notes) = (checked.rules, checked.warnings, checked.notes);
    }
    document["rules"] = rules.into();
    document["warnings"] = warnings.into();
    document["notes"] = notes.into();
    Ok(Json(document).into_response())
}

/// What `axis logs stats --json` says, and how it was over time.
pub async fn stats(State(app): State<App>, uri: Uri) -> Answer {
    let query = Query::of(
        &uri,
        &[
            "service", "action", "identity", "decision", "since", "until", "q", "stretch",
        ],
    )?;
    let since_ms = query.moment("since")?;
    let request = LogsStatsRequest {
        service: query.text("service"),
        identity: query.text("identity"),
        action: query.text("action"),
        since_ms,
        until_ms: query.moment("until")?,
        decision: query.word("decision", &DECISIONS)?,
        text: query.text("q"),
        stretch_ms: query.stretch("stretch", since_ms)?,
    };
    let counted = answer(app.admin().logs_stats(request)).await?;
    Ok(Json(logs::stats::document(&counted)).into_response())
}

/// What waits for the owner, as `axis approvals --json` has it, and the grants
/// in force.
pub async fn approvals(State(app): State<App>, uri: Uri) -> Answer {
    Query::of(&uri, &[])?;
    let mut changes = answer(app.admin().watch_approvals(WatchApprovalsRequest {})).await?;
    let now = record::next(&mut changes).await?.ok_or_else(|| {
        crate::failure::Failure::new(Exit::Unavailable, "axisd ended").fix("axis daemon start")
    })?;
    let waiting: Vec<Value> = now.waiting.iter().map(approvals::document).collect();
    let grants: Vec<Value> = now
        .grants
        .iter()
        .map(|grant| {
            json!({
                "id": grant.id,
                "identity": grant.identity,
                "service": grant.service,
                "action": grant.action,
                "credential": grant.credential,
                "until": grant.until,
            })
        })
        .collect();
    Ok(Json(json!({"waiting": waiting, "grants": grants})).into_response())
}
