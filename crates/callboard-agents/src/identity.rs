//! When two records are about the same process.

use std::borrow::Cow;

use callboard::process::{Here, Incarnation, System};
use callboard::{Evidence, SessionRecord};

/// What of a record's incarnation can be compared with that of another record.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// The verdict is "alive" and was found on this pid in this PID namespace, so that any other
    /// such record of the pid is about the same process.
    is_running_here: bool,
    system: System,
    machine: Part,
    boot: Part,
    pid_ns: Option<u64>,
    start_ticks: Option<u64>,
    pidfd_ino: Option<u64>,
}

/// A name of a place. That of this one is kept as a mark, since nearly every record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Unstated,
    OfHere,
    Other(Box<str>),
}

impl Identity {
    pub(crate) fn of(record: &SessionRecord, evidence: Evidence, here: &Here) -> Self {
        let claim = Incarnation::of(record);
        Self {
            pid: claim.pid,
            is_running_here: is_seen_here(evidence),
            system: claim.system,
            machine: Part::of(claim.machine_id, here.machine_id.as_deref()),
            boot: Part::of(claim.boot_id, here.boot_id.as_deref()),
            pid_ns: claim.pid_ns,
            start_ticks: claim.start_ticks,
            pidfd_ino: claim.pidfd_ino,
        }
    }

    /// That of a process that was found running here.
    pub(crate) fn seen(pid: u32, start_ticks: u64) -> Self {
        Self {
            pid,
            is_running_here: true,
            system: System::here(),
            machine: Part::OfHere,
            boot: Part::OfHere,
            pid_ns: None,
            start_ticks: Some(start_ticks),
            pidfd_ino: None,
        }
    }

    /// Whether the record is about this process of a nested PID namespace, which is another number
    /// in there.
    pub(crate) fn is_of_nested(&self, pid_ns: u64, pid: u32, start_ticks: u64) -> bool {
        self.pid_ns == Some(pid_ns) && self.pid == pid && agree(self.start_ticks, Some(start_ticks))
    }

    /// Whether the process was found running, on this pid in this PID namespace.
    pub(crate) fn is_running_here(&self) -> bool {
        self.is_running_here
    }

    /// Whether both are about one process.
    ///
    /// Of two records of processes that were found running here, the pid says so. For all others
    /// the pid alone says nothing: the start must be stated and equal, and nothing that both
    /// state may differ.
    pub(crate) fn is_same_process(&self, other: &Self) -> bool {
        if self.pid != other.pid {
            return false;
        }
        if self.is_running_here && other.is_running_here {
            return true;
        }
        let systems = self.system == other.system
            || self.system == System::Unstated
            || other.system == System::Unstated;
        self.start_ticks.is_some()
            && self.start_ticks == other.start_ticks
            && systems
            && self.machine.agrees(&other.machine)
            && self.boot.agrees(&other.boot)
            && agree(self.pid_ns, other.pid_ns)
            && agree(self.pidfd_ino, other.pidfd_ino)
    }
}

/// Whether the evidence is a look at this very pid in this PID namespace that found the process.
pub(crate) fn is_seen_here(evidence: Evidence) -> bool {
    matches!(
        evidence,
        Evidence::Pidfd | Evidence::StartTime | Evidence::OlderThanRecord | Evidence::Running
    )
}

impl Part {
    fn of(stated: Option<Cow<'_, str>>, here: Option<&str>) -> Self {
        match stated {
            None => Self::Unstated,
            Some(name) if Some(&*name) == here => Self::OfHere,
            Some(name) => Self::Other(name.into()),
        }
    }

    fn agrees(&self, other: &Self) -> bool {
        *self == Self::Unstated || *other == Self::Unstated || self == other
    }
}

