//! Where an actor is started: here, as somebody else, or in namespaces of its own.
//!
//! These need the right to make namespaces, which root has. A test on a machine that does not
//! give it fails and says so: what was not tested must not look tested.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::Process;

/// How a program is started.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    wrapper: Vec<OsString>,
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

    /// In a new time namespace, in which the machine was booted long before.
    #[must_use]
    pub fn time_namespace() -> Self {
        Self::new(["unshare", "--time", "--boottime", "100000", "--fork", "--kill-child", "--"])
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
    pub fn then_as_user(mut self, uid: u32) -> Self {
        self.wrapper.extend(Self::as_user(uid).wrapper);
        self
    }

    /// In a mount namespace of its own, after a shell command that changes mounts there, with
    /// this directory as its `$1`.
    #[must_use]
    pub fn with_mounts(script: &str, directory: &Path) -> Self {
        let script = format!("{script} || exit 99; shift; exec \"$@\"");
        let mut stage =
            Self::new(["unshare", "--mount", "--propagation", "private", "--", "sh", "-c"]);
        stage.wrapper.extend([script.into(), "sh".into(), directory.into()]);
        stage
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
        Self { wrapper: wrapper.iter().map(Into::into).collect() }
    }

    /// The command that starts `program` there.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        match self.wrapper.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        }
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

fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
