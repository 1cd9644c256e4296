//! `axis approvals`: the calls that wait for the owner.

use std::collections::BTreeMap;

use axis_proto::v1::{Approval, Grant, WatchApprovalsRequest, WatchApprovalsResponse};
use clap::Args;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::{Duration, interval};
use tonic::Streaming;

use crate::client::{Daemon, ask};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_json, width};
use crate::prompt;

/// Where what is said of a call begins. Longer texts go on there in the next
/// line, so that no text of an agent's can pass for a line of Axis's own.
const INDENT: usize = 11;
/// Params of one call that are shown; --full shows all.
const FOLDED_PARAMS: usize = 40;
/// Lines of one param's value, and of the reason; --full shows all.
const FOLDED_LINES: usize = 4;
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
    /// Whether it shows new ones until it is ended.
    pub fn goes_on(&self) -> bool {
        !self.json && !self.once && Output::stdout().is_terminal()
    }

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
        if !self.goes_on() {
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
        "{}  {}{} asks for {} {} ({}){left}",
        output.paint(Tone::Strong, &id),
        printable(&approval.identity),
        if approval.own_socket {
            " (on its own socket)"
        } else {
            ""
        },
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
    let request = format!("{} {}{}", approval.method, approval.host, approval.target);
    let asked_by = format!("{exe}{pid}");
    // the address is shown whole: it says what the call does
    wrapped(output, "sends", &printable(&request), usize::MAX)?;
    wrapped(output, "with", &printable(&approval.credential), usize::MAX)?;
    wrapped(output, "asked by", &asked_by, usize::MAX)?;
    let most = if full { usize::MAX } else { FOLDED_LINES };
    show_params(output, &approval.params, most)?;
    wrapped(output, "because", &printable(&approval.justification), most)
}

/// Every param by its name; long values folded to `most` lines.
fn show_params(output: Output, params: &str, most: usize) -> Result<(), Failure> {
    // values stay as they were written: no number loses a digit
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(params) else {
        return wrapped(output, "params", &printable_json(params), usize::MAX);
    };
    if fields.is_empty() {
        return wrapped(output, "params", "none", 1);
    }
    let shown = if most == usize::MAX {
        usize::MAX
    } else {
        FOLDED_PARAMS
    };
    for (number, (name, value)) in fields.iter().take(shown).enumerate() {
        let head = if number == 0 { "params" } else { "" };
        let value = printable_json(value.get());
        let text = format!("{} = {value}", printable(name));
        wrapped(output, head, &text, most)?;
    }
    match fields.len().saturating_sub(shown) {
        0 => Ok(()),
        more => wrapped(output, "", &format!("… {more} more params: --full"), 1),
    }
}

/// `text` under `head`, in at most `most` lines.
fn wrapped(output: Output, head: &str, text: &str, most: usize) -> Result<(), Failure> {
    let columns = output.columns().saturating_sub(INDENT).max(20);
    let mut rest = text;
    for number in 0.. {
        if number == most {
            let more = rest.chars().count();
            return output.line(format_args!(
                "{:INDENT$}… {more} more characters: --full",
                ""
            ));
        }
        let (line, left) = rest.split_at(fitting(rest, columns));
        let head = if number == 0 { head } else { "" };
        let width = INDENT - 2;
        output.line(format_args!("  {head:width$}{line}"))?;
        rest = left;
        if rest.is_empty() {
            break;
        }
    }
    Ok(())
}

/// How many bytes of `text` fit into so many columns.
fn fitting(text: &str, columns: usize) -> usize {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let next = at + character.len_utf8();
        if at > 0 && width(&text[..next]) > columns {
            break;
        }
        end = next;
        // beyond that no line is as wide as it is long
        if end > columns * 8 {
            break;
        }
    }
    end
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

/// One call that waits, as `--json` prints it.
pub fn document(approval: &Approval) -> Value {
    let params: Value = serde_json::from_str(&approval.params).unwrap_or_default();
    json!({
        "id": approval.id,
        "identity": approval.identity,
        "own_socket": approval.own_socket,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_no_more_columns_than_there_are() {
        for (text, columns, expected) in [
            ("abcdef", 4, "abcd"),
            ("日本語", 5, "日本"),
            ("日", 1, "日"),
            ("", 5, ""),
            ("cafe\u{301}s", 4, "cafe\u{301}"),
        ] {
            assert_eq!(&text[..fitting(text, columns)], expected);
        }
    }
}
