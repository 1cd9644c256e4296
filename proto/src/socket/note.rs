//! What a file in a socket's place says where the system has pipes instead: which
//! process listens, and what its pipe is called.

/// What a pipe's name begins with, before its random number.
const PREFIX: &str = "axis-";

/// The digits of that number.
const DIGITS: usize = 32;

/// Where a pipe is, and whose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Who listens.
    pub pid: u32,
    /// What the pipe is called.
    pub name: String,
}

impl Note {
    /// Of a pipe that is going to be listened on, by a number that nobody could
    /// know before.
    pub fn new(pid: u32, number: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(number);
        Self {
            pid,
            name: format!("{PREFIX}{number:032x}"),
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        format!("{} {}\n", self.pid, self.name)
    }

    /// What a file's text says; none where it isn't one of ours, down to the byte:
    /// a name could lead to any pipe of the machine, or of another one.
    pub fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (pid, name) = text.strip_suffix('\n')?.split_once(' ')?;
        let number = name.strip_prefix(PREFIX)?;
        let is_number = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let note = Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
        };
        let is_ours = number.len() == DIGITS && number.bytes().all(is_number);
        (is_ours && note.text() == text).then_some(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_nothing_else_is() {
        let note = Note::new(4711, [7; 16]);
        let name = "axis-07070707070707070707070707070707";
        assert_eq!(note.text(), format!("4711 {name}\n"));
        assert_eq!(Note::read(note.text().as_bytes()), Some(note));
        assert!(Note::new(1, [0; 16]).name.ends_with(&"0".repeat(DIGITS)));
        for text in [
            String::new(),
            format!("4711 {name}"),
            format!("4711 {name}\r\n"),
            format!("4711 {name}0\n"),
            format!("4711  {name}\n"),
            format!("+4711 {name}\n"),
            format!("04711 {name}\n"),
            format!("-1 {name}\n"),
            format!("4711 {}\n", name.to_uppercase()),
            format!("4711 {}\n", name.replace('7', "g")),
            r"4711 ..\..\server\pipe\axis-0707070707070707070".to_owned() + "\n",
            format!("4711 axis-{}\n", r"\".repeat(DIGITS)),
        ] {
            assert_eq!(Note::read(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Note::read(b"4711 axis-\xff\n"), None);
    }
}
