//! Of the files that make axisd a service: they are the owner's own, so any
//! program of theirs can have changed what axisd is started with.

use std::fs;
use std::path::{Path, PathBuf};

use axis_proto::shell;
use axis_proto::v1::Check;

use super::{ok, warn};
use crate::service::{Installation, Manager};

pub(super) fn checks() -> Option<Check> {
    let files = Manager::of_this_system()
        .ok()?
        .files(&Installation::here().ok()?)
        .ok()?;
    let there: Vec<_> = files.iter().filter(|file| file.path.exists()).collect();
    if there.is_empty() {
        return None;
    }
    if let Some(additions) = there.iter().find_map(|file| drop_in(&file.path)) {
        return Some(warn(
            "units",
            format!(
                "{} changes what axisd is started with, and axis daemon install didn't write it",
                additions.display()
            ),
            format!(
                "look at it, and where it isn't yours: rm -r {}",
                shell::word(&additions.to_string_lossy())
            ),
        ));
    }
    Some(match there.iter().find(|file| !file.stands()) {
        Some(file) => warn(
            "units",
            format!(
                "{} isn't what axis daemon install writes here",
                file.path.display()
            ),
            "axis daemon install",
        ),
        None => ok("units", "they are what axis daemon install writes"),
    })
}

/// The directory beside a unit whose files are added to it, where it has any.
fn drop_in(unit: &Path) -> Option<PathBuf> {
    let mut name = unit.as_os_str().to_owned();
    name.push(".d");
    let directory = PathBuf::from(name);
    let has_files = fs::read_dir(&directory).is_ok_and(|mut files| files.next().is_some());
    has_files.then_some(directory)
}
