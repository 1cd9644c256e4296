//! `axis import` beside programs that are not ours: the real `pass` with the
//! real GnuPG, the dotenv library of Python, and a reader of the keystore that
//! tells which secrets have arrived.

use std::fs;
use std::path::Path;
use std::process::Command;

use axis_tests::{Home, PASSWORD, Ran, run};
use serde_json::{Value, json};

use super::python;

fn import(home: &Home, arguments: &[&str]) -> Ran {
    let mut command = home.command("axis");
    command
        .arg("import")
        .args(arguments)
        .args(["--yes", "--no-check"])
        .current_dir(home.path())
        .env("AXIS_MASTER_PASSWORD", PASSWORD)
        .env("AXIS_IMPORT_PASSWORD", "correct-horse-1");
    run(command, "")
}

/// The secrets in the vault by the names of their credentials.
fn secrets(home: &Home) -> Value {
    let mut command = python("read_keystore.py");
    command.arg(home.file("keystore.json"));
    let read = run(command, &format!("{PASSWORD}\n")).ok().json();
    let entries = read.as_object().unwrap().iter();
    let secrets = entries.filter(|(name, _)| !name.starts_with('.'));
    let secrets = secrets.map(|(name, entry)| (name.clone(), entry["secret"].clone()));
    Value::Object(secrets.collect())
}

#[test]
fn every_secret_of_axis_asv_arrives_as_it_was() {
    let home = Home::ready();
    let keystore = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("end_to_end/importing/keystore_v1.json")
        .display()
        .to_string();
    import(&home, &["axis-asv", &keystore]).ok();
    assert_eq!(
        secrets(&home),
        json!({
            "openai": "sk-OPENAISECRET111",
            "anthropic": "sk-ant-SECRET222",
            "github": "ghp_SECRET333",
            "stripe": "sk_test_SECRET444",
            "slack": "xoxb-SECRET555",
            "sendgrid": "SG.SECRET666",
            "notion": "secret_NOTION777",
            "linear": "lin_SECRET888",
            "twilio": "AC123:TWSECRET999",
            "aws": "AKIAEX:awsSECRET/aaa+b",
            "gcp": "ya29.SECRETbbb",
        })
    );
}

#[test]
fn a_dotenv_is_read_as_the_library_of_python_reads_it() {
    let home = Home::ready();
    let path = home.file("keys.env");
    let text = "A=plain\nB = spaced # comment\nexport C='single # $X \"'\nD=\"double # 'x' \\\"y\\\" \\\\ z\"\n\
        E=a#b=c==\nF=$NOT${EXPANDED}\nG=\"tail\"  # comment\r\nH=ключ\n# I=no\nA=last\n";
    fs::write(&path, text).unwrap();
    let mut command = python("read_dotenv.py");
    command.arg(&path);
    let theirs = run(command, "").ok().json();
    let names: Vec<&String> = theirs.as_object().unwrap().keys().collect();
    let mut arguments = vec!["keys.env".to_owned()];
    for name in &names {
        arguments.push("--as".into());
        arguments.push(format!("{name}=github/{name}"));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    import(&home, &arguments).ok();
    let ours = secrets(&home);
    assert_eq!(names.len(), 8);
    for name in names {
        let credential = format!("github/{}", name.to_lowercase());
        assert_eq!(ours[&credential], theirs[name], "{name}");
    }
}

/// A password store with a key that has no passphrase.
struct Store<'h>(&'h Home);

impl<'h> Store<'h> {
    fn new(home: &'h Home) -> Self {
        let store = Self(home);
        let gnupg = home.file(".gnupg");
        fs::create_dir(&gnupg).unwrap();
        fs::set_permissions(&gnupg, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let arguments = [
            "--batch",
            "--passphrase",
            "",
            "--quick-gen-key",
            "owner@example.org",
            "default",
            "default",
            "never",
        ];
        store.run("gpg", &arguments, "");
        store.run("pass", &["init", "owner@example.org"], "");
        store
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.0.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        run(command, input).ok();
    }

    fn insert(&self, name: &str, text: &str) {
        self.run("pass", &["insert", "--multiline", name], text);
    }
}

impl Drop for Store<'_> {
    fn drop(&mut self) {
        self.run("gpgconf", &["--kill", "all"], "");
    }
}

#[test]
fn the_password_store_s_keys_are_imported_and_no_other_entry_is_opened() {
    let home = Home::ready();
    let store = Store::new(&home);
    store.insert("api/github-token", "ghp_CANARY1\nurl: https://github.com\n");
    store.insert("api/github-token-work", "ghp_CANARY2\n");
    store.insert("cloud/aws", "a/CANARY3\nuser: AKIAIOSFODNN7CANARY\n");
    store.insert("web/github.com", "the password of my account\n");
    store.insert("odd", "sk_live_CANARY4\n");
    // it can't be opened, so whoever tries says so
    fs::write(home.file(".password-store/bank.gpg"), "no cipher").unwrap();
    let ran = import(&home, &["pass"]).ok();
    assert_eq!(
        secrets(&home),
        json!({
            "github": "ghp_CANARY1",
            "github/work": "ghp_CANARY2",
            "aws": "AKIAIOSFODNN7CANARY:a/CANARY3",
        })
    );
    assert!(!ran.stderr.contains("bank"), "{ran:#?}");
    assert!(!ran.stdout.contains("CANARY1") && !ran.stderr.contains("CANARY1"));
    import(&home, &["pass", "--as", "odd=stripe"]).ok();
    assert_eq!(secrets(&home)["stripe"], "sk_live_CANARY4");

    fs::write(home.file(".password-store/slack.gpg"), "no cipher").unwrap();
    let broken = import(&home, &["pass"]).ok();
    assert!(broken.stderr.contains("slack: pass says: "), "{broken:#?}");
    let none = import(&home, &["pass", "nowhere"]);
    assert_eq!(none.code(), 1);
    assert!(none.stderr.contains("no entry in nowhere"), "{none:#?}");
}
