//! Conversations by the names and the first lines of their files.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags, open};
use serde::de::DeserializeOwned;

use crate::adapter::Held;
use crate::row::FoundBy;

/// How much of a first line is read. Codex writes its instructions into it.
const MAX_FIRST_LINE: u64 = 1 << 20;

/// How many files of one directory are looked at.
const MAX_FILES: usize = 10_000;

/// Whether it has the form of a UUID: what agents take for the id of a session, where a person may
/// also type something to search for.
pub(super) fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The conversations of a directory that were begun since a time: by when their files were made,
/// which no later write changes. Where the file system does not keep that, none.
pub(super) fn begun_files(
    dir: &Path,
    since: u64,
    id: impl Fn(&Path) -> Option<Box<str>>,
) -> Vec<Held> {
    let is_new = |path: &PathBuf| {
        let metadata = path.symlink_metadata().ok().filter(Metadata::is_file);
        metadata.and_then(|m| made_at(&m)).is_some_and(|at| at >= since)
    };
    files(dir)
        .filter(is_new)
        .filter_map(|path| {
            let session_id = Some(id(&path)?);
            let transcript = Some(path);
            Some(Held { session_id, found_by: FoundBy::Process, transcript, cwd: None })
        })
        .collect()
}

/// When the file was made, in ms since the epoch.
pub(super) fn made_at(metadata: &Metadata) -> Option<u64> {
    let since = metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// The entries of a directory; none if it cannot be read.
pub(super) fn files(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.take(MAX_FILES).map(|entry| entry.path())
}

/// Opens a regular file: without following a link, or waiting for whoever is at the other end.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags | OFlags::NOCTTY, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// The first line of a file as JSON, by the keys of interest; `None` if it is no regular file, is
/// longer than can be believed, or is something else.
pub(super) fn first_line<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let file = open_regular(path).ok()?;
    let mut bytes = Vec::new();
    let mut part = [0; 16 * 1024];
    let mut rest = file.take(MAX_FIRST_LINE);
    loop {
        let end = bytes.len();
        let more = rest.read(&mut part).ok()?;
        bytes.extend_from_slice(&part[..more]);
        if let Some(at) = memchr::memchr(b'\n', &bytes[end..]) {
            return serde_json::from_slice(&bytes[..end + at]).ok();
        }
        if more == 0 {
            return serde_json::from_slice(&bytes).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_id_and_what_is_a_search() {
        assert!(is_uuid("77481841-88af-4913-8f50-69ab52ba3cd2"));
        for other in
            ["", "latest", "3", "the refactoring of yesterday, from the morn", "77481841-88af"]
        {
            assert!(!is_uuid(other), "{other}");
        }
        assert!(!is_uuid("77481841-88af-4913-8f50-69ab52ba3cg2"));
    }
}
