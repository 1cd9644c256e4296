//! What others do to the file while axisd runs.

use std::io::Write;

use tokio::sync::broadcast::error::TryRecvError;

use super::*;

type Meddling = fn(&Path);

#[test]
fn a_log_that_others_touched_is_left_and_the_chain_goes_on() {
    // what is done; the act that says so; whether a file was set aside
    let table: [(&str, Meddling, &str, bool); 7] = [
        (
            "deleted",
            |log| fs::remove_file(log).unwrap(),
            "log_vanished",
            false,
        ),
        (
            "moved away",
            |log| fs::rename(log, log.with_file_name("mine")).unwrap(),
            "log_vanished",
            true,
        ),
        (
            "emptied",
            |log| fs::write(log, "").unwrap(),
            "chain_set_aside",
            true,
        ),
        (
            "cut",
            |log| {
                let file = fs::OpenOptions::new().write(true).open(log).unwrap();
                file.set_len(10).unwrap();
            },
            "chain_set_aside",
            true,
        ),
        (
            "appended to",
            |log| {
                let mut file = fs::OpenOptions::new().append(true).open(log).unwrap();
                file.write_all(b"{\"forged\":true}\n").unwrap();
            },
            "chain_set_aside",
            true,
        ),
        (
            "replaced by a copy",
            |log| {
                let copy = log.with_file_name("copy");
                fs::copy(log, &copy).unwrap();
                fs::rename(copy, log).unwrap();
            },
            "chain_set_aside",
            true,
        ),
        (
            "replaced by a link",
            |log| {
                fs::remove_file(log).unwrap();
                std::os::unix::fs::symlink("/etc/passwd", log).unwrap();
            },
            "chain_set_aside",
            true,
        ),
    ];
    for (meddling, meddle, act, aside) in table {
        let home = Home::new();
        let audit = home.open_unlocked();
        audit.admin(&keystore(4)).unwrap();
        let in_flight = audit.started(&call("a")).unwrap();
        let last = home.records().pop().unwrap();
        meddle(&home.path());
        audit.finished(in_flight, &success());
        make(&audit, "b", &success());

        assert_eq!(
            home.outline(),
            [act, "finished a", "started b", "finished b"],
            "{meddling}"
        );
        let first = &home.records()[0];
        assert_eq!(first["seq"], 3, "{meddling}");
        assert_eq!(first["prev"], last["hash"], "{meddling}");
        home.assert_gap();
        assert_eq!(home.beside().len(), usize::from(aside), "{meddling}");
        assert_eq!(audit.status().warnings.len(), 1, "{meddling}");
        assert!(audit.status().writable);

        // calls may be missing from here, and the generation is still known
        drop(audit);
        let audit = home.open_unlocked();
        assert!(
            !audit
                .history("2026-01-15T06:00:00Z".parse().unwrap())
                .intact
        );
        assert_eq!(audit.known_generation().number(), Some(4), "{meddling}");
    }
}

#[test]
fn a_tick_sees_what_happened_to_the_file_without_a_call() {
    let home = Home::new();
    let audit = home.open_unlocked();
    make(&audit, "a", &success());
    fs::remove_file(home.path()).unwrap();
    audit.tick();
    assert_eq!(home.outline(), ["log_vanished"]);
    home.assert_gap();
    // also later, and to who starts axisd anew
    drop(audit);
    let audit = home.open_unlocked();
    make(&audit, "b", &success());
    home.assert_gap();
    let warnings = audit.status().warnings;
    assert!(
        warnings.iter().any(|it| it.contains("logs verify")),
        "{warnings:?}"
    );
}

#[test]
fn a_directory_that_was_removed_is_made_again() {
    let home = Home::new();
    let path = home.directory.path().join("state/audit.jsonl");
    let audit = Audit::open(path.clone(), home.clock.clone(), SyncMode::Interval);
    audit.set_key(Some(key()));
    make(&audit, "a", &success());
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    make(&audit, "b", &success());
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    let fault = verified_at(&path, true).fault.unwrap();
    assert!(
        fault.contains("line 1: it goes on with record 3"),
        "{fault}"
    );
}

#[test]
fn many_threads_keep_one_chain() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let mut followed = audit.follow();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let audit = audit.clone();
            scope.spawn(move || {
                for nth in 0..50 {
                    make(&audit, &format!("{thread}-{nth}"), &success());
                    deny(&audit, ConnectionId(thread), "d");
                    audit.tick();
                }
            });
        }
    });
    assert_eq!(home.lines().len(), 8 * 150);
    home.assert_intact();
    // the oldest fell out of the follower's window, the rest came in order
    let mut lines = Vec::new();
    loop {
        match followed.try_recv() {
            Ok(line) => lines.push(String::from_utf8(line.to_vec()).unwrap()),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    assert_eq!(lines[..], home.lines()[8 * 150 - lines.len()..]);
    assert!(lines.len() >= 1000);
}
