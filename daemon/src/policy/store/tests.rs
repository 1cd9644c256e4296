//! That the policy in force is the last good one, until the file is gone.

use std::fmt::Write as _;
use std::fs;

use jiff::Timestamp;

use super::*;
use crate::catalogue::Effect;
use crate::names::{Identity, ServiceName};
use crate::policy::error::Fault;

const ALLOWS: &str = "policies: [{identity: a, allow: [{service: s, actions: [x]}]}]\n";
const DENIES: &str = "policies: []\n";
const BROKEN: &str = "policies: [{identity: a, alow: []}]\n";

struct Home {
    directory: tempfile::TempDir,
    store: Arc<PolicyStore>,
    now: Instant,
}

impl Home {
    fn with(text: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.yaml");
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        Self {
            store: PolicyStore::load(path),
            directory,
            now: Instant::now(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("policy.yaml")
    }

    fn save(&self, text: &str) -> Option<Change> {
        fs::write(self.path(), text).unwrap();
        self.store.refresh(self.now)
    }

    fn decision(&self) -> Decision {
        let (identity, service) = (Identity::parse("a"), ServiceName::parse("s"));
        let loaded = self.store.current();
        loaded.decide(&Request {
            identity: &identity.unwrap(),
            own_socket: false,
            service: &service.unwrap(),
            action: "x",
            effect: Effect::Read,
            params: None,
            at: Timestamp::UNIX_EPOCH,
        })
    }

    fn allows(&self) -> bool {
        matches!(self.decision(), Decision::Allow(_))
    }

    fn hint(&self) -> String {
        match self.decision() {
            Decision::Allow(_) => panic!("allowed"),
            Decision::Deny(denial) => {
                assert_eq!(
                    denial.reason,
                    r#"Policy denied: identity="a" service="s" action="x""#
                );
                denial.hint.unwrap()
            }
        }
    }
}

#[test]
fn without_a_policy_everything_is_denied_and_the_denial_says_axis_init() {
    let home = Home::with(None);
    assert!(home.hint().contains("`axis init`"), "{}", home.hint());
    assert!(home.store.current().error.is_none());
    assert!(matches!(home.save(ALLOWS), Some(Change::InForce(_))));
    assert!(home.allows());
}

#[test]
fn a_saved_policy_is_in_force_and_an_unchanged_one_is_no_change() {
    let home = Home::with(Some(ALLOWS));
    let before = home.store.current().generation;
    assert!(home.save(ALLOWS).is_none());
    assert_eq!(home.store.current().generation, before);
    assert!(matches!(home.save(DENIES), Some(Change::InForce(_))));
    assert!(!home.allows());
    assert_ne!(home.store.current().generation, before);
}

#[test]
fn a_broken_file_changes_nothing_and_is_told_once() {
    let home = Home::with(Some(ALLOWS));
    let generation = home.store.current().generation;
    let Some(Change::Refused(error)) = home.save(BROKEN) else {
        panic!("no error");
    };
    assert!(matches!(error.fault(), Fault::UnknownField { .. }));
    assert!(home.allows());
    assert_eq!(home.store.current().error.as_ref(), Some(&error));
    assert_eq!(home.store.current().generation, generation);
    assert!(home.save(BROKEN).is_none());
    assert!(home.save(&format!("{BROKEN}# more\n")).is_none());
    assert!(home.allows());
    assert!(matches!(home.save(DENIES), Some(Change::InForce(_))));
    assert!(home.store.current().error.is_none());
}

#[test]
fn a_file_that_hides_its_meaning_changes_nothing() {
    let home = Home::with(Some(ALLOWS));
    let all = "policies: [{identity: '*', allow: [{service: '*', actions: ['*']}]}]\n";
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (name, of) in ('b'..='j').zip('a'..) {
        let nine = vec![format!("*{of}"); 9].join(",");
        writeln!(bomb, "{name}: &{name} [{nine}]").unwrap();
    }
    let utf_16: Vec<u8> = DENIES.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [
        b"".to_vec(),
        b"policies: []\0\n".to_vec(),
        b"policies: [\xff]\n".to_vec(),
        b"policies:\n\t- identity: a\n".to_vec(),
        b"policies: [{identity: a, allow: [{service: s, act".to_vec(),
        [b"\xff\xfe".as_slice(), &utf_16].concat(),
        format!("\u{feff}{DENIES}").into(),
        format!("version: 1\nversion: 2\n{DENIES}").into(),
        format!("{DENIES}{all}").into(),
        format!("{DENIES}---\n{all}").into(),
        format!("{ALLOWS}{bomb}").into(),
        format!("{bomb}policies: *j\n").into(),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into(),
        format!(
            "x: &x {{service: '*', actions: ['*']}}\n{}",
            all.replace("{service: '*'", "{<<: *x")
        )
        .into(),
        all.replace("policies:", "policies: !!seq").into(),
        all.replace("'*', allow", "l\u{43e}cal-dev, allow").into(),
        ALLOWS.replace("identity: a", "identity: [a]").into(),
        ALLOWS.replace("[x]}", "[x], ttl: 0300}").into(),
        ALLOWS.replace("[x]}", "[x], ttl: .nan}").into(),
        ALLOWS.replace("[x]}", "[x], ttl: -.inf}").into(),
        ALLOWS.replace("[x]}", "[x], ttl: 1e308}").into(),
        ALLOWS
            .replace("a, ", "a, rateLimit: {requestsPerMinute: 0}, ")
            .into(),
        ALLOWS
            .replace("a, ", "a, rateLimit: {requestsPerMinute: -1}, ")
            .into(),
        ALLOWS
            .replace("}]}]", "}]}, {identity: A, allow: []}]")
            .into(),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        // the file before it may have had the same fault
        home.save(ALLOWS);
        let generation = home.store.current().generation;
        fs::write(home.path(), &bytes).unwrap();
        let change = home.store.refresh(home.now);
        assert!(matches!(change, Some(Change::Refused(_))), "{shown}");
        let current = home.store.current();
        assert!(current.error.as_ref().unwrap().line().is_some(), "{shown}");
        assert_eq!(current.generation, generation, "{shown}");
        assert!(home.allows(), "{shown}");
    }
}

#[test]
fn a_policy_that_is_broken_from_the_start_denies_and_names_the_line() {
    let home = Home::with(Some(BROKEN));
    assert!(home.hint().contains("in line 1"), "{}", home.hint());
    assert!(home.store.current().error.is_some());
}

#[test]
fn a_deleted_policy_allows_nothing_once_its_grace_is_over() {
    let mut home = Home::with(Some(ALLOWS));
    fs::remove_file(home.path()).unwrap();
    assert!(home.store.refresh(home.now).is_none());
    assert!(home.allows() && home.store.is_in_grace());
    home.now += GRACE * 99 / 100;
    assert!(home.store.refresh(home.now).is_none());
    home.now += GRACE / 100;
    assert!(matches!(
        home.store.refresh(home.now),
        Some(Change::Removed)
    ));
    assert!(!home.allows() && !home.store.is_in_grace());
    assert!(home.hint().contains("`axis init`"));
    assert!(home.store.refresh(home.now).is_none());
    assert!(matches!(home.save(ALLOWS), Some(Change::InForce(_))));
}

#[test]
fn a_file_that_vanishes_for_a_moment_keeps_its_policy_and_gets_a_new_grace() {
    let mut home = Home::with(Some(ALLOWS));
    for _ in 0..3 {
        fs::remove_file(home.path()).unwrap();
        assert!(home.store.refresh(home.now).is_none());
        home.now += GRACE / 2;
        assert!(home.store.refresh(home.now).is_none());
        assert!(home.save(ALLOWS).is_none());
        home.now += GRACE;
        assert!(home.allows());
    }
}

#[test]
fn a_directory_that_is_gone_is_a_policy_that_is_gone() {
    let mut home = Home::with(Some(ALLOWS));
    fs::remove_dir_all(home.directory.path()).unwrap();
    assert!(home.store.refresh(home.now).is_none());
    home.now += GRACE;
    assert!(matches!(
        home.store.refresh(home.now),
        Some(Change::Removed)
    ));
}

#[test]
fn what_is_no_readable_text_file_is_refused_and_hangs_nobody() {
    type Make = fn(&Path);
    let cases: [(&str, Make); 6] = [
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a pipe", |path| {
            let mkfifo = std::process::Command::new("mkfifo").arg(path).status();
            assert!(mkfifo.unwrap().success());
        }),
        ("a device", |path| {
            std::os::unix::fs::symlink("/dev/zero", path).unwrap();
        }),
        ("UTF-8", |path| {
            fs::write(path, b"\xff\xfep\0o\0l\0").unwrap();
        }),
        ("UTF-8", |path| {
            fs::write(path, b"policies: []\n# \xfc\n").unwrap();
        }),
        ("larger", |path| {
            fs::write(path, vec![b'#'; 2_000_000]).unwrap();
        }),
    ];
    for (part, make) in cases {
        let home = Home::with(Some(ALLOWS));
        fs::remove_file(home.path()).unwrap();
        make(&home.path());
        let Some(Change::Refused(error)) = home.store.refresh(home.now) else {
            panic!("accepted {part}");
        };
        assert!(error.to_string().contains(part), "{error}");
        assert!(home.allows(), "{part}");
    }
}

#[test]
fn text_that_is_not_utf8_is_located() {
    let home = Home::with(Some("x"));
    fs::write(home.path(), b"policies: []\n# gr\xfcn\n").unwrap();
    let Some(Change::Refused(error)) = home.store.refresh(home.now) else {
        panic!("accepted");
    };
    assert_eq!(
        (error.line(), error.column()),
        (Some(2), Some(5)),
        "{error}"
    );
}
