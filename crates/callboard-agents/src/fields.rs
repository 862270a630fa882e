//! The parts of a row that can come from different sources.

use std::fmt;

macro_rules! fields {
    ($($variant:ident = $name:literal,)+) => {
        /// A part of a row that comes from one source as a whole.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each is the field of Row with its name")]
        pub enum Field { $($variant),+ }

        impl Field {
            /// Every field, in the order of `--json`.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The key in `--json`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

fields! {
    SessionId = "sessionId",
    Name = "name",
    Tool = "tool",
    Kind = "kind",
    Entrypoint = "entrypoint",
    Status = "status",
    WaitingFor = "waitingFor",
    StatusSince = "statusSince",
    Cwd = "cwd",
    StartedAt = "startedAt",
    UpdatedAt = "updatedAt",
    Verdict = "verdict",
    PidDomain = "pidDomain",
    Agent = "agent",
    Version = "version",
    LogPath = "logPath",
    BridgeSessionId = "bridgeSessionId",
}

/// A set of fields. Four bytes for each row and source, where a list would be the largest part of
/// a row.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fields(u32);

impl Fields {
    /// No field.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u8;
    }

    /// Takes one out.
    pub fn remove(&mut self, field: Field) {
        self.0 &= !(1 << field as u8);
    }

    /// Whether it is in the set.
    #[must_use]
    pub const fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    /// The fields, in the order of `--json`.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.has(*field))
    }

    /// Their keys in `--json`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Field::name)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        let mut set = Self::NONE;
        fields.into_iter().for_each(|field| set.insert(field));
        set
    }
}
