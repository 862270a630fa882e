//! Which names in a registry directory mean what.

use std::fmt;

/// The name of a record: `<pid>.json`, or `<pid>-<8 hex>.json` where another PID namespace
/// already holds the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordName {
    /// The pid in the name, from 1 to 2^31 - 1.
    pub pid: u32,
    /// The part after the dash.
    pub suffix: Option<u32>,
}

impl RecordName {
    /// The usual name for this pid.
    #[must_use]
    pub const fn new(pid: u32) -> Self {
        Self { pid, suffix: None }
    }

    /// Parses a file name, strictly: `2026-03-14_notes.md`, `0123.json`, `+5.json` and
    /// `99999999999999999999.json` are not records, and a reader that takes `parseInt` of them
    /// for a pid deletes its users' files (claude-code #34210).
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        let stem = name.strip_suffix(b".json")?;
        let digits = stem.iter().position(|b| !b.is_ascii_digit()).unwrap_or(stem.len());
        let (pid, rest) = stem.split_at(digits);
        if pid.is_empty() || pid.len() > 10 || pid[0] == b'0' {
            return None;
        }
        let pid = pid.iter().fold(0_u64, |n, b| n * 10 + u64::from(b - b'0'));
        let pid = u32::try_from(pid).ok().filter(|p| *p <= i32::MAX as u32)?;
        let suffix = match rest {
            [] => None,
            [b'-', hex @ ..] if hex.len() == 8 => {
                let mut value = 0_u32;
                for byte in hex {
                    let digit = match byte {
                        b'0'..=b'9' => byte - b'0',
                        b'a'..=b'f' => byte - b'a' + 10,
                        _ => return None,
                    };
                    value = value << 4 | u32::from(digit);
                }
                Some(value)
            }
            _ => return None,
        };
        Some(Self { pid, suffix })
    }

    /// The name without `.json`.
    #[must_use]
    pub fn stem(&self) -> String {
        match self.suffix {
            None => self.pid.to_string(),
            Some(suffix) => format!("{}-{suffix:08x}", self.pid),
        }
    }

    /// The file that the session holds locked for its life.
    #[must_use]
    pub fn lock_name(&self) -> String {
        format!(".{}.lock", self.stem())
    }

    /// The file that the record was before its session's last change, kept for the next one:
    /// named after the session's registration, whose alone it is. `None` where the record does not
    /// name that, or not as we do.
    #[must_use]
    pub fn spare_name(&self, instance: &str) -> Option<String> {
        let token = instance.get(..16).filter(|token| is_token(token.as_bytes()))?;
        Some(format!(".{}.{token}.spare", self.stem()))
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.suffix {
            None => write!(f, "{}.json", self.pid),
            Some(suffix) => write!(f, "{}-{suffix:08x}.json", self.pid),
        }
    }
}

/// What a name in the directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryName {
    /// A record.
    Record(RecordName),
    /// `.<stem>.lock`: the life lock beside a record.
    Lock(RecordName),
    /// `.<stem>.<16 hex>.tmp`: a record that is being published, or was when its writer died.
    Temporary,
    /// `.<stem>.<16 hex>.spare`: what a record was before its session's last change, to be written
    /// anew for the next.
    Spare,
    /// `.<stem>.<16 hex>.swept`: a record that a sweep has moved aside to look at it once more.
    Swept(RecordName),
    /// Not ours; never opened, never touched.
    Stray,
}

impl EntryName {
    /// Sorts one directory entry.
    #[must_use]
    pub fn parse(name: &[u8]) -> Self {
        if name.first() != Some(&b'.') {
            return RecordName::parse(name).map_or(Self::Stray, Self::Record);
        }
        let Some((stem, tail)) = name[1..].iter().position(|b| *b == b'.').map(|dot| {
            let (stem, tail) = name[1..].split_at(dot);
            (stem, &tail[1..])
        }) else {
            return Self::Stray;
        };
        let Some(record) = RecordName::parse(&[stem, b".json"].concat()) else {
            return Self::Stray;
        };
        match tail {
            b"lock" => Self::Lock(record),
            [hex @ .., b'.', b't', b'm', b'p'] if is_token(hex) => Self::Temporary,
            [hex @ .., b'.', b's', b'p', b'a', b'r', b'e'] if is_token(hex) => Self::Spare,
            [hex @ .., b'.', b's', b'w', b'e', b'p', b't'] if is_token(hex) => Self::Swept(record),
            _ => Self::Stray,
        }
    }
}

fn is_token(hex: &[u8]) -> bool {
    hex.len() == 16 && hex.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_names_are_records() {
        let yes = [
            ("1.json", 1, None),
            ("4194304.json", 4_194_304, None),
            ("2147483647.json", 2_147_483_647, None),
            ("42-00c0ffee.json", 42, Some(0x00c0_ffee)),
        ];
        for (name, pid, suffix) in yes {
            let parsed = RecordName::parse(name.as_bytes());
            assert_eq!(parsed, Some(RecordName { pid, suffix }), "{name}");
            assert_eq!(parsed.map(|p| p.to_string()).as_deref(), Some(name));
        }
        let no = [
            "0.json",
            "0123.json",
            "+5.json",
            "-5.json",
            "5",
            "5.JSON",
            ".json",
            "5.json.tmp",
            "2147483648.json",
            "99999999999999999999.json",
            "2026-03-14_notes.md",
            "5 .json",
            "2026-03-14.json",
            "42-00C0FFEE.json",
            "42-00c0ffe.json",
            "42-00c0ffee0.json",
            "42-.json",
            "pid-42.json",
            "٤٢.json",
            "42.json\n",
            "4\u{202e}2.json",
        ];
        for name in no {
            assert_eq!(RecordName::parse(name.as_bytes()), None, "{name:?}");
        }
    }

    #[test]
    fn a_spare_is_named_after_a_registration_of_ours() {
        let name = RecordName { pid: 42, suffix: None };
        let instance = "0123456789abcdef0123456789abcdef";
        assert_eq!(name.spare_name(instance).as_deref(), Some(".42.0123456789abcdef.spare"));
        for other in
            ["", "0123456789abcde", "0123456789ABCDEF", "../../../../../../etc", "ééééééééé"]
        {
            assert_eq!(name.spare_name(other), None, "{other}");
        }
    }

    #[test]
    fn our_other_files_are_told_from_strangers() {
        let record = RecordName::new(42);
        let cases = [
            ("42.json", EntryName::Record(record)),
            (".42.lock", EntryName::Lock(record)),
            (".42-00c0ffee.lock", EntryName::Lock(RecordName { pid: 42, suffix: Some(0xc0_ffee) })),
            (".42.0123456789abcdef.spare", EntryName::Spare),
            (".42-00c0ffee.0123456789abcdef.spare", EntryName::Spare),
            (".42.spare", EntryName::Stray),
            (".42.0123456789abcdef.tmp", EntryName::Temporary),
            (".42.0123456789abcdef.swept", EntryName::Swept(record)),
            (".42.0123456789abcde.tmp", EntryName::Stray),
            (".42.tmp", EntryName::Stray),
            (".lock", EntryName::Stray),
            (".042.lock", EntryName::Stray),
            (".DS_Store", EntryName::Stray),
            ("42.key", EntryName::Stray),
            ("notes.md", EntryName::Stray),
        ];
        for (name, kind) in cases {
            assert_eq!(EntryName::parse(name.as_bytes()), kind, "{name}");
        }
    }
}
