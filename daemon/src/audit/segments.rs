//! The older segments of the log: their names, in which order they come, and
//! how one is opened. `audit-000007.jsonl` was closed and is to be compressed,
//! `audit-000007.jsonl.zst` is what becomes of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axis_proto::system::{self, Links, Stat};

use super::aside::file_name;

/// Most digits of a segment's number.
const MAX_DIGITS: usize = 12;
/// What a compressed segment's name ends with.
const COMPRESSED: &str = ".zst";
/// What is still being written ends with this, and counts for nothing.
const UNFINISHED: &str = ".tmp";

/// One older segment. It may have both forms for a moment: the plain one counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// Ever growing; the order of the segments.
    pub(super) number: u64,
    plain: PathBuf,
    compressed: PathBuf,
}

/// A segment's file, open for reading.
pub(super) struct Opened {
    pub(super) file: Arc<File>,
    pub(super) size: u64,
    pub(super) is_compressed: bool,
}

/// The file's name without its last ending, and that ending with its dot.
fn stem_and_ending(log: &Path) -> (String, String) {
    let part =
        |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let ending = part(log.extension()).map_or_else(String::new, |ending| format!(".{ending}"));
    (part(log.file_stem()).unwrap_or_default(), ending)
}

impl Segment {
    /// The segment of that number beside `log`.
    pub(super) fn of(log: &Path, number: u64) -> Self {
        let (stem, ending) = stem_and_ending(log);
        let plain = format!("{stem}-{number:06}{ending}");
        Self {
            number,
            compressed: log.with_file_name(format!("{plain}{COMPRESSED}")),
            plain: log.with_file_name(plain),
        }
    }

    pub(super) fn plain(&self) -> &Path {
        &self.plain
    }

    pub(super) fn compressed(&self) -> &Path {
        &self.compressed
    }

    /// Where the compressed form is written before it is complete.
    pub(super) fn unfinished(&self) -> PathBuf {
        let name = format!("{}{UNFINISHED}", file_name(&self.compressed));
        self.compressed.with_file_name(name)
    }

    /// The path of the form that counts.
    pub(super) fn path(&self) -> &Path {
        if fs::symlink_metadata(&self.plain).is_ok() {
            &self.plain
        } else {
            &self.compressed
        }
    }

    /// Opens the form that counts; `None` when neither is there any more.
    ///
    /// # Errors
    /// It is no plain file, or can't be opened.
    pub(super) fn open(&self) -> io::Result<Option<Opened>> {
        // compressed while we look: then the second is there
        for (path, is_compressed) in [(&self.plain, false), (&self.compressed, true)] {
            if let Some((file, size)) = open_regular(path)? {
                return Ok(Some(Opened {
                    file,
                    size,
                    is_compressed,
                }));
            }
        }
        Ok(None)
    }

    /// What it takes on the disk, in bytes, both forms together.
    pub(super) fn bytes(&self) -> u64 {
        [&self.plain, &self.compressed]
            .into_iter()
            .filter_map(|path| fs::symlink_metadata(path).ok())
            .map(|metadata| metadata.len())
            .sum()
    }
}

/// The older segments beside `log`, in their order.
///
/// # Errors
/// The directory can't be read.
pub(super) fn list(log: &Path) -> io::Result<Vec<Segment>> {
    let Some(directory) = log.parent() else {
        return Ok(Vec::new());
    };
    let (stem, ending) = stem_and_ending(log);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| number(name, &stem, &ending)));
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers
        .into_iter()
        .map(|number| Segment::of(log, number))
        .collect())
}

/// The number in a segment's name; `None` when it is no segment's.
fn number(name: &str, stem: &str, ending: &str) -> Option<u64> {
    let name = name.strip_suffix(COMPRESSED).unwrap_or(name);
    let digits = name
        .strip_prefix(stem)?
        .strip_prefix('-')?
        .strip_suffix(ending)?;
    let number: u64 = digits.parse().ok()?;
    // only as axisd writes it: two names never mean one segment
    (digits.len() <= MAX_DIGITS && format!("{number:06}") == digits).then_some(number)
}

/// The segment that the log becomes when it is rotated.
///
/// # Errors
/// The directory can't be read, or a file with the highest number stands there.
pub(super) fn next(log: &Path) -> io::Result<Segment> {
    let last = list(log)?.pop();
    let next = last.as_ref().map_or(1, |last| last.number + 1);
    if next.to_string().len() > MAX_DIGITS {
        let name = last.map(|last| file_name(last.path())).unwrap_or_default();
        return Err(io::Error::other(format!(
            "there is no number after that of {name}; move that file away"
        )));
    }
    Ok(Segment::of(log, next))
}

/// The file that a rotation prepares: it becomes the log.
pub(super) fn prepared(log: &Path) -> PathBuf {
    log.with_file_name(format!("{}.next", file_name(log)))
}

/// Renames a file where nothing has the new name.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} is there already", file_name(to)),
        ));
    }
    fs::rename(from, to)
}

/// Opens a plain file for reading, links not followed, and says how long it
/// is. `None` where there is none.
pub(super) fn open_regular(path: &Path) -> io::Result<Option<(Arc<File>, u64)>> {
    let file = match system::open_to_read(path, Links::Refuse) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if system::is_link_refused(&error) || system::is_socket_refused(&error) => {
            return Err(not_plain());
        }
        Err(error) => return Err(error),
    };
    let stat = Stat::of(&file)?;
    if !stat.is_file() {
        return Err(not_plain());
    }
    Ok(Some((Arc::new(file), stat.size())))
}

fn not_plain() -> io::Error {
    io::Error::other("it is not a plain file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_as_axisd_writes_them_are_segments() {
        for (name, expected) in [
            ("audit-000001.jsonl", Some(1)),
            ("audit-000001.jsonl.zst", Some(1)),
            ("audit-1234567.jsonl.zst", Some(1_234_567)),
            ("audit-1.jsonl", None),
            ("audit-0000001.jsonl", None),
            ("audit-+00001.jsonl", None),
            ("audit-0000000000001.jsonl", None),
            ("audit-9999999999999.jsonl", None),
            ("audit-000001.jsonl.zst.tmp", None),
            ("audit-000001.jsonl.gz", None),
            ("audit.jsonl", None),
            ("audit.jsonl.next", None),
            ("audit.jsonl.set-aside-20260115T103000Z", None),
        ] {
            assert_eq!(number(name, "audit", ".jsonl"), expected, "{name}");
        }
    }

    #[test]
    fn segments_come_by_their_numbers_and_the_next_is_one_higher() {
        let directory = tempfile::TempDir::new().unwrap();
        let log = directory.path().join("audit.jsonl");
        assert_eq!(next(&log).unwrap(), Segment::of(&log, 1));
        for name in [
            "audit-1000000.jsonl.zst",
            "audit-000009.jsonl",
            "audit-000009.jsonl.zst",
            "audit-000002.jsonl.zst",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let numbers = |segments: Vec<Segment>| -> Vec<u64> {
            segments.iter().map(|segment| segment.number).collect()
        };
        assert_eq!(numbers(list(&log).unwrap()), [2, 9, 1_000_000]);
        assert_eq!(next(&log).unwrap().number, 1_000_001);
        fs::write(directory.path().join("audit-999999999999.jsonl"), "").unwrap();
        let error = next(&log).unwrap_err().to_string();
        assert!(error.contains("audit-999999999999.jsonl"), "{error}");
    }
}
