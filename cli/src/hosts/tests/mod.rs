//! Files as real users have them, and ours in and out of them.

mod disk;
mod keys;
mod property;
mod shapes;
mod standing;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::change::Allowed;
use super::edit::{Applied, Edit, plan, plan_removal};
use super::entry::Entry;
use super::environment::Environment;
use super::error::HostsError;
use super::host::{Host, Place, Scope, known};

const PROGRAM: &str = "/opt/axis/bin/axis";

fn host(id: &str) -> &'static Host {
    known().unwrap().iter().find(|host| host.id == id).unwrap()
}

fn entry() -> Entry {
    Entry {
        program: PROGRAM.to_owned(),
        variables: vec![("AXIS_IDENTITY".to_owned(), "local-dev".to_owned())],
        defaults: Vec::new(),
    }
}

/// A home with one file of one host in it.
struct Case {
    home: TempDir,
    host: &'static Host,
    place: Place,
}

impl Case {
    fn empty(id: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let host = host(id);
        let environment = Environment::at(home.path());
        let place = host.place(&environment, &Scope::User).unwrap();
        fs::create_dir_all(place.file.parent().unwrap()).unwrap();
        Self { home, host, place }
    }

    fn of(id: &str, text: &str) -> Self {
        let case = Self::empty(id);
        fs::write(&case.place.file, text).unwrap();
        case
    }

    fn file(&self) -> &Path {
        &self.place.file
    }

    fn backup(&self) -> PathBuf {
        PathBuf::from(format!("{}.axis-backup", self.file().display()))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn plan(&self, entry: Entry) -> Result<Edit, HostsError> {
        plan(self.host, &self.place, entry, Allowed::default())
    }

    fn add(&self) -> Result<Applied, HostsError> {
        self.plan(entry())?.apply()
    }

    fn remove(&self) -> Result<Applied, HostsError> {
        plan_removal(self.host, &self.place, Allowed::default())?.apply()
    }

    /// The same after everything but the file itself is forgotten.
    fn remove_without_backup(&self) -> Result<Applied, HostsError> {
        let _ = fs::remove_file(self.backup());
        self.remove()
    }
}
