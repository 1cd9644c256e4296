//! `axis completions`: what a shell needs to complete `axis`.

use clap::{Args, ValueEnum};

use crate::completion;
use crate::failure::{Exit, Failure};
use crate::output::write;

/// Print what your shell needs to complete axis
///
/// It completes commands and options, and the names of services, actions,
/// params, identities and labels, as the running axisd knows them. It never
/// starts one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    echo 'source <(axis completions bash)' >> ~/.bashrc\n  \
    echo 'source <(axis completions zsh)' >> ~/.zshrc   (below compinit)\n  \
    axis completions fish > ~/.config/fish/completions/axis.fish\n  \
    axis completions powershell >> $PROFILE\n\n\
    axis has to be on the PATH. They count in the next shell that you open.")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl Completions {
    /// Prints it.
    #[expect(clippy::unused_async, reason = "all commands are called alike")]
    pub async fn run(self) -> Result<Exit, Failure> {
        let shell = match self.shell {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
            Shell::Powershell => "powershell",
        };
        write(&completion::registration(shell)?)?;
        Ok(Exit::Done)
    }
}
