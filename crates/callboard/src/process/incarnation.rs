//! Which run of which pid a record is about.

use std::borrow::Cow;

use crate::record::{Key, Patch, SessionRecord};

/// The operating system that a record was written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// `linux:<machine id>:pid:[<inode>]`
    Linux,
    /// `darwin`
    MacOs,
    /// `win32:<host>`
    Windows,
    /// The record does not say, or in words that this version does not know.
    Unstated,
}

impl System {
    /// The one that this program runs on.
    #[must_use]
    pub const fn here() -> Self {
        if cfg!(target_os = "linux") {
            Self::Linux
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Unstated
        }
    }
}

/// This run of this pid, as a record states it: ours, Claude Code's and Qwen Code's forms.
///
/// Every part but the pid may be missing, in a record of another program or from a system that
/// would not say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incarnation<'a> {
    /// The pid in its own namespace.
    pub pid: u32,
    /// The operating system.
    pub system: System,
    /// The machine; `None` if unstated or empty.
    pub machine_id: Option<Cow<'a, str>>,
    /// The boot.
    pub boot_id: Option<Cow<'a, str>>,
    /// Inode number of the PID namespace.
    pub pid_ns: Option<u64>,
    /// Inode number of the time namespace.
    pub time_ns: Option<u64>,
    /// Start time in clock ticks since boot.
    pub start_ticks: Option<u64>,
    /// Inode number of its pidfd.
    pub pidfd_ino: Option<u64>,
    /// Inode number of the lock file that it holds.
    pub lock_ino: Option<u64>,
    /// When the session signed in, in ms since the epoch; never compared but with "is the
    /// process younger", and only where there is nothing better.
    pub started_at: Option<u64>,
}

impl<'a> Incarnation<'a> {
    /// What the record says.
    #[must_use]
    pub fn of(record: &'a SessionRecord) -> Self {
        let domain = Domain::parse(record.text(Key::PidDomain));
        let (boot_in_start, start_ticks) = parse_start(record.text(Key::ProcStart));
        Self {
            pid: record.pid(),
            system: domain.system,
            machine_id: domain.machine_id,
            boot_id: record.text(Key::BootId).filter(|b| !b.is_empty()).or(boot_in_start),
            pid_ns: record.number(Key::PidNs).or(domain.pid_ns),
            time_ns: record.number(Key::TimeNs),
            start_ticks,
            pidfd_ino: record.number(Key::PidfdIno),
            lock_ino: record.number(Key::LockIno),
            started_at: record.started_at(),
        }
    }

    /// Writes it into a record.
    pub(crate) fn patch(&self, patch: Patch, domain: &str) -> Patch {
        let ticks = self.start_ticks.map(|t| t.to_string());
        patch
            .text(Key::ProcStart, Some(ticks.as_deref().unwrap_or_default()))
            .text(Key::PidDomain, Some(domain))
            .text(Key::BootId, self.boot_id.as_deref())
            .number(Key::TimeNs, self.time_ns)
            .number(Key::PidfdIno, self.pidfd_ino)
            .number(Key::LockIno, self.lock_ino)
    }
}

struct Domain<'a> {
    system: System,
    machine_id: Option<Cow<'a, str>>,
    pid_ns: Option<u64>,
}

impl<'a> Domain<'a> {
    fn parse(text: Option<Cow<'a, str>>) -> Self {
        let mut domain = Self { system: System::Unstated, machine_id: None, pid_ns: None };
        let Some(text) = text else { return domain };
        if text == "darwin" {
            domain.system = System::MacOs;
        } else if text.starts_with("win32:") {
            domain.system = System::Windows;
        } else if let Some(rest) = text.strip_prefix("linux:") {
            domain.system = System::Linux;
            if let Some(colon) = rest.bytes().position(|b| b == b':') {
                domain.pid_ns = parse_namespace(&rest[colon + 1..]);
                if colon > 0 {
                    let start = "linux:".len();
                    domain.machine_id = Some(slice(text, start..start + colon));
                }
            }
        }
        domain
    }
}

