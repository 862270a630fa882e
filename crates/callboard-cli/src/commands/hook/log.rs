//! What came of each event, for somebody who asks why a session does not show as it should.
//! Nothing in it is private: the agent, the event's name, the pid, eight characters of the session
//! id, and a reason in our own words.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use callboard_agents::hook::Event;
use rustix::fs::OFlags;

use super::asked::Asked;
use crate::output::age::now;

/// The variable that names the file.
const VARIABLE: &str = "CALLBOARD_HOOK_LOG";

/// Longer than this it starts again: nobody looks after it.
const MAX_BYTES: u64 = 1 << 20;

/// Where to write, and what about.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    path: Option<PathBuf>,
    /// When this process began to run, in ms since the epoch.
    began: u64,
    /// When the agent had told it everything.
    told: u64,
    agent: &'static str,
    event: String,
    session: String,
    pid: Option<u32>,
}

/// The file that the environment names.
fn path() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from).filter(|path| path.is_absolute())
}

impl Log {
    /// For a hook that began to run at `began`.
    pub(super) fn open(asked: &Asked, began: u64) -> Self {
        let agent = asked.agent.map_or("?", |agent| agent.name());
        Self { path: path(), began, told: began, agent, ..Self::default() }
    }

    /// The agent has told everything just now: a busy one starts a hook long before it writes.
    pub(super) fn is_told(&mut self) {
        self.told = now();
    }

    pub(super) fn is_about(&mut self, event: &Event) {
        if self.path.is_some() {
            self.event = event.name.as_deref().map(plain).unwrap_or_default();
            let id = event.session_id.as_deref().unwrap_or_default();
            self.session = plain(id).chars().take(8).collect();
        }
    }

    pub(super) fn is_of(&mut self, pid: u32) {
        self.pid = Some(pid);
    }

    /// Adds a line, with how long it took, and for how much of that the agent was waited for: who is
    /// late, the agent or its hook, can be told from nothing else. Where it cannot, there is nobody
    /// to tell.
    pub(super) fn say(&self, outcome: &str) {
        let Some(path) = &self.path else { return };
        let at = jiff::Timestamp::now();
        let known = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let line = format!(
            "{at:.3} {} {} pid {} session {} after {} ms, {} of them to hear it: {}\n",
            self.agent,
            known(&self.event),
            self.pid.map_or("-".into(), |pid| pid.to_string()),
            known(&self.session),
            now().saturating_sub(self.began),
            self.told.saturating_sub(self.began),
            outcome.replace(['\n', '\r'], " ")
        );
        _ = append(path, &line);
    }
}

/// A word of an agent's, as far as it is one.
fn plain(word: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    word.chars().filter(plain).take(40).collect()
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    // Neither a FIFO that nobody reads nor a link elsewhere.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(());
    }
    if about.len() > MAX_BYTES {
        file.set_len(0)?;
    }
    file.write_all(line.as_bytes())
}

/// The last line about an agent in the log that this environment names, with the log's path.
pub(crate) fn last_line(agent: &str) -> Option<(PathBuf, Option<String>)> {
    let path = path()?;
    let mut end = Vec::new();
    if let Ok(mut file) = File::open(&path) {
        let length = file.metadata().map_or(0, |about| about.len());
        _ = file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024)));
        _ = file.take(64 * 1024).read_to_end(&mut end);
    }
    let end = String::from_utf8_lossy(&end);
    let is_about = |line: &&str| line.split(' ').nth(1) == Some(agent);
    let last = end.lines().rev().find(is_about).map(str::to_owned);
    Some((path, last))
}
