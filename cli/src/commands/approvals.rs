//! `axis approvals`: the calls that wait for the owner.

use axis_proto::v1::{Approval, Grant, WatchApprovalsRequest, WatchApprovalsResponse};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Duration, interval};
use tonic::Streaming;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, cut, printable, printable_json};
use crate::prompt;

/// Lines of one call's params that are shown; --full shows all.
const FOLDED_LINES: usize = 12;
/// Columns of one such line.
const FOLDED_COLUMNS: usize = 160;
/// How often the time that is left is drawn again.
const REDRAW: Duration = Duration::from_secs(1);

/// Show the calls that wait for your approval, exactly as they would go out
///
/// On a terminal it stays and shows new ones as they come, until Ctrl-C. Piped,
/// or with --json or --once, it prints what waits now and ends.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    axis approvals\n  \
    axis approvals --once --full\n  \
    axis approvals --json")]
pub struct Approvals {
    /// Print what waits now, and end
    #[arg(long)]
    once: bool,
    /// Show long params whole
    #[arg(long)]
    full: bool,
    /// One JSON document, an array
    #[arg(long)]
    json: bool,
}

impl Approvals {
    /// Shows them.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let (mut daemon, _) = Daemon::reach(prompt::password_from_environment()?).await?;
        let mut changes = watch(&mut daemon).await?;
        let mut now = next(&mut changes).await?;
        if self.json {
            let waiting: Vec<_> = now.waiting.iter().map(document).collect();
            output.json(&Value::Array(waiting))?;
            return Ok(Exit::Done);
        }
        if self.once || !output.is_terminal() {
            self.draw(output, &now)?;
            return Ok(Exit::Done);
        }
        let mut ticks = interval(REDRAW);
        loop {
            output.clear()?;
            self.draw(output, &now)?;
            output.line(output.paint(Tone::Faint, "\nCtrl-C ends this view."))?;
            tokio::select! {
                next = next(&mut changes) => now = next?,
                _ = ticks.tick() => {}
            }
        }
    }

    fn draw(&self, output: Output, now: &WatchApprovalsResponse) -> Result<(), Failure> {
        if now.waiting.is_empty() {
            output.line("No call waits for your approval.")?;
        }
        for (number, approval) in now.waiting.iter().enumerate() {
            if number > 0 {
                output.line("")?;
            }
            show(output, approval, self.full)?;
            let id = printable(&approval.id);
            output.line(format_args!(
                "  approve with: axis approve {id}     reject with: axis reject {id}"
            ))?;
        }
        if !now.grants.is_empty() {
            output.line(output.paint(Tone::Strong, "\nGrants in force"))?;
        }
        for grant in &now.grants {
            output.line(grant_line(grant))?;
        }
        Ok(())
    }
}

/// What waits, and each change of it.
pub(super) async fn watch(
    daemon: &mut Daemon,
) -> Result<Streaming<WatchApprovalsResponse>, Failure> {
    ask(daemon.admin.watch_approvals(WatchApprovalsRequest {})).await
}

/// The next state.
pub(super) async fn next(
    changes: &mut Streaming<WatchApprovalsResponse>,
) -> Result<WatchApprovalsResponse, Failure> {
    changes
        .message()
        .await?
        .ok_or_else(|| Failure::new(Exit::Unavailable, "axisd ended").fix("axis daemon start"))
}

/// One call that waits, for a person: all of it that will be sent.
pub(super) fn show(output: Output, approval: &Approval, full: bool) -> Result<(), Failure> {
    let id = printable(&approval.id);
    let left = left_of(&approval.expires_at);
    output.line(format_args!(
        "{}  {} asks for {} {} ({}){left}",
        output.paint(Tone::Strong, &id),
        printable(&approval.identity),
        printable(&approval.service),
        printable(&approval.action),
        printable(&approval.effect),
    ))?;
    let exe = match approval.peer_exe.as_str() {
        "" => "a process that isn't known".into(),
        exe => printable(exe),
    };
    let pid = approval
        .peer_pid
        .map(|pid| format!(", pid {pid}"))
        .unwrap_or_default();
    for (what, text) in [
        (
            "sends",
            printable(&format!(
                "{} {}{}",
                approval.method, approval.host, approval.target
            )),
        ),
        ("with", printable(&approval.credential)),
        ("because", printable(&approval.justification)),
        ("asked by", format!("{exe}{pid}").into()),
    ] {
        output.line(format_args!("  {what:9}{text}"))?;
    }
    show_params(output, &approval.params, full)
}

/// Every param on lines of its own; long ones folded.
fn show_params(output: Output, params: &str, full: bool) -> Result<(), Failure> {
    let pretty = serde_json::from_str::<Value>(params)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    // numbers too long for a machine's own are shown as they were written
    let is_exact = pretty.as_deref().is_some_and(|pretty| {
        let bare: String = pretty.split_whitespace().collect();
        bare == params.split_whitespace().collect::<String>()
    });
    let text = match (&pretty, is_exact) {
        (Some(pretty), true) => pretty.as_str(),
        _ => params,
    };
    let text = printable_json(text);
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if !full && number == FOLDED_LINES {
            let more = lines.len() - number;
            output.line(format_args!("           … {more} more lines: --full"))?;
            break;
        }
        let head = if number == 0 { "params" } else { "" };
        let shown = if full {
            (*line).into()
        } else {
            cut(line, FOLDED_COLUMNS)
        };
        let note = if shown.len() < line.len() {
            format!(" ({} characters: --full)", line.chars().count())
        } else {
            String::new()
        };
        output.line(format_args!("  {head:9}{shown}{note}"))?;
    }
    Ok(())
}

fn grant_line(grant: &Grant) -> String {
    format!(
        "  {}  {} may do {} {} with {} until {}     end it with: axis reject {0}",
        printable(&grant.id),
        printable(&grant.identity),
        printable(&grant.service),
        printable(&grant.action),
        printable(&grant.credential),
        printable(&grant.until),
    )
}

/// How long it still waits, for a person.
fn left_of(expires_at: &str) -> String {
    let Ok(expires_at) = expires_at.parse::<Timestamp>() else {
        return String::new();
    };
    let left = expires_at.duration_since(Timestamp::now()).as_secs().max(0);
    format!(", {}:{:02} left", left / 60, left % 60)
}

fn document(approval: &Approval) -> Value {
    let params: Value = serde_json::from_str(&approval.params).unwrap_or_default();
    json!({
        "id": approval.id,
        "identity": approval.identity,
        "service": approval.service,
        "action": approval.action,
        "effect": approval.effect,
        "justification": approval.justification,
        "params": params,
        "credential": approval.credential,
        "method": approval.method,
        "host": approval.host,
        "target": approval.target,
        "peer": {
            "uid": approval.peer_uid,
            "pid": approval.peer_pid,
            "exe": approval.peer_exe,
        },
        "asked_at": approval.asked_at,
        "expires_at": approval.expires_at,
    })
}
