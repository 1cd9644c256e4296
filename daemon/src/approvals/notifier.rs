//! The desktop's notice that a call waits. Only a notice: where there is no
//! desktop, or its notifier fails, `axis approvals` shows the same.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::timeout;
use tracing::debug;

use super::question::{ApprovalId, Question};

/// How long a notifier may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The least time between two notices; what comes in between is left out, since
/// one is enough to look.
const PAUSE: Duration = Duration::from_secs(2);

/// Tells the owner's desktop.
#[derive(Default)]
pub struct Notifier {
    told: Mutex<Option<Instant>>,
}

impl Notifier {
    /// Tells that `question` waits, without waiting for anybody. What an agent
    /// wrote isn't in it: only names that axisd has checked.
    pub fn tell(&self, id: &ApprovalId, question: &Question) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|then| now.saturating_duration_since(then) < PAUSE) {
            return;
        }
        *told = Some(now);
        drop(told);
        let title = format!("Axis: {} asks", question.identity);
        let text = format!(
            "{} {} ({})\naxis approve {id}",
            question.service, question.action, question.effect
        );
        let Some(mut command) = command(&title, &text) else {
            return;
        };
        tokio::spawn(async move {
            match timeout(PATIENCE, command.status()).await {
                Ok(Ok(status)) if status.success() => {}
                Ok(Ok(status)) => debug!(%status, "the desktop's notifier failed"),
                Ok(Err(error)) => debug!(%error, "there is no desktop notifier"),
                Err(_) => debug!("the desktop's notifier takes too long"),
            }
        });
    }
}

/// The system's own program for it: Windows has none.
fn command(title: &str, text: &str) -> Option<Command> {
    if cfg!(windows) {
        return None;
    }
    #[cfg(target_os = "macos")]
    let mut command = {
        let mut command = Command::new("osascript");
        // the words are arguments, not part of the script
        command.args([
            "-e",
            "on run words",
            "-e",
            "display notification (item 2 of words) with title (item 1 of words)",
            "-e",
            "end run",
            "--",
        ]);
        command.args([title, text]);
        command
    };
    #[cfg(not(target_os = "macos"))]
    let mut command = {
        let mut command = Command::new("notify-send");
        command.args(["--app-name=Axis", "--urgency=critical", "--", title, text]);
        command
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Some(command)
}
