//! What is fuzzed: one room of Axis a file, each a function that takes any bytes
//! and panics where a promise is broken. `docs/fuzzing.md` says which promises.
//!
//! The fuzzers of this directory run them on what they make up, and a test of
//! the workspace on what they have found so far (`corpus/`).

pub mod audit_lines;
pub mod daemon_yaml;
pub mod keystore;
pub mod leak_guard;
pub mod mcp_lines;
pub mod openapi_import;
pub mod params_to_request;
pub mod policy;
pub mod select;
pub mod service_file;

/// Takes values off the front of some bytes; what is missing counts as zero.
struct Bytes<'d>(&'d [u8]);

impl<'d> Bytes<'d> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// Up to `most` bytes, as many as the next one says.
    fn some(&mut self, most: u8) -> &'d [u8] {
        let length = usize::from(self.byte().min(most)).min(self.0.len());
        let (some, rest) = self.0.split_at(length);
        self.0 = rest;
        some
    }

    /// The same as text.
    fn text(&mut self, most: u8) -> String {
        String::from_utf8_lossy(self.some(most)).into_owned()
    }

    /// A number below 65536.
    fn short(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    fn rest(self) -> &'d [u8] {
        self.0
    }
}
