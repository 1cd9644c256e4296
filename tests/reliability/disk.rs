//! A disk that is full or read-only: calls are refused, no line is torn, no
//! file is half, and once there is room again all goes on, limits included.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use axis_tests::{Home, Host, PASSWORD, Ran, Reply, Upstream, run, wait_for};
use serde_json::{Value, json};

use crate::ALLOW;

const ALLOW_ISSUES: &str = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [issues.list]}\n";

/// A home on a small disk of its own.
struct SmallHome {
    home: Home,
    disk: PathBuf,
}

impl SmallHome {
    /// `None` where the test may mount none.
    fn with(size: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not done: only root may mount a small disk");
            return None;
        }
        let home = Home::empty();
        let disk = home.file("disk");
        fs::create_dir(&disk).unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0700"),
                "tmpfs",
            ])
            .arg(&disk)
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("not done: this sandbox mounts nothing");
            return None;
        }
        Some(Self { home, disk })
    }

    fn command(&self) -> Command {
        let mut command = self.home.command("axis");
        command
            .env("AXIS_HOME", &self.disk)
            .env("AXIS_MASTER_PASSWORD", PASSWORD);
        command
    }

    fn axis(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command();
        command.args(arguments);
        run(command, input)
    }

    fn call(&self, action: &str) -> Ran {
        self.axis(&["call", "github", action, "owner=a", "repo=b"], "")
    }

    /// An unlocked vault with a key for GitHub, and `policy` in force.
    fn prepare(&self, upstream: &Upstream, policy: &str, first_action: &str) {
        self.axis(&["init"], "").ok();
        let url = upstream.url();
        let add = ["add", "github", "--stdin", "--no-check", "--base-url", &url];
        self.axis(&add, "ghp_CANARYfulldisk01\n").ok();
        fs::write(self.disk.join("policy.yaml"), policy).unwrap();
        wait_for("the policy to be in force", || {
            self.call(first_action).status.success().then_some(())
        });
    }

    /// Takes what room is left.
    fn fill(&self) -> PathBuf {
        let filler = self.disk.join("filler");
        let mut written = Vec::new();
        while fs::write(&filler, &written).is_ok() {
            written.resize(written.len() + 4096, b'x');
        }
        filler
    }
}

impl Drop for SmallHome {
    fn drop(&mut self) {
        self.axis(&["daemon", "stop"], "");
        let _ = Command::new("umount").arg("-l").arg(&self.disk).status();
    }
}

#[test]
fn a_full_disk_refuses_calls_leaves_no_torn_line_and_mends_itself() {
    let Some(small) = SmallHome::with("256k") else {
        return;
    };
    let upstream = Upstream::friendly();
    small.prepare(&upstream, ALLOW, "repos.get");
    let call = || small.call("repos.get");
    let reached = upstream.requests().len();

    let filler = small.fill();
    let mut refused = call();
    // what was left of the last page is used up first
    for _ in 0..40 {
        if refused.code() != 0 {
            break;
        }
        refused = call();
    }
    assert!(refused.stdout.contains("audit_unavailable"), "{refused:?}");
    assert!(upstream.requests().len() <= reached + 40);
    let reached = upstream.requests().len();
    assert!(call().stdout.contains("audit_unavailable"));
    assert_eq!(
        upstream.requests().len(),
        reached,
        "nothing is sent without a record"
    );

    fs::remove_file(&filler).unwrap();
    call().ok();
    small.axis(&["logs", "verify"], "").ok();
}

#[test]
fn a_disk_that_is_full_when_the_log_is_to_be_rotated_loses_no_line_and_no_limit() {
    let Some(small) = SmallHome::with("384k") else {
        return;
    };
    let upstream = Upstream::friendly();
    fs::write(
        small.disk.join("daemon.yaml"),
        "audit: {rotate: {size: 65536}}\n",
    )
    .unwrap();
    let policy = "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: [repos.get], ttl: 3600}\n      - {service: github, actions: [issues.list]}\n";
    small.prepare(&upstream, policy, "issues.list");
    small.call("repos.get").ok();
    assert_eq!(small.call("repos.get").code(), 4, "the cooldown is on");

    let mut command = small.command();
    command.arg("mcp").env("AXIS_IDENTITY", "local-dev");
    let mut host = Host::spawn(command);
    host.initialize("2025-06-18");
    let mut list =
        || -> Value { host.execute("github", "issues.list", &json!({"owner": "a", "repo": "b"})) };
    let log = small.disk.join("audit.jsonl");
    while fs::metadata(&log).unwrap().len() < 56 * 1024 {
        assert_eq!(list()["ok"], true);
    }
    let filler = small.fill();
    let refused = wait_for("calls to be refused", || {
        Some(list()).filter(|answer| answer["ok"] != true)
    });
    assert_eq!(refused["error"]["code"], "audit_unavailable", "{refused}");

    // room for the log to be full, but not for what comes of it
    let file = fs::OpenOptions::new().write(true).open(&filler).unwrap();
    let size = file.metadata().unwrap().len();
    file.set_len(size - 16 * 1024).unwrap();
    drop(file);
    let refused = wait_for("calls to be refused again", || {
        Some(list()).filter(|answer| answer["ok"] != true)
    });
    assert_eq!(refused["error"]["code"], "audit_unavailable", "{refused}");
    wait_for("what the disk has no room for to be said", || {
        let status = small.axis(&["status"], "").stdout;
        [
            "no space is left",
            "can't be rotated",
            "can't be compressed",
        ]
        .iter()
        .any(|said| status.contains(said))
        .then_some(())
    });
    small.axis(&["logs", "verify"], "").ok();
    let sent = upstream.requests().len();
    assert_eq!(list()["error"]["code"], "audit_unavailable");
    assert_eq!(upstream.requests().len(), sent);

    // a restart on the full disk, and room again
    small.axis(&["daemon", "stop"], "").ok();
    fs::remove_file(&filler).unwrap();
    small.axis(&["unlock"], "").ok();
    wait_for("the log to be rotated and compressed", || {
        let plain = small.disk.join("audit-000001.jsonl");
        let compressed = small.disk.join("audit-000001.jsonl.zst");
        (compressed.exists() && !plain.exists()).then_some(())
    });
    assert_eq!(list()["ok"], true);
    assert_eq!(
        small.call("repos.get").code(),
        4,
        "the cooldown is still on"
    );
    small.axis(&["logs", "verify"], "").ok();
    let exported = small
        .axis(&["logs", "export", "--format", "jsonl"], "")
        .ok();
    let started = |line: &&str| line.contains("\"event\":\"started\"");
    let on_record = exported.stdout.lines().filter(started).count();
    assert_eq!(
        on_record,
        upstream.requests().len(),
        "each request has its line"
    );
}

