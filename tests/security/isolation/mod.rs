//! The levels of docs/isolation.md, one file a level, each from the shell of an
//! agent that runs as the owner's own ordinary user (but for level 4, which is
//! `system_user`).

mod containers;
mod guide;
mod sandboxed;
mod typed;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use axis_tests::{Home, Ran, Terminal, Upstream, canary, run};
use serde_json::Value;

use super::process::{as_ordinary_user, ordinary_home, own_command, shell};

/// What the packages ship.
pub(crate) fn packaged(path: &str) -> PathBuf {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging");
    packaging.join(path)
}

/// The owner and the agent, who are the same ordinary user, and an upstream
/// whose key only the owner has typed.
struct Machine {
    home: Home,
    upstream: Upstream,
    key: String,
}

impl Machine {
    /// A vault with the upstream's key, and this policy.
    fn new(tag: &str, policy: &str, password: &str) -> Self {
        let upstream = Upstream::friendly();
        let home = ordinary_home();
        let machine = Self {
            home,
            upstream,
            key: canary(tag),
        };
        machine.written("policy.yaml", policy);
        machine.owner(&["init"], "", password);
        let url = machine.upstream.url();
        let add = ["add", "github", "--stdin", "--no-check", "--base-url", &url];
        machine.owner(&add, &machine.key, password);
        machine
    }

    /// A file in Axis's directory, as its user writes it.
    fn written(&self, name: &str, text: &str) {
        let mut cat = shell(&format!(
            "mkdir -p \"$(dirname '{0}')\" && cat > '{0}'",
            self.home.file(name).display()
        ));
        cat.env("HOME", self.home.path());
        run(as_ordinary_user(&cat), text).ok();
    }

    /// The owner's command, with the password.
    fn owner(&self, arguments: &[&str], input: &str, password: &str) -> Ran {
        let mut command = own_command(&self.home, "axis");
        command
            .args(arguments)
            .env("AXIS_MASTER_PASSWORD", password);
        run(as_ordinary_user(&command), input).ok()
    }

    /// The owner's command at a terminal, with these variables.
    fn at_a_terminal(&self, variables: &[(&str, &str)], arguments: &str) -> Terminal {
        let mut command = own_command(&self.home, "axis");
        command.args(arguments.split(' '));
        let command = as_ordinary_user(&command);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        Terminal::running(&self.home, variables, &words.join(" "))
    }

    /// The same command from the agent's shell.
    fn agent(&self, arguments: &[&str]) -> Ran {
        let mut command = own_command(&self.home, "axis");
        command.args(arguments);
        run(as_ordinary_user(&command), "")
    }

    /// A line of the agent's shell.
    fn agent_shell(&self, line: &str) -> Ran {
        let mut shell = shell(line);
        let path = format!("{}:/usr/bin:/bin", self.home.path().display());
        shell
            .env("PATH", path)
            .env("HOME", self.home.path())
            .env("AXIS_HOME", self.home.path());
        run(as_ordinary_user(&shell), "")
    }

    /// What the doctor says of the level, and the check by this name.
    fn doctor(&self, name: &str) -> (Value, Value) {
        let report = self.agent(&["doctor", "--json"]).json();
        (report["level"].clone(), check(&report, name))
    }
}

/// The first check by this name.
pub(crate) fn check(report: &Value, name: &str) -> Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found
        .unwrap_or_else(|| panic!("no check {name} in {report}"))
        .clone()
}

/// A directory of the ordinary user's own.
fn directory_of_the_user(prefix: &str) -> tempfile::TempDir {
    let directory = tempfile::Builder::new()
        .prefix(prefix)
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    let owner = run(as_ordinary_user(&shell("id -u; id -g")), "").ok();
    let mut ids = owner.stdout.lines().map(|id| id.parse().unwrap());
    std::os::unix::fs::chown(directory.path(), ids.next(), ids.next()).unwrap();
    directory
}

/// In `directory`.
fn within(mut command: Command, directory: &Path) -> Command {
    command.current_dir(directory);
    command
}