fn slice(text: Cow<'_, str>, range: std::ops::Range<usize>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
    }
}

fn parse_namespace(text: &str) -> Option<u64> {
    text.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

/// `<ticks>` as Claude Code writes it, `<boot id>:<ticks>` as Qwen Code does. Anything else
/// (macOS: `Fri Oct  2 19:22:44 2026`) is no number of ticks.
fn parse_start(text: Option<Cow<'_, str>>) -> (Option<Cow<'_, str>>, Option<u64>) {
    let Some(text) = text else { return (None, None) };
    match text.bytes().rposition(|b| b == b':') {
        None => (None, text.parse().ok()),
        Some(colon) => match text[colon + 1..].parse() {
            Ok(ticks) if is_boot_id(&text[..colon]) => (Some(slice(text, 0..colon)), Some(ticks)),
            _ => (None, None),
        },
    }
}

fn is_boot_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(extra: &str) -> SessionRecord {
        SessionRecord::parse(format!("{{\"pid\":7{extra}}}").as_bytes()).unwrap()
    }

    #[test]
    fn the_three_forms_are_understood() {
        let claude = record(r#","procStart":"750407","pidDomain":"linux:0123:pid:[4026531836]""#);
        let claude = Incarnation::of(&claude);
        assert_eq!(claude.system, System::Linux);
        assert_eq!(claude.machine_id.as_deref(), Some("0123"));
        assert_eq!(claude.pid_ns, Some(4_026_531_836));
        assert_eq!((claude.boot_id, claude.start_ticks), (None, Some(750_407)));

        let boot = "00000000-1111-4222-8333-444444444444";
        let qwen = record(&format!(r#","procStart":"{boot}:810467","pidNs":4026531836"#));
        let qwen = Incarnation::of(&qwen);
        assert_eq!(qwen.boot_id.as_deref(), Some(boot));
        assert_eq!((qwen.pid_ns, qwen.start_ticks), (Some(4_026_531_836), Some(810_467)));

        let ours = record(&format!(r#","procStart":"9","bootId":"{boot}","pidfdIno":149160"#));
        let ours = Incarnation::of(&ours);
        assert_eq!((ours.boot_id.as_deref(), ours.pidfd_ino), (Some(boot), Some(149_160)));
    }

    #[test]
    fn what_is_not_said_or_not_understood_is_absent() {
        let cases = [
            ("", System::Unstated, None, None),
            (r#","pidDomain":"linux::""#, System::Linux, None, None),
            (r#","pidDomain":"linux::pid:[5]""#, System::Linux, None, Some(5)),
            (r#","pidDomain":"linux:ab""#, System::Linux, None, None),
            (r#","pidDomain":"linux:ab:pid:[x]""#, System::Linux, Some("ab"), None),
            (r#","pidDomain":"darwin""#, System::MacOs, None, None),
            (r#","pidDomain":"win32:HOST""#, System::Windows, None, None),
            (r#","pidDomain":"plan9:x""#, System::Unstated, None, None),
            (r#","pidDomain":7"#, System::Unstated, None, None),
        ];
        for (extra, system, machine, ns) in cases {
            let record = record(extra);
            let found = Incarnation::of(&record);
            assert_eq!(found.system, system, "{extra}");
            assert_eq!(found.machine_id.as_deref(), machine, "{extra}");
            assert_eq!(found.pid_ns, ns, "{extra}");
        }
        for start in ["", "Fri Oct  2 19:22:44 2026", "12:34", "-5", "1e3"] {
            let record = record(&format!(r#","procStart":"{start}""#));
            let found = Incarnation::of(&record);
            assert_eq!((found.boot_id, found.start_ticks), (None, None), "{start:?}");
        }
    }
}
