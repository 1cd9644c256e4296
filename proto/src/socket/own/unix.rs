//! On Unix, where directories and sockets have owners and modes.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::super::unix::{PASSABLE, prepare_closed};
use super::super::{SocketError, check_length};
use super::{IdentityDirs, OpenTo, OwnListener, Place};
use crate::system::{FileId, Stat, own_user};

impl OpenTo {
    fn directory_mode(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Others => 0o711,
        }
    }

    fn socket_mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Others => 0o666,
        }
    }
}

impl IdentityDirs {
    /// Whether a socket can be there: whether its path fits into an address.
    pub fn check(&self, identity: &str) -> Result<(), SocketError> {
        check_length(&self.socket(identity))
    }

    /// The directories that this user has here, by their names, at most
    /// `limit`, and for whom each is.
    pub fn found(&self, limit: usize) -> Vec<(String, OpenTo)> {
        let uid = own_user();
        let Ok(entries) = fs::read_dir(&self.0) else {
            return Vec::new();
        };
        let found = entries.flatten().filter_map(|entry| {
            // of the entry itself, not of what a link leads to
            let metadata = entry.metadata().ok()?;
            let mode = metadata.permissions().mode() & 0o777;
            let open_to = [OpenTo::Owner, OpenTo::Others]
                .into_iter()
                .find(|open_to| open_to.directory_mode() == mode)?;
            let is_ours = metadata.is_dir() && metadata.uid() == uid;
            let name = entry.file_name().into_string().ok()?;
            is_ours.then_some((name, open_to))
        });
        found.take(limit).collect()
    }

    /// Binds the socket of `identity`. Its directory is made where it is
    /// missing, and never anew where it is there: a sandbox that has it mounted
    /// finds the new socket in it. Whatever lies in the socket's place gives way.
    pub fn listen(&self, identity: &str, open_to: OpenTo) -> Result<OwnListener, SocketError> {
        self.check(identity)?;
        prepare_closed(&self.0)?;
        self.let_others_pass()?;
        let directory = self.directory(identity);
        let inode = prepare_directory(&directory, open_to)?;

        let made = self.0.join(format!(".{identity}.sock"));
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| SocketError::Io { path, source }
        };
        match fs::remove_file(&made) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(&made)(error)),
            _ => {}
        }
        let name = made
            .as_path()
            .to_fs_name::<GenericFilePath>()
            .map_err(io(&made))?;
        let listener = ListenerOptions::new()
            .name(name)
            .reclaim_name(false)
            .create_tokio()
            .map_err(io(&made))?;
        fs::set_permissions(&made, Permissions::from_mode(open_to.socket_mode()))
            .map_err(io(&made))?;
        let bound = Stat::at(&made).map_err(io(&made))?;
        let socket = self.socket(identity);
        fs::rename(&made, &socket).map_err(io(&socket))?;
        Ok(OwnListener {
            listener,
            place: Place([inode, bound.id()]),
        })
    }

    /// Where others may pass through the directory above, they may through this
    /// one, too.
    fn let_others_pass(&self) -> Result<(), SocketError> {
        let mode = |path: &Path| {
            let metadata = fs::symlink_metadata(path).ok()?;
            Some(metadata.permissions().mode() & 0o777)
        };
        let above = self.0.parent().and_then(mode);
        if above != Some(PASSABLE) || mode(&self.0) == Some(PASSABLE) {
            return Ok(());
        }
        let permissions = Permissions::from_mode(PASSABLE);
        fs::set_permissions(&self.0, permissions).map_err(|source| SocketError::Io {
            path: self.0.clone(),
            source,
        })
    }

    /// Whether `place` is still what lies there.
    pub fn is_in_place(&self, identity: &str, place: Place) -> bool {
        let now = [self.directory(identity), self.socket(identity)]
            .map(|path| Stat::at(&path).ok().map(|found| found.id()));
        now == place.0.map(Some)
    }
}

/// Makes the directory, or sets the mode of the one that is there; which it is.
fn prepare_directory(path: &Path, open_to: OpenTo) -> Result<FileId, SocketError> {
    let io = |source| SocketError::Io {
        path: path.to_owned(),
        source,
    };
    let mode = open_to.directory_mode();
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
        _ => {}
    }
    let foreign = || SocketError::UnsafeDirectory {
        path: path.to_owned(),
        problem: "is not a directory of this user".into(),
        fix: "remove it".into(),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory: File = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(opened) => opened.into(),
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(foreign()),
        Err(error) => return Err(io(error.into())),
    };
    let metadata = directory.metadata().map_err(io)?;
    if metadata.uid() != own_user() {
        return Err(foreign());
    }
    if metadata.permissions().mode() & 0o777 != mode {
        let permissions = Permissions::from_mode(mode);
        directory.set_permissions(permissions).map_err(io)?;
    }
    Ok(Stat::from(&metadata).id())
}
