//! As Linux and macOS do it.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::termios::{
    OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The terminal of this process, whatever its standard streams are.
const TERMINAL: &str = "/dev/tty";

/// The terminal of this process, to ask on and to hear the answer.
pub struct Terminal(File);

impl Terminal {
    /// Where there is one.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> io::Result<Self> {
        let terminal = File::options().read(true).write(true).open(TERMINAL);
        terminal.map(Self)
    }

    /// Whether there is one.
    pub fn is_there() -> bool {
        File::open(TERMINAL).is_ok()
    }

    /// Drops what was typed and nobody has read.
    pub fn forget_typed() {
        if let Ok(terminal) = File::open(TERMINAL) {
            // Nothing is lost where this fails: the rest stays visible.
            let _ = tcflush(&terminal, QueueSelector::IFlush);
        }
    }
}

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A terminal and its modes. Stdin may be where a secret comes from, so that it
/// is none.
pub struct Modes {
    /// The process's own, where it has one.
    terminal: Option<Terminal>,
    modes: Termios,
}

impl Modes {
    /// As they are.
    pub fn now() -> Option<Self> {
        let terminal = Terminal::open().ok();
        let modes = match &terminal {
            Some(terminal) => tcgetattr(&terminal.0),
            None => tcgetattr(io::stdin()),
        };
        let modes = modes.ok()?;
        Some(Self { terminal, modes })
    }

    /// Puts them back.
    pub fn restore(&self) {
        let now = OptionalActions::Now;
        // nothing better can be done on the way out
        let _ = match &self.terminal {
            Some(terminal) => tcsetattr(&terminal.0, now, &self.modes),
            None => tcsetattr(io::stdin(), now, &self.modes),
        };
    }

    /// Ends the line of a question that is still open.
    pub fn end_line(&self) {
        if let Some(mut terminal) = self.terminal.as_ref().map(|terminal| &terminal.0) {
            let _ = terminal.write_all(b"\n");
        }
    }
}

/// The columns of the terminal that standard output is, where it tells.
pub fn columns() -> Option<u16> {
    tcgetwinsize(io::stdout()).map(|size| size.ws_col).ok()
}

/// The rows of the terminal that standard error is, where it tells.
pub fn rows() -> Option<u16> {
    tcgetwinsize(io::stderr()).map(|size| size.ws_row).ok()
}

/// What asks this process to end: SIGINT, SIGTERM and SIGHUP.
pub struct Interrupts([Signal; 3]);

impl Interrupts {
    /// From now on they no longer end it by themselves.
    ///
    /// # Errors
    /// They can't be heard.
    pub fn listen() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    /// Waits for one of them.
    pub async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Who may do what with a temporary file or directory that is going to be made.
pub fn set_mode(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    builder.permissions(Permissions::from_mode(mode));
}

/// Gives a file the group of the one whose place it takes.
pub fn keep_group(new: &File, old: &Metadata) {
    // Another group than ours may only be given where the system lets us.
    let _ = std::os::unix::fs::fchown(new, None, Some(old.gid()));
}

/// A directory, to be locked: whoever else does so waits.
///
/// # Errors
/// It can't be opened.
pub fn directory_to_lock(directory: &Path) -> io::Result<File> {
    File::open(directory)
}

/// What a program of this name may be called in a directory of the PATH.
pub fn program_files(directory: &Path, name: &str) -> impl Iterator<Item = PathBuf> + use<> {
    [directory.join(name)].into_iter()
}

/// The editor where none is named.
pub const EDITOR: &str = "vi";

/// Runs an editor, a line of shell as in other programs, on a file.
pub fn edit(editor: &str, file: &Path) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(file);
    shell
}
