//! Where an agent keeps its files, by variables.

use std::ffi::OsString;
use std::path::PathBuf;

/// The value of a variable that names a path; empty is as good as unset.
pub(super) fn set(lookup: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The user's home, if it is an absolute path.
pub(super) fn user(lookup: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    set(lookup, "HOME").filter(|home| home.is_absolute())
}

/// What the variable names, else this below the user's home.
pub(super) fn named_or(
    lookup: &dyn Fn(&str) -> Option<OsString>,
    variable: &str,
    usual: &str,
) -> Option<PathBuf> {
    set(lookup, variable).or_else(|| user(lookup).map(|home| home.join(usual)))
}

/// A directory and the directories in it (of each of them the one of this name), for a watch that
/// does not hear what happens further down.
pub(super) fn with_those_in_it(dir: PathBuf, below: Option<&str>) -> Vec<PathBuf> {
    let inner = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let inner = inner.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let inner: Vec<PathBuf> =
        inner.map(|entry| below.map_or(entry.path(), |below| entry.path().join(below))).collect();
    [dir].into_iter().chain(inner).collect()
}
