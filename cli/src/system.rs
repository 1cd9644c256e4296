//! What systems do differently on the owner's side: the terminal and its modes, what
//! asks a command to end, temporary files, programs by their names. The same names
//! on each system, a file a system; `axis_proto::system` has what axisd needs, too.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use self::unix::*;
#[cfg(windows)]
pub use self::windows::*;

/// The file name of a program of this name.
pub fn program_file(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}
