//! A home of a test's own, with a host, whose sessions end with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard::Home;
use callboard_host::log::LogQuery;
use callboard_host::{
    Builtin, Environment, Exit, Hosted, HostedId, Hosts, Running, SessionHost, SpawnSpec, State,
    StopPolicy, Tmux,
};

/// The program that is a host, a client, or asks where it is.
pub(crate) const STAGE: &str = env!("CARGO_BIN_EXE_callboard-host-stage");

/// A sealed home and one host in it.
pub(crate) struct World {
    scratch: testkit::Home,
    pub(crate) host: Arc<dyn SessionHost>,
}

/// The kinds of hosts that the tests are run with.
pub(crate) type MakeHost = fn(&Home) -> Arc<dyn SessionHost>;

/// The built-in host.
pub(crate) fn builtin(home: &Home) -> Arc<dyn SessionHost> {
    Arc::new(Builtin::at(home).with_program(STAGE, ["__host"]))
}

/// The tmux host.
pub(crate) fn tmux(home: &Home) -> Arc<dyn SessionHost> {
    Arc::new(Tmux::at(home).with_program(STAGE, ["__host"]))
}

impl World {
    pub(crate) fn new(make: MakeHost) -> Self {
        let scratch = testkit::Home::new();
        let host = make(&Home::at(scratch.path()));
        Self { scratch, host }
    }

    pub(crate) fn home(&self) -> Home {
        Home::at(self.path())
    }

    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn hosts(&self) -> Hosts {
        Hosts::at(&self.home()).with(Arc::clone(&self.host))
    }

    /// A command in the directory of the home, with nothing of the outside in its environment but
    /// the path to programs.
    pub(crate) fn spec(&self, argv: &[&str]) -> SpawnSpec {
        SpawnSpec::new(argv).cwd(self.path()).env(self.env())
    }

    pub(crate) fn env(&self) -> Environment {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Environment::exactly([
            ("PATH", path),
            ("HOME", self.path().into()),
            ("TERM", "xterm-256color".into()),
            ("LANG", "C.UTF-8".into()),
            ("STAGE", STAGE.into()),
        ])
    }

    pub(crate) fn spawn(&self, argv: &[&str]) -> Hosted {
        self.host.spawn(&self.spec(argv)).unwrap_or_else(|error| panic!("{argv:?}: {error}"))
    }

    /// A shell script.
    pub(crate) fn shell(&self, script: &str) -> Hosted {
        self.spawn(&["sh", "-c", script])
    }

    /// Waits until it has ended: its log has an end then.
    pub(crate) fn wait(&self, id: &HostedId) -> Exit {
        let query = LogQuery { follow: true, ..LogQuery::default() };
        if let Ok(mut log) = self.host.logs(id, &query) {
            while let Ok(Some(_)) = log.next_part() {}
        }
        // The last thing that a host does is to end.
        if let Some(host) = self.host.look(id).unwrap().host_process {
            testkit::wait_for_exit(host.pid);
        }
        self.host.exit(id).unwrap().unwrap_or_else(|| panic!("{id} has not ended"))
    }

    /// Waits until its log has this text, and returns what it has by then.
    pub(crate) fn wait_for(&self, id: &HostedId, text: &str) -> String {
        let query = LogQuery { follow: true, ..LogQuery::default() };
        let mut log = self.host.logs(id, &query).unwrap();
        let mut all = String::new();
        while let Some(part) = log.next_part().unwrap() {
            all.push_str(&String::from_utf8_lossy(&part));
            if all.contains(text) {
                return all;
            }
        }
        panic!("`{text}` was never printed: {all}")
    }

    /// Waits until a host says that it is so. Each question is answered by another process.
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&dyn SessionHost) -> bool) {
        let until = Instant::now() + Duration::from_secs(40);
        while !is_so(&*self.host) {
            assert!(Instant::now() < until, "never {what}");
        }
    }

    /// How it runs. On a busy machine, its host or tmux may answer after more than the half second
    /// that is waited for.
    pub(crate) fn running(&self, id: &HostedId) -> Running {
        let until = Instant::now() + Duration::from_secs(40);
        loop {
            match self.host.look(id).unwrap().state {
                State::Running(running) => return running,
                State::Silent if Instant::now() < until => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// All that it has printed.
    pub(crate) fn log(&self, id: &HostedId) -> String {
        let log = self.host.logs(id, &LogQuery::default()).unwrap();
        String::from_utf8(log.read_to_end().unwrap()).unwrap()
    }

    /// A pipe with a name, to hold a program until a test lets it go on.
    pub(crate) fn gate(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_bits_retain(0o600))
            .unwrap();
        path
    }

    /// The names of everything that the host has on disk.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join("hosts")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".inside" && name != ".tmux").collect()
    }
}

impl Drop for World {
    /// Nothing that a test has started is left, also when it has failed.
    fn drop(&mut self) {
        let at_once = StopPolicy { grace: Some(Duration::ZERO) };
        for session in self.host.list().sessions {
            if session.state.is_live() {
                _ = self.host.stop(&session.id, at_once);
            }
            // With the last one, a server of them ends.
            _ = self.host.remove(&session.id);
        }
    }
}

/// Copies a program. By another process: one that this process had open for writing could not be
/// executed while a child that another thread has forked still has it open.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").args([from, to]).status().unwrap().success());
}

/// The state letter of a process; `None` if there is none of that number.
pub(crate) fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
