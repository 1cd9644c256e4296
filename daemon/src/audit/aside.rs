//! What stands beside the log: whole logs and torn lines that were set aside.
//! Nothing there is ever overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use axis_proto::system::ForOwnerAlone;
use jiff::Timestamp;

use super::file::AuditUnavailable;

/// Why a file stands beside the log.
#[derive(Clone, Copy)]
pub(super) enum Aside {
    /// A whole log whose chain is broken, or that isn't axisd's.
    Chain,
    /// A torn last line.
    Torn,
}

impl Aside {
    fn word(self) -> &'static str {
        match self {
            Self::Chain => "set-aside",
            Self::Torn => "torn",
        }
    }
}

/// A name beside the log that nothing has yet: `audit.jsonl.set-aside-20260115T103000Z`.
pub(super) fn free_name(log: &Path, why: Aside, now: Timestamp) -> PathBuf {
    let base = format!(
        "{}.{}-{}",
        file_name(log),
        why.word(),
        now.strftime("%Y%m%dT%H%M%SZ")
    );
    let mut name = log.with_file_name(&base);
    let mut nth = 1_u32;
    while fs::symlink_metadata(&name).is_ok() {
        nth += 1;
        name = log.with_file_name(format!("{base}-{nth}"));
    }
    name
}

/// Renames what stands at the log's path; nothing is overwritten.
pub(super) fn set_aside(log: &Path, now: Timestamp) -> Result<PathBuf, AuditUnavailable> {
    let name = free_name(log, Aside::Chain, now);
    fs::rename(log, &name).map_err(AuditUnavailable::io(log, "set aside"))?;
    Ok(name)
}

/// The logs that were set aside, oldest first.
pub(super) fn set_aside_files(log: &Path) -> Vec<PathBuf> {
    let prefix = format!("{}.{}-", file_name(log), Aside::Chain.word());
    let mut found: Vec<PathBuf> = log
        .parent()
        .and_then(|directory| fs::read_dir(directory).ok())
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// The last part of a path, for messages and names.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Copies what stands in the log from `from` on into a file of its own.
pub(super) fn copy_torn(
    log: &Path,
    file: &File,
    from: u64,
    now: Timestamp,
) -> Result<PathBuf, AuditUnavailable> {
    let name = free_name(log, Aside::Torn, now);
    let copy = || {
        let mut torn = OpenOptions::new()
            .write(true)
            .create_new(true)
            .for_owner_alone()
            .open(&name)?;
        let mut source = file;
        source.seek(SeekFrom::Start(from))?;
        io::copy(&mut source, &mut torn)?;
        torn.sync_all()
    };
    copy().map_err(AuditUnavailable::io(&name, "written"))?;
    Ok(name)
}
