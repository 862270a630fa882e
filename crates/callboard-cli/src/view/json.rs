//! A row as `--json` shows it.

use std::path::Path;

use callboard_agents::{Row, RowSource, StatusFrom};

use crate::output::json::{Object, push_array, push_string};

/// The keys of a session, in their order; every session has all of them.
#[cfg(test)]
pub(crate) const KEYS: [&str; 20] = [
    "pid",
    "sessionId",
    "name",
    "tool",
    "kind",
    "entrypoint",
    "status",
    "waitingFor",
    "statusSince",
    "statusFrom",
    "cwd",
    "startedAt",
    "updatedAt",
    "verdict",
    "evidence",
    "registry",
    "pidDomain",
    "transcriptPath",
    "activity",
    "sources",
];

/// Appends the object of a row. `transcript` is looked for by the caller: it takes a look at the
/// disk.
pub(crate) fn push_row(json: &mut String, row: &Row, transcript: Option<&Path>) {
    let mut object = Object::begin(json);
    object.number("pid", Some(row.pid.into()));
    object.text("sessionId", row.session_id.as_deref());
    object.text("name", row.name.as_deref());
    object.text("tool", row.tool.as_deref());
    object.text("kind", row.kind.as_ref().map(|kind| kind.as_str()));
    object.text("entrypoint", row.entrypoint.as_deref());
    object.text("status", row.status.as_ref().map(|status| status.as_str()));
    object.text("waitingFor", row.waiting_for.as_deref());
    object.number("statusSince", row.status_since);
    object.text("statusFrom", row.status_from.map(StatusFrom::as_str));
    object.text("cwd", row.cwd.as_deref());
    object.number("startedAt", row.started_at);
    object.number("updatedAt", row.updated_at);
    object.text("verdict", Some(row.verdict.as_str()));
    object.text("evidence", Some(row.evidence.as_str()));
    object.text("registry", Some(row.registry));
    object.text("pidDomain", row.pid_domain.as_deref());
    object.text("transcriptPath", transcript.map(Path::to_string_lossy).as_deref());
    // Recent activity is read off transcripts, which nothing here does.
    object.text("activity", None);
    push_array(object.key("sources"), &row.sources, push_source);
    object.end();
}

fn push_source(json: &mut String, source: &RowSource) {
    let mut object = Object::begin(json);
    object.text("registry", Some(source.registry));
    object.text("path", Some(&source.path().to_string_lossy()));
    push_array(object.key("fields"), source.fields.names(), push_string);
    object.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{board, row};

    #[test]
    fn every_row_has_every_key_in_order() {
        for row in board().iter().chain([&row(r#"{"pid":7}"#)]) {
            let mut json = String::new();
            push_row(&mut json, row, None);
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            let object = value.as_object().unwrap();
            assert_eq!(object.len(), KEYS.len());
            let at: Vec<_> =
                KEYS.iter().map(|key| json.find(&format!("\"{key}\":")).unwrap()).collect();
            assert!(at.is_sorted(), "{json}");
        }
    }

    #[test]
    fn what_is_not_known_is_null() {
        let mut json = String::new();
        push_row(&mut json, &row(r#"{"pid":7}"#), None);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        for key in ["sessionId", "name", "status", "statusSince", "statusFrom", "cwd", "activity"] {
            assert!(value[key].is_null(), "{key}");
        }
        assert_eq!(value["verdict"], "alive");
    }
}
