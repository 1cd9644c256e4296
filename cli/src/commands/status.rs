//! `axis status`: the state of daemon, vault, policy and log.

use axis_proto::VERSION;
use axis_proto::socket::SocketDir;
use axis_proto::v1::vault_status::State;
use axis_proto::v1::{AuditStatus, PolicyStatus, SealStatus, StatusResponse, VaultStatus};
use clap::Args;
use serde_json::{Value, json};

use super::policy::difference::{self, Most};
use crate::client::{Daemon, check_version};
use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone, printable, printable_lines, tell};

/// Show the state of the daemon, the vault, the policy and the audit log
///
/// Starts nothing: where axisd isn't running it says so and exits with 3.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  axis status\n  axis status --json")]
pub struct Status {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Shows it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let output = Output::stdout();
        let Some((_, status)) = Daemon::running().await? else {
            if self.json {
                let sockets = SocketDir::locate()?;
                output.json(&json!({
                    "running": false,
                    "socket_dir": sockets.path().display().to_string(),
                }))?;
                return Ok(Exit::Unavailable);
            }
            return Err(
                Failure::new(Exit::Unavailable, "axisd is not running").fix("axis daemon start")
            );
        };
        if self.json {
            output.json(&document(&status))?;
        } else {
            show(output, &status)?;
            if let Err(mismatch) = check_version(&status.version) {
                tell(mismatch);
            }
        }
        Ok(Exit::Done)
    }
}

/// The word for a vault's state.
pub fn state_word(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Absent => "absent",
        State::Locked => "locked",
        State::Unlocked => "unlocked",
    }
}

fn document(status: &StatusResponse) -> Value {
    let vault = status.vault.clone().unwrap_or_default();
    let policy = status.policy.clone().unwrap_or_default();
    let audit = status.audit.clone().unwrap_or_default();
    let seal = status.seal.clone().unwrap_or_default();
    json!({
        "running": true,
        "version": status.version,
        "pid": status.pid,
        "started_by": status.started_by,
        "uptime_s": status.uptime_s,
        "calls_in_flight": status.calls_in_flight,
        "approvals_waiting": status.approvals_waiting,
        "vault": {
            "state": state_word(vault.state()),
            "path": vault.path,
            "credentials": vault.credentials,
            "generation": vault.generation,
            "detail": vault.detail,
        },
        "policy": {
            "path": policy.path,
            "loaded": policy.loaded,
            "rules": policy.rules,
            "error": policy.error,
        },
        "audit": {
            "path": audit.path,
            "writable": audit.writable,
            "next_seq": audit.next_seq,
            "warnings": audit.warnings,
        },
        "seal": {
            "sealed": seal.sealed,
            "withheld": seal.withheld,
            "fault": seal.fault,
            "differences": seal.differences.iter().map(difference::document).collect::<Vec<_>>(),
        },
        "socket_dir": status.socket_dir,
        "services": status.services,
        "actions": status.actions,
    })
}

fn show(output: Output, status: &StatusResponse) -> Result<(), Failure> {
    let version = if status.version == VERSION {
        Tone::Plain
    } else {
        Tone::Bad
    };
    output.line(format_args!(
        "axisd      {}, version {}, process {}, up {}",
        output.paint(Tone::Good, "running"),
        output.paint(version, &printable(&status.version)),
        status.pid,
        duration(status.uptime_s)
    ))?;
    if status.calls_in_flight > 0 {
        detail(
            output,
            Tone::Plain,
            &format!("calls in flight: {}", status.calls_in_flight),
        )?;
    }
    if status.approvals_waiting > 0 {
        detail(
            output,
            Tone::Warn,
            &format!(
                "{} waiting for your approval: axis approvals",
                status.approvals_waiting
            ),
        )?;
    }
    show_vault(output, &status.vault.clone().unwrap_or_default())?;
    let seal = status.seal.clone().unwrap_or_default();
    show_policy(output, &status.policy.clone().unwrap_or_default(), &seal)?;
    show_seal(output, &seal)?;
    show_audit(output, &status.audit.clone().unwrap_or_default())?;
    output.line(format_args!(
        "catalogue  {} services, {} actions",
        status.services, status.actions
    ))?;
    output.line(format_args!("sockets    {}", printable(&status.socket_dir)))
}

