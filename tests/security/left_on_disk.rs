//! What is left on disk: for its owner alone, whatever umask axisd and the
//! commands were started under.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use axis_tests::{Home, Host, PASSWORD, Reply, Upstream, binary, canary, run, wait_for};
use serde_json::json;

use crate::process::shell;

const ALLOW: &str =
    "policies:\n  - identity: unknown\n    allow:\n      - {service: '*', actions: ['*']}\n";

/// Runs `axis` as somebody whose umask forbids nothing.
fn axis(home: &Home, arguments: &str, input: &str) -> axis_tests::Ran {
    let script = format!(
        "umask 000; cd {}; exec {} {arguments}",
        home.path().display(),
        binary("axis").display()
    );
    let mut command = shell(&script);
    command
        .env_clear()
        .env("AXIS_HOME", home.path())
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin")
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("AXIS_NEW_MASTER_PASSWORD", PASSWORD.to_owned() + "!");
    run(command, input)
}

#[test]
fn every_file_and_directory_that_axis_makes_is_its_owners_alone() {
    let upstream = Upstream::answering(|_| Reply {
        status: 200,
        headers: vec![("content-type".into(), "application/octet-stream".into())],
        body: vec![7; 4096],
        delay: std::time::Duration::ZERO,
    });
    let home = Home::empty();
    let url = upstream.url();
    axis(&home, "init", "").ok();
    let add = format!("add github --stdin --no-check --base-url {url}");
    axis(&home, &add, &canary("disk")).ok();
    axis(&home, &format!("{add} --replace"), &canary("disk")).ok();
    axis(&home, "undo github", "").ok();
    axis(&home, "allow github --identity unknown --yes", "");
    axis(&home, "identity add claude", "").ok();
    axis(&home, "logs export --output exported.csv", "");
    axis(&home, "demo", "").ok();
    home.policy(ALLOW);
    axis(&home, "policy seal --yes", "").ok();
    // the agent's own directory, which is none of Axis's
    let work = tempfile::tempdir().unwrap();
    let mut shim = shell(&format!(
        "umask 000; cd {}; exec {} mcp",
        work.path().display(),
        binary("axis").display()
    ));
    shim.env_clear().env("AXIS_HOME", home.path());
    let mut host = Host::spawn(shim);
    host.initialize("2025-06-18");
    let saved = host.execute_with(
        "github",
        "repos.get",
        &json!({"owner": "a", "repo": "b"}),
        &json!({"save_to": "saved.bin"}),
    );
    assert_eq!(saved["ok"], true, "{saved}");
    let mode = fs::metadata(work.path().join("saved.bin")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{saved}");
    // a file of daemon.yaml's that makes the log begin a new segment at once
    fs::write(home.file("daemon.yaml"), "audit: { rotate: 64KiB }\n").unwrap();
    let ran = axis(&home, "rotate --all", "");
    assert!(ran.status.success(), "{ran:?}");

    let written_here = ["policy.yaml", "daemon.yaml"];
    let (mut files, mut sockets) = (0, 0);
    let mut directories = vec![home.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                directories.push(path.clone());
            }
            if written_here.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            files += usize::from(metadata.is_file());
            sockets += usize::from(metadata.file_type().is_socket());
            let mode = metadata.permissions().mode() & 0o7777;
            assert_eq!(mode & 0o077, 0, "{mode:o} {}", path.display());
        }
    }
    assert!(
        files >= 6 && sockets >= 3,
        "{files} files, {sockets} sockets"
    );
    wait_for("the calls on record", || {
        (!home.audit().is_empty()).then_some(())
    });
}
