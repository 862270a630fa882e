//! Finding a conversation file by its session id.

use std::path::{Path, PathBuf};

/// Whether a session id, which comes from a file, may be made part of a path.
pub(crate) fn is_plain_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// `<projects>/*/<rest>`, for whichever project has it as a regular file.
///
/// The name of the project is not worked out from a working directory: agents change the rule,
/// shorten long names by hashes, and move a session between work trees. Where several projects
/// have the file (a session that moved leaves a copy), the one written last is the conversation.
pub(crate) fn find_in_projects(projects: &Path, rest: &Path) -> Option<PathBuf> {
    let found = std::fs::read_dir(projects).ok()?.flatten().filter_map(|project| {
        let path = project.path().join(rest);
        let metadata = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((metadata.modified().ok(), path))
    });
    found.max().map(|(_, path)| path)
}

/// The sessions of opencode that were begun in a directory since then (ms since the epoch), the one
/// that was written to last first; sub-agents' and archived ones left out, and at most 16. None if
/// the database cannot be read.
pub(crate) fn opencode_sessions(database: &Path, directory: &str, since: u64) -> Vec<Box<str>> {
    #[cfg(feature = "opencode")]
    let sessions = super::opencode::sessions_in(database, directory, since).unwrap_or_default();
    #[cfg(not(feature = "opencode"))]
    let sessions = {
        let _ = (database, directory, since);
        Vec::new()
    };
    sessions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_a_path() {
        for id in ["77481841-88af-4913-8f50-69ab52ba3cd2", "a", "session_01A"] {
            assert!(is_plain_id(id), "{id}");
        }
        let long = "a".repeat(129);
        for id in ["", ".", "..", "a/b", "../../etc/passwd", "a.b", "a b", "a\0", "ä", "*", &long]
        {
            assert!(!is_plain_id(id), "{id:?}");
        }
    }
}
