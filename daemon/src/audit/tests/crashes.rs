//! axisd dies in the midst of a rotation.

use super::rotation::{assert_whole, rotating, seqs, small};
use super::*;
use crate::audit::segments::Segment;

type Crash<'a> = &'a dyn Fn(&Home);

#[test]
fn a_crash_at_any_instant_of_a_rotation_loses_and_doubles_nothing() {
    let home = Home::new();
    let audit = rotating(&home, small());
    while home.segments().is_empty() {
        make(&audit, "a", &success());
        audit.tick();
    }
    let rotated = home.copy();
    let segment = Segment::of(&rotated.path(), 1);
    let prepared = rotated.file("audit.jsonl.next");
    let records = home.lines().len() + fs::read_to_string(segment.plain()).unwrap().lines().count();
    audit.tidy(&|| true);
    let compressed = fs::read(home.file("audit-000001.jsonl.zst")).unwrap();

    let in_copy = |copy: &Home, path: &Path| copy.file(path.file_name().unwrap().to_str().unwrap());
    // what the crash leaves; how many records there are then
    let table: [(&str, Crash<'_>, usize); 8] = [
        (
            "the next file was prepared, empty",
            &|copy| {
                fs::rename(in_copy(copy, segment.plain()), copy.path()).unwrap();
                fs::write(in_copy(copy, &prepared), "").unwrap();
            },
            records - 1,
        ),
        (
            "the next file has its line",
            &|copy| {
                fs::rename(copy.path(), in_copy(copy, &prepared)).unwrap();
                fs::rename(in_copy(copy, segment.plain()), copy.path()).unwrap();
            },
            records - 1,
        ),
        (
            "the log has its new name",
            &|copy| fs::rename(copy.path(), in_copy(copy, &prepared)).unwrap(),
            records,
        ),
        ("rotated", &|_| {}, records),
        (
            "being compressed",
            &|copy| {
                let half = &compressed[..compressed.len() / 2];
                fs::write(in_copy(copy, &segment.unfinished()), half).unwrap();
            },
            records,
        ),
        (
            "compressed",
            &|copy| fs::write(in_copy(copy, &segment.unfinished()), &compressed).unwrap(),
            records,
        ),
        (
            "the compressed one has its name",
            &|copy| fs::write(in_copy(copy, segment.compressed()), &compressed).unwrap(),
            records,
        ),
        (
            "the plain one is deleted",
            &|copy| {
                fs::write(in_copy(copy, segment.compressed()), &compressed).unwrap();
                fs::remove_file(in_copy(copy, segment.plain())).unwrap();
            },
            records,
        ),
    ];
    for (instant, crash, expected) in table {
        let copy = rotated.copy();
        crash(&copy);
        let audit = rotating(&copy, small());
        assert_eq!(audit.status().warnings, Vec::<String>::new(), "{instant}");
        assert_eq!(seqs(&audit).len(), expected, "{instant}");
        assert_whole(&audit);
        make(&audit, "after", &success());
        audit.tick();
        audit.tidy(&|| true);
        assert_eq!(
            seqs(&audit).len(),
            copy_growth(expected, records),
            "{instant}"
        );
        assert_whole(&audit);
        assert_eq!(copy.segments(), ["audit-000001.jsonl.zst"], "{instant}");
        assert!(!in_copy(&copy, &prepared).exists(), "{instant}");
    }
}

/// Records after one more call: where the rotation has still to be done, that
/// is a line too.
fn copy_growth(before: usize, rotated: usize) -> usize {
    before + 2 + usize::from(before < rotated)
}
