//! Processes that look like agents: a shell under another name, which opens and locks what an agent
//! does, says that it is ready, and waits for the end of its input.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::world::{World, kill_and_leave};

/// An agent's process, or a tree of them. They end when it is dropped.
pub(crate) struct Actor {
    child: Child,
    out: BufReader<ChildStdout>,
}

/// What every script ends with.
const WAIT: &str = "echo $$; read -r _";

impl Actor {
    /// The pid that a process of the tree says, in the order in which they are ready.
    pub(crate) fn ready(&mut self) -> u32 {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim().parse().unwrap_or_else(|_| panic!("an actor said {line:?}"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn become_zombie(&mut self) {
        kill_and_leave(&mut self.child);
    }

    pub(crate) fn end(mut self) {
        self.collect();
    }

    fn collect(&mut self) {
        drop(self.child.stdin.take());
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.collect();
    }
}

/// How an actor is started.
pub(crate) struct Cast {
    command: Command,
}

impl World {
    /// Where the actors work.
    pub(crate) fn project(&self) -> PathBuf {
        self.dir("project")
    }

    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        let dir = self.home().join(name);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// The shell under this name.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let program = self.dir("bin").join(name);
        if !program.exists() {
            fs::copy("/bin/bash", &program).unwrap();
        }
        program
    }

    /// A native program of this name, with these arguments behind its first.
    pub(crate) fn native(&self, name: &str, script: &str, arguments: &[&str]) -> Cast {
        let mut command = Command::new(self.program(name));
        command.args(["-c", &format!("{script}\n{WAIT}"), name]).args(arguments);
        self.cast(command)
    }

    /// A native program of this name whose first argument is a subcommand.
    pub(crate) fn subcommand(&self, name: &str, subcommand: &str, script: &str) -> Cast {
        fs::write(self.project().join(subcommand), format!("{script}\n{WAIT}\n")).unwrap();
        let mut command = Command::new(self.program(name));
        command.arg(subcommand);
        self.cast(command)
    }

    /// A script of this name, run by an interpreter of that one.
    pub(crate) fn script(&self, interpreter: &str, name: &str, script: &str) -> Cast {
        let file = self.dir("scripts").join(name);
        fs::write(&file, format!("{script}\n{WAIT}\n")).unwrap();
        let mut command = Command::new(self.program(interpreter));
        command.arg(file);
        self.cast(command)
    }

    fn cast(&self, mut command: Command) -> Cast {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.project())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Cast { command }
    }
}

impl Cast {
    pub(crate) fn in_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn arg(mut self, argument: &Path) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn with(mut self, variable: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(variable, value);
        self
    }

    /// Started, but perhaps not ready.
    pub(crate) fn spawn(mut self) -> Actor {
        let mut child = self.command.spawn().expect("an actor starts");
        let out = BufReader::new(child.stdout.take().unwrap());
        Actor { child, out }
    }

    /// Started and ready.
    pub(crate) fn start(self) -> Actor {
        let mut actor = self.spawn();
        actor.ready();
        actor
    }
}
