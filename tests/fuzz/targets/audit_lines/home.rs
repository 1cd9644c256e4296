//! The directory in which the log's files lie.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axisd::audit::{Audit, SyncMode, Verification};
use axisd::clock::Clock;
use jiff::Timestamp;
use tempfile::TempDir;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::written::WRITTEN;

/// In memory where there is such a place: nothing has to outlive a run.
const MEMORY: &str = "/dev/shm";

struct Still;

impl Clock for Still {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(1_000_000)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_second(1_768_473_000).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The directory and what was put there.
pub struct Home {
    directory: TempDir,
    segments: Vec<(PathBuf, Vec<u8>)>,
    log: Option<Vec<u8>>,
    /// The texts of all of them, in their order.
    texts: Vec<Vec<u8>>,
}

impl Home {
    pub fn new() -> Self {
        let memory = Path::new(MEMORY);
        let mut directory = tempfile::Builder::new();
        directory.permissions(Permissions::from_mode(0o700));
        let directory = if memory.is_dir() {
            directory.tempdir_in(memory)
        } else {
            directory.tempdir()
        };
        Self {
            directory: directory.expect("a directory"),
            segments: Vec::new(),
            log: None,
            texts: Vec::new(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("audit.jsonl")
    }

    /// A start of axisd, before the vault is unlocked.
    pub fn open(&self) -> Audit {
        Audit::open(self.path(), Arc::new(Still), SyncMode::Interval)
    }

    /// What stands in the log.
    pub fn log(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap_or_default()
    }

    /// The files as segments and, if there is to be one, the log.
    pub fn put(&mut self, files: &[Vec<u8>], no_log: bool, compressed: bool) {
        let (segments, log) = match files.split_last() {
            Some((last, before)) if !no_log => (before, Some(last)),
            _ => (files, None),
        };
        for (nth, text) in segments.iter().enumerate() {
            let name = format!("audit-{:06}.jsonl", nth + 1);
            if compressed && !text.is_empty() {
                self.put_segment(format!("{name}.zst"), packed(text));
            } else {
                self.put_segment(name, text.clone());
            }
        }
        if let Some(text) = log {
            write(&self.path(), text);
            self.log = Some(text.clone());
        }
        self.texts = files.to_vec();
    }

    /// One segment that is compressed, or not even that.
    pub fn put_compressed(&mut self, bytes: &[u8]) {
        self.put_segment("audit-000001.jsonl.zst".into(), bytes.to_vec());
    }

    fn put_segment(&mut self, name: String, bytes: Vec<u8>) {
        let path = self.directory.path().join(name);
        write(&path, &bytes);
        self.segments.push((path, bytes));
    }

    /// Whether the files are what axisd wrote, from its first record on.
    pub fn is_as_written(&self) -> bool {
        let is_whole = |text: &Vec<u8>| text.ends_with(b"\n");
        let text = self.texts.concat();
        let ours: Vec<u8> = WRITTEN.join(&b'\n');
        self.log.is_some()
            && self.texts.iter().all(is_whole)
            && ours.starts_with(text.strip_suffix(b"\n").unwrap_or(&text))
            && (text.len() > ours.len() || ours[text.len() - 1] == b'\n')
    }

    /// Every byte that was put there is there, in its file or beside it.
    pub fn assert_nothing_is_lost(&self) {
        for (path, bytes) in &self.segments {
            let now = fs::read(path).expect("a segment that stays");
            assert!(now == *bytes, "{} was changed", path.display());
        }
        let Some(bytes) = &self.log else { return };
        let now = self.log();
        let beside = fs::read_dir(self.directory.path()).expect("a directory");
        let beside = beside.filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            let is_beside = name.starts_with("audit.jsonl.");
            is_beside.then(|| fs::read(path).unwrap_or_default())
        });
        let is_kept = now.starts_with(bytes)
            || beside.into_iter().any(|part| {
                let before = bytes.strip_suffix(part.as_slice());
                !part.is_empty() && before.is_some_and(|before| now.starts_with(before))
            });
        assert!(is_kept, "{} bytes of the log are gone", bytes.len());
    }

    /// The text of each file that was verified.
    pub fn texts(&self, verified: &Verification) -> Vec<Vec<u8>> {
        let text = |path: &PathBuf| {
            let nth = self.segments.iter().position(|(it, _)| it == path);
            match nth {
                Some(nth) => self.texts[nth].clone(),
                None => fs::read(path).unwrap_or_default(),
            }
        };
        verified.files.iter().map(|file| text(&file.path)).collect()
    }

    /// The lines of the log's own files, oldest first.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        let segments = self.texts[..self.segments.len()].iter().cloned();
        let files = segments.chain([self.log()]);
        let mut lines = Vec::new();
        for text in files.filter(|text| !text.is_empty()) {
            let text = text.strip_suffix(b"\n").unwrap_or(&text);
            lines.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
        lines
    }
}

/// As axisd compresses a segment of less than a mebibyte.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(1).expect("a compressor");
    let checksum = CParameter::ChecksumFlag(true);
    compressor.set_parameter(checksum).expect("a checksum");
    compressor.compress(text).expect("it fits into memory")
}

fn write(path: &Path, bytes: &[u8]) {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .expect("a file");
}
