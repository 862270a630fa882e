//! The one table of what a record may say. The parser's key lookup, the JSON schema and the
//! tables in `docs/FORMAT.md` all come from it.

/// The version of the format that this code writes.
///
/// A record with a higher `schemaVersion` is read as far as it can be understood, and never
/// rewritten. The format's history is in `docs/FORMAT.md`.
pub const SCHEMA_VERSION: u64 = 1;

/// What a value must look like to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A JSON string.
    Text,
    /// An integer from 1 to 2^31 - 1.
    Pid,
    /// An integer from 0 to 2^64 - 1.
    Count,
    /// Milliseconds since the Unix epoch, an integer from 0 to 253402300799999 (the year 9999).
    Time,
}

/// When a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In every record that Callboard writes.
    Always,
    /// Only when somebody said so.
    Optional,
}

/// One field of the record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key in code.
    pub key: Key,
    /// The key in the file.
    pub name: &'static str,
    /// What its value must look like.
    pub shape: Shape,
    /// When it is there.
    pub presence: Presence,
    /// What it means, for the documentation.
    pub meaning: &'static str,
}

macro_rules! fields {
    ($($key:ident $name:literal $shape:ident $presence:ident $meaning:literal,)+) => {
        /// The keys that this version understands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        #[allow(missing_docs, reason = "FIELDS carries the meaning of each, once")]
        pub enum Key { $($key),+ }

        impl Key {
            /// The key with this name in the file, if it is one that this version understands.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$key),)+
                    _ => None,
                }
            }
        }

        /// Every field that this version understands, in the order in which it is written.
        pub const FIELDS: &[Field] = &[$(Field {
            key: Key::$key,
            name: $name,
            shape: Shape::$shape,
            presence: Presence::$presence,
            meaning: $meaning,
        }),+];
    };
}

fields! {
    Pid "pid" Pid Always
        "process id, as the session sees it in its own PID namespace; the number in the file name",
    SessionId "sessionId" Text Always
        "the conversation; changes under the same process on resume or clear",
    Cwd "cwd" Text Always
        "working directory, absolute; bytes that are not UTF-8 are replaced by U+FFFD",
    StartedAt "startedAt" Time Always
        "when the session signed in",
    Kind "kind" Text Always
        "`interactive`, `bg`, `daemon`, `daemon-worker`; an open set",
    Entrypoint "entrypoint" Text Optional
        "how it was started (`cli`, `sdk-ts`, ...), free text",
    Name "name" Text Optional
        "what people call it",
    LogPath "logPath" Text Optional
        "where its output goes, given by whoever spawned it",
    Agent "agent" Text Optional
        "which agent it runs as, given by whoever spawned it",
    MessagingSocketPath "messagingSocketPath" Text Optional
        "its inbox, a local socket",
    BridgeSessionId "bridgeSessionId" Text Optional
        "its id on a remote bridge; absent while it is not connected",
    Status "status" Text Optional
        "`busy`, `idle`, `waiting`, `shell`; an open set; absent until the session first says",
    WaitingFor "waitingFor" Text Optional
        "what it waits for, free text; absent while it does not wait",
    UpdatedAt "updatedAt" Time Always
        "when the record was last written",
    StatusUpdatedAt "statusUpdatedAt" Time Optional
        "since when the status (and what it waits for) is what it is",
    Reached "reached" Text Optional
        "with which `seq` each status was last set, as `busy 12 idle 13`: who waits for a status learns that it was there, however short. The eight last ones; one with white space in it, or of more than 64 bytes, is left out",
    HookAt "hookAt" Time Optional
        "when the event happened that a hook of the program last told; there while the status is what hooks said, gone once the session itself says one",
    ProcStart "procStart" Text Always
        "start time of the process: Linux, field 22 of `/proc/<pid>/stat`, in clock ticks since boot, decimal. Other programs also write `<boot id>:<ticks>`",
    PidDomain "pidDomain" Text Always
        "where the pid means something: `linux:<machine id>:pid:[<PID namespace inode>]`, unknown parts empty; `darwin`; `win32:<host>`",
    BootId "bootId" Text Optional
        "this boot of the kernel (Linux: `/proc/sys/kernel/random/boot_id`)",
    PidNs "pidNs" Count Optional
        "inode number of the PID namespace, where a program writes it apart; ours stands in `pidDomain`",
    TimeNs "timeNs" Count Optional
        "inode number of the time namespace; ticks of two time namespaces cannot be compared",
    PidfdIno "pidfdIno" Count Optional
        "inode number of a pidfd of the process (Linux 6.9 or newer): unique for this boot, the same from every namespace",
    LockIno "lockIno" Count Optional
        "inode number of `.<record>.lock` beside the record, which the session holds locked (flock) for its life; absent where it holds none",
    Instance "instance" Text Always
        "128 random bits in hex: this registration, as opposed to another one of the same pid",
    PlaceholderId "placeholderId" Text Optional
        "a `sessionId` that was made up by somebody who signed the process in on its behalf and did not know its conversation; means nothing once `sessionId` is another",
    Seq "seq" Count Always
        "how often the record was written; grows by one with every write",
    SchemaVersion "schemaVersion" Count Always
        "format version, see above",
    Tool "tool" Text Optional
        "the program's name",
    Version "version" Text Optional
        "the program's version",
}

impl Key {
    /// The row of the table for this key.
    #[must_use]
    pub const fn field(self) -> &'static Field {
        &FIELDS[self as usize]
    }

    /// The key as it stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.field().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_enum_agree() {
        for (index, field) in FIELDS.iter().enumerate() {
            assert_eq!(field.key as usize, index, "{}", field.name);
            assert_eq!(Key::from_name(field.name), Some(field.key));
            assert_eq!(field.key.name(), field.name);
        }
        assert_eq!(Key::from_name("Pid"), None);
        assert_eq!(Key::from_name(""), None);
    }
}