fn agree(a: Option<u64>, b: Option<u64>) -> bool {
    a.is_none() || b.is_none() || a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = "00000000-1111-4222-8333-444444444444";
    const OTHER_BOOT: &str = "99999999-1111-4222-8333-444444444444";

    fn identity(json: &str, evidence: Evidence) -> Identity {
        let here = {
            let mut here = Here::default();
            here.boot_id = Some(BOOT.into());
            here.machine_id = Some("m".into());
            here
        };
        let text = format!("{{\"pid\":{json}}}");
        Identity::of(&SessionRecord::parse(text.as_bytes()).unwrap(), evidence, &here)
    }

    #[test]
    fn the_same_process_or_not() {
        use Evidence as E;
        let ours = &*format!(
            r#"7,"bootId":"{BOOT}","pidDomain":"linux:m:pid:[10]","procStart":"500","pidfdIno":77"#
        );
        let claude = r#"7,"pidDomain":"linux:m:pid:[10]","procStart":"500""#;
        let claude_197 = r#"7,"procStart":"500""#;
        let qwen = &*format!(r#"7,"procStart":"{BOOT}:500","pidNs":10"#);
        let other_boot = &*format!(r#"7,"procStart":"{OTHER_BOOT}:500","pidNs":10"#);
        let cases = [
            ("both run here", (ours, E::Pidfd), (claude, E::StartTime), true),
            (
                "one states no start",
                (r#"7,"startedAt":1"#, E::OlderThanRecord),
                (ours, E::Pidfd),
                true,
            ),
            ("another pid", (ours, E::Pidfd), (r#"8,"procStart":"500""#, E::StartTime), false),
            (
                "one ran before, one runs now",
                (claude, E::PidReused),
                (r#"7,"procStart":"501""#, E::StartTime),
                false,
            ),
            ("both gone, same start", (ours, E::NoProcess), (claude, E::NoProcess), true),
            (
                "both gone, other start",
                (ours, E::NoProcess),
                (r#"7,"procStart":"9""#, E::NoProcess),
                false,
            ),
            (
                "both gone, no start stated",
                (r#"7,"startedAt":1"#, E::NoProcess),
                (r#"7,"startedAt":1"#, E::NoProcess),
                false,
            ),
            (
                "gone; the domain is unstated in one",
                (ours, E::NoProcess),
                (claude_197, E::OriginUnstated),
                true,
            ),
            (
                "a container's, in two registries",
                (r#"7,"procStart":"9","pidNs":11"#, E::OtherNamespace),
                (r#"7,"procStart":"9","pidDomain":"linux::pid:[11]""#, E::OtherNamespace),
                true,
            ),
            (
                "two containers",
                (r#"7,"procStart":"9","pidNs":11"#, E::OtherNamespace),
                (r#"7,"procStart":"9","pidNs":12"#, E::OtherNamespace),
                false,
            ),
            (
                "two machines",
                (r#"7,"procStart":"9","pidDomain":"linux:x:pid:[1]""#, E::OtherHost),
                (r#"7,"procStart":"9","pidDomain":"linux:y:pid:[1]""#, E::OtherHost),
                false,
            ),
            (
                "this machine and another",
                (claude, E::StartTime),
                (r#"7,"procStart":"500","pidDomain":"linux:y:pid:[10]""#, E::OtherHost),
                false,
            ),
            ("two boots", (qwen, E::NoProcess), (other_boot, E::OtherBoot), false),
            ("qwen and ours", (qwen, E::NoProcess), (ours, E::NoProcess), true),
            (
                "two systems",
                (r#"7,"procStart":"9","pidDomain":"linux::""#, E::OtherNamespace),
                (r#"7,"procStart":"9","pidDomain":"win32:h""#, E::OtherSystem),
                false,
            ),
            (
                "another pidfd",
                (ours, E::NoProcess),
                (r#"7,"procStart":"500","pidfdIno":78"#, E::NoProcess),
                false,
            ),
            (
                "seen inside a container, and one of that pid here",
                (r#"7,"procStart":"9","pidNs":11"#, E::SeenInside),
                (claude, E::StartTime),
                false,
            ),
        ];
        for (story, (a, seen_a), (b, seen_b), same) in cases {
            let (a, b) = (identity(a, seen_a), identity(b, seen_b));
            assert_eq!(a.is_same_process(&b), same, "{story}");
            assert_eq!(b.is_same_process(&a), same, "{story}, the other way round");
        }
    }
}
