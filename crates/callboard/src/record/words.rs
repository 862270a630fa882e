//! The two open vocabularies of a record: kinds and statuses.

use std::fmt;

/// Declares an open set of words: the known ones as variants, any other text kept as it is.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vmeta])* $variant,)+
            /// A word that this version does not know, kept through every update.
            Other(Box<str>),
        }

        impl $name {
            /// The words that this version knows, in the order of the variants.
            pub const KNOWN: &'static [&'static str] = &[$($word),+];

            /// The word as it stands in a record.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.into()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a session is doing, as it says itself.
    ///
    /// An open set: agents add words (`shell` came late and broke parsers that had a closed
    /// list), so a value that is not known is kept and shown, never dropped or guessed at.
    Status {
        /// Working on a turn, or on work that was delegated.
        Busy = "busy",
        /// Nothing to do until the user types.
        Idle = "idle",
        /// Blocked on the user; [`SessionRecord::waiting_for`](super::SessionRecord::waiting_for)
        /// says on what.
        Waiting = "waiting",
        /// Idle itself, with at least one shell command still running in the background.
        Shell = "shell",
    }
}

words! {
    /// How a session is hosted.
    Kind {
        /// In a terminal that somebody started it in.
        Interactive = "interactive",
        /// In a background host, with or without a client attached.
        Background = "bg",
        /// A supervisor.
        Daemon = "daemon",
        /// Kept running by a supervisor.
        DaemonWorker = "daemon-worker",
    }
}

impl Kind {
    /// The kind that a spawner asked for: only the three that a spawner can mean count, anything
    /// else (or nothing) is an interactive session.
    #[must_use]
    pub fn from_spawner(word: &str) -> Self {
        match Self::from(word) {
            kind @ (Self::Background | Self::Daemon | Self::DaemonWorker) => kind,
            _ => Self::Interactive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_round_trip_known_or_not() {
        for word in ["busy", "idle", "waiting", "shell", "compacting", "", "BUSY", "wartet 🕰"] {
            assert_eq!(Status::from(word).as_str(), word);
        }
        for word in ["interactive", "bg", "daemon", "daemon-worker", "headless"] {
            assert_eq!(Kind::from(word).as_str(), word);
        }
    }

    #[test]
    fn a_spawner_can_only_name_the_three_kinds_that_it_can_mean() {
        let cases = [
            ("bg", Kind::Background),
            ("daemon", Kind::Daemon),
            ("daemon-worker", Kind::DaemonWorker),
            ("interactive", Kind::Interactive),
            ("", Kind::Interactive),
            ("BG", Kind::Interactive),
            ("root", Kind::Interactive),
        ];
        for (word, kind) in cases {
            assert_eq!(Kind::from_spawner(word), kind, "{word:?}");
        }
    }
}
