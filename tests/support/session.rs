//! A desktop session of its own: a D-Bus, and a GNOME Keyring on it that is
//! unlocked as a login would.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::home::signal;
use crate::{Ran, run, wait_for};

/// The session; it ends with it.
pub struct Session {
    directory: TempDir,
    child: Child,
    address: String,
    keyring: u32,
}

impl Session {
    /// Logs in.
    ///
    /// # Panics
    /// Where dbus-run-session or gnome-keyring-daemon is missing: tests/run
    /// installs both.
    pub fn login() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("axis-session-")
            .tempdir()
            .expect("a temporary directory can be made");
        let script = "echo \"$$\" > pid; echo \"$DBUS_SESSION_BUS_ADDRESS\" > address.new; \
                      mv address.new address; \
                      exec gnome-keyring-daemon --foreground --unlock --components=secrets";
        let mut child = command(directory.path(), "dbus-run-session")
            .args(["--", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-run-session is there: tests/run installs dbus-daemon");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin
            .write_all(b"the login's password")
            .expect("the keyring reads its password");
        drop(stdin);
        let read = |name: &str| {
            let text = fs::read_to_string(directory.path().join(name)).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let address = wait_for("the session's D-Bus", || read("address"));
        let keyring = read("pid").expect("it is written before the address");
        let session = Self {
            address,
            keyring: keyring.parse().expect("a process id"),
            directory,
            child,
        };
        // not asked before: D-Bus would start another keyring, which is locked
        wait_for("the keyring (tests/run installs gnome-keyring)", || {
            session.has_keyring().then_some(())
        });
        wait_for("the keyring to unlock its collection", || {
            let alias = session.ask("ReadAlias", &["string:default"]);
            alias.stdout.contains("collection/login").then_some(())
        });
        session
    }

    /// The address of its D-Bus.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Locks the keyring, as a screen lock may.
    pub fn lock(&self) {
        let collection = "array:objpath:/org/freedesktop/secrets/collection/login";
        self.ask("Lock", &[collection]).ok();
    }

    fn has_keyring(&self) -> bool {
        let asked = self.send(&[
            "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.secrets",
        ]);
        asked.stdout.contains("boolean true")
    }

    /// Calls a method of the Secret Service.
    fn ask(&self, method: &str, arguments: &[&str]) -> Ran {
        let method = format!("org.freedesktop.Secret.Service.{method}");
        let call = [
            "--dest=org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            &method,
        ];
        self.send(&[&call, arguments].concat())
    }

    fn send(&self, arguments: &[&str]) -> Ran {
        let mut send = command(self.directory.path(), "dbus-send");
        send.env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .args(["--session", "--print-reply"])
            .args(arguments);
        run(send, "")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // the bus ends with it
        signal(self.keyring, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A program whose files are all in `home`.
fn command(home: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}
