//! What the tests share: a home of its own with a real axisd ([`Home`]), an
//! upstream that records what it gets ([`Upstream`]) or answers in bytes
//! ([`Faulty`]), an MCP host that drives the real shim ([`Host`]), a desktop
//! session with a keyring ([`Session`]), a dashboard ([`Dashboard`]) with a browser
//! for it ([`Browser`]), and a root file system to install something in ([`Root`]).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test that can't be set up should stop where it stands"
)]

mod browser;
mod burden;
mod dashboard;
mod faulty;
mod home;
mod host;
mod root;
mod session;
mod terminal;
mod tls;
mod upstream;
mod user;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use browser::Browser;
pub use burden::Burden;
pub use dashboard::{Dashboard, Visitor, Wire, head, port_of, redeem};
pub use faulty::{Act, Came, Faulty};
pub use home::{Axisd, Home, Ran, run};
pub use host::Host;
pub use root::{Root, Who};
pub use session::Session;
pub use terminal::Terminal;
pub use tls::TlsUpstream;
pub use upstream::{Recorded, Reply, Upstream};
pub use user::as_user;

/// The master password of every test's vault.
pub const PASSWORD: &str = "correct horse battery staple";

/// How long a test waits for anything that should happen at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The binary `name` that this workspace built.
///
/// # Panics
/// When it isn't built: `./tests/run` or `cargo build --workspace` does.
pub fn binary(name: &str) -> PathBuf {
    let mut dir = std::env::current_exe().expect("a test knows its own path");
    dir.pop();
    if dir.ends_with("deps") {
        dir.pop();
    }
    let path = dir.join(name);
    assert!(
        path.exists(),
        "{} is not built: run cargo build --workspace first",
        path.display()
    );
    path
}

/// Waits until `condition` gives something.
///
/// # Panics
/// When it hasn't after [`PATIENCE`].
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        #[expect(
            clippy::disallowed_methods,
            reason = "the pause of the one waiting loop"
        )]
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A credential that occurs nowhere else, so that any copy of it is a leak.
pub fn canary(tag: &str) -> String {
    format!("ghp_CANARY{tag}{:016x}", rand_like())
}

fn rand_like() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}
