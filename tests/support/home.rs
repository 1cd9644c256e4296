//! A home of its own: `AXIS_HOME` in a temporary directory, the real binaries
//! in it, nothing of the machine's environment.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{PASSWORD, PATIENCE, Upstream, binary, wait_for};

/// An `AXIS_HOME`; the axisd that runs in it ends with it.
pub struct Home {
    directory: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ran {
    /// Its exit code.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Itself, if it ended with 0.
    #[track_caller]
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the assertion is the point"
    )]
    pub fn ok(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }

    /// Its output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl Home {
    /// An empty home.
    pub fn empty() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::Builder::new()
            .prefix("axis-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .expect("a temporary directory can be made");
        Self { directory }
    }

    /// A home with a vault and a running, unlocked axisd.
    pub fn ready() -> Self {
        let home = Self::empty();
        home.axis(&["init"]).ok();
        home
    }

    /// A ready home whose `github` credential is `secret`, bound to `upstream`,
    /// and whose policy is `policy`.
    pub fn with_github(upstream: &Upstream, secret: &str, policy: &str) -> Self {
        let home = Self::ready();
        home.add("github", secret, &upstream.url());
        home.policy(policy);
        home
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// `program` with the environment of this home and nothing else.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(binary(program));
        command
            .env_clear()
            .env("AXIS_HOME", self.path())
            .env("HOME", self.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    }

    /// Runs `axis` with the master password in its environment.
    pub fn axis(&self, arguments: &[&str]) -> Ran {
        self.axis_fed(arguments, "")
    }

    /// Runs `axis` with `input` on its standard input.
    pub fn axis_fed(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command("axis");
        command
            .args(arguments)
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        run(command, input)
    }

    /// Runs `axis` without the master password.
    pub fn axis_without_password(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command("axis");
        command.args(arguments);
        run(command, "")
    }

    /// Stores a credential for `service`, bound to `base_url`.
    pub fn add(&self, service: &str, secret: &str, base_url: &str) {
        self.axis_fed(
            &[
                "add",
                service,
                "--stdin",
                "--no-check",
                "--base-url",
                base_url,
            ],
            &format!("{secret}\n"),
        )
        .ok();
    }

    /// Writes policy.yaml and waits until it is in force.
    pub fn policy(&self, text: &str) {
        let before = self.policies_loaded();
        fs::write(self.file("policy.yaml"), text).expect("policy.yaml can be written");
        wait_for("the policy to be loaded", || {
            (self.policies_loaded() > before).then_some(())
        });
    }

    fn policies_loaded(&self) -> usize {
        self.audit()
            .iter()
            .filter(|line| line["act"] == "policy_loaded")
            .count()
    }

    /// The audit log, a JSON object a line.
    pub fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file("audit.jsonl")).unwrap_or_default();
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).expect("an audit line is JSON"))
            .collect()
    }

    /// The audit lines of calls: `started` and `finished`.
    pub fn audited_calls(&self) -> Vec<Value> {
        let mut lines = self.audit();
        lines.retain(|line| line["event"] != "admin");
        lines
    }

    /// The process id of the axisd that runs in this home: the one that holds
    /// its lock.
    pub fn pid(&self) -> Option<u32> {
        let path = self.file("run/axisd.lock");
        let file = fs::File::open(&path).ok()?;
        if file.try_lock_shared().is_ok() {
            return None;
        }
        fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    /// Ends the running axisd with `kill -9` and waits until it is gone with
    /// all its threads.
    pub fn kill(&self) {
        if let Some(pid) = self.pid() {
            signal(pid, rustix::process::Signal::KILL);
            wait_for("axisd to be gone", || {
                (self.pid() != Some(pid)).then_some(())
            });
        }
    }

    /// Starts an axisd of the test's own in the foreground.
    pub fn axisd(&self, arguments: &[&str]) -> Axisd {
        let mut command = self.command("axisd");
        command.args(arguments);
        self.spawn(command)
    }

    /// Starts an unlocked axisd of the test's own in the foreground.
    pub fn axisd_unlocked(&self) -> Axisd {
        let mut command = self.command("axisd");
        command.env("AXIS_MASTER_PASSWORD", PASSWORD);
        self.spawn(command)
    }

    /// Starts `command`, an axisd, in the foreground.
    pub fn spawn(&self, mut command: Command) -> Axisd {
        let log = self.file("test-axisd.log");
        let stderr = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the log can be written");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("axisd starts");
        Axisd { child, log }
    }

    /// Waits until the daemon answers.
    pub fn wait_until_up(&self) {
        wait_for("axisd to answer", || {
            self.axis_without_password(&["status"])
                .status
                .success()
                .then_some(())
        });
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An axisd that the test started itself; killed with it.
pub struct Axisd {
    child: Child,
    log: PathBuf,
}

impl Axisd {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stderr.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, which: rustix::process::Signal) {
        signal(self.pid(), which);
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("axisd to end", || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Axisd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(pid: u32, which: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process(pid, which);
    }
}

/// Runs `command` to its end, at most [`PATIENCE`].
pub fn run(mut command: Command, input: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // a command that ends without reading its input closes the pipe
    let _ = child
        .stdin
        .take()
        .expect("stdin is piped")
        .write_all(input.as_bytes());
    let pid = child.id();
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if waiting.recv_timeout(PATIENCE * 3).is_err() {
            signal(pid, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("the command ends");
    let _ = done.send(());
    let _ = watchdog.join();
    Ran {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
