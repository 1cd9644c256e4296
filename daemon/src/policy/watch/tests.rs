//! That a save is in force soon, however it is made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use jiff::Timestamp;

use super::*;
use crate::catalogue::Effect;
use crate::names::{Identity, ServiceName};
use crate::policy::{Decision, Request};

/// Longer than any save should take, and than a busy machine delays it.
const PATIENCE: Duration = Duration::from_secs(20);

fn allowing(action: &str) -> String {
    format!("policies: [{{identity: a, allow: [{{service: s, actions: [{action}]}}]}}]\n")
}

struct Watched {
    store: Arc<PolicyStore>,
    changes: Receiver<Change>,
    watch: Watch,
}

impl Watched {
    fn at(path: &Path) -> Self {
        let store = PolicyStore::load(path.to_owned());
        let (tell, changes) = channel();
        let watch = store
            .watch(Follow::Notices, move |change| {
                let _ = tell.send(change);
            })
            .unwrap();
        Self {
            store,
            changes,
            watch,
        }
    }

    fn allows(&self, action: &str) -> bool {
        let (identity, service) = (Identity::parse("a"), ServiceName::parse("s"));
        let loaded = self.store.current();
        let decision = loaded.decide(&Request {
            identity: &identity.unwrap(),
            own_socket: false,
            service: &service.unwrap(),
            action,
            effect: Effect::Read,
            params: None,
            at: Timestamp::UNIX_EPOCH,
        });
        matches!(decision, Decision::Allow(_))
    }

    /// Waits until `action` is allowed, and no longer than it must.
    #[track_caller]
    fn expect(&self, action: &str) -> Duration {
        let begun = Instant::now();
        while !self.allows(action) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let change = self.changes.recv_timeout(left);
            assert!(change.is_ok(), "{action} isn't allowed");
        }
        begun.elapsed()
    }
}

fn save_in_place(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

fn save_by_rename(path: &Path, text: &str) {
    let temporary = path.with_extension("yaml.swp");
    fs::write(&temporary, text).unwrap();
    fs::rename(&temporary, path).unwrap();
}

fn save_by_delete_and_create(path: &Path, text: &str) {
    fs::remove_file(path).unwrap();
    fs::write(path, text).unwrap();
}

fn save_with_backup(path: &Path, text: &str) {
    fs::rename(path, path.with_extension("yaml~")).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn every_way_to_save_is_seen_time_and_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy.yaml");
    save_in_place(&path, &allowing("start"));
    let watched = Watched::at(&path);
    let ways: [fn(&Path, &str); 4] = [
        save_in_place,
        save_by_rename,
        save_by_delete_and_create,
        save_with_backup,
    ];
    for round in 0..3 {
        for (number, save) in ways.iter().enumerate() {
            let action = format!("a{round}.b{number}");
            save(&path, &allowing(&action));
            watched.expect(&action);
        }
    }
}

#[test]
fn a_symlinked_policy_is_followed_to_its_target_and_to_a_new_one() {
    let home = tempfile::tempdir().unwrap();
    let (first, second) = (home.path().join("one"), home.path().join("two"));
    let config = home.path().join("config");
    for directory in [&first, &second, &config] {
        fs::create_dir(directory).unwrap();
    }
    let (target, other) = (first.join("mine.yaml"), second.join("other.yaml"));
    save_in_place(&target, &allowing("start"));
    save_in_place(&other, &allowing("other"));
    let path = config.join("policy.yaml");
    symlink("../one/mine.yaml", &path).unwrap();
    let watched = Watched::at(&path);
    watched.expect("start");
    save_by_rename(&target, &allowing("target"));
    watched.expect("target");
    symlink(&other, config.join("new")).unwrap();
    fs::rename(config.join("new"), &path).unwrap();
    watched.expect("other");
    save_by_rename(&other, &allowing("again"));
    watched.expect("again");
}

#[test]
fn a_directory_that_comes_later_or_is_made_anew_is_watched() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("later/axis");
    let path = config.join("policy.yaml");
    let watched = Watched::at(&path);
    fs::create_dir_all(&config).unwrap();
    save_in_place(&path, &allowing("first"));
    watched.expect("first");
    fs::rename(home.path().join("later"), home.path().join("away")).unwrap();
    fs::create_dir_all(&config).unwrap();
    save_in_place(&path, &allowing("anew"));
    watched.expect("anew");
    save_by_rename(&path, &allowing("again"));
    watched.expect("again");
}

#[test]
fn a_change_between_loading_and_watching_is_not_missed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy.yaml");
    save_in_place(&path, &allowing("start"));
    let store = PolicyStore::load(path.clone());
    save_by_rename(&path, &allowing("between"));
    let (tell, changes) = channel();
    let _watch = store.watch(Follow::Notices, move |change| {
        let _ = tell.send(change);
    });
    let change = changes.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(change, Change::InForce(_)));
}

#[test]
fn a_deleted_policy_denies_and_a_broken_one_is_told_once() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy.yaml");
    save_in_place(&path, &allowing("start"));
    let watched = Watched::at(&path);
    for _ in 0..3 {
        save_by_rename(&path, "policies: nonsense\n");
    }
    let change = watched.changes.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(change, Change::Refused(_)), "{change:?}");
    assert!(watched.allows("start"));
    fs::remove_file(&path).unwrap();
    let change = watched.changes.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(change, Change::Removed), "{change:?}");
    assert!(!watched.allows("start"));
}

#[test]
fn a_dropped_watch_ends_its_thread_at_once() {
    let home = tempfile::tempdir().unwrap();
    let Watched {
        store,
        changes,
        watch,
    } = Watched::at(&home.path().join("policy.yaml"));
    drop(watch);
    // The thread held the other end, and one of two references.
    assert!(changes.recv().is_err());
    assert_eq!(Arc::strong_count(&store), 1);
}
