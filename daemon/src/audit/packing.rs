//! An older segment on the disk: compressed, or deleted. At each moment one of
//! its forms is whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use axis_proto::system::{self, ForOwnerAlone};

use super::aside::file_name;
use super::frames;
use super::segments::{self, Opened, Segment};
use super::stretches::{Page, Stretches};

/// Largest file that is compressed; one can be made to go on for ever.
const MOST_PLAIN_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// Compresses a segment, where that is still to be done. `go_on` is asked now
/// and then.
pub(super) fn compress(segment: &Segment, go_on: &dyn Fn() -> bool) -> io::Result<()> {
    let Some((plain, size)) = segments::open_regular(segment.plain())? else {
        return Ok(());
    };
    if size > MOST_PLAIN_BYTES {
        return Err(io::Error::other("it is larger than any that axisd writes"));
    }
    // a crash leaves both forms, the same; whoever else put one beside the
    // other doesn't get axisd to destroy it
    match segments::open_regular(segment.compressed())? {
        Some((file, length)) if holds(&file, length, &plain, size).unwrap_or(false) => {}
        Some(_) => {
            return Err(io::Error::other(format!(
                "{} is there too, and is not the same",
                file_name(segment.compressed())
            )));
        }
        None => write_compressed(segment, &plain, size, go_on)?,
    }
    fs::remove_file(segment.plain())
}

fn write_compressed(
    segment: &Segment,
    plain: &File,
    size: u64,
    go_on: &dyn Fn() -> bool,
) -> io::Result<()> {
    let unfinished = segment.unfinished();
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let write = || {
        let mut target = OpenOptions::new()
            .write(true)
            .create_new(true)
            .for_owner_alone()
            .open(&unfinished)?;
        frames::compress(plain, size, &mut target, go_on)?;
        target.sync_all()?;
        segments::rename(&unfinished, segment.compressed())?;
        system::sync_directory(directory_of(segment.plain()))
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Whether a compressed file holds the first `size` bytes of `plain`.
fn holds(file: &Arc<File>, length: u64, plain: &File, size: u64) -> io::Result<bool> {
    let stretches = Stretches::opened(Opened {
        file: Arc::clone(file),
        size: length,
        is_compressed: true,
    })?;
    let mut page = Page::default();
    let mut expected = Vec::new();
    let mut at = 0;
    for nth in 0..stretches.count() {
        let text = page.read(&stretches, nth)?;
        expected.resize(text.len(), 0);
        system::read_exact_at(plain, &mut expected, at)?;
        if *text != expected {
            return Ok(false);
        }
        at += u64::try_from(text.len()).unwrap_or(u64::MAX);
    }
    Ok(at == size)
}

/// Deletes a segment, where that is still to be done.
pub(super) fn delete(segment: &Segment) -> io::Result<()> {
    for path in [segment.plain(), segment.compressed()] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The directory of `path`.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
