//! Words of a shell, for commands that a message tells its reader to run.

/// `text` as one word of a POSIX shell, quoted where it has to be.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_split_or_read_it() {
        let cases = [
            ("/home/me/.config/axis", "/home/me/.config/axis"),
            ("owner=acme", "owner=acme"),
            ("/home/größe", "/home/größe"),
            ("/home/my files", "'/home/my files'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("~/axis", "'~/axis'"),
            ("", "''"),
        ];
        for (text, quoted) in cases {
            assert_eq!(word(text), quoted);
        }
    }
}