#[test]
fn what_a_full_disk_has_no_room_for_is_said_and_leaves_every_file_as_it_was() {
    let Some(small) = SmallHome::with("384k") else {
        return;
    };
    let upstream = Upstream::friendly();
    small.prepare(&upstream, ALLOW_ISSUES, "issues.list");
    let filler = small.fill();
    wait_for("calls to be refused", || {
        let refused = small.call("issues.list");
        refused.stdout.contains("audit_unavailable").then_some(())
    });
    let files =
        || ["keystore.json", "policy.yaml"].map(|name| fs::read(small.disk.join(name)).unwrap());
    let before = files();
    let url = upstream.url();
    let add = [
        "add",
        "github",
        "--label",
        "second",
        "--stdin",
        "--no-check",
        "--base-url",
        &url,
    ];
    let commands: [(&[&str], &str); 5] = [
        (&add, "ghp_CANARYfulldisk02\n"),
        (&["revoke", "github"], ""),
        (&["policy", "seal"], ""),
        (&["identity", "add", "claude"], ""),
        (&["allow", "stripe"], ""),
    ];
    for (arguments, input) in commands {
        let ran = small.axis(arguments, input);
        assert_ne!(ran.code(), 0, "{arguments:?}: {ran:?}");
        let said = ran.stderr.to_lowercase();
        assert!(
            said.contains("no space") && said.contains("fix:"),
            "{arguments:?}: {ran:?}"
        );
        assert_eq!(files(), before, "{arguments:?}");
    }
    let leavings = fs::read_dir(&small.disk)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.contains(".tmp"));
    assert_eq!(leavings.collect::<Vec<_>>(), Vec::<String>::new());
    fs::remove_file(&filler).unwrap();
    small.axis(&add, "ghp_CANARYfulldisk02\n").ok();
    small.axis(&["allow", "stripe"], "").ok();
    small.call("issues.list").ok();
    small.axis(&["logs", "verify"], "").ok();
}

#[test]
fn an_answer_that_the_agents_disk_has_no_room_for_leaves_no_file() {
    let Some(small) = SmallHome::with("256k") else {
        return;
    };
    let upstream = Upstream::answering(|request| {
        let is_large = request.path.ends_with("/large");
        Reply::json(
            200,
            &json!("x".repeat(if is_large { 2_000_000 } else { 10 })),
        )
    });
    let home = Home::with_github(&upstream, "ghp_CANARYfulldisk03", ALLOW);
    let mut host = Host::connect(&home, "local-dev");
    let file = small.disk.join("saved");
    for (repo, fits) in [("large", false), ("small", true), ("large", false)] {
        let _ = fs::remove_file(&file);
        let answer = host.execute_with(
            "github",
            "repos.get",
            &json!({"owner": "a", "repo": repo}),
            &json!({ "save_to": file }),
        );
        assert_eq!(answer["ok"], fits, "{answer}");
        assert_eq!(file.exists(), fits);
        if !fits {
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.contains("No space left"), "{message}");
            assert!(message.contains("no file was left"), "{message}");
            assert_eq!(fs::read_dir(&small.disk).unwrap().count(), 0);
        }
    }
}

#[test]
fn on_a_read_only_disk_no_axisd_starts_and_every_command_says_what_to_do() {
    let Some(small) = SmallHome::with("1m") else {
        return;
    };
    let upstream = Upstream::friendly();
    small.prepare(&upstream, ALLOW, "repos.get");
    let remount = |how: &str| {
        let mut mount = Command::new("mount");
        mount.args(["-o", how]).arg(&small.disk);
        assert!(mount.status().unwrap().success(), "{how}");
    };
    small.axis(&["daemon", "stop"], "").ok();
    remount("remount,ro");
    let reached = upstream.requests().len();
    let commands: [&[&str]; 4] = [
        &["unlock"],
        &["list"],
        &["call", "github", "repos.get", "owner=a", "repo=b"],
        &["daemon", "start"],
    ];
    for arguments in commands {
        let ran = small.axis(arguments, "");
        assert_eq!(ran.code(), 3, "{arguments:?}: {ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("read-only file system"), "{said}");
        assert!(said.contains("AXIS_HOME"), "{said}");
    }
    let allowed = small.axis(&["policy", "check"], "");
    assert!(!allowed.stderr.contains("panicked"), "{allowed:?}");
    assert_eq!(upstream.requests().len(), reached);
    remount("remount,rw");
    small.call("repos.get").ok();
    small.axis(&["logs", "verify"], "").ok();
}
