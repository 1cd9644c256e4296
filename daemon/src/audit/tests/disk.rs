//! Full disks, read-only files, and calls that never came to their end.

use super::*;
use crate::audit::AuditUnavailable;

fn size(home: &Home) -> u64 {
    fs::metadata(home.path()).unwrap().len()
}

#[test]
fn a_full_disk_refuses_calls_leaves_no_torn_line_and_loses_nothing() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let in_flight = audit.started(&call("a")).unwrap();
    let before = size(&home);
    for room in [0, 1, 100] {
        audit.writer().set_room(before + room);
        let error = audit.started(&call("b")).err().unwrap();
        assert!(matches!(error, AuditUnavailable::NoSpace { .. }), "{error}");
        assert_eq!(size(&home), before, "{room} bytes of room");
    }
    deny(&audit, CONNECTION, "c");
    audit.finished(in_flight, &success());
    let status = audit.status();
    assert!(!status.writable);
    assert!(status.warnings[0].contains("no space is left"));
    assert_eq!(size(&home), before);

    audit.writer().set_room(u64::MAX);
    make(&audit, "d", &success());
    assert_eq!(
        home.outline(),
        [
            "started a",
            "finished c",
            "finished a",
            "started d",
            "finished d"
        ]
    );
    assert!(audit.status().writable);
    assert_eq!(audit.status().warnings, Vec::<String>::new());
    home.assert_intact();
}

#[test]
fn what_waits_is_written_by_a_tick_too() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let in_flight = audit.started(&call("a")).unwrap();
    audit.writer().set_room(size(&home));
    audit.finished(in_flight, &success());
    audit.tick();
    assert_eq!(home.lines().len(), 1);
    audit.writer().set_room(u64::MAX);
    audit.tick();
    assert_eq!(home.outline(), ["started a", "finished a"]);
}

#[test]
fn refusals_beyond_what_can_be_kept_are_counted() {
    let home = Home::new();
    let audit = home.open_unlocked();
    audit.writer().set_room(0);
    for nth in 0..8_100 {
        deny(&audit, ConnectionId(nth), "x");
    }
    // the owner's acts are kept even then
    audit.note(&Act::Lock.into());
    audit.writer().set_room(u64::MAX);
    audit.tick();
    let outline = home.outline();
    assert_eq!(outline.len(), 8_002);
    assert_eq!(outline[8_000..], ["lock", "records_dropped"]);
    let detail = home.records()[8_001]["detail"].to_string();
    assert!(detail.starts_with("\"100 records"), "{detail}");
    home.assert_intact();
}

#[test]
fn rights_that_are_too_few_or_too_many_refuse_calls_until_mended() {
    // what is changed, to what, what is said, the right mode
    for (of_directory, mode, words, right) in [
        (false, 0o400, "is read-only; run: chmod 600", 0o600),
        (false, 0o644, "(mode 0644); run: chmod 600", 0o600),
        (false, 0o620, "(mode 0620); run: chmod 600", 0o600),
        (true, 0o755, "(mode 0755); run: chmod 700", 0o700),
    ] {
        let home = filled();
        let path = if of_directory {
            home.directory.path().to_owned()
        } else {
            home.path()
        };
        // found at start
        chmod(&path, mode);
        let audit = home.open_unlocked();
        let error = audit.started(&call("x")).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(home.lines().len(), 8);
        chmod(&path, right);
        make(&audit, "y", &success());
        if of_directory {
            continue;
        }
        // made so while axisd runs
        chmod(&path, mode);
        let error = audit.started(&call("x")).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
        assert!(audit.admin(&Act::Unlock.into()).is_err());
        assert!(!audit.status().writable);
        assert_eq!(home.lines().len(), 10);
        chmod(&path, right);
        make(&audit, "z", &success());
        assert!(audit.status().writable);
        home.assert_intact();
    }
}

#[test]
fn the_log_and_its_directory_are_made_for_the_owner_alone() {
    let home = Home::new();
    let path = home.directory.path().join("state/axis/audit.jsonl");
    let audit = Audit::open(path.clone(), home.clock.clone(), SyncMode::Interval);
    assert!(audit.status().writable);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn what_is_no_plain_file_is_no_log() {
    let home = Home::new();
    let elsewhere = home.directory.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.path()).unwrap();
    let audit = home.open_unlocked();
    let error = audit.started(&call("a")).err().unwrap();
    assert!(
        matches!(error, AuditUnavailable::NotAFile { .. }),
        "{error}"
    );
    fs::remove_file(home.path()).unwrap();
    make(&audit, "b", &success());
    assert_eq!(fs::read(&elsewhere).unwrap(), b"");
}

#[test]
fn a_call_dropped_without_its_end_is_recorded_as_failed() {
    let home = Home::new();
    let audit = home.open_unlocked();
    let started = audit.started(&call("a")).unwrap();
    home.clock.advance(Duration::from_millis(25));
    drop(started);
    let in_a_panic = {
        let audit = audit.clone();
        std::thread::spawn(move || {
            let _started = audit.started(&call("b")).unwrap();
            panic!("a fault in the code of a call");
        })
    };
    assert!(in_a_panic.join().is_err());
    assert_eq!(
        home.outline(),
        ["started a", "finished a", "started b", "finished b"]
    );
    let record = &home.records()[1];
    assert_eq!(record["decision"], "error");
    assert_eq!(record["error"], "internal_error");
    assert_eq!(record["latency_ms"], 25);
    home.assert_intact();
}

#[tokio::test]
async fn calls_that_wait_at_once_share_a_sync_and_are_all_on_the_disk() {
    let home = Home::new();
    let audit = Audit::open(home.path(), home.clock.clone(), SyncMode::Always);
    audit.set_key(Some(key()));
    let calls = (0..50).map(|nth| {
        let audit = audit.clone();
        async move {
            let started = audit.started(&call(&nth.to_string())).unwrap();
            audit.synced(&started).await.unwrap();
            assert!(*audit.0.on_disk.lock().await >= started.seq);
            audit.finished(started, &success());
        }
    });
    futures_util::future::join_all(calls).await;
    // the first syncs its own record; the other 49 are written meanwhile
    let syncs = audit.0.syncs.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(syncs, 2, "for 50 calls");
    assert_eq!(home.lines().len(), 100);
    home.assert_intact();
}
