//! As Windows does it, as far as safe code reaches. Who may reach a file there is
//! said by access lists, which a file inherits from its directory; Axis keeps its
//! files in the user's profile, which Windows closes to other users. Nothing here
//! looks at those lists.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::AsHandle;
use std::path::Path;

use super::{FileId, ForOwnerAlone, Links, NotHeld, Stat};

/// Whether [`owner`] and [`mode`] say anything here.
pub const TELLS_RIGHTS: bool = false;

/// CreateFile: a directory can be opened, too.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// CreateFile: a link is opened itself, not what it leads to.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// CreateFile: others may read it meanwhile, and rename it, but not write to it.
const SHARE_READ_AND_DELETE: u32 = 0x1 | 0x4;
/// Somebody has it open in a way that doesn't go with ours.
const SHARING_VIOLATION: i32 = 32;
/// Of a file's attributes.
const READ_ONLY: u64 = 0x1;
const DIRECTORY: u64 = 0x10;
const REPARSE_POINT: u64 = 0x400;

/// Users have no number here, so this tells nobody from anybody: who may connect
/// is up to a pipe's access list.
#[must_use]
pub fn own_user() -> u32 {
    0
}

/// Whose a file is: not told here.
#[must_use]
pub fn owner(_: &Metadata) -> Option<u32> {
    None
}

/// Who may do what with a file: not told here.
#[must_use]
pub fn mode(_: &Metadata) -> Option<u32> {
    None
}

impl Stat {
    /// What the path itself leads to; a link is not followed.
    ///
    /// # Errors
    /// Nothing is there, or the system said no.
    pub fn at(path: &Path) -> io::Result<Self> {
        let opened = OpenOptions::new()
            // of what it is, nothing of what is in it
            .access_mode(0)
            .custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT)
            .open(path)?;
        Self::of(&opened)
    }

    /// Of an open file or directory.
    ///
    /// # Errors
    /// The system said no.
    pub fn of(file: &File) -> io::Result<Self> {
        let found = winapi_util::file::information(file)?;
        let has = |attribute| found.file_attributes() & attribute != 0;
        let is_disk = winapi_util::file::typ(file)?.is_disk();
        Ok(Self {
            is_file: is_disk && !has(DIRECTORY) && !has(REPARSE_POINT),
            is_dir: is_disk && has(DIRECTORY) && !has(REPARSE_POINT),
            may_be_written: !has(READ_ONLY),
            size: found.file_size(),
            id: FileId(found.volume_serial_number(), found.file_index()),
            owner: None,
            mode: None,
        })
    }
}

impl ForOwnerAlone for OpenOptions {
    fn for_owner_alone(&mut self) -> &mut Self {
        self
    }
}

impl ForOwnerAlone for DirBuilder {
    fn for_owner_alone(&mut self) -> &mut Self {
        self
    }
}

/// Nothing: what a file inherits from its directory holds.
///
/// # Errors
/// None.
pub fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Who may do what with a file, to be given to the one that takes its place:
/// that one inherits the same of their directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    may_be_written: bool,
}

impl Rights {
    /// Its owner's alone, as far as the directory has it so.
    pub const OWNER_ALONE: Self = Self {
        may_be_written: true,
    };

    /// Those of the file there.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            may_be_written: !metadata.permissions().readonly(),
        }
    }

    /// Gives them to an open file.
    ///
    /// # Errors
    /// None: what is read-only is never replaced.
    pub fn give(self, _: &File) -> io::Result<()> {
        Ok(())
    }

    /// Whether the owner may write to it.
    #[must_use]
    pub fn may_be_written(self) -> bool {
        self.may_be_written
    }
}

/// A link is there that may not be followed.
#[derive(Debug, thiserror::Error)]
#[error("it is a symbolic link or a junction")]
struct LinkRefused;

/// Opens what lies at `path` for reading. Only a plain file can be.
///
/// # Errors
/// Nothing is there, or the system said no; of a link, [`is_link_refused`].
pub fn open_to_read(path: &Path, links: Links) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    if links == Links::Refuse {
        options.custom_flags(OPEN_REPARSE_POINT);
    }
    let file = options.open(path)?;
    let attributes = winapi_util::file::information(&file)?.file_attributes();
    if links == Links::Refuse && attributes & REPARSE_POINT != 0 {
        return Err(io::Error::other(LinkRefused));
    }
    Ok(file)
}

/// Whether [`open_to_read`] failed since a link was there that it may not follow.
#[must_use]
pub fn is_link_refused(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<LinkRefused>())
}

/// Whether it failed since a socket was there: none has a place among files here.
#[must_use]
pub fn is_socket_refused(_: &io::Error) -> bool {
    false
}

/// Reads at a place of the file. It moves the place at which whoever shares this
/// handle would go on, which nobody does.
///
/// # Errors
/// The system said no.
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    file.seek_read(buffer, at)
}

/// Fills `buffer` from a place of the file.
///
/// # Errors
/// The file ends before, or the system said no.
pub fn read_exact_at(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.seek_read(buffer, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = buffer.get_mut(read..).unwrap_or_default();
                at += u64::try_from(read).map_err(io::Error::other)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens a file that grows at its end, and lets nobody else write to it: a lock
/// would keep its readers out, too.
///
/// # Errors
/// Another one writes to it, or the system said no.
pub fn open_to_append(path: &Path, options: &mut OpenOptions) -> Result<File, NotHeld> {
    options
        .read(true)
        // to be cut, too, which appending alone doesn't allow
        .write(true)
        .share_mode(SHARE_READ_AND_DELETE)
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(SHARING_VIOLATION) => NotHeld::ByAnother,
            _ => NotHeld::Opening(error),
        })
}

/// Writes at the end of a file that [`open_to_append`] opened, which is at `end`.
/// How much of it.
///
/// # Errors
/// The system said no.
pub fn append(file: &File, bytes: &[u8], end: u64) -> io::Result<usize> {
    file.seek_write(bytes, end)
}

/// Whether the file may be written to, by its own attributes.
///
/// # Errors
/// It may not.
pub fn may_write(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// None: NTFS keeps a journal of its names, and flushes no directory.
///
/// # Errors
/// The directory isn't there.
pub fn directory_to_sync(path: &Path) -> io::Result<Option<File>> {
    fs::metadata(path).map(|_| None)
}

/// Whether what lies at `path` is a program, by its name.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    let is_named_so = path.extension().is_some_and(|ending| {
        ["exe", "com", "cmd", "bat"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    });
    is_named_so && path.is_file()
}

/// Standard input without a buffer of this process: one would keep a copy of what
/// is read for good.
///
/// # Errors
/// The system said no.
pub fn unbuffered_stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}
