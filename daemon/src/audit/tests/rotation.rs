//! The log in several files: how it gets there, through crashes and full disks,
//! and that it reads as one.

use super::*;
use crate::audit::{KnownGeneration, Rotation, Settings};

/// Small enough that a few calls fill a segment.
const SEGMENT_BYTES: u64 = 8 * 1024;

pub(super) fn rotating(home: &Home, rotation: Rotation) -> Audit {
    let settings = Settings {
        sync: SyncMode::Interval,
        rotation,
    };
    let audit = Audit::open(home.path(), home.clock.clone(), settings);
    audit.set_key(Some(key()));
    audit
}

pub(super) fn small() -> Rotation {
    Rotation {
        size: SEGMENT_BYTES,
        ..Rotation::default()
    }
}

/// Makes calls until so many segments are full, and compresses them.
pub(super) fn fill(home: &Home, audit: &Audit, segments: usize) {
    let wanted = home.segments().len() + segments;
    for nth in 0..10_000 {
        if home.segments().len() == wanted {
            audit.tidy(&|| true);
            return;
        }
        make(audit, &format!("call-{nth}"), &success());
        audit.tick();
    }
    panic!("the log was never rotated");
}

/// Three compressed segments and the log, all written by one axisd.
pub(super) fn three_segments() -> (Home, Audit) {
    let home = Home::new();
    let audit = rotating(&home, small());
    audit.admin(&keystore(3)).unwrap();
    fill(&home, &audit, 3);
    (home, audit)
}

impl Home {
    /// The names of the older segments' files.
    pub(super) fn segments(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .beside()
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name.starts_with("audit-"))
            .collect();
        names.sort();
        names
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A copy of all files as they are now, as a crash would leave them.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::new();
        for entry in fs::read_dir(self.directory.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(
                &path,
                copy.file(path.file_name().unwrap().to_str().unwrap()),
            )
            .unwrap();
        }
        copy
    }
}

/// The numbers of all records, as a reader of the whole log gets them.
pub(super) fn seqs(audit: &Audit) -> Vec<u64> {
    let mut seqs = Vec::new();
    let unread = audit
        .each(&Filter::default(), &mut |line| {
            let record: serde_json::Value = serde_json::from_slice(line).unwrap();
            seqs.push(record["seq"].as_u64().unwrap());
            true
        })
        .unwrap();
    assert!(unread.is_none(), "{unread:?}");
    seqs
}

#[track_caller]
pub(super) fn assert_whole(audit: &Audit) {
    let verification = audit.verify(None, &|| true).unwrap();
    assert!(verification.is_faultless(), "{verification:#?}");
    let next = audit.status().next_seq;
    assert_eq!(seqs(audit), (1..next).collect::<Vec<u64>>());
}

#[test]
fn a_full_log_goes_on_in_a_new_file_and_reads_as_one() {
    let (home, audit) = three_segments();
    assert_eq!(
        home.segments(),
        [
            "audit-000001.jsonl.zst",
            "audit-000002.jsonl.zst",
            "audit-000003.jsonl.zst"
        ]
    );
    make(&audit, "after", &success());
    assert_whole(&audit);
    let mode = fs::metadata(home.file("audit-000001.jsonl.zst")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        home.outline(),
        ["log_rotated", "started after", "finished after"]
    );
    assert_eq!(home.records()[0]["generation"], 3);
    assert_eq!(
        home.records()[0]["detail"],
        "goes on from audit-000003.jsonl"
    );

    let verification = audit.verify(None, &|| true).unwrap();
    let next = audit.status().next_seq;
    assert_eq!(
        verification.coverage,
        format!("records 1 to {} are proven by the audit key", next - 1)
    );
    assert_eq!(verification.files.len(), 4);
    assert!(verification.files[..3].iter().all(|file| file.segment));

    // what others decompress is what was written
    let lines = seqs(&audit).len();
    for n in [0, 1, 3, 4, 40, lines - 1, lines, lines + 1] {
        let shown: Vec<u64> = last(&audit, n)
            .iter()
            .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap()["seq"].as_u64())
            .map(Option::unwrap)
            .collect();
        let expected: Vec<u64> = (1..next).skip(lines.saturating_sub(n)).collect();
        assert_eq!(shown, expected, "{n}");
    }

    // and a new axisd goes on with it
    drop(audit);
    let audit = rotating(&home, small());
    assert_eq!(audit.known_generation(), KnownGeneration::Recorded(3));
    assert_eq!(audit.status().warnings, Vec::<String>::new());
    fill(&home, &audit, 1);
    assert_whole(&audit);
}

#[test]
fn a_compressed_segment_is_what_any_zstd_reads() {
    let home = Home::new();
    let audit = rotating(&home, small());
    while home.segments().is_empty() {
        make(&audit, "a", &success());
        audit.tick();
    }
    let plain = fs::read(home.file("audit-000001.jsonl")).unwrap();
    audit.tidy(&|| true);
    let packed = fs::File::open(home.file("audit-000001.jsonl.zst")).unwrap();
    assert_eq!(zstd::stream::decode_all(packed).unwrap(), plain);
    assert!(!home.file("audit-000001.jsonl").exists());
}

#[test]
fn a_locked_vault_rotates_nothing_since_nothing_could_prove_it() {
    let home = Home::new();
    let audit = rotating(&home, small());
    audit.set_key(None);
    for nth in 0..100 {
        deny(&audit, ConnectionId(nth), "x");
        audit.tick();
    }
    assert!(fs::metadata(home.path()).unwrap().len() > SEGMENT_BYTES);
    assert_eq!(home.segments(), Vec::<String>::new());
    audit.set_key(Some(key()));
    audit.tick();
    assert_eq!(home.segments(), ["audit-000001.jsonl"]);
    assert_whole(&audit);
}

