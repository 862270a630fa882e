//! Sessions of an agent that every tool knows: live processes of its name, and the files that it
//! would have written about them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::workspace;

/// A conversation that the agent itself has written; what is generated repeats it.
const CONVERSATION: &str = "crates/callboard-agents/tests/data/claude/2.1.329/transcripts/12901c78-adc2-4545-aca0-15230cb36fff.jsonl";

/// The version whose files these look like.
const VERSION: &str = "2.1.329";

/// A home with sessions in it. They end when it is dropped.
pub(crate) struct Claudes {
    home: PathBuf,
    processes: Vec<Child>,
}

impl Claudes {
    /// Starts processes of that name, which nothing is written about yet.
    pub(crate) fn start(home: &Path, count: usize) -> Result<Self> {
        std::fs::create_dir_all(home.join(".claude/sessions"))?;
        // A process is known by the name of its file.
        let program = home.join("claude");
        std::fs::copy("/bin/sleep", &program).context("cannot copy sleep")?;
        // Without this the agent's own view asks a question first.
        let trusted = json!({
            "hasCompletedOnboarding": true,
            "projects": { (home.join("work").to_string_lossy()): { "hasTrustDialogAccepted": true } },
        });
        std::fs::write(home.join(".claude.json"), trusted.to_string())?;
        let mut claudes = Self { home: home.to_owned(), processes: Vec::new() };
        for nth in 0..count {
            let cwd = claudes.cwd(nth);
            std::fs::create_dir_all(&cwd)?;
            let mut command = Command::new(&program);
            command.arg("1000000").current_dir(cwd).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            claudes.processes.push(command.spawn().context("cannot start a process")?);
        }
        Ok(claudes)
    }

    /// Where one of them works; the last part is its name.
    fn cwd(&self, nth: usize) -> PathBuf {
        self.home.join("work").join(Self::name(nth))
    }

    /// What of it appears on every screen.
    pub(crate) fn name(nth: usize) -> String {
        format!("mark{nth:03}")
    }

    fn id(nth: usize) -> String {
        format!("4e868bfb-2aab-4c8a-8698-{nth:012}")
    }

    /// Writes the record of one, as its agent does when it signs in: under another name first.
    pub(crate) fn sign_in(&self, nth: usize) -> Result<()> {
        let pid = self.processes.get(nth).context("there are not so many")?.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let ticks = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19));
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis() as u64;
        let record = json!({
            "pid": pid, "sessionId": Self::id(nth), "cwd": self.cwd(nth), "startedAt": since,
            "procStart": ticks.context("no start time")?, "version": VERSION, "peerProtocol": 1,
            "kind": "interactive", "entrypoint": "cli", "name": Self::name(nth),
            "nameSource": "user",
        });
        let sessions = self.home.join(".claude/sessions");
        let (new, path) =
            (sessions.join(format!(".{pid}.tmp")), sessions.join(format!("{pid}.json")));
        std::fs::write(&new, record.to_string())?;
        std::fs::rename(new, path)?;
        Ok(())
    }

    /// Writes a conversation of at least so many bytes for one of them: a real one, repeated.
    pub(crate) fn converse(&self, nth: usize, bytes: usize) -> Result<()> {
        let fixture = std::fs::read_to_string(workspace::root().join(CONVERSATION));
        let fixture = fixture.with_context(|| format!("cannot read {CONVERSATION}"))?;
        let theirs = CONVERSATION.rsplit('/').next().and_then(|name| name.strip_suffix(".jsonl"));
        let once = fixture.replace(theirs.context("a file's name")?, &Self::id(nth));
        ensure!(!once.is_empty(), "{CONVERSATION} is empty");
        let slug = self.cwd(nth).to_string_lossy().replace(['/', '.'], "-");
        let project = self.home.join(".claude/projects").join(slug);
        std::fs::create_dir_all(&project)?;
        let file = std::fs::File::create(project.join(format!("{}.jsonl", Self::id(nth))))?;
        let mut file = std::io::BufWriter::with_capacity(1 << 20, file);
        for _ in 0..bytes.div_ceil(once.len()) {
            file.write_all(once.as_bytes())?;
        }
        Ok(file.flush()?)
    }
}

impl Drop for Claudes {
    fn drop(&mut self) {
        for process in &mut self.processes {
            _ = process.kill();
            _ = process.wait();
        }
    }
}
