//! Secrets in the memory of axisd, the shim and the command line, as root finds
//! them; no one else may look, which `process` shows.

mod clients;
mod daemon;
mod keys;
mod scan;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use axis_tests::{Home, PASSWORD, Session, run};

pub(crate) use self::daemon::{SERVICES, Stage};
use self::scan::{Found, Wanted};

/// How often `secret` stands in the memory of the process `pid`, in whatever form.
pub(crate) fn copies(pid: u32, secret: &str) -> usize {
    Wanted::none().text("it", secret).found_in(pid).len()
}

#[expect(clippy::print_stderr, reason = "nothing is left out silently")]
fn may_look() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not looked at: only root may read another process's memory");
    }
    root
}

/// What of it could get into swap or a dump.
fn outside(found: Vec<Found>) -> Vec<Found> {
    found.into_iter().filter(|it| !it.is_locked).collect()
}

#[test]
fn the_scan_finds_a_secret_in_each_form_and_in_locked_pages() {
    if !may_look() {
        return;
    }
    let secret = "SCANNED-0123456789-secret";
    let wanted = Wanted::none().text("it", secret);
    let mut holder = Command::new("perl")
        .args([
            "-MMIME::Base64",
            "-e",
            "my $raw = <STDIN>; chomp $raw; my @kept = (\
             unpack('H*', $raw), uc unpack('H*', $raw), encode_base64(\"xy$raw\", ''), \
             pack('v*', unpack('C*', $raw)), $raw ^ (chr(0x36) x length $raw), \
             join('', map { sprintf '\\u%04x', $_ } unpack 'C*', $raw)); \
             $| = 1; print \"kept\\n\"; <STDIN>;",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = holder.stdin.take().unwrap();
    writeln!(stdin, "{secret}").unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(holder.stdout.take().unwrap());
    stdout.read_line(&mut said).unwrap();
    let found = wanted.found_in(holder.id());
    holder.kill().unwrap();
    holder.wait().unwrap();
    for form in ["raw", "hex", "HEX", "base64", "UTF-16", "inner pad", "\\u"] {
        assert!(found.iter().any(|it| it.form == form), "{form}: {found:?}");
    }
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
