//! What a background session is called below the home: a directory's name.

use std::fmt;

/// The id of a background session: `[a-z0-9][a-z0-9-]*`, at most 32 characters, so that it is a
/// file name, a systemd unit and a tmux session as it stands, and needs no escaping anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostedId(Box<str>);

/// The greatest length of an id.
const MAX_LENGTH: usize = 32;

impl HostedId {
    /// Eight random hex digits.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:08x}", crate::random::word()).into())
    }

    /// The id with this text; `None` if it has not the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_id = (1..=MAX_LENGTH).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(allowed);
        is_id.then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<std::path::Path> for HostedId {
    fn as_ref(&self) -> &std::path::Path {
        std::path::Path::new(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_plain_file_name() {
        let long = "a".repeat(33);
        for (text, is_id) in [
            ("0a1b2c3d", true),
            ("worker-1", true),
            ("7", true),
            (&long[..32], true),
            (&long[..], false),
            ("", false),
            ("-rf", false),
            (".inside", false),
            ("..", false),
            ("a/b", false),
            ("A", false),
            ("a b", false),
            ("ü", false),
        ] {
            assert_eq!(HostedId::parse(text).is_some(), is_id, "{text:?}");
        }
        assert_eq!(
            HostedId::parse(HostedId::random().as_str()).map(|id| id.as_str().len()),
            Some(8)
        );
        assert_ne!(HostedId::random(), HostedId::random());
    }
}
