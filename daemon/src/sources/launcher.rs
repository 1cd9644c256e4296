//! Programs that run what their arguments say: what of that nobody can look at
//! before, since it isn't named by an absolute path.

/// Options of `env` that take the next word.
const ENV_TAKES: [&str; 4] = ["-u", "--unset", "-C", "--chdir"];

/// A word of `arguments` that says what is run, where it is no absolute path:
/// code itself, or a name that is looked up when it is run. `program` is the
/// path of what gets them.
pub(super) fn unlooked<'a>(program: &str, arguments: &[&'a str]) -> Option<&'a str> {
    let mut kind = Kind::of(program)?;
    let mut words = arguments.iter().copied();
    loop {
        let word = words.next()?;
        if kind.is_code(word) {
            return Some(words.next().unwrap_or(word));
        }
        if kind == Kind::Env && ENV_TAKES.contains(&word) {
            words.next();
            continue;
        }
        let assigns = kind == Kind::Env && word.contains('=');
        if assigns || word.starts_with('-') && word.len() > 1 {
            continue;
        }
        if !word.starts_with('/') {
            return Some(word);
        }
        kind = Kind::of(word)?;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Env,
    Shell,
    Python,
    /// Perl, Ruby, Node and the like.
    Script,
    /// Runs its arguments without a change to them.
    Plain,
}

impl Kind {
    fn of(program: &str) -> Option<Self> {
        let name = program.rsplit('/').next().unwrap_or(program);
        // python3.12, lua5.4
        let name = name.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.');
        Some(match name {
            "env" => Self::Env,
            "sh" | "bash" | "dash" | "zsh" | "ksh" | "mksh" | "fish" | "csh" | "tcsh" => {
                Self::Shell
            }
            "python" | "pypy" => Self::Python,
            "perl" | "ruby" | "node" | "nodejs" | "deno" | "bun" | "php" | "lua" | "tclsh"
            | "osascript" => Self::Script,
            "busybox" | "nohup" | "setsid" | "sudo" | "doas" => Self::Plain,
            _ => return None,
        })
    }

    /// Whether an option says that the next word, or itself, is code or a name.
    fn is_code(self, word: &str) -> bool {
        let Some(option) = word.strip_prefix('-') else {
            return false;
        };
        if let Some(long) = option.strip_prefix('-') {
            let name = long.split('=').next().unwrap_or(long);
            return match self {
                Self::Env => name == "split-string",
                Self::Shell => name == "command",
                Self::Script => ["eval", "print", "require", "import"].contains(&name),
                Self::Python | Self::Plain => false,
            };
        }
        let any_of: &[char] = match self {
            Self::Env => &['S'],
            Self::Shell => &['c', 's'],
            Self::Python => &['c', 'm'],
            Self::Script => &['e', 'E', 'p', 'r', 'M'],
            Self::Plain => &[],
        };
        option.contains(any_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interpreter_runs_by_name_is_told_from_what_can_be_looked_at() {
        for (line, unknown) in [
            ("/usr/bin/op read op://a/b/c", None),
            ("/usr/bin/cat token", None),
            ("/usr/bin/env op read", Some("op")),
            ("/usr/bin/env A=b -u C op", Some("op")),
            ("/usr/bin/env -i A=/x /usr/bin/op read", None),
            ("/usr/bin/env -S op", Some("op")),
            ("/usr/bin/env /bin/sh -c code", Some("code")),
            ("/bin/sh -c code", Some("code")),
            ("/bin/bash -euc code", Some("code")),
            ("/bin/bash -e /home/me/get", None),
            ("/bin/sh get.sh", Some("get.sh")),
            ("/bin/sh", None),
            ("/usr/bin/python3.12 /home/me/get.py --for x", None),
            ("/usr/bin/python3 -m get", Some("get")),
            ("/usr/bin/node --eval code", Some("code")),
            ("/usr/bin/perl -e code", Some("code")),
            (
                "/usr/bin/env --split-string=code",
                Some("--split-string=code"),
            ),
            ("/usr/bin/sudo op", Some("op")),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(unlooked(words[0], &words[1..]), unknown, "{line}");
        }
    }
}
