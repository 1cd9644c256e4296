//! The keystore's directory, held open: what is done in it is done there, wherever
//! its path leads by then.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use self::unix::Directory;
#[cfg(windows)]
pub(super) use self::windows::Directory;