fn show_vault(output: Output, vault: &VaultStatus) -> Result<(), Failure> {
    let tone = match vault.state() {
        State::Unlocked => Tone::Good,
        _ => Tone::Warn,
    };
    let word = output.paint(tone, state_word(vault.state()));
    match vault.state() {
        State::Absent => output.line(format_args!("vault      {word}: axis init makes it"))?,
        _ => output.line(format_args!(
            "vault      {word}, credentials: {}",
            vault.credentials
        ))?,
    }
    detail(output, tone, &vault.detail)?;
    detail(output, Tone::Faint, &vault.path)
}

fn show_policy(output: Output, policy: &PolicyStatus, seal: &SealStatus) -> Result<(), Failure> {
    match (&policy.error, policy.loaded) {
        _ if seal.withheld => output.line(format_args!(
            "policy     {}: axis unlock puts it in force",
            output.paint(Tone::Warn, "sealed in the locked vault")
        ))?,
        (Some(error), loaded) => {
            let force = if loaded {
                "the last good policy stays in force"
            } else {
                "everything is denied"
            };
            output.line(format_args!(
                "policy     {}, {force}",
                output.paint(Tone::Bad, "the file has an error")
            ))?;
            detail(output, Tone::Bad, error)?;
        }
        (None, true) => output.line(format_args!(
            "policy     rules: {}{}",
            policy.rules,
            if seal.sealed { ", sealed" } else { "" }
        ))?,
        (None, false) => output.line(format_args!(
            "policy     {}: everything is denied",
            output.paint(Tone::Warn, "none")
        ))?,
    }
    detail(output, Tone::Faint, &policy.path)
}

/// Most files whose difference is shown.
const MAX_FILES: usize = 8;

/// Where the files are others than those that are sealed.
fn show_seal(output: Output, seal: &SealStatus) -> Result<(), Failure> {
    if let Some(fault) = &seal.fault {
        output.line(format_args!(
            "seal       {}: no call goes out",
            output.paint(Tone::Bad, "what is sealed is not in force")
        ))?;
        detail(output, Tone::Bad, fault)?;
    }
    if seal.differences.is_empty() {
        return Ok(());
    }
    for file in seal.differences.iter().take(MAX_FILES) {
        let sealed = if file.name == "policy.yaml" {
            "the sealed policy"
        } else {
            "what is sealed of it"
        };
        let name = printable(&file.name);
        output.line(format_args!(
            "seal       {}",
            output.paint(Tone::Warn, &format!("{name} differs from {sealed}"))
        ))?;
        difference::show_file(output, "           ", Most::FIRST, file)?;
    }
    let more = seal.differences.len().saturating_sub(MAX_FILES);
    if more > 0 {
        output.line(format_args!("seal       {more} more files differ"))?;
    }
    output.line("           axis policy seal shows what that means, and seals it")
}

fn show_audit(output: Output, audit: &AuditStatus) -> Result<(), Failure> {
    if audit.writable {
        output.line(format_args!(
            "audit      {}, next line {}",
            output.paint(Tone::Good, "writable"),
            audit.next_seq
        ))?;
    } else {
        output.line(format_args!(
            "audit      {}: every call is refused",
            output.paint(Tone::Bad, "can't be written")
        ))?;
    }
    for warning in &audit.warnings {
        detail(output, Tone::Warn, warning)?;
    }
    detail(output, Tone::Faint, &audit.path)
}

/// The lines of `text` under their heading; nothing where there is none.
fn detail(output: Output, tone: Tone, text: &str) -> Result<(), Failure> {
    for line in printable_lines(text) {
        output.line(format_args!("           {}", output.paint(tone, &line)))?;
    }
    Ok(())
}

/// The two largest units of a duration in seconds.
fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_in_two_units() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d 0 h"),
            (900_061, "10 d 10 h"),
        ];
        for (seconds, words) in cases {
            assert_eq!(duration(seconds), words);
        }
    }
}
