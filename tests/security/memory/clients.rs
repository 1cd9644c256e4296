//! The shim, and the command line once axisd has answered it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use axis_tests::{Home, Host, PASSWORD, Terminal, Upstream, binary, canary, wait_for};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::pipe::fcntl_setpipe_size;
use serde_json::json;

use super::scan::Wanted;
use super::{may_look, outside};

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: ['*']}\n";

/// A pipe that is full: whoever writes into it stays where it is.
struct FullPipe {
    path: PathBuf,
    _reader: File,
}

impl FullPipe {
    fn in_home(home: &Home) -> Self {
        let path = home.file("full");
        let _ = fs::remove_file(&path);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let mut both = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let size = fcntl_setpipe_size(&both, 1).unwrap();
        both.write_all(&vec![b'.'; size]).unwrap();
        Self {
            path,
            _reader: both,
        }
    }

    fn writer(&self) -> File {
        OpenOptions::new().write(true).open(&self.path).unwrap()
    }
}

/// Waits until the process is held up by such a pipe.
fn wait_until_stuck(pid: u32) {
    wait_for("the command to print its answer", || {
        let waits_in = fs::read_to_string(format!("/proc/{pid}/wchan")).ok()?;
        waits_in.contains("pipe_write").then_some(())
    });
}

/// A command that axisd has answered and that can't say so; it ends with this.
struct Answered {
    child: Child,
    /// Closed, it would take what is written.
    _full: FullPipe,
}

impl Answered {
    fn command(home: &Home, mut command: Command, input: &str) -> Self {
        let full = FullPipe::in_home(home);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(full.writer())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        wait_until_stuck(child.id());
        Self { child, _full: full }
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_command_that_was_answered_holds_neither_password_nor_secret() {
    if !may_look() {
        return;
    }
    let upstream = Upstream::friendly();
    let (home, key) = (Home::empty(), canary("command"));
    let new = "another battery staple horse";
    let wanted = Wanted::none()
        .text("the password", PASSWORD)
        .text("the new password", new)
        .text("the key", &key);
    let url = upstream.url();
    let add = [
        "add",
        "github",
        "--stdin",
        "--no-check",
        "--base-url",
        url.as_str(),
    ];
    let mut leaks = Vec::new();
    for (arguments, input) in [
        (&["init"][..], ""),
        (&add[..], key.as_str()),
        (&["unlock"], ""),
        (&["policy", "seal", "--yes"], ""),
        (&["rotate"], ""),
    ] {
        if arguments[0] == "unlock" {
            home.axis(&["lock"]).ok();
        }
        let mut command = home.command("axis");
        command
            .args(arguments)
            .env("AXIS_MASTER_PASSWORD", PASSWORD)
            .env("AXIS_NEW_MASTER_PASSWORD", new);
        let answered = Answered::command(&home, command, input);
        for it in outside(wanted.found_in(answered.child.id())) {
            leaks.push((arguments[0], it));
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// The `axis` that runs in `home` on a terminal.
fn running_in(home: &Home) -> u32 {
    let place = format!("AXIS_HOME={}\0", home.path().display());
    let axis = binary("axis");
    wait_for("axis to run", || {
        let entries = fs::read_dir("/proc").unwrap();
        let pids = entries.filter_map(|it| it.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.into_iter().find(|pid| {
            let is_it = |file: &Path| file == axis;
            fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| is_it(&exe))
                && fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|it| String::from_utf8_lossy(&it).contains(&place))
        })
    })
}

#[test]
fn what_was_typed_is_forgotten_once_axisd_has_answered() {
    if !may_look() {
        return;
    }
    let upstream = Upstream::friendly();
    let (home, key) = (Home::ready(), canary("typed"));
    let wanted = Wanted::none()
        .text("the password", PASSWORD)
        .text("the key", &key);
    let mut leaks = Vec::new();
    for arguments in [
        format!("add github --no-check --base-url {}", upstream.url()),
        "unlock".to_owned(),
    ] {
        if arguments == "unlock" {
            home.axis(&["lock"]).ok();
        }
        let pipe = FullPipe::in_home(&home);
        let line = format!("{arguments} > {}", pipe.path.display());
        let mut terminal = Terminal::axis(&home, &line);
        terminal.after("Master password: ", &format!("{PASSWORD}\r"));
        if arguments != "unlock" {
            terminal.after("Secret for github: ", &format!("{key}\r"));
        }
        let pid = running_in(&home);
        wait_until_stuck(pid);
        for it in outside(wanted.found_in(pid)) {
            leaks.push((arguments.clone(), it));
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn a_shim_that_was_given_the_password_keeps_it_in_locked_pages_alone() {
    if !may_look() {
        return;
    }
    let upstream = Upstream::friendly();
    let key = canary("shim");
    let home = Home::with_github(&upstream, &key, ALLOW);
    home.kill();
    let mut command = home.command("axis");
    command
        .arg("mcp")
        .env("AXIS_IDENTITY", "local-dev")
        .env("AXIS_MASTER_PASSWORD", PASSWORD);
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    let repo = json!({"owner": "a", "repo": "b"});
    wait_for("the vault to be open", || {
        (host.execute("github", "repos.get", &repo)["ok"] == true).then_some(())
    });
    for _ in 0..100 {
        assert_eq!(host.execute("github", "repos.get", &repo)["ok"], true);
    }
    let wanted = Wanted::none()
        .text("the password", PASSWORD)
        .text("the key", &key);
    let found = outside(wanted.found_in(host.pid()));
    assert!(found.is_empty(), "{found:#?}");
    let environment = fs::read(format!("/proc/{}/environ", host.pid())).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(!environment.contains("MASTER_PASSWORD"), "{environment}");
    // and it is still there for the next axisd
    home.kill();
    wait_for("the next vault to be open", || {
        (host.execute("github", "repos.get", &repo)["ok"] == true).then_some(())
    });
}
