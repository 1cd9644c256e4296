//! The questions of `axis add` on a terminal of their own.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

pub use axis_tests::Terminal;
use axis_tests::{Home, PASSWORD, wait_for};
use serde_json::json;

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
        Self::start(home, Path::new("/"), variables, arguments)
    }

    /// The same in the home's directory.
    pub fn axis_in(home: &Home, variables: &[(&str, &str)], arguments: &str) -> Self {
        Self::start(home, home.path(), variables, arguments)
    }

    fn start(home: &Home, directory: &Path, variables: &[(&str, &str)], arguments: &str) -> Self {
        let axis = binary("axis");
        let mut command = Command::new("script");
        command
            .arg("-qec")
            .arg(format!("{} {arguments}", axis.display()))
            .arg("/dev/null")
            .current_dir(directory)
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

    fn screen(&self) -> String {
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

/// A home with a service of one's own whose tokens come from another host.
fn home_with_acme() -> Home {
    let home = Home::ready();
    fs::create_dir_all(home.file("services")).unwrap();
    fs::write(
        home.file("services/acme.yaml"),
        "service: acme\ntitle: Acme\nbase_url: https://api.acme.example\nauth: { scheme: oauth2, grant: client_credentials, token_url: https://login.acme.example/token }\nactions:\n  me.get: { effect: read, method: GET, path: /me }\n",
    )
    .unwrap();
    wait_for("acme to be in force", || {
        let shown = home.axis(&["services", "show", "acme"]);
        shown.status.success().then_some(())
    });
    home
}

fn stored(home: &Home) -> serde_json::Value {
    home.axis(&["list", "--json"]).json()["credentials"].clone()
}

#[test]
fn ctrl_c_ends_a_question_and_nothing_is_stored() {
    let home = home_with_acme();
    let mut terminal = Terminal::axis(&home, "add acme --no-check");
    terminal.after("login.acme.example right? [y/N]", "\u{3}");
    let (code, screen) = terminal.end();
    assert_ne!(code, 0);
    assert!(screen.contains("cancelled"), "{screen}");
    assert!(!screen.contains("Master password"), "{screen}");
    assert_eq!(stored(&home), json!([]));
}

#[test]
fn only_yes_to_both_hosts_stores_a_secret_that_is_never_shown() {
    let home = home_with_acme();
    for answer in ["\r", "maybe\r", "n\r", "\u{4}"] {
        let mut terminal = Terminal::axis(&home, "add acme --no-check");
        terminal.after("[y/N]", answer);
        let (code, screen) = terminal.end();
        assert_eq!(code, 1, "{screen}");
        assert!(screen.contains("was not confirmed"), "{screen}");
        assert_eq!(stored(&home), json!([]));
    }
    let secret = r#"{"client_id": "c", "client_secret": "client-CANARY"}"#;
    let mut terminal = Terminal::axis(&home, "add acme --no-check");
    terminal.after(
        "Is api.acme.example, login.acme.example right? [y/N]",
        "y\r",
    );
    terminal.after("Master password:", &format!("{PASSWORD}\r"));
    terminal.after("Secret for acme:", &format!("{secret}\r"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains("only ever sent to  api.acme.example, login.acme.example"),
        "{screen}"
    );
    assert!(
        !screen.contains("CANARY") && !screen.contains(PASSWORD),
        "{screen}"
    );
    assert_eq!(stored(&home).as_array().unwrap().len(), 1);
}

#[test]
fn a_base_url_leaves_the_question_where_tokens_come_from() {
    let home = home_with_acme();
    let add = "add acme --no-check --base-url http://127.0.0.1:9";
    let mut terminal = Terminal::axis(&home, add);
    terminal.after("Is login.acme.example right? [y/N]", "n\r");
    let (code, _) = terminal.end();
    assert_eq!(code, 1);
    assert_eq!(stored(&home), json!([]));
}

#[test]
fn what_a_seal_would_change_is_shown_before_the_password_is_asked_for() {
    let home = Home::ready();
    home.axis(&["policy", "seal"]).ok();
    fs::write(
        home.file("policy.yaml"),
        "policies:\n  - identity: \"*\"\n    allow: [{ service: stripe, actions: [\"*\"] }]\n",
    )
    .unwrap();
    let mut terminal = Terminal::axis(&home, "policy seal");
    terminal.after("Master password: ", "wrong password\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    let (before, _) = screen.split_once("Master password: ").unwrap();
    assert!(before.contains("any other identity, stripe: "), "{screen}");
    let mut terminal = Terminal::axis(&home, "policy seal");
    terminal.after("Master password: ", &format!("{PASSWORD}\n"));
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Sealed: files: 1, rules: 1"), "{screen}");
    let mut terminal = Terminal::axis(&home, "policy unseal");
    terminal.after("Master password: ", &format!("{PASSWORD}\n"));
    assert_eq!(terminal.end().0, 0);
}
