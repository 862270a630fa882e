//! Who a process is, from `/proc/<pid>/stat` and `/proc/<pid>/status`.

use rustix::fs::Dev;

use super::number;
use crate::hosted::ProcessId;

/// Where a process stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: u8,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) session: u32,
    /// The device number of its controlling terminal, in the form of `makedev`; 0 for none.
    pub(crate) terminal: Dev,
    pub(crate) start_ticks: u64,
}

impl Standing {
    /// From the text of `/proc/<pid>/stat`: the name is in brackets and may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        // The kernel prints its own packing of the number, and as a signed one.
        let packed = fields.next()?.parse::<i32>().ok()?.cast_unsigned();
        let minor = (packed & 0xff) | ((packed >> 12) & 0xfff00);
        let terminal =
            if packed == 0 { 0 } else { rustix::fs::makedev((packed >> 8) & 0xfff, minor) };
        // The first after these is field 8; the start is field 22.
        let start_ticks = fields.nth(14)?.parse().ok()?;
        Some(Self { state, parent, group, session, terminal, start_ticks })
    }

    /// Whether it has exited and waits to be collected.
    pub(crate) const fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Where a process stands; `None` if there is none of that number.
pub(crate) fn standing(pid: u32) -> Option<Standing> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    Standing::parse(&String::from_utf8_lossy(&stat))
}

/// This number, with what tells the process from a later one.
pub(crate) fn process_id(pid: rustix::process::Pid) -> ProcessId {
    let pid = number(pid);
    ProcessId { pid, start_ticks: standing(pid).map(|standing| standing.start_ticks) }
}

/// Whether a process ignores a signal, as the system shows it.
pub(crate) fn ignores(pid: u32, signal: rustix::process::Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal.as_raw() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let rest = "S 10 11 12 34817 13 4194304 99 0 0 0 0 0 0 0 20 0 1 0 7500 0";
        for name in ["sh", "a) S 1 2 3", "((", "x y z"] {
            let found = Standing::parse(&format!("42 ({name}) {rest}")).unwrap();
            assert_eq!((found.parent, found.group, found.session), (10, 11, 12), "{name}");
            assert_eq!((found.state, found.start_ticks), (b'S', 7500));
            // 34817 is 136:1, the second terminal in /dev/pts.
            assert_eq!(found.terminal, rustix::fs::makedev(136, 1));
        }
        // Bits of the minor number stand on both sides of the major one.
        let many = format!("4 (x) {}", rest.replace("34817", "1083436"));
        assert_eq!(Standing::parse(&many).unwrap().terminal, rustix::fs::makedev(136, 300));
        assert_eq!(Standing::parse("42 (sh) S 1"), None);
        assert_eq!(Standing::parse(""), None);
    }

    #[test]
    fn this_process_is_found() {
        let own = standing(std::process::id()).unwrap();
        assert_eq!(own.parent, number(rustix::process::getppid().unwrap()));
        assert!(!own.is_zombie());
        assert_eq!(standing(0), None);
    }

    #[test]
    fn what_a_rust_program_ignores() {
        assert!(ignores(std::process::id(), rustix::process::Signal::PIPE));
        assert!(!ignores(std::process::id(), rustix::process::Signal::SEGV));
    }
}