#[test]
fn an_old_log_is_rotated_whatever_its_size_but_not_an_empty_one() {
    let home = Home::new();
    let audit = rotating(
        &home,
        Rotation {
            age: Some(jiff::SignedDuration::from_hours(24)),
            ..Rotation::default()
        },
    );
    make(&audit, "a", &success());
    audit.tick();
    home.clock.advance(Duration::from_hours(23));
    audit.tick();
    assert_eq!(home.segments().len(), 0);
    drop(audit);
    // a restart makes it no younger
    let audit = rotating(
        &home,
        Rotation {
            age: Some(jiff::SignedDuration::from_hours(24)),
            ..Rotation::default()
        },
    );
    home.clock.advance(Duration::from_hours(1));
    audit.tick();
    assert_eq!(home.segments().len(), 1);
    home.clock.advance(Duration::from_hours(100));
    audit.tick();
    assert_eq!(home.segments().len(), 1, "there is nothing in it");
    make(&audit, "b", &success());
    audit.tick();
    assert_eq!(home.segments().len(), 2);
    assert_whole(&audit);
}

#[test]
fn followers_see_every_line_once_over_a_rotation() {
    let home = Home::new();
    let audit = rotating(&home, small());
    let mut followed = audit.follow();
    fill(&home, &audit, 2);
    make(&audit, "after", &success());
    let mut followed_seqs = Vec::new();
    while let Ok(line) = followed.try_recv() {
        let record: serde_json::Value = serde_json::from_slice(&line).unwrap();
        followed_seqs.push(record["seq"].as_u64().unwrap());
    }
    assert_eq!(followed_seqs, seqs(&audit));
}

#[test]
fn a_disk_too_full_for_a_new_file_keeps_the_old_one() {
    let home = Home::new();
    let audit = rotating(&home, small());
    while fs::metadata(home.path()).unwrap().len() < SEGMENT_BYTES {
        make(&audit, "a", &success());
    }
    // not even the first line of the next file has room
    audit.writer().set_room(10);
    audit.tick();
    assert_eq!(home.segments(), Vec::<String>::new());
    assert!(!home.file("audit.jsonl.next").exists());
    let warnings = audit.status().warnings.join("\n");
    assert!(warnings.contains("can't be rotated"), "{warnings}");
    audit.writer().set_room(u64::MAX);
    make(&audit, "b", &success());
    audit.tick();
    assert_eq!(home.segments(), ["audit-000001.jsonl"]);
    assert_whole(&audit);
}

#[test]
fn a_segment_that_cant_be_compressed_stays_as_it_is_and_is_tried_again() {
    let home = Home::new();
    let audit = rotating(&home, small());
    let obstacle = home.file("audit-000001.jsonl.zst.tmp");
    fs::create_dir(&obstacle).unwrap();
    fill_without_tidying(&home, &audit);
    audit.tidy(&|| true);
    let warnings = audit.status().warnings.join("\n");
    assert!(
        warnings.contains("audit-000001.jsonl can't be compressed"),
        "{warnings}"
    );
    assert_whole(&audit);
    fs::remove_dir(&obstacle).unwrap();
    audit.tidy(&|| true);
    assert!(
        home.file("audit-000001.jsonl").exists(),
        "not at once again"
    );
    home.clock.advance(Duration::from_mins(1));
    // nor while axisd is about to end
    audit.tidy(&|| false);
    assert_eq!(home.segments(), ["audit-000001.jsonl"]);
    audit.tidy(&|| true);
    assert_eq!(home.segments(), ["audit-000001.jsonl.zst"]);
    assert_whole(&audit);
}

fn fill_without_tidying(home: &Home, audit: &Audit) {
    while !home.file("audit-000001.jsonl").exists() {
        make(audit, "a", &success());
        audit.tick();
    }
}

#[test]
fn calls_go_on_while_the_log_is_rotated_compressed_read_and_verified() {
    let home = Home::new();
    let audit = rotating(&home, small());
    let done = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|thread| {
                let audit = audit.clone();
                scope.spawn(move || {
                    while audit.writer().rotations < 4 {
                        make(&audit, &format!("call-{thread}"), &success());
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(relaxed) {
                audit.tick();
                audit.tidy(&|| true);
            }
        });
        scope.spawn(|| {
            while !done.load(relaxed) {
                let seqs = seqs(&audit);
                let whole: Vec<u64> = (1..=seqs.len() as u64).collect();
                assert_eq!(seqs, whole);
                let verification = audit.verify(None, &|| true).unwrap();
                assert!(verification.is_faultless(), "{verification:#?}");
            }
        });
        for caller in callers {
            caller.join().unwrap();
        }
        done.store(true, relaxed);
    });
    assert!(home.segments().len() >= 4);
    assert_whole(&audit);
}

#[tokio::test]
async fn a_call_after_a_rotation_is_on_the_disk_with_all_before_it() {
    let home = Home::new();
    let settings = Settings {
        sync: SyncMode::Always,
        rotation: small(),
    };
    let audit = Audit::open(home.path(), home.clock.clone(), settings);
    audit.set_key(Some(key()));
    while home.segments().is_empty() {
        make(&audit, "a", &success());
        audit.rotate_if_due();
    }
    let before = audit.started(&call("b")).unwrap();
    // as if a rotation had come between the record and its sync
    let segment = home.file("audit-000001.jsonl");
    let old = Arc::new(fs::File::open(&segment).unwrap());
    audit.writer().behind.push(Arc::clone(&old));
    audit.synced(&before).await.unwrap();
    assert!(
        audit.writer().behind.is_empty(),
        "the old file was synced too"
    );
    audit.finished(before, &success());
    assert_whole(&audit);
}
