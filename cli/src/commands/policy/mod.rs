//! `axis policy`: the policy, asked about and sealed.

mod check;
pub mod difference;
mod edit;
pub mod explain;
mod seal;
pub mod show;
mod test;
mod unseal;

use std::io::Read;
use std::path::Path;

use axis_proto::v1::PolicyText;
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::failure::{Exit, Failure};

/// The largest policy that is sent to axisd, in bytes: a little more than it
/// takes, so that it says itself what is too large.
const MAX_BYTES: u64 = (1 << 20) + 1;

/// Look into the policy: is it valid, what does it say, and why; edit, seal it
///
/// The policy is a file of yours that says which agent may do what; `axis
/// policy show` prints it and where it lies. `axis allow`, `axis deny` and `axis
/// policy edit` change it; `axis policy seal` keeps others from changing what is
/// in force.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  axis policy check\n  axis policy explain github issues.create owner=acme\n  axis policy test policy-tests.yaml"
)]
pub struct Policy {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Show(show::Show),
    Check(check::Check),
    Explain(explain::Explain),
    Edit(edit::Edit),
    Test(test::Test),
    Seal(seal::Seal),
    Unseal(unseal::Unseal),
}

/// Where a call comes in that the policy is asked about.
#[derive(Clone, Copy, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Socket {
    /// The identity's own socket
    Own,
    /// The general one, where the identity is the client's word
    General,
}

impl Socket {
    fn is_own(self) -> bool {
        matches!(self, Self::Own)
    }
}

impl Policy {
    /// Does it.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.act {
            Act::Show(show) => show.run().await,
            Act::Check(check) => check.run().await,
            Act::Explain(explain) => explain.run().await,
            Act::Edit(edit) => edit.run().await,
            Act::Test(test) => test.run().await,
            Act::Seal(seal) => seal.run().await,
            Act::Unseal(unseal) => unseal.run().await,
        }
    }
}

/// The text of the policy file at `path`.
fn read(path: &Path) -> Result<PolicyText, Failure> {
    Ok(PolicyText {
        text: read_text(path)?,
        origin: path.display().to_string(),
    })
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("{} can't be read: {error}", path.display()),
        )
    })?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Usage, format!("{} is not UTF-8 text", path.display())))
}
