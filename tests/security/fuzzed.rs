//! What the fuzzers began with and what they have found, through the functions
//! that they run (`docs/fuzzing.md`): a fault that was mended stays mended.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// All of the corpus together, in bytes: it is for every clone of the tree.
const MOST_BYTES: u64 = 200_000;

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(target: &str, run: fn(&[u8])) {
    let mut inputs = files_in(&home().join("corpus").join(target));
    assert!(inputs.len() > 1, "{target} has no corpus");
    inputs.extend(files_in(&home().join("found").join(target)));
    for input in inputs {
        let bytes = fs::read(&input).unwrap();
        let ran = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
        assert!(ran.is_ok(), "{} breaks a promise", input.display());
    }
}

macro_rules! replayed {
    ($($target:ident),*) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];

        mod nothing_found_is_a_fault_any_more_in {
            $(#[test] fn $target() {
                super::replay(stringify!($target), super::targets::$target::run);
            })*
        }
    };
}

replayed!(
    audit_lines,
    daemon_yaml,
    keystore,
    leak_guard,
    mcp_lines,
    openapi_import,
    params_to_request,
    policy,
    select,
    service_file
);

#[test]
fn every_target_has_a_fuzzer_and_a_small_corpus_and_no_corpus_is_left_over() {
    let names = |directory: &str| -> BTreeSet<String> {
        let files = files_in(&home().join(directory));
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        files.iter().map(stem).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
    assert!(names("found").is_subset(&targets));
    let mut rooms = names("targets");
    rooms.retain(|name| name != "mod");
    assert_eq!(rooms, targets);

    let directories = ["corpus", "found"].map(|it| files_in(&home().join(it)));
    let inputs = directories.iter().flatten().flat_map(|it| files_in(it));
    let bytes: u64 = inputs.map(|input| fs::metadata(input).unwrap().len()).sum();
    assert!(bytes < MOST_BYTES, "{bytes} bytes: minimise it");
}
