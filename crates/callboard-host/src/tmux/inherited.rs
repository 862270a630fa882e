//! What a program inherits of its starter beside the environment. In tmux it would be that of
//! whoever started the server; so it is told to the keeper, in one word: the umask, and the limits
//! that there are.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// By the names that the shell has for them.
const RESOURCES: [(&str, Resource); 14] = [
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
    ("as", Resource::As),
];

/// What is inherited of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inherited {
    umask: u32,
    limits: Vec<(Resource, Rlimit)>,
}

impl Inherited {
    /// Of this process.
    pub(super) fn here() -> Self {
        // To ask for the mask by setting it would change it for all threads.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        let umask = umask.and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok());
        let limits = RESOURCES.map(|(_, resource)| (resource, getrlimit(resource))).to_vec();
        Self { umask: umask.unwrap_or(0o022), limits }
    }

    /// As one word: `22,nofile=1024:4096,core=0:`.
    pub(super) fn word(&self) -> String {
        let number = |limit: Option<u64>| limit.map_or(String::new(), |limit| limit.to_string());
        let mut word = format!("{:o}", self.umask);
        for (name, resource) in RESOURCES {
            let found = self.limits.iter().find(|(of, _)| *of == resource);
            if let Some((_, Rlimit { current, maximum })) = found {
                word.push_str(&format!(",{name}={}:{}", number(*current), number(*maximum)));
            }
        }
        word
    }

    /// From such a word. What a newer version has added is passed over.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split(',');
        let umask = u32::from_str_radix(parts.next()?, 8).ok()?;
        let mut limits = Vec::new();
        for part in parts {
            let (name, numbers) = part.split_once('=')?;
            let (current, maximum) = numbers.split_once(':')?;
            let number =
                |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
            let limit = Rlimit { current: number(current)?, maximum: number(maximum)? };
            if let Some((_, resource)) = RESOURCES.iter().find(|(known, _)| *known == name) {
                limits.push((*resource, limit));
            }
        }
        Some(Self { umask, limits })
    }

    /// Makes it that of this process, as far as it may: what the server may not use, nobody in it
    /// may.
    pub(super) fn take_on(&self) {
        rustix::process::umask(Mode::from_bits_truncate(self.umask));
        for (resource, wanted) in &self.limits {
            let allowed = getrlimit(*resource).maximum;
            // Without the right to raise it, the second of these is what is left.
            for most in [wanted.maximum, least(wanted.maximum, allowed)] {
                let limit = Rlimit { current: least(wanted.current, most), maximum: most };
                if setrlimit(*resource, limit).is_ok() {
                    break;
                }
            }
        }
    }
}

/// The lower of two limits, of which either may be none.
fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_from_a_word() {
        let here = Inherited::here();
        assert_eq!(here.limits.len(), RESOURCES.len());
        assert_eq!(Inherited::parse(&here.word()), Some(here));
        let told = Inherited::parse("77,nofile=10:,dreams=1:2,core=0:0").unwrap();
        let nofile = Rlimit { current: Some(10), maximum: None };
        let core = Rlimit { current: Some(0), maximum: Some(0) };
        assert_eq!(told.umask, 0o77);
        assert_eq!(told.limits, [(Resource::Nofile, nofile), (Resource::Core, core)]);
        assert_eq!(told.word(), "77,core=0:0,nofile=10:");
        for broken in ["", "9", "22,nofile", "22,nofile=1", "22,nofile=x:1"] {
            assert_eq!(Inherited::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_lower_of_two_limits() {
        for (one, other, expected) in [
            (None, None, None),
            (Some(1), None, Some(1)),
            (None, Some(2), Some(2)),
            (Some(3), Some(2), Some(2)),
        ] {
            assert_eq!(least(one, other), expected);
        }
    }
}
