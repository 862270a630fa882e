//! Which session of one look at the board is which of the next, and what is new in it. Pure.

use std::sync::Arc;

use callboard::record::RecordName;

use crate::row::Row;

/// What stays the same about a session from one look to the next.
///
/// Of a process of this PID namespace it is the pid, whoever found it and whatever it is on; an
/// agent's server that holds several conversations has several. Elsewhere the pid is no number of
/// ours, and the record is what there is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Process(u32, u32),
    Record(Arc<std::path::Path>, RecordName),
    Nothing(u32),
}

/// The keys of rows in the order of the board: the second and later rows of one process are told
/// apart by their place among them.
pub(super) fn keys(rows: &[Row]) -> Vec<Key> {
    let mut seen = std::collections::HashMap::<u32, u32>::new();
    let key = |row: &Row| match (row.is_here(), row.sources.first()) {
        (true, _) => {
            let nth = seen.entry(row.pid).or_default();
            *nth += 1;
            Key::Process(row.pid, *nth)
        }
        (false, Some(source)) => Key::Record(source.dir.clone(), source.file),
        (false, None) => Key::Nothing(row.pid),
    };
    rows.iter().map(key).collect()
}

/// Whether two rows of one key are of two incarnations of the pid: both say when they started, in
/// the words of the same registry, and it is not the same.
pub(super) fn is_another_process(before: &Row, row: &Row) -> bool {
    before.registry == row.registry
        && before.started_at.is_some()
        && row.started_at.is_some()
        && before.started_at != row.started_at
        && before.session_id != row.session_id
}

/// What is new, by its key in `--json`, in the order there. The times that change with others are
/// not named, and what was read of a conversation beside the status is no news.
pub(super) fn difference(before: &Row, row: &Row) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut compare = |name, differs: bool| {
        if differs {
            fields.push(name);
        }
    };
    compare("sessionId", before.session_id != row.session_id);
    compare("name", before.name != row.name);
    compare("tool", before.tool != row.tool);
    compare("kind", before.kind != row.kind);
    compare("entrypoint", before.entrypoint != row.entrypoint);
    compare("status", before.status != row.status || before.all_reached() != row.all_reached());
    compare("waitingFor", before.waiting_for != row.waiting_for);
    compare("cwd", before.cwd != row.cwd);
    compare("verdict", before.verdict != row.verdict);
    compare("agent", before.agent != row.agent);
    compare("version", before.version != row.version);
    compare("logPath", before.log_path != row.log_path);
    compare("bridgeSessionId", before.bridge_session_id != row.bridge_session_id);
    fields
}
