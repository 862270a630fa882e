//! The rule: from a claim, a place and what can be seen from it, to a verdict. Pure.

use super::here::Here;
use super::incarnation::{Incarnation, System};
use super::verdict::{Evidence, Judgement, Verdict};

/// What a look at a pid through a pidfd shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PidfdSight {
    /// No process has this pid (a thread that has the number does not count).
    Gone,
    /// It runs; the inode number of its pidfd.
    Running(u64),
    /// It has exited and was not collected; the inode number of its pidfd.
    Exited(u64),
    /// The system call is not there or not allowed.
    Unusable,
}

/// What a look at a pid through its start time shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatSight {
    /// No process has this pid.
    Gone,
    /// It runs since this tick.
    Running(u64),
    /// It has exited and was not collected; it ran since this tick.
    Exited(u64),
    /// A process has this pid, and may not be looked at (hidepid).
    Hidden,
    /// There is no `/proc` to look at, or it is another namespace's.
    Unusable,
}

/// What a look at a session's lock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockSight {
    /// Held.
    Held,
    /// Not held, on a file system where that means something, and it is the file that was locked.
    Free,
    /// No lock to look at, or on a file system where locks prove nothing.
    NoEvidence,
}

/// What a search for a process of another PID namespace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsideSight {
    /// It runs.
    Running,
    /// Every process of this kernel was seen, and this one is not among them.
    Absent,
    /// Not among those that can be seen.
    NotSeen,
    /// The look failed: nothing follows from not having seen it.
    CouldNotLook,
}

