//! A home of its own for each test, and real processes to be the sessions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use callboard::Registry;
use callboard::process::Here;
use callboard_agents::{Board, ClaudeCode, QwenCode, Row, Sources};

/// A process that lives until it is dropped, or until the test ends however it ends: it waits for
/// the other end of a pipe.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start() -> Self {
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Self(child.expect("cat runs"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Field 22 of its `stat`: the start that agents write down.
    pub(crate) fn ticks(&self) -> u64 {
        ticks(self.pid())
    }

    /// Killed and collected.
    pub(crate) fn end(mut self) {
        self.kill();
    }

    /// Killed, and left for its parent to collect.
    pub(crate) fn become_zombie(&mut self) {
        kill_and_leave(&mut self.0);
    }

    fn kill(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The start of a process in clock ticks since boot, by field 22 of its `stat`.
pub(crate) fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = &stat[stat.rfind(')').unwrap() + 2..];
    after_name.split(' ').nth(19).unwrap().parse().unwrap()
}

/// Killed, and left for its parent to collect.
pub(crate) fn kill_and_leave(child: &mut Child) {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    child.kill().unwrap();
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(Pid::from_child(child)), options).unwrap();
}

/// A home directory with what a test puts there, and nothing of the person who runs the test.
pub(crate) struct World {
    home: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The `sessions` below a directory of an agent, made as agents make it.
    pub(crate) fn sessions(&self, agent: &str) -> PathBuf {
        let dir = self.home().join(agent).join("sessions");
        if !dir.is_dir() {
            fs::create_dir_all(&dir).unwrap();
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        }
        dir
    }

    /// Writes a file into the `sessions` of Claude Code, in place, as Claude Code does.
    pub(crate) fn claude(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.sessions(".claude").join(name), content).unwrap();
    }

    /// A record of Claude Code 2.1.329 for a process, with these keys besides.
    pub(crate) fn claude_session(&self, process: &Process, keys: &str) {
        self.claude_session_in(".claude", process, keys);
    }

    pub(crate) fn claude_session_in(&self, config_dir: &str, process: &Process, keys: &str) {
        let name = format!("{}.json", process.pid());
        fs::write(self.sessions(config_dir).join(name), record(process, keys)).unwrap();
    }

    pub(crate) fn own(&self) -> Registry {
        Registry::at(self.home().join("callboard/sessions"))
    }

    /// What a command that is started in this home would read.
    pub(crate) fn sources(&self) -> Sources {
        let lookup = |name: &str| (name == "HOME").then(|| self.home().into());
        Sources::from_lookup(self.own(), &[], lookup).without_processes()
    }

    pub(crate) fn board(&self) -> Board {
        Board::read(&self.sources())
    }

    /// The only row of the board, which has nothing to complain of.
    pub(crate) fn only_row(&self) -> Row {
        let mut board = self.board();
        assert_eq!(problems(&board), Vec::<String>::new());
        assert_eq!(board.rows.len(), 1, "{:#?}", board.rows);
        board.rows.remove(0)
    }

    pub(crate) fn only_claude(&self) -> Sources {
        Sources::new(self.own())
            .without_processes()
            .with(ClaudeCode::at([self.home().join(".claude")]))
    }

    pub(crate) fn only_qwen(&self) -> Sources {
        Sources::new(self.own()).without_processes().with(QwenCode::at(self.home().join(".qwen")))
    }
}

/// A record of Claude Code for a process.
pub(crate) fn record(process: &Process, keys: &str) -> String {
    record_of(process.pid(), keys)
}

/// The same, for one that was started otherwise.
pub(crate) fn record_of(pid: u32, keys: &str) -> String {
    let (ticks, domain) = (ticks(pid), domain());
    let comma = if keys.is_empty() { "" } else { "," };
    format!(
        r#"{{"pid":{pid},"sessionId":"s{pid}","cwd":"/home/dev/project","startedAt":1795239552076,"procStart":"{ticks}","pidDomain":"{domain}"{comma}{keys}}}"#
    )
}

pub(crate) fn domain() -> String {
    Here::detect().pid_domain()
}

/// The problems as they are told, paths cut to the file name.
pub(crate) fn problems(board: &Board) -> Vec<String> {
    let mut told: Vec<_> = board
        .problems
        .iter()
        .map(|problem| format!("{}: {}", file_name(&problem.path), problem.kind))
        .collect();
    told.sort();
    told
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The pids of the rows that are listed without `--all`, in the order of their numbers.
pub(crate) fn listed(board: &Board) -> Vec<u32> {
    let mut pids: Vec<_> =
        board.rows.iter().filter(|row| row.is_listed()).map(|row| row.pid).collect();
    pids.sort_unstable();
    pids
}
