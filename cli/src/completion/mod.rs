//! What a shell completes: the command line itself, and the names of services,
//! actions and identities as the running axisd knows them. Completing starts
//! nothing, asks for nothing, and gives up at once where nobody answers.

mod names;

use std::env;
use std::ffi::OsString;
use std::io::Write;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, PathCompleter, ValueCompleter};
use clap_complete::env::Shells;

use crate::failure::{Exit, Failure};
use crate::import;

/// The variable in which a shell's function says which shell it is.
const VARIABLE: &str = "AXIS_COMPLETE";

/// zsh reads the file `_axis` of its `fpath` as the function's body, at the first
/// Tab: that one is answered, too.
const FIRST_TAB_OF_ZSH: &str = "
if [[ $funcstack[1] == _axis ]]; then _clap_dynamic_completer_axis \"$@\"; fi
";

/// Answers a shell that asks for completions; false where none does.
///
/// # Errors
/// The shell isn't known, or its pipe is gone.
pub fn answer(command: impl FnOnce() -> Command) -> Result<bool, Failure> {
    let mut words = env::args_os().skip(1);
    // only as the function of a shell asks: an agent's `axis mcp` that has the
    // variable in its environment is no question
    let (Some(shell), Some(separator)) = (env::var(VARIABLE).ok(), words.next()) else {
        return Ok(false);
    };
    if separator != "--" {
        return Ok(false);
    }
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&shell) else {
        let what = format!("{VARIABLE} names no shell that is known");
        return Err(Failure::new(Exit::Usage, what).fix("axis completions --help"));
    };
    let mut command = with_values(command());
    command.build();
    let mut candidates = Vec::new();
    let directory = env::current_dir().ok();
    let words: Vec<OsString> = words.collect();
    completer
        .write_complete(&mut command, words, directory.as_deref(), &mut candidates)
        .and_then(|()| std::io::stdout().write_all(&candidates))
        .map_err(|error| Failure::new(Exit::Failed, format!("can't complete: {error}")))?;
    Ok(true)
}

/// What a shell has to be told so that it asks: a function in its own language.
///
/// # Errors
/// The shell isn't known.
pub fn registration(shell: &str) -> Result<Vec<u8>, Failure> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let written = shells.completer(shell).map(|completer| {
        // by the name, as it is typed: the script outlives the place of the binary
        completer.write_registration(VARIABLE, "axis", "axis", "axis", &mut script)
    });
    if shell == "zsh" {
        script.extend_from_slice(FIRST_TAB_OF_ZSH.as_bytes());
    }
    match written {
        Some(Ok(())) => Ok(script),
        _ => Err(Failure::new(
            Exit::Failed,
            format!("there are no completions for {shell}"),
        )),
    }
}

/// The command line with what its arguments may be.
fn with_values(command: Command) -> Command {
    let path = command.get_name().to_owned();
    command
        .mut_args(|arg| {
            let completer = completer_of(&path, &arg);
            match completer {
                Some(completer) => arg.add(completer),
                None => arg,
            }
        })
        .mut_subcommands(with_values)
}

fn completer_of(command: &str, arg: &Arg) -> Option<ArgValueCompleter> {
    Some(match (command, arg.get_id().as_str()) {
        ("import", "source") => ArgValueCompleter::new(SourceCompleter),
        ("import", "path") => ArgValueCompleter::new(PathCompleter::file()),
        (_, "service") => ArgValueCompleter::new(names::services),
        (_, "action" | "actions") => ArgValueCompleter::new(names::actions),
        (_, "identity") => ArgValueCompleter::new(names::identities),
        (_, "credential" | "label") => ArgValueCompleter::new(names::labels),
        ("call", "words") => ArgValueCompleter::new(names::params),
        _ => return None,
    })
}

/// The words of `axis import`, and files.
struct SourceCompleter;

impl ValueCompleter for SourceCompleter {
    fn complete(&self, current: &std::ffi::OsStr) -> Vec<clap_complete::CompletionCandidate> {
        let mut candidates = names::beginning_with(current, import::WORDS);
        candidates.extend(PathCompleter::file().complete(current));
        candidates
    }
}
