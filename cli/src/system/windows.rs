//! As Windows does it, as far as safe code reaches.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crossterm::terminal;
use sha2::{Digest as _, Sha256};
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose};
use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};

/// The console of this process, whatever its standard streams are: what is typed …
const INPUT: &str = "CONIN$";
/// … and what is shown.
const OUTPUT: &str = "CONOUT$";

/// The console of this process, to ask on and to hear the answer.
pub struct Terminal {
    input: File,
    output: File,
}

impl Terminal {
    /// Where there is one.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> io::Result<Self> {
        let open = |name| File::options().read(true).write(true).open(name);
        Ok(Self {
            input: open(INPUT)?,
            output: open(OUTPUT)?,
        })
    }

    /// Whether there is one.
    pub fn is_there() -> bool {
        Self::open().is_ok()
    }

    /// Nothing: what was pasted beyond a line goes to whoever reads next.
    pub fn forget_typed() {}
}

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// How the console takes what is typed, as far as it can be put back: a line at a
/// time, with echo.
pub struct Modes(());

impl Modes {
    /// Where there is a console.
    pub fn now() -> Option<Self> {
        Terminal::is_there().then_some(Self(()))
    }

    /// Puts them back.
    #[expect(clippy::unused_self, reason = "on other systems it has them")]
    pub fn restore(&self) {
        // nothing better can be done on the way out
        let _ = terminal::disable_raw_mode();
    }

    /// Ends the line of a question that is still open.
    #[expect(clippy::unused_self, reason = "on other systems it has the terminal")]
    pub fn end_line(&self) {
        if let Ok(mut terminal) = Terminal::open() {
            let _ = terminal.write_all(b"\r\n");
        }
    }
}

/// The columns of the console, where it tells.
pub fn columns() -> Option<u16> {
    terminal::size().map(|(columns, _)| columns).ok()
}

/// The rows of the console, where it tells.
pub fn rows() -> Option<u16> {
    terminal::size().map(|(_, rows)| rows).ok()
}

/// What asks this process to end: Ctrl-C, Ctrl-Break, and its console that closes.
pub struct Interrupts {
    interrupt: CtrlC,
    break_: CtrlBreak,
    close: CtrlClose,
}

impl Interrupts {
    /// From now on they no longer end it by themselves.
    ///
    /// # Errors
    /// They can't be heard.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            break_: ctrl_break()?,
            close: ctrl_close()?,
        })
    }

    /// Waits for one of them.
    pub async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.break_.recv() => {}
            _ = self.close.recv() => {}
        }
    }
}

/// Nothing: it inherits of its directory who may do what with it.
pub fn set_mode(_: &mut tempfile::Builder<'_, '_>, _: u32) {}

/// Nothing: a file has no group that counts.
pub fn keep_group(_: &File, _: &Metadata) {}

/// A file among the user's temporary ones, to be locked in the directory's place,
/// which can't be: whoever else does so waits.
///
/// # Errors
/// It can't be made.
pub fn directory_to_lock(directory: &Path) -> io::Result<File> {
    let which = Sha256::digest(directory.as_os_str().as_encoded_bytes());
    let name = format!("axis-{}.lock", hex::encode(which));
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(std::env::temp_dir().join(name))
}

/// What a program of this name may be called in a directory of the PATH.
pub fn program_files(directory: &Path, name: &str) -> impl Iterator<Item = PathBuf> + use<> {
    ["exe", "cmd", "bat"]
        .map(|ending| directory.join(format!("{name}.{ending}")))
        .into_iter()
}

/// The editor where none is named.
pub const EDITOR: &str = "notepad.exe";

/// Runs an editor, which is named by its path alone, on a file.
pub fn edit(editor: &str, file: &Path) -> Command {
    let mut command = Command::new(editor);
    command.arg(file);
    command
}
