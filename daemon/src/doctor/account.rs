//! Whether axisd's user is an account of its own, as which nobody logs in.

use std::path::Path;

use axis_proto::regular::{self, Links};

/// The machine's own accounts, among which those of services are.
const ACCOUNTS: &str = "/etc/passwd";

/// More accounts than any machine keeps in a file.
const MAX_BYTES: usize = 16 << 20;

/// Whether nobody can log in as `uid`: an account that the machine has, with a
/// shell that turns everybody away, as services have.
pub fn is_of_a_service(uid: u32) -> bool {
    let read = regular::read(Path::new(ACCOUNTS), MAX_BYTES, Links::Follow);
    // one that isn't found counts as somebody's
    read.is_ok_and(|accounts| turns_away(&String::from_utf8_lossy(&accounts), uid))
}

fn turns_away(accounts: &str, uid: u32) -> bool {
    let mut same = accounts
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, _, number, _, _, _, shell] = fields[..] else {
                return None;
            };
            (number.parse() == Ok(uid)).then_some(shell)
        })
        .peekable();
    // a uid that has several names is as open as the most open of them
    same.peek().is_some() && same.all(|shell| matches!(name(shell), "nologin" | "false"))
}

fn name(shell: &str) -> &str {
    shell.rsplit('/').next().unwrap_or(shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
axis:x:988:988:Axis, the agent secrets vault:/var/lib/axis:/bin/false
somebody:x:1000:1000::/home/somebody:/bin/zsh
alias:x:1:1:another name:/:/bin/sh
cut:x:1001
";

    #[test]
    fn a_service_is_who_has_an_account_with_a_shell_that_turns_everybody_away() {
        assert!(turns_away(ACCOUNTS, 988));
        for (uid, why) in [
            (0, "root logs in"),
            (1000, "somebody logs in"),
            (1, "its other name logs in"),
            (1001, "a cut line says nothing"),
            (4711, "nobody knows it"),
        ] {
            assert!(!turns_away(ACCOUNTS, uid), "{why}");
        }
    }
}
