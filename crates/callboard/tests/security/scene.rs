//! The machine on which the two meet.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::Stage;

use crate::actor::Actor;
use crate::canary::Canary;

/// Two users whom the machine does not know otherwise.
pub(crate) const VICTIM: u32 = 61_001;
pub(crate) const ATTACKER: u32 = 61_002;

/// Places of both users and of everybody, below one that root made.
pub(crate) struct Scene {
    root: tempfile::TempDir,
    program: PathBuf,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::in_directory(&std::env::temp_dir())
    }

    pub(crate) fn in_directory(parent: &Path) -> Self {
        let root =
            tempfile::Builder::new().prefix("callboard-security-").tempdir_in(parent).unwrap();
        fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        // The build may be where the two may not go.
        let program = root.path().join("actor");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let scene = Self { root, program };
        scene.make("tmp", 0, 0o1777);
        scene.make("victim", VICTIM, 0o755);
        scene.make("attacker", ATTACKER, 0o777);
        scene
    }

    /// A directory, whoever's, with exactly this mode.
    pub(crate) fn make(&self, below: &str, uid: u32, mode: u32) -> PathBuf {
        let path = self.path(below);
        fs::create_dir(&path).unwrap();
        chown(&path, Some(uid), Some(uid)).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(below)
    }

    /// The registry where it usually is: below the victim's own home.
    pub(crate) fn usual(&self) -> PathBuf {
        self.path("victim/board/sessions")
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// A program of the victim's, over this registry.
    pub(crate) fn victim(&self, sessions: &Path) -> Actor {
        Actor::start(&Stage::as_user(VICTIM), &self.program, sessions)
    }

    /// One that is signed in.
    pub(crate) fn session(&self, sessions: &Path) -> Actor {
        let mut victim = self.victim(sessions);
        victim.must("register", json!(null));
        victim
    }

    /// A program of the attacker's.
    pub(crate) fn attacker(&self) -> Actor {
        Actor::start(&Stage::as_user(ATTACKER), &self.program, Path::new("/"))
    }

    /// Something else of the victim's.
    pub(crate) fn canary(&self) -> Canary {
        Canary::in_directory(self.path("victim/private"), VICTIM)
    }

    /// The registry of a victim with a careless script: others may write to it.
    pub(crate) fn loose(&self, mode: u32) -> PathBuf {
        self.make("victim/board", VICTIM, 0o755);
        self.make("victim/board/sessions", VICTIM, mode)
    }
}

/// Makes a directory as loose as a careless script of the victim's would.
pub(crate) fn loosen(directory: &Path, mode: u32) {
    fs::set_permissions(directory, PermissionsExt::from_mode(mode)).unwrap();
}

pub(crate) fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The names in a directory, sorted.
pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
