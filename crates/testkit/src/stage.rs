//! Where an actor is started: here, as somebody else, or in namespaces of its own.
//!
//! These need the right to make namespaces, which root has. A test on a machine that does not
//! give it fails and says so: what was not tested must not look tested.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Process;
#[cfg(target_os = "linux")]
use crate::refused::Refused;

/// How a program is started.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    wrapper: Vec<OsString>,
    #[cfg(target_os = "linux")]
    refused: Option<Refused>,
}

impl Stage {
    /// Right here.
    #[must_use]
    pub fn here() -> Self {
        Self::default()
    }

    /// In a new PID namespace with its own `/proc`, as pid 1; the namespace ends with it.
    #[must_use]
    pub fn pid_namespace() -> Self {
        Self::new(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
    }

    /// In a new PID namespace that still has the `/proc` of this one.
    #[must_use]
    pub fn pid_namespace_without_proc() -> Self {
        Self::new(["unshare", "--pid", "--fork", "--kill-child", "--"])
    }

    /// In new user, mount and PID namespaces with its own `/proc`, as pid 1: a development
    /// container without a daemon. Whoever starts it is uid 0 in there, and everybody else nobody.
    #[must_use]
    pub fn container() -> Self {
        let mut stage = Self::new(["unshare", "--user", "--map-root-user", "--mount"]);
        stage.wrapper.extend(Self::pid_namespace().wrapper.into_iter().skip(1));
        stage
    }

    /// In a new user namespace in which nobody has a number: everybody is the overflow uid.
    #[must_use]
    pub fn user_namespace_of_nobody() -> Self {
        Self::new(["unshare", "--user", "--"])
    }

    /// In a new time namespace, in which the machine was booted long before.
    #[must_use]
    pub fn time_namespace() -> Self {
        Self::time_namespace_booted(100_000)
    }

    /// In a new time namespace, in which the machine has run for so many seconds more, or less.
    #[must_use]
    pub fn time_namespace_booted(earlier: i64) -> Self {
        let earlier = earlier.to_string();
        Self::new(["unshare", "--time", "--boottime", &earlier, "--fork", "--kill-child", "--"])
    }

    /// In the PID and mount namespaces of a process that was started in such ones.
    #[must_use]
    pub fn beside(pid: u32) -> Self {
        let target = pid.to_string();
        Self::new(["nsenter", "--target", &target, "--pid", "--mount", "--"])
    }

    /// As somebody else, without any privilege.
    #[must_use]
    pub fn as_user(uid: u32) -> Self {
        let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={uid}"));
        Self::new(["setpriv", &uid, &gid, "--clear-groups", "--"])
    }

    /// And then as somebody else, without any privilege.
    #[must_use]
    pub fn then_as_user(self, uid: u32) -> Self {
        self.then(Self::as_user(uid))
    }

    /// And then on another stage within.
    #[must_use]
    pub fn then(mut self, inner: Self) -> Self {
        self.wrapper.extend(inner.wrapper);
        self
    }

    /// Where the kernel answers these system calls with `EPERM`, as a container's filter does that
    /// is older than the call (moby #41665).
    ///
    /// # Panics
    ///
    /// When a filter cannot be made for this machine.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn refusing(mut self, calls: &[libc::c_long]) -> Self {
        self.refused = Some(Refused::new(calls));
        self
    }

    /// In a mount namespace of its own, after a shell command that changes mounts there, with
    /// this directory as its `$1`.
    #[must_use]
    pub fn with_mounts(script: &str, directory: &Path) -> Self {
        let mut stage = Self::new(["unshare", "--mount", "--propagation", "private", "--"]);
        stage.wrapper.extend(Self::after(script, directory).wrapper);
        stage
    }

    /// After a shell command, with this directory as its `$1`.
    #[must_use]
    pub fn after(script: &str, directory: &Path) -> Self {
        let script = format!("{script} || exit 99; shift; exec \"$@\"");
        let mut stage = Self::new(["sh", "-c"]);
        stage.wrapper.extend([script.into(), "sh".into(), directory.into()]);
        stage
    }

    /// In the mount namespace of this process.
    #[must_use]
    pub fn among_mounts_of(pid: u32) -> Self {
        Self::new(["nsenter", "--target", &pid.to_string(), "--mount", "--"])
    }

    /// With a file-mode mask.
    #[must_use]
    pub fn with_umask(mask: &str) -> Self {
        Self::new(["sh", "-c", &format!("umask {mask}; exec \"$@\""), "sh"])
    }

    /// As the process with this number in its PID namespace, which must not be that of the
    /// machine. The one that started it collects it.
    #[must_use]
    pub fn with_pid(mut self, pid: u32) -> Self {
        let script =
            format!("echo {} > /proc/sys/kernel/ns_last_pid || exit 99; \"$@\"; exit $?", pid - 1);
        self.wrapper.extend(["sh".into(), "-c".into(), script.into(), "sh".into()]);
        self
    }

    fn new<const N: usize>(wrapper: [&str; N]) -> Self {
        Self { wrapper: wrapper.iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The command that starts `program` there.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        #[cfg(target_os = "linux")]
        if let Some(refused) = &self.refused {
            refused.apply_to(&mut command);
        }
        command
    }

    /// The pid, as seen from here, of the one process that `wrapper` has as its child: pid 1 of
    /// a new namespace.
    #[must_use]
    pub fn only_child_of(wrapper: &Process) -> u32 {
        let parent = wrapper.id();
        let children: Vec<u32> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| parent_of(*pid) == Some(parent))
            .collect();
        assert_eq!(children.len(), 1, "children of {parent}: {children:?}");
        children[0]
    }
}

/// A mount namespace that several programs share: it and all that is mounted there are gone when
/// this and they are, however they end.
#[derive(Debug)]
pub struct Place {
    keeper: Process,
}

impl Place {
    /// Makes one with a shell command that changes mounts in it, with this directory as its `$1`.
    ///
    /// # Panics
    ///
    /// When the command fails: what cannot be mounted here cannot be tested here.
    #[must_use]
    pub fn with_mounts(script: &str, directory: &Path) -> Self {
        let stage = Stage::with_mounts(script, directory);
        let mut command = stage.command(Path::new("sh"));
        command.args(["-c", "echo ready >&0; exec cat >/dev/null"]);
        Self::kept_by(Process::start(&mut command), script)
    }

    /// The one that a program made, which says `ready` when all is mounted.
    ///
    /// # Panics
    ///
    /// When it says something else, or ends.
    #[must_use]
    pub fn kept_by(mut keeper: Process, what: &str) -> Self {
        let heard = keeper.hear();
        assert_eq!(heard.as_deref(), Some("ready"), "cannot be set up (as root?): {what}");
        Self { keeper }
    }

    /// In there.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::among_mounts_of(self.keeper.id())
    }

    /// What a path in there is called from outside.
    #[must_use]
    pub fn seen_from_outside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Who keeps it.
    pub fn keeper(&mut self) -> &mut Process {
        &mut self.keeper
    }
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
