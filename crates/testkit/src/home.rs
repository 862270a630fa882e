//! A directory that a test has to itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A home that nobody else uses, 0700, removed when it is dropped.
#[derive(Debug)]
pub struct Home {
    scratch: tempfile::TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty one, in the directory for temporary files.
    #[must_use]
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// One for a test that makes thousands of them: in memory where the machine has such a
    /// directory, with that of the records made already.
    #[must_use]
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let home = if memory.is_dir() { Self::below(memory) } else { Self::new() };
        home.make_sessions()
    }

    fn below(directory: &Path) -> Self {
        let mut name = tempfile::Builder::new();
        let scratch = name.prefix("callboard-test-").tempdir_in(directory).unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self { scratch }
    }

    /// The same with the directory of records made already.
    #[must_use]
    pub fn with_sessions() -> Self {
        Self::new().make_sessions()
    }

    fn make_sessions(self) -> Self {
        fs::create_dir(self.sessions()).unwrap();
        fs::set_permissions(self.sessions(), fs::Permissions::from_mode(0o700)).unwrap();
        self
    }

    /// The home itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Where the records are, once somebody signs in.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.path().join("sessions")
    }

    /// The path of one entry among the records.
    #[must_use]
    pub fn entry(&self, name: &str) -> PathBuf {
        self.sessions().join(name)
    }

    /// Puts a file among the records in one step, 0600.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let temporary = self.path().join(".put");
        fs::write(&temporary, bytes).unwrap();
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o600)).unwrap();
        let path = self.entry(name);
        fs::rename(temporary, &path).unwrap();
        path
    }

    /// Makes an entry look as if it had been written that long ago.
    pub fn age(&self, name: &str, by: Duration) {
        let file = fs::File::open(self.entry(name)).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }

    /// The names among the records, sorted; none if there is no such directory.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.sessions()) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The same without the spares that sessions have beside their records: a record that was
    /// changed by its own session has one, one that was not has none.
    #[must_use]
    pub fn names_without_spares(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| !is_spare_of_a_record(&self.sessions(), name));
        names
    }

    /// Every name among the records with its content and inode number, to tell that nothing was
    /// touched.
    #[must_use]
    pub fn fingerprint(&self) -> Vec<(String, u64, Vec<u8>)> {
        use std::os::unix::fs::MetadataExt;
        let Ok(entries) = fs::read_dir(self.sessions()) else { return Vec::new() };
        let mut found: Vec<_> = entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let meta = fs::symlink_metadata(&path).unwrap();
                let small = meta.is_file() && meta.len() < 1 << 20;
                let bytes = if small { fs::read(&path).unwrap_or_default() } else { Vec::new() };
                (path.file_name().unwrap().to_string_lossy().into_owned(), meta.ino(), bytes)
            })
            .collect();
        found.sort();
        found
    }
}

/// Whether it is the name of a spare, and the record that it belongs to is there.
#[must_use]
pub fn is_spare_of_a_record(sessions: &Path, name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let ["", stem, token, "spare"] = parts[..] else { return false };
    let record = fs::read_to_string(sessions.join(format!("{stem}.json"))).unwrap_or_default();
    token.len() == 16 && record.contains(&format!("\"instance\":\"{token}"))
}
