//! A child process that is gone when its owner is: on success, on an error, on
//! Ctrl-C and on a panic.

use std::io;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long a child may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// How long a killed child is waited for.
const REAP: Duration = Duration::from_secs(2);

/// Owns a running process.
pub struct OwnedChild(Child);

impl OwnedChild {
    /// Starts it.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.kill_on_drop(true).spawn().map(Self)
    }

    /// Its process id, while it lives.
    pub fn pid(&self) -> Option<u32> {
        self.0.id()
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Its end of the pipes, once.
    pub fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (
            self.0.stdin.take(),
            self.0.stdout.take(),
            self.0.stderr.take(),
        )
    }

    /// Waits for it to end by itself, and kills it when it doesn't.
    pub async fn wait_or_kill(mut self) -> io::Result<Option<ExitStatus>> {
        if let Ok(status) = timeout(GRACE, self.0.wait()).await {
            return status.map(Some);
        }
        self.0.kill().await?;
        Ok(None)
    }
}

impl Drop for OwnedChild {
    #[expect(clippy::disallowed_methods, reason = "a destructor can't await")]
    fn drop(&mut self) {
        if self.0.start_kill().is_err() {
            return; // it has ended and was reaped
        }
        // Its files go next: it must not be writing them any more.
        let deadline = Instant::now() + REAP;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}
