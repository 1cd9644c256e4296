//! Copies of secrets in memory, as root counts them; no one else may look,
//! which `process` shows.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use axis_tests::{Home, Host, PASSWORD, Session, Upstream, canary, run};
use serde_json::json;

const ALLOW: &str =
    "policies:\n  - identity: local-dev\n    allow:\n      - {service: github, actions: ['*']}\n";

/// How often `secret` stands in the writable memory of the process `pid`.
pub(crate) fn copies(pid: u32, secret: &str) -> usize {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut count = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, mode) = (words.next().unwrap(), words.next().unwrap());
        // what is not readable holds nothing: a thread's guard page, an unused arena
        if !mode.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // a region may have gone since the list was made
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            count += occurrences(&bytes, secret.as_bytes());
        }
    }
    count
}

fn occurrences(text: &[u8], word: &[u8]) -> usize {
    text.windows(word.len())
        .filter(|window| window[0] == word[0] && *window == word)
        .count()
}

#[expect(clippy::print_stderr, reason = "nothing is left out silently")]
fn may_look() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not looked at: only root may read another process's memory");
    }
    root
}

#[test]
fn copies_of_the_key_dont_grow_with_calls_and_the_shim_never_has_one() {
    if !may_look() {
        return;
    }
    let upstream = Upstream::friendly();
    let key = canary("memory");
    let home = Home::with_github(&upstream, &key, ALLOW);
    let axisd = home.pid().unwrap();
    let mut host = Host::connect(&home, "local-dev");
    let call = |host: &mut Host| {
        let answer = host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}));
        assert_eq!(answer["ok"], true, "{answer}");
    };
    call(&mut host);
    let after_one = copies(axisd, &key);
    for _ in 1..200 {
        call(&mut host);
    }
    let after_many = copies(axisd, &key);
    // its own page is one, which also shows that the count finds it
    assert!(after_one >= 1);
    // and the write buffer of each open connection may keep one
    assert!(
        after_many <= after_one + 1 && after_many <= 4,
        "{after_one} copies after 1 call, {after_many} after 200"
    );
    assert_eq!(copies(host.pid(), &key), 0, "in the shim");
}

#[test]
fn axisd_forgets_the_password_at_once_and_the_key_with_the_lock() {
    if !may_look() {
        return;
    }
    let upstream = Upstream::friendly();
    let key = canary("forget");
    let home = Home::with_github(&upstream, &key, ALLOW);
    let axisd = home.pid().unwrap();
    // init, add and this unlock have each sent it
    home.axis(&["lock"]).ok();
    home.axis(&["unlock"]).ok();
    assert_eq!(copies(axisd, PASSWORD), 0, "the master password");
    assert_eq!(copies(axisd, &key), 1, "the key's own page alone");
    home.axis(&["lock"]).ok();
    assert_eq!(copies(axisd, &key), 0, "the key of a locked vault");
}

#[test]
fn axisd_forgets_what_the_keychain_was_given_and_what_it_gave() {
    if !may_look() {
        return;
    }
    let session = Session::login();
    let home = Home::empty();
    let axis = |arguments: &[&str], password: bool| {
        let mut command = home.command("axis");
        command
            .args(arguments)
            .env("DBUS_SESSION_BUS_ADDRESS", session.address());
        if password {
            command.env("AXIS_MASTER_PASSWORD", PASSWORD);
        }
        run(command, "").ok()
    };
    axis(&["init"], true);
    axis(&["keychain", "set"], true);
    assert_eq!(
        copies(home.pid().unwrap(), PASSWORD),
        0,
        "after it was given"
    );
    let restarted = axis(&["daemon", "restart"], false);
    assert!(restarted.stdout.contains("unlocked"), "{restarted:?}");
    assert_eq!(
        copies(home.pid().unwrap(), PASSWORD),
        0,
        "after it was taken"
    );
}
