//! What is in force after each way in which the files can change.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::mpsc::channel;

use tempfile::TempDir;

use super::*;
use crate::catalogue::MAX_DEFINITION_BYTES;
use crate::services::MAX_FILES;
use crate::watch::Follow;

/// Longer than any save should take, and than a busy machine delays it.
const PATIENCE: Duration = Duration::from_secs(20);

fn defining(name: &str, path: &str) -> String {
    format!(
        "service: {name}\ntitle: T\nbase_url: https://api.example.com\nauth: bearer\nactions:\n  x.get: {{ effect: read, method: GET, path: {path} }}\n"
    )
}

struct Directory {
    home: TempDir,
    store: Arc<ServiceStore>,
    now: Instant,
}

impl Directory {
    fn with(files: &[(&str, String)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(home.path().join(name), text).unwrap();
        }
        let builtin = Catalogue::builtin().unwrap();
        let store = ServiceStore::load(home.path().to_owned(), builtin);
        let now = Instant::now();
        Self { home, store, now }
    }

    fn save(&self, name: &str, text: &str) {
        fs::write(self.home.path().join(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.home.path().join(name)).unwrap();
    }

    /// The changes of a refresh, in words.
    fn refresh(&self) -> Vec<String> {
        let words = |change: Change| match change {
            Change::InForce(path, service) => {
                format!("{} from {}", service.name(), name_of(&path))
            }
            Change::Refused { error, kept } => {
                let kept = kept.map_or_else(String::new, |name| format!(", {name} stays"));
                format!("refused: {}{kept}", error.headline())
            }
            Change::Gone(name) => format!("{name} is gone"),
            Change::Proposed => "proposed".into(),
        };
        self.store
            .refresh(self.now)
            .into_iter()
            .map(words)
            .collect()
    }

    fn has(&self, service: &str) -> bool {
        self.store.catalogue().service(service).is_some()
    }

    /// The one error there is.
    #[track_caller]
    fn error(&self) -> String {
        let current = self.store.current();
        let mut errors = current.files.iter().filter_map(|file| file.error.as_ref());
        let error = errors.next().expect("an error").to_string();
        assert!(errors.next().is_none());
        error
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_file_of_ones_own_is_in_force_beside_what_is_built_in() {
    let directory = Directory::with(&[("acme.yaml", defining("acme", "/x"))]);
    assert!(directory.has("ACME") && directory.has("github"));
    assert!(directory.refresh().is_empty(), "nothing has changed");
    directory.save("acme.yaml", &defining("acme", "/y"));
    assert_eq!(directory.refresh(), ["acme from acme.yaml"]);
    directory.save("other.yaml", &defining("other", "/y"));
    assert_eq!(directory.refresh(), ["other from other.yaml"]);
    assert!(directory.refresh().is_empty());
}

#[test]
fn a_broken_file_changes_nothing_and_is_told_once_with_its_place() {
    let directory = Directory::with(&[
        ("acme.yaml", defining("acme", "/x")),
        ("other.yaml", defining("other", "/x")),
    ]);
    let before = directory.store.catalogue();
    directory.save("acme.yaml", &defining("acme", "/x").replace("auth", "auht"));
    let path = directory.home.path().join("acme.yaml");
    let told = directory.refresh();
    assert!(
        told[0].starts_with(&format!("refused: {}:4:1: ", path.display()))
            && told[0].ends_with(", acme stays"),
        "{told:?}"
    );
    assert!(
        directory.error().contains("auht: bearer\n"),
        "the line is shown"
    );
    assert!(directory.refresh().is_empty(), "told once");
    let service = |catalogue: &Catalogue| std::ptr::from_ref(catalogue.service("acme").unwrap());
    assert_eq!(service(&before), service(&directory.store.catalogue()));
    directory.save("acme.yaml", "nonsense");
    assert_eq!(directory.refresh().len(), 1, "another error is told");
    directory.save("acme.yaml", &defining("acme", "/x"));
    assert_eq!(directory.refresh(), ["acme from acme.yaml"]);
    assert!(
        directory
            .store
            .current()
            .files
            .iter()
            .all(|file| file.error.is_none())
    );
}

#[test]
fn a_built_in_name_can_not_be_taken() {
    let directory = Directory::with(&[("mine.yaml", defining("GitHub", "/x"))]);
    let error = directory.error();
    for word in ["mine.yaml:1:10", "built in", "github-acme"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let catalogue = directory.store.catalogue();
    assert!(catalogue.resolve("github", "repos.get").is_ok());
    assert!(catalogue.resolve("github", "x.get").is_err());
}

#[test]
fn of_two_files_with_one_name_the_one_in_force_keeps_it() {
    let directory = Directory::with(&[("b.yaml", defining("acme", "/b"))]);
    directory.save("a.yaml", &defining("acme", "/a"));
    let told = directory.refresh();
    assert!(
        told[0].contains("a.yaml:1:10: the service acme is already defined in"),
        "{told:?}"
    );
    assert!(directory.error().contains("b.yaml"));
    // even while it is broken
    directory.save("b.yaml", "nonsense");
    assert!(directory.refresh()[0].ends_with("acme stays"));
    directory.remove("b.yaml");
    assert_eq!(
        directory.refresh(),
        ["acme from a.yaml"],
        "at once: it gives way"
    );
    assert!(
        directory
            .store
            .current()
            .files
            .iter()
            .all(|file| file.error.is_none())
    );
}

#[test]
fn a_file_that_is_away_for_a_moment_stays_in_force() {
    let mut directory = Directory::with(&[("acme.yaml", defining("acme", "/x"))]);
    directory.remove("acme.yaml");
    assert!(directory.refresh().is_empty() && directory.store.is_in_grace());
    directory.save("acme.yaml", &defining("acme", "/x"));
    assert!(directory.refresh().is_empty() && !directory.store.is_in_grace());
    directory.remove("acme.yaml");
    directory.refresh();
    directory.now += GRACE;
    assert_eq!(directory.refresh(), ["acme is gone"]);
    assert!(!directory.has("acme") && directory.has("github"));
}

#[test]
fn what_is_no_definition_is_refused_with_words_or_left_alone() {
    let directory = Directory::with(&[("good.yaml", defining("good", "/x"))]);
    let path = |name: &str| directory.home.path().join(name);
    let set_aside = tempfile::tempdir().unwrap();
    let target = set_aside.path().join("target.yaml");
    fs::write(&target, defining("linked", "/x")).unwrap();
    symlink(&target, path("linked.yaml")).unwrap();
    fs::create_dir(path("dir.yaml")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.yaml"), 0o600.into()).unwrap();
    fs::write(path("large.yaml"), vec![b'#'; MAX_DEFINITION_BYTES + 1]).unwrap();
    fs::write(path("latin.yaml"), b"service: caf\xe9\n").unwrap();
    fs::write(path("named.yml"), defining("named", "/x")).unwrap();
    for ignored in [".hidden.yaml", "a.yaml~", "README.md", ".a.yaml.swp"] {
        fs::write(path(ignored), "nonsense").unwrap();
    }
    let told = directory.refresh();
    for (file, words) in [
        ("linked.yaml", "a symbolic link"),
        ("dir.yaml", "a directory"),
        ("pipe.yaml", "a pipe"),
        ("large.yaml", "larger than 1048576 bytes"),
        ("latin.yaml:1:13", "UTF-8"),
        ("named.yml", "rename it to end in .yaml"),
    ] {
        let says = |line: &&String| line.contains(file) && line.contains(words);
        assert!(told.iter().any(|line| says(&line)), "{file}: {told:#?}");
    }
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(directory.has("good") && !directory.has("linked") && !directory.has("named"));
}

#[test]
fn of_too_many_files_those_already_in_force_stay() {
    let directory = Directory::with(&[("z.yaml", defining("z", "/x"))]);
    for number in 0..MAX_FILES {
        directory.save(
            &format!("a{number:03}.yaml"),
            &defining(&format!("a{number}"), "/x"),
        );
    }
    let told = directory.refresh();
    let refused: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("refused"))
        .collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(
        refused[0].contains("a255.yaml") && refused[0].contains("256"),
        "{refused:?}"
    );
    assert!(directory.has("z") && directory.has("a254") && !directory.has("a255"));
}

#[test]
fn every_way_to_save_is_seen_time_and_again() {
    for how in [Follow::Notices, Follow::Looking] {
        let home = tempfile::tempdir().unwrap();
        let services = home.path().join("later/services");
        let store = ServiceStore::load(services.clone(), Catalogue::builtin().unwrap());
        let (tell, changes) = channel();
        let _watch = store
            .watch(how, move |change| drop(tell.send(change)))
            .unwrap();
        let expect = |path: &str| {
            let begun = Instant::now();
            let is_there = || {
                let catalogue = store.catalogue();
                let found = catalogue.resolve("acme", "x.get");
                found.is_ok_and(|(_, action)| {
                    action.build(b"{}", None).unwrap().path_and_query == path
                })
            };
            while !is_there() {
                let left = PATIENCE.saturating_sub(begun.elapsed());
                assert!(changes.recv_timeout(left).is_ok(), "{path} under {how:?}");
            }
        };
        fs::create_dir_all(&services).unwrap();
        let (file, new) = (services.join("acme.yaml"), services.join("new"));
        let by_rename = |text: String| {
            fs::write(&new, text).unwrap();
            fs::rename(&new, &file).unwrap();
        };
        for round in 0..3 {
            fs::write(&file, defining("acme", &format!("/{round}/written"))).unwrap();
            expect(&format!("/{round}/written"));
            by_rename(defining("acme", &format!("/{round}/renamed")));
            expect(&format!("/{round}/renamed"));
            fs::remove_file(&file).unwrap();
            fs::write(&file, defining("acme", &format!("/{round}/anew"))).unwrap();
            expect(&format!("/{round}/anew"));
        }
        fs::remove_dir_all(&services).unwrap();
        fs::create_dir(&services).unwrap();
        fs::write(&file, defining("acme", "/directory/anew")).unwrap();
        expect("/directory/anew");
    }
}
