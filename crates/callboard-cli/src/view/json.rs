//! A row as `--json` shows it.

use std::path::Path;

use callboard_agents::transcript::Recent;
use callboard_agents::{Row, RowSource, StatusFrom};
use callboard_host::Hosted;

use super::hosted::push_host;
use crate::output::json::{Object, push_array, push_string};

/// The keys of a session, in their order; every session has all of them.
pub(crate) const KEYS: [&str; 22] = [
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
    "foundBy",
    "pidDomain",
    "transcriptPath",
    "activity",
    "host",
    "sources",
];

/// Appends the object of a row, with what [`Board::consult`](callboard_agents::Board::consult) has
/// put into it, and the host that it runs in, if that was looked for.
pub(crate) fn push_row(json: &mut String, row: &Row, hosted: Option<&Hosted>) {
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
    object.text("foundBy", Some(row.found_by.as_str()));
    object.text("pidDomain", row.pid_domain.as_deref());
    let transcript = row.transcript_path.as_deref().map(Path::to_string_lossy);
    object.text("transcriptPath", transcript.as_deref());
    match row.recent.as_deref() {
        Some(recent) => push_recent(object.key("activity"), recent),
        None => object.text("activity", None),
    }
    push_host(object.key("host"), hosted);
    push_array(object.key("sources"), &row.sources, push_source);
    object.end();
}

fn push_recent(json: &mut String, recent: &Recent) {
    let sparkline = &recent.sparkline;
    let mut object = Object::begin(json);
    object.number("until", Some(sparkline.until));
    object.number("intervalMs", Some(sparkline.interval_ms));
    push_array(object.key("counts"), sparkline.counts, |json, count| {
        json.push_str(&count.to_string());
    });
    // The counts before it are of nothing that was read.
    object.number("knownSince", recent.known_since);
    object.number("lastEventAt", recent.last_event_at);
    object.text("lastTool", recent.last_tool.as_deref());
    object.text("model", recent.model.as_deref());
    object.number("contextTokens", recent.tokens.map(|tokens| tokens.context));
    object.number("outputTokens", recent.tokens.map(|tokens| tokens.output));
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
    use crate::view::sample::{NOW, board, recent, row};

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
    fn what_happened_lately_is_an_object() {
        let mut row = row(r#"{"pid":7}"#);
        let mut recent = recent(&[(11, 3), (0, 1)]);
        (recent.last_tool, recent.last_event_at) = (Some("Bash".into()), Some(NOW));
        row.recent = Some(Box::new(recent));
        let mut json = String::new();
        push_row(&mut json, &row, None);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "until": NOW, "intervalMs": 60_000,
            "counts": [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            "knownSince": null, "lastEventAt": NOW, "lastTool": "Bash", "model": null,
            "contextTokens": null, "outputTokens": null,
        });
        assert_eq!(value["activity"], expected);
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
