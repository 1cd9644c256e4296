//! A terminal of one's own, which the program `script` gives, and somebody who
//! types on it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::{Home, binary, wait_for};

/// A command on a terminal, and what it has shown so far.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much it had shown when something was typed last.
    typed_at: usize,
}

impl Terminal {
    /// `axis` with `arguments`, without the master password.
    pub fn axis(home: &Home, arguments: &str) -> Self {
        Self::axis_with(home, &[], arguments)
    }

    /// The same with more variables.
    pub fn axis_with(home: &Home, variables: &[(&str, &str)], arguments: &str) -> Self {
        let axis = binary("axis");
        Self::running(home, variables, &format!("{} {arguments}", axis.display()))
    }

    /// The same in the home's directory.
    pub fn axis_in(home: &Home, variables: &[(&str, &str)], arguments: &str) -> Self {
        let line = format!(
            "cd '{}' && {} {arguments}",
            home.path().display(),
            binary("axis").display()
        );
        Self::running(home, variables, &line)
    }

    /// A line of `sh` with the environment of `home` and these variables.
    pub fn running(home: &Home, variables: &[(&str, &str)], line: &str) -> Self {
        let mut command = Command::new("script");
        command
            .arg("-qec")
            .arg(line)
            .arg("/dev/null")
            .env_clear()
            .env("AXIS_HOME", home.path())
            .env("HOME", home.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let keys = child.stdin.take().unwrap();
        let mut screen = child.stdout.take().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = shown.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                seen.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self {
            child,
            keys,
            shown,
            typed_at: 0,
        }
    }

    /// All that it has shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Types once `words` have been shown.
    pub fn after(&mut self, words: &str, keys: &str) {
        wait_for(words, || self.screen().contains(words).then_some(()));
        self.type_keys(keys);
    }

    /// Types once `words` have been shown since something was typed.
    pub fn after_again(&mut self, words: &str, keys: &str) {
        let typed_at = self.typed_at;
        wait_for(words, || {
            let shown = self.shown.lock().unwrap();
            let since = String::from_utf8_lossy(&shown[typed_at..]);
            since.contains(words).then_some(())
        });
        self.type_keys(keys);
    }

    /// Types once `mark`, and `words` past it, have been shown.
    pub fn past(&mut self, mark: &str, words: &str, keys: &str) {
        wait_for(words, || {
            let screen = self.screen();
            let (_, after) = screen.split_once(mark)?;
            after.contains(words).then_some(())
        });
        self.type_keys(keys);
    }

    fn type_keys(&mut self, keys: &str) {
        self.typed_at = self.shown.lock().unwrap().len();
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Its exit code, and all that it has shown.
    pub fn end(mut self) -> (i32, String) {
        let status = self.child.wait().unwrap();
        (status.code().unwrap(), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
