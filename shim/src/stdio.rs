//! Standard input and output as the streams that [`run`](crate::run) takes.
//!
//! tokio reads and writes them on threads that may block, and each line wakes
//! such a thread and is woken by it, which takes longer than what is done with
//! the line. Hosts give pipes or sockets, which can be waited for as any
//! connection is; only a terminal, a file and what else there may be goes the
//! other way.

use tokio::io::{AsyncRead, AsyncWrite};

/// What is read.
pub type Input = Box<dyn AsyncRead + Send + Unpin>;

/// What is written.
pub type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard input and output. What was made non-blocking for it blocks again
/// once [`Lent`] is dropped: who shares a stream with this process, such as the
/// next command of a script, counts on that.
///
/// # Panics
/// Outside a tokio runtime with I/O.
#[must_use]
pub fn open() -> (Input, Output, Lent) {
    let mut lent = Lent::default();
    (lent.input(), lent.output(), lent)
}

pub use system::Lent;

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net;

    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use tokio::net::UnixStream;
    use tokio::net::unix::pipe;

    use super::{Input, Output};

    /// The streams that don't block at present.
    #[derive(Default)]
    pub struct Lent(Vec<OwnedFd>);

    impl Lent {
        pub(super) fn input(&mut self) -> Input {
            let stdin = io::stdin();
            let stdin = stdin.as_fd();
            if shares_errors(stdin) {
                return Box::new(tokio::io::stdin());
            }
            let opened = self.lend(stdin, |copy| {
                if let Ok(pipe) = pipe::Receiver::from_owned_fd(copy()?) {
                    return Ok(Box::new(pipe) as Input);
                }
                Ok(Box::new(socket(copy()?)?))
            });
            opened.unwrap_or_else(|_| Box::new(tokio::io::stdin()))
        }

        pub(super) fn output(&mut self) -> Output {
            let stdout = io::stdout();
            let stdout = stdout.as_fd();
            if shares_errors(stdout) {
                return Box::new(tokio::io::stdout());
            }
            let opened = self.lend(stdout, |copy| {
                if let Ok(pipe) = pipe::Sender::from_owned_fd(copy()?) {
                    return Ok(Box::new(pipe) as Output);
                }
                Ok(Box::new(socket(copy()?)?))
            });
            opened.unwrap_or_else(|_| Box::new(tokio::io::stdout()))
        }

        /// Opens `stream`, and remembers it where it blocked before.
        fn lend<T>(
            &mut self,
            stream: BorrowedFd<'_>,
            open: impl FnOnce(&dyn Fn() -> io::Result<OwnedFd>) -> io::Result<T>,
        ) -> io::Result<T> {
            let blocks = !fcntl_getfl(stream)?.contains(OFlags::NONBLOCK);
            let own = stream.try_clone_to_owned()?;
            let opened = open(&|| stream.try_clone_to_owned());
            match &opened {
                Err(_) if blocks => give_back(&own),
                Ok(_) if blocks => self.0.push(own),
                _ => {}
            }
            opened
        }
    }

    impl Drop for Lent {
        fn drop(&mut self) {
            self.0.iter().for_each(give_back);
        }
    }

    fn give_back(stream: &OwnedFd) {
        // nobody could do more about one that refuses
        if let Ok(flags) = fcntl_getfl(stream) {
            let _ = fcntl_setfl(stream, flags - OFlags::NONBLOCK);
        }
    }

    fn socket(stream: OwnedFd) -> io::Result<UnixStream> {
        let socket = net::UnixStream::from(stream);
        // fails where it is none
        socket.local_addr()?;
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket)
    }

    /// Whether `stream` is standard error as well, or could be: what is written
    /// there, and to a standard output that blocks, doesn't wait for room.
    fn shares_errors(stream: BorrowedFd<'_>) -> bool {
        same_file(stream, io::stderr().as_fd()).unwrap_or(true)
    }

    fn same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> io::Result<bool> {
        let of = |stream: BorrowedFd<'_>| File::from(stream.try_clone_to_owned()?).metadata();
        let (one, other) = (of(one)?, of(other)?);
        Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Input, Output};

    /// Nothing: here both streams are read and written on threads.
    #[derive(Default)]
    pub struct Lent(());

    impl Lent {
        #[expect(clippy::unused_self, reason = "elsewhere it remembers them")]
        pub(super) fn input(&mut self) -> Input {
            Box::new(tokio::io::stdin())
        }

        #[expect(clippy::unused_self, reason = "elsewhere it remembers them")]
        pub(super) fn output(&mut self) -> Output {
            Box::new(tokio::io::stdout())
        }
    }
}
