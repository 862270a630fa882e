//! What a session says about itself: one JSON object, kept whole.
//!
//! Pure: nothing in here opens a file, asks the time or looks at a process. A [`SessionRecord`]
//! is the *text* of a record with an index over it, so that reading costs one pass, values are
//! decoded only when asked for, and whatever a newer version or another program wrote (unknown
//! keys, unknown statuses, their order, the digits of a number) comes out of an update as it went
//! in. The contract is in `docs/FORMAT.md`, generated from [`FIELDS`].

mod field;
mod file_name;
mod patch;
mod scan;
mod session_record;
mod words;

pub use field::{FIELDS, Field, Key, Presence, SCHEMA_VERSION, Shape};
pub use file_name::{EntryName, RecordName};
pub use patch::Patch;
pub use scan::Malformed;
pub use session_record::{Fault, FaultKind, SessionRecord};
pub use words::{Kind, Status};

/// The longest record that is read or written, in bytes.
///
/// Real records have 300 to 900 bytes; a reader must not be made to buffer what somebody else
/// put into the directory. Places in a record fit into 16 bits.
pub const MAX_RECORD_BYTES: usize = 65_535;
