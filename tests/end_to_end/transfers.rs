//! `save_to` and `body_file`: bodies of any size between a file and an upstream.

mod confined;
mod saved;
mod sent;

use std::fs;
use std::path::Path;

use axis_tests::{Home, Upstream, wait_for};
use sha2::{Digest, Sha256};

const MEGABYTE: usize = 1_000_000;
/// By how much a process may grow for a body of any size, in kB.
const MOST_GROWTH_KB: u64 = 8 * 1024;

/// A service whose actions take and give bytes.
const FILES: &str = "service: files
title: Files
base_url: https://files.example
auth: bearer
actions:
  get:
    effect: read
    method: GET
    path: /{path}
    params:
      path: { in: path, multi: true, type: string, required: true }
  put:
    effect: write
    method: PUT
    path: /{path}
    body: bytes
    params:
      path: { in: path, multi: true, type: string, required: true }
      body: { in: body, type: string }
  replace:
    effect: write
    method: PUT
    path: /{path}
    body: bytes
    params:
      path: { in: path, multi: true, type: string, required: true }
      body: { in: body, type: string, required: true }
  note:
    effect: write
    method: POST
    path: /notes
    params:
      text: { in: body, type: string }
";

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: files, actions: ['*']}\n";

/// A home with that service at `upstream`.
fn home_at(upstream: &Upstream, key: &str, daemon_yaml: &str) -> Home {
    let home = Home::empty();
    fs::create_dir(home.file("services")).unwrap();
    fs::write(home.file("services/files.yaml"), FILES).unwrap();
    fs::write(home.file("daemon.yaml"), daemon_yaml).unwrap();
    home.axis(&["init"]).ok();
    home.add("files", key, &upstream.url());
    home.policy(ALLOW);
    home
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What is in `dir`, by name.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn memory_peak_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Like [`wait_for`], for what takes minutes in an unoptimised build.
fn wait_for_patiently(what: &str, condition: impl Fn() -> bool) {
    let again = || {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(what, || condition().then_some(()));
        }))
    };
    assert!(
        (0..15).any(|_| again().is_ok()),
        "waited in vain for {what}"
    );
}
