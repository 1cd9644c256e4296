//! The gRPC interfaces of axisd and what both of their ends share: where the
//! sockets are and how to reach them ([`socket`]), where files are
//! ([`places`]), how every Axis process
//! shuts itself off from others ([`harden`]), which passwords it was started
//! with ([`given`]), where secrets lie in memory ([`pages`]), how a command is written that a
//! message tells its reader to run ([`shell`]), how a file is read that may be
//! anything ([`regular`]), what systems do differently ([`system`]), and which
//! headers of an upstream's request only axisd sets ([`headers`]).

pub mod given;
pub mod harden;
pub mod headers;
pub mod pages;
pub mod places;
pub mod regular;
pub mod shell;
pub mod socket;
pub mod system;

/// The generated messages, clients and servers of package `axis.v1`.
#[allow(missing_docs, clippy::pedantic, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("axis.v1");
}

/// The version of this build. Client and daemon must be of the same one.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What macOS' launchd calls axisd.
pub const LAUNCHD_LABEL: &str = "dev.axis.axisd";

/// The largest gRPC message either end takes, in bytes: the response cap of
/// 16 MiB with room for base64 and JSON escapes around it.
pub const MAX_MESSAGE_BYTES: usize = 48 * 1024 * 1024;

/// The largest HTTP/2 frame either end takes, in bytes: a chunk of a body that
/// is up- or downloaded crosses in one piece.
pub const MAX_FRAME_BYTES: u32 = 512 * 1024;

/// The longest justification of a call, in characters.
pub const MAX_JUSTIFICATION_CHARS: usize = 2000;
