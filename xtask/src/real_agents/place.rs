//! Where a run has everything: the agent's home, its project, our logs; and what must not leak.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::state::now;

/// The directories of a run.
pub(super) struct Place {
    /// Where the agent and what it needs are installed: holds `node_modules`.
    pub(super) modules: PathBuf,
    /// The program that runs JavaScript.
    pub(super) node: PathBuf,
    pub(super) home: PathBuf,
    pub(super) project: PathBuf,
    pub(super) runtime: PathBuf,
    pub(super) logs: PathBuf,
    /// Where the stand-in model listens: `http://127.0.0.1:<port>`.
    pub(super) model: String,
    pub(super) secrets: Secrets,
}

/// What no board has any business with. Words that occur nowhere else.
pub(super) struct Secrets {
    pub(super) key: String,
    pub(super) prompt: String,
    pub(super) tool_input: String,
    pub(super) answer: String,
}

impl Secrets {
    pub(super) fn new() -> Self {
        let word = |what: &str| format!("{what}{:x}{:x}", now(), super::state::serial());
        Self {
            key: format!("sk-{}", word("key")),
            prompt: word("prompt"),
            tool_input: word("input"),
            answer: word("answer"),
        }
    }

    /// Each with what it is.
    pub(super) fn all(&self) -> [(&'static str, &str); 4] {
        [
            ("a key", &self.key),
            ("a prompt", &self.prompt),
            ("a tool input", &self.tool_input),
            ("a model's text", &self.answer),
        ]
    }
}

impl Place {
    /// Makes the directories.
    pub(super) fn make(
        scratch: &Path,
        modules: PathBuf,
        node: PathBuf,
        model: String,
    ) -> Result<Self> {
        let directory = |name: &str| -> Result<PathBuf> {
            let path = scratch.join(name);
            fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
            Ok(path)
        };
        Ok(Self {
            modules: modules.join("node_modules"),
            node,
            home: directory("home")?,
            project: directory("project")?,
            runtime: directory("run")?,
            logs: directory("logs")?,
            model,
            secrets: Secrets::new(),
        })
    }

    /// Writes a file below the home.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.home.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    pub(super) fn write_json(&self, name: &str, value: &Value) -> Result<()> {
        self.write(name, &format!("{value:#}\n"))
    }

    /// A new file for a log.
    pub(super) fn log(&self, name: &str) -> Result<fs::File> {
        let path = self.logs.join(name);
        fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The project as configuration files have it.
    pub(super) fn project_name(&self) -> String {
        self.project.display().to_string()
    }

    /// An executable of a package.
    pub(super) fn bin(&self, name: &str) -> PathBuf {
        self.modules.join(".bin").join(name)
    }

    /// Where our hooks say when they were called, and what came of it.
    pub(super) fn hook_log(&self) -> PathBuf {
        self.logs.join("said/hooks")
    }

    /// What the agent and the board have in their environment.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let node = self.node.parent().unwrap_or(Path::new("/usr/bin"));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", node.display());
        [
            ("HOME", self.home.display().to_string()),
            ("PATH", path),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("SHELL", "/bin/bash".to_owned()),
            ("USER", "dev".to_owned()),
            ("CALLBOARD_HOOK_LOG", self.hook_log().display().to_string()),
            ("XDG_RUNTIME_DIR", self.runtime.display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}
