//! A sealed world: a home, a registry and a path of its own, and real processes that end with it.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use tempfile::TempDir;

/// A home directory with nothing in it, for one test.
pub(crate) struct World {
    root: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("callboard-it-").tempdir().unwrap();
        for dir in ["home", "tmp", "work"] {
            std::fs::create_dir(root.path().join(dir)).unwrap();
        }
        Self { root }
    }

    /// A path in this world.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        // As processes see it: some systems have their temporary directory behind a link.
        self.root.path().canonicalize().unwrap().join(below)
    }

    /// The directory of records.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.path("board/sessions")
    }

    /// Any program, with nothing of the outside in its environment but the path to programs.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("CALLBOARD_HOME", self.path("board"))
            // Agents that run on this machine are none of the test's.
            .env("CALLBOARD_PROCESSES", "off")
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .current_dir(self.path("work"))
            .stdin(Stdio::null());
        command
    }

    /// The program under test.
    pub(crate) fn callboard<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = self.command(callboard());
        command.args(arguments);
        command
    }

    /// Runs it with the words of a line.
    pub(crate) fn run(&self, line: &str) -> Ran {
        ran(self.callboard(line.split_whitespace()).output().unwrap())
    }

    /// Runs it with these arguments.
    pub(crate) fn run_args(&self, arguments: &[&str]) -> Ran {
        ran(self.callboard(arguments).output().unwrap())
    }

    /// Runs it, and it must have worked.
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{line}: {ran:?}");
        ran.out
    }

    /// The sessions, as `ps --json` has them.
    pub(crate) fn ps(&self) -> Vec<serde_json::Value> {
        serde_json::from_str(&self.ok("ps --json")).unwrap()
    }

    /// The names on the board, in its order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.ps().iter().map(|row| row["name"].as_str().unwrap_or("-").to_owned()).collect()
    }

    /// A process that lives until it is dropped.
    pub(crate) fn process(&self) -> Living {
        let mut command = self.command("cat");
        Living(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// A process that is signed in, with more options for `register`.
    pub(crate) fn session(&self, name: &str, more: &[&str]) -> Living {
        let process = self.process();
        let pid = process.pid().to_string();
        let arguments = [&["register", "--pid", &pid, "--name", name], more].concat();
        let ran = self.run_args(&arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        process
    }

    /// Puts a file where records are.
    pub(crate) fn write_record(&self, name: &str, bytes: &[u8]) {
        self.make_sessions();
        std::fs::write(self.sessions().join(name), bytes).unwrap();
    }

    fn make_sessions(&self) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(self.sessions()).unwrap();
    }

    /// Watches for the next session to sign in.
    pub(crate) fn arrivals(&self) -> Arrivals {
        self.make_sessions();
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
        let arrival = inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
        inotify::add_watch(&fd, self.sessions(), arrival).unwrap();
        Arrivals(fd)
    }
}

/// Hears of records that appear.
pub(crate) struct Arrivals(OwnedFd);

impl Arrivals {
    /// Waits until a record is there.
    pub(crate) fn wait(&self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        loop {
            if events.is_buffer_empty() {
                let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
                let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
                assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "nobody signed in");
            }
            let name = events.next().unwrap().file_name().map(|name| name.to_bytes().to_owned());
            if name.is_some_and(|name| name.ends_with(b".json") && !name.starts_with(b".")) {
                return;
            }
        }
    }
}

/// The program under test.
pub(crate) fn callboard() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_callboard"))
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A process that ends when the test does.
pub(crate) struct Living(pub(crate) Child);

impl Living {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Kills it, as `kill -9` does, and collects it.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Waits until a process watches so many others, which only its descriptors tell, and sleeps. It
/// has the descriptors before it has read what there is; it sleeps when it waits for what happens.
pub(crate) fn listens(pid: u32, count: usize) {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let watched = || {
        let fds = std::fs::read_dir(proc.join("fd")).into_iter().flatten().flatten();
        let links = fds.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        links.filter(|link| link.to_string_lossy().contains("pidfd")).count()
    };
    let sleeps = || std::fs::read_to_string(proc.join("stat")).unwrap().contains(") S ");
    while watched() < count || !sleeps() {
        std::thread::yield_now();
    }
}

/// Whether this process may do everything, so that modes of files keep it from nothing.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