/// Answers the questions of the rule. Each is asked only where its answer counts, since each is
/// a few system calls.
pub trait Witness {
    /// Looks at a pid of this namespace through a pidfd.
    fn pidfd(&mut self, pid: u32) -> PidfdSight;
    /// Looks at a pid of this namespace through its start time.
    fn stat(&mut self, pid: u32) -> StatSight;
    /// Whether the process of this tick was started no later than this time (ms since the epoch),
    /// as far as the clock can tell.
    fn started_by(&mut self, ticks: u64, time: u64) -> bool;
    /// Looks at the lock of the record.
    fn lock(&mut self, claim: &Incarnation<'_>) -> LockSight;
    /// Searches for the process among those of other namespaces that can be seen from here.
    fn inside(&mut self, claim: &Incarnation<'_>) -> InsideSight;
    /// Whether the record was last written before this boot, on a disk of this machine.
    fn written_before_boot(&mut self) -> bool;
}

/// Where a claim comes from, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// This PID namespace, in this boot or in one that is over: a process that is not found here
    /// is gone either way.
    ThisNamespace,
    /// It looks like this namespace, but names no machine, and namespace numbers repeat.
    PerhapsThisNamespace,
    OtherNamespace,
    OtherBootSameMachine,
    OtherBoot,
    OtherHost,
    OtherSystem,
    Unstated,
}

fn origin(claim: &Incarnation<'_>, here: &Here) -> Origin {
    if !matches!(claim.system, System::Unstated) && claim.system != System::here() {
        return Origin::OtherSystem;
    }
    let same_machine = match (&claim.machine_id, &here.machine_id) {
        (Some(theirs), Some(ours)) => Some(**theirs == **ours),
        _ => None,
    };
    let same_namespace = match (claim.pid_ns, here.pid_ns) {
        (Some(theirs), Some(ours)) => Some(theirs == ours),
        _ => None,
    };
    match (&claim.boot_id, &here.boot_id) {
        (Some(theirs), Some(ours)) if **theirs == **ours => match same_namespace {
            Some(true) => Origin::ThisNamespace,
            Some(false) => Origin::OtherNamespace,
            None => Origin::Unstated,
        },
        (Some(_), Some(_)) if same_machine == Some(true) => Origin::OtherBootSameMachine,
        (Some(_), _) => Origin::OtherBoot,
        // No boot id (Claude Code): the initial namespace has the same number in every boot.
        (None, _) => match (same_machine, same_namespace) {
            (Some(true), Some(true)) => Origin::ThisNamespace,
            (Some(true), Some(false)) => Origin::OtherNamespace,
            (Some(false), _) => Origin::OtherHost,
            (None, Some(true)) => Origin::PerhapsThisNamespace,
            (None, Some(false)) => Origin::OtherNamespace,
            (Some(true), None) | (None, None) => Origin::Unstated,
        },
    }
}

/// Decides whether the incarnation that `claim` names is running.
///
/// On doubt the verdict is unknown: only what is proven dead is ever swept.
pub fn judge(claim: &Incarnation<'_>, here: &Here, witness: &mut impl Witness) -> Judgement {
    let origin = origin(claim, here);
    let evidence = match origin {
        Origin::ThisNamespace => in_this_namespace(claim, here, witness),
        Origin::PerhapsThisNamespace | Origin::Unstated => {
            // A process that fits is it; one that does not fit proves nothing. Nor does one that
            // runs, if who wrote the record could not look where it was (a sandbox without
            // /proc): there is a process of that number everywhere.
            match in_this_namespace(claim, here, witness) {
                Evidence::NoProcess | Evidence::PidReused => Evidence::OriginUnstated,
                Evidence::OlderThanRecord if claim.system != System::Unstated => {
                    Evidence::OriginUnstated
                }
                evidence => evidence,
            }
        }
        Origin::OtherNamespace => in_other_namespace(claim, witness),
        Origin::OtherBootSameMachine => {
            if witness.written_before_boot() {
                Evidence::Rebooted
            } else {
                Evidence::OtherBoot
            }
        }
        Origin::OtherBoot => Evidence::OtherBoot,
        Origin::OtherHost => match witness.inside(claim) {
            // A container with a machine id of its own, seen from its host.
            InsideSight::Running => Evidence::SeenInside,
            _ => Evidence::OtherHost,
        },
        Origin::OtherSystem => Evidence::OtherSystem,
    };
    // LXC and systemd-nspawn bind a boot id of its own into each container, and one without /proc
    // knows of none: a lock that is held on a disk of this kernel is held by somebody who lives.
    let is_elsewhere = !matches!(origin, Origin::ThisNamespace | Origin::OtherNamespace);
    if is_elsewhere
        && evidence.verdict() == Verdict::Unknown
        && claim.lock_ino.is_some()
        && witness.lock(claim) == LockSight::Held
    {
        return Evidence::LockHeld.into();
    }
    evidence.into()
}

fn in_this_namespace(claim: &Incarnation<'_>, here: &Here, witness: &mut impl Witness) -> Evidence {
    if let (Some(recorded), true) = (claim.pidfd_ino, here.has_pidfs) {
        match witness.pidfd(claim.pid) {
            PidfdSight::Running(found) if found == recorded => return Evidence::Pidfd,
            PidfdSight::Exited(found) if found == recorded => return Evidence::Exited,
            PidfdSight::Running(_) | PidfdSight::Exited(_) => return Evidence::PidReused,
            PidfdSight::Gone => return Evidence::NoProcess,
            PidfdSight::Unusable => {}
        }
    }
    // Ticks count from the boot of the time namespace; those of two cannot be compared.
    let comparable = match (claim.time_ns, here.time_ns) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    };
    match (witness.stat(claim.pid), claim.start_ticks) {
        (StatSight::Gone, _) => Evidence::NoProcess,
        (StatSight::Hidden, _) => Evidence::Hidden,
        (StatSight::Unusable, _) => Evidence::CannotLook,
        (StatSight::Running(found), Some(recorded)) if comparable => {
            if found == recorded {
                Evidence::StartTime
            } else {
                Evidence::PidReused
            }
        }
        (StatSight::Exited(found), Some(recorded)) if comparable => {
            if found == recorded {
                Evidence::Exited
            } else {
                Evidence::PidReused
            }
        }
        // A zombie is nobody's session, whoever it was.
        (StatSight::Exited(_), None) => Evidence::Exited,
        (StatSight::Running(found), None) => match claim.started_at {
            Some(time) if witness.started_by(found, time) => Evidence::OlderThanRecord,
            // The clock may have been set in between: a doubt, not a proof.
            _ => Evidence::OriginUnstated,
        },
        (StatSight::Running(_) | StatSight::Exited(_), Some(_)) => Evidence::Hidden,
    }
}

