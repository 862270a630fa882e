//! Ten thousand live processes that do nothing, for records to be about.
//!
//! A shell forks subshells that wait for a line from the pipe that is its standard input. Nobody
//! writes one: when this process ends, however it ends, the pipe closes and they all end. Forked
//! shells share their memory, which makes them cheaper than as many `sleep`s; several shells,
//! since each copies its list of children into every child.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use callboard::{Registry, SignIn, Status};

const PER_SHELL: usize = 250;

const SCRIPT: &str = r#"
exec 3<&0
i=0
while [ "$i" -lt "$1" ]; do
    (read -r line <&3) &
    echo "$!"
    i=$((i + 1))
done
exec >&-
wait
"#;

/// Live processes; they end when this is dropped.
pub(crate) struct Crowd {
    shells: Vec<(Child, Option<ChildStdin>)>,
    pids: Vec<u32>,
}

impl Crowd {
    /// Starts this many.
    pub(crate) fn start(size: usize) -> Result<Self> {
        let mut crowd = Self { shells: Vec::new(), pids: Vec::with_capacity(size) };
        while crowd.pids.len() < size {
            let wanted = PER_SHELL.min(size - crowd.pids.len());
            crowd.start_shell(wanted)?;
        }
        Ok(crowd)
    }

    fn start_shell(&mut self, wanted: usize) -> Result<()> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh", &wanted.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start sh")?;
        let output = shell.stdout.take().context("the shell has no standard output")?;
        let input = shell.stdin.take();
        self.shells.push((shell, input));
        let before = self.pids.len();
        // The children hold the other end of this pipe too: it is read for as many lines as there
        // will be, not to its end.
        for line in BufReader::new(output).lines().take(wanted) {
            let line = line.context("cannot read what sh prints")?;
            self.pids.push(line.parse().with_context(|| format!("sh printed {line:?}"))?);
        }
        if self.pids.len() - before != wanted {
            bail!(
                "only {} of {wanted} processes could be started; see `ulimit -u` and the memory",
                self.pids.len() - before
            );
        }
        Ok(())
    }

    /// Their numbers.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Signs the first `size` of them in, in a directory of their own.
    pub(crate) fn sign_in(&self, registry: &Registry, size: usize) -> Result<()> {
        for pid in self.pids.iter().take(size) {
            registry
                .register_process(*pid, sign_in(*pid))
                .with_context(|| format!("cannot sign {pid} in"))?;
        }
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // First all pipes, then all shells: they end side by side.
        for (_, input) in &mut self.shells {
            drop(input.take());
        }
        for (shell, _) in &mut self.shells {
            _ = shell.wait();
        }
    }
}

/// What a coding agent says of itself; about 600 bytes as a record.
pub(crate) fn sign_in(pid: u32) -> SignIn {
    SignIn::new()
        .session_id(format!("3f48c2d1-77aa-4e0b-9c1e-{pid:012x}"))
        .cwd(format!("/home/ada/projects/billing-service/worktrees/{pid}"))
        .entrypoint("cli")
        .name(&format!("billing {pid}"))
        .tool("my-repl", "1.4.0")
        .status(Status::Busy, None)
}