fn in_other_namespace(claim: &Incarnation<'_>, witness: &mut impl Witness) -> Evidence {
    if claim.lock_ino.is_some() {
        match witness.lock(claim) {
            LockSight::Held => return Evidence::LockHeld,
            // A program that replaced itself by `exec` has dropped the lock and lives on.
            LockSight::Free => {
                return match witness.inside(claim) {
                    InsideSight::Running => Evidence::SeenInside,
                    InsideSight::Absent | InsideSight::NotSeen => Evidence::LockFree,
                    InsideSight::CouldNotLook => Evidence::CannotLook,
                };
            }
            LockSight::NoEvidence => {}
        }
    }
    match witness.inside(claim) {
        InsideSight::Running => Evidence::SeenInside,
        // Only a claim of this boot can be refuted by looking at the processes of this boot.
        InsideSight::Absent if claim.boot_id.is_some() => Evidence::NotInside,
        InsideSight::Absent | InsideSight::NotSeen | InsideSight::CouldNotLook => {
            Evidence::OtherNamespace
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::record::SessionRecord;

    /// A witness that knows its answers, and that panics when it is asked what should not matter.
    #[derive(Default)]
    struct Told {
        pidfd: Option<PidfdSight>,
        stat: Option<StatSight>,
        started_by: Option<bool>,
        lock: Option<LockSight>,
        inside: Option<InsideSight>,
        before_boot: Option<bool>,
    }

    impl Witness for Told {
        fn pidfd(&mut self, _: u32) -> PidfdSight {
            self.pidfd.expect("not to be asked for the pidfd")
        }
        fn stat(&mut self, _: u32) -> StatSight {
            self.stat.expect("not to be asked for the start time")
        }
        fn started_by(&mut self, _: u64, _: u64) -> bool {
            self.started_by.expect("not to be asked for the age")
        }
        fn lock(&mut self, _: &Incarnation<'_>) -> LockSight {
            self.lock.expect("not to be asked for the lock")
        }
        fn inside(&mut self, _: &Incarnation<'_>) -> InsideSight {
            self.inside.expect("not to be asked for other namespaces")
        }
        fn written_before_boot(&mut self) -> bool {
            self.before_boot.expect("not to be asked for the time of writing")
        }
    }

    const BOOT: &str = "00000000-1111-4222-8333-444444444444";

    fn here() -> Here {
        Here {
            pid: 1,
            boot_id: Some(BOOT.into()),
            machine_id: Some("m".into()),
            pid_ns: Some(10),
            time_ns: Some(20),
            has_pidfs: true,
            proc_is_ours: true,
            booted_at: Some(1_000),
            is_complete: true,
        }
    }

    fn told() -> Told {
        Told::default()
    }

    #[test]
    fn verdicts_by_case() {
        use Evidence as E;
        use InsideSight as I;
        use LockSight as L;
        use PidfdSight as P;
        use StatSight as S;
        let ours = format!(
            r#""bootId":"{BOOT}","pidDomain":"linux:m:pid:[10]","timeNs":20,"procStart":"500","pidfdIno":77"#
        );
        let no_pidfd = format!(
            r#""bootId":"{BOOT}","pidDomain":"linux:m:pid:[10]","timeNs":20,"procStart":"500""#
        );
        let time_ns = format!(r#""bootId":"{BOOT}","pidNs":10,"timeNs":21,"procStart":"500""#);
        let inside = format!(
            r#""bootId":"{BOOT}","pidDomain":"linux::pid:[11]","procStart":"500","pidfdIno":77,"lockIno":5"#
        );
        let no_lock = format!(r#""bootId":"{BOOT}","pidNs":11,"procStart":"500","pidfdIno":77"#);
        let no_ns = format!(r#""bootId":"{BOOT}","procStart":"500""#);
        let rebooted = r#""bootId":"99999999-1111-4222-8333-444444444444","pidDomain":"linux:m:pid:[10]","procStart":"500","pidfdIno":77"#;
        let elsewhere = r#""bootId":"99999999-1111-4222-8333-444444444444","pidDomain":"linux:n:pid:[10]","procStart":"500""#;
        let lxc = r#""bootId":"99999999-1111-4222-8333-444444444444","pidDomain":"linux:n:pid:[11]","procStart":"500","pidfdIno":77,"lockIno":5"#;
        let no_proc = r#""pidDomain":"linux:m:","procStart":"","pidfdIno":77,"lockIno":5"#;
        let number_alone = r#""pidDomain":"linux:m:","procStart":"","startedAt":5000"#;
        let qwen = format!(r#""procStart":"{BOOT}:500","pidNs":10"#);
        let claude = r#""procStart":"500","pidDomain":"linux:m:pid:[10]""#;
        let claude_old = r#""procStart":"500""#;
        let claude_oldest = r#""startedAt":5000"#;
        let claude_anonymous = r#""procStart":"500","pidDomain":"linux::pid:[10]""#;
        let claude_container = r#""procStart":"500","pidDomain":"linux:c:pid:[11]""#;
        let claude_namespace = r#""procStart":"500","pidDomain":"linux:m:pid:[11]""#;
        let mac = r#""procStart":"Fri Oct  2 19:22:44 2026","pidDomain":"darwin""#;
        let windows = r#""pidDomain":"win32:HOST""#;

        let pidfd = |p| Told { pidfd: Some(p), ..told() };
        let stat = |s| Told { stat: Some(s), ..told() };
        let lock = |l| Told { lock: Some(l), ..told() };
        let sight = |i| Told { inside: Some(i), ..told() };
        let aged = |s, b| Told { stat: Some(s), started_by: Some(b), ..told() };
        let both = |l, i| Told { lock: Some(l), inside: Some(i), ..told() };
        let fallback = |s| Told { pidfd: Some(P::Unusable), stat: Some(s), ..told() };
        let boot = |b| Told { before_boot: Some(b), ..told() };

        let cases: Vec<(&str, &str, Told, Evidence)> = vec![
            ("ours, running", &ours, pidfd(P::Running(77)), E::Pidfd),
            ("ours, zombie (claude-code #89355)", &ours, pidfd(P::Exited(77)), E::Exited),
            ("ours, pid reused", &ours, pidfd(P::Running(78)), E::PidReused),
            ("ours, pid reused by a zombie", &ours, pidfd(P::Exited(78)), E::PidReused),
            ("ours, gone", &ours, pidfd(P::Gone), E::NoProcess),
            (
                "ours, old container profile refuses pidfds (moby #41665)",
                &ours,
                fallback(S::Running(500)),
                E::StartTime,
            ),
            ("ours, no pidfd, reused", &ours, fallback(S::Running(501)), E::PidReused),
            ("ours, no pidfd, gone", &ours, fallback(S::Gone), E::NoProcess),
            ("ours, nothing can be seen", &ours, fallback(S::Unusable), E::CannotLook),
            ("written before 6.9", &no_pidfd, stat(S::Running(500)), E::StartTime),
            ("written before 6.9, zombie", &no_pidfd, stat(S::Exited(500)), E::Exited),
            ("written before 6.9, hidepid", &no_pidfd, stat(S::Hidden), E::Hidden),
            (
                "another time namespace: ticks differ, and prove nothing",
                &time_ns,
                stat(S::Running(10_000_500)),
                E::Hidden,
            ),
            ("another time namespace, pid gone", &time_ns, stat(S::Gone), E::NoProcess),
            ("container, lock held", &inside, lock(L::Held), E::LockHeld),
            ("container, lock free", &inside, both(L::Free, I::NotSeen), E::LockFree),
            (
                "container, lock dropped by exec, seen",
                &inside,
                both(L::Free, I::Running),
                E::SeenInside,
            ),
            (
                "container, lock free, and the look failed",
                &inside,
                both(L::Free, I::CouldNotLook),
                E::CannotLook,
            ),
            (
                "container on a network home, seen",
                &inside,
                both(L::NoEvidence, I::Running),
                E::SeenInside,
            ),
            (
                "container on a network home, not seen",
                &inside,
                both(L::NoEvidence, I::NotSeen),
                E::OtherNamespace,
            ),
            ("container, no lock, seen from the host", &no_lock, sight(I::Running), E::SeenInside),
            ("container, no lock, gone, host sees all", &no_lock, sight(I::Absent), E::NotInside),
            ("same boot, namespace unstated, fits", &no_ns, stat(S::Running(500)), E::StartTime),
            ("same boot, namespace unstated, gone", &no_ns, stat(S::Gone), E::OriginUnstated),
            ("before the reboot", rebooted, boot(true), E::Rebooted),
            ("a guest that shares the disk of this machine", rebooted, boot(false), E::OtherBoot),
            ("another machine", elsewhere, told(), E::OtherBoot),
            ("a container that is told another boot, lock held", lxc, lock(L::Held), E::LockHeld),
            ("a container that is told another boot, lock free", lxc, lock(L::Free), E::OtherBoot),
            (
                "a sandbox without /proc, lock held, the number is another's here",
                no_proc,
                Told { pidfd: Some(P::Running(78)), ..lock(L::Held) },
                E::LockHeld,
            ),
            (
                "a sandbox without /proc, lock free",
                no_proc,
                Told { pidfd: Some(P::Gone), ..lock(L::Free) },
                E::OriginUnstated,
            ),
            (
                "a sandbox without /proc and pidfds: the number alone",
                number_alone,
                aged(S::Running(9), true),
                E::OriginUnstated,
            ),
            ("qwen, running", &qwen, stat(S::Running(500)), E::StartTime),
            ("qwen, reused", &qwen, stat(S::Running(501)), E::PidReused),
            ("claude, running", claude, stat(S::Running(500)), E::StartTime),
            ("claude, gone", claude, stat(S::Gone), E::NoProcess),
            ("claude, reused", claude, stat(S::Running(9)), E::PidReused),
            (
                "claude 2.1.197 has no domain, running",
                claude_old,
                stat(S::Running(500)),
                E::StartTime,
            ),
            (
                "claude 2.1.197 has no domain, gone: perhaps a container's",
                claude_old,
                stat(S::Gone),
                E::OriginUnstated,
            ),
            (
                "claude 2.1.197 has no domain, reused: perhaps a container's",
                claude_old,
                stat(S::Running(9)),
                E::OriginUnstated,
            ),
            (
                "claude of March 2026, pid only, older",
                claude_oldest,
                aged(S::Running(9), true),
                E::OlderThanRecord,
            ),
            (
                "claude of March 2026, pid only, younger",
                claude_oldest,
                aged(S::Running(9), false),
                E::OriginUnstated,
            ),
            ("claude of March 2026, zombie", claude_oldest, stat(S::Exited(9)), E::Exited),
            (
                "claude without a machine id, fits",
                claude_anonymous,
                stat(S::Running(500)),
                E::StartTime,
            ),
            (
                "claude without a machine id, gone",
                claude_anonymous,
                stat(S::Gone),
                E::OriginUnstated,
            ),
            (
                "claude in a container, seen from the host",
                claude_container,
                sight(I::Running),
                E::SeenInside,
            ),
            ("claude in a container, not seen", claude_container, sight(I::NotSeen), E::OtherHost),
            (
                "claude in a container, absent: could be another host's",
                claude_container,
                sight(I::Absent),
                E::OtherHost,
            ),
            (
                "claude in another namespace of this machine",
                claude_namespace,
                sight(I::NotSeen),
                E::OtherNamespace,
            ),
            (
                "claude in another namespace, absent, perhaps of another boot",
                claude_namespace,
                sight(I::Absent),
                E::OtherNamespace,
            ),
            ("macOS home on this machine", mac, told(), E::OtherSystem),
            (
                "Windows registry seen from WSL (claude-code #34210)",
                windows,
                told(),
                E::OtherSystem,
            ),
        ];
        for (story, fields, mut witness, evidence) in cases {
            let record =
                SessionRecord::parse(format!("{{\"pid\":7,{fields}}}").as_bytes()).unwrap();
            let found = judge(&Incarnation::of(&record), &here(), &mut witness);
            assert_eq!(found, evidence.into(), "{story}");
        }
    }

    #[test]
    fn from_nowhere_nothing_is_dead() {
        // No boot id, no namespace, no /proc: a sandbox that hides everything.
        let here = Here { pid: 1, ..Here::default() };
        let text = format!(
            r#"{{"pid":7,"bootId":"{BOOT}","pidDomain":"linux:m:pid:[10]","procStart":"5","pidfdIno":7}}"#
        );
        let record = SessionRecord::parse(text.as_bytes()).unwrap();
        let found = judge(&Incarnation::of(&record), &here, &mut told());
        assert_eq!(found, Evidence::OtherBoot.into());
    }
}
