//! One change on the board, as a line or as JSON.

use callboard_agents::{BoardEvent, Row};

use super::json::push_row;
use super::naming::shown_name;
use super::state::status_word;
use crate::output::json::{Object, push_array, push_string};
use crate::output::sanitize::sanitize;

/// The word for what happened.
fn word(event: &BoardEvent) -> &'static str {
    match event {
        BoardEvent::Appeared(_) => "appeared",
        BoardEvent::Changed { .. } => "changed",
        _ => "gone",
    }
}

/// `<time> <what> <name> <pid> <details>`, separated by tabs; `None` for what is about no session.
pub(crate) fn line(event: &BoardEvent, now: u64) -> Option<String> {
    let row = event.row()?;
    let details = match event {
        BoardEvent::Changed { row, before, fields } => {
            let told = |field: &&&str| **field != "waitingFor" || !fields.contains(&"status");
            let parts: Vec<String> =
                fields.iter().filter(told).map(|field| change(field, before, row)).collect();
            parts.join(", ")
        }
        BoardEvent::Gone { why, .. } => why.to_string(),
        _ => doing(row),
    };
    let name = shown_name(row);
    Some(format!("{now}\t{}\t{}\t{}\t{details}", word(event), sanitize(&name), row.pid))
}

fn change(field: &str, before: &Row, row: &Row) -> String {
    let pair = |then: Option<&str>, now: Option<&str>| {
        let (then, now) = (then.unwrap_or("-"), now.unwrap_or("-"));
        format!("{field}: {} -> {}", sanitize(then), sanitize(now))
    };
    match field {
        "status" => format!("status: {} -> {}", sanitize(status_word(before)), doing(row)),
        "waitingFor" => pair(before.waiting_for.as_deref(), row.waiting_for.as_deref()),
        "name" => pair(before.name.as_deref(), row.name.as_deref()),
        "sessionId" => pair(before.session_id.as_deref(), row.session_id.as_deref()),
        "cwd" => pair(before.cwd.as_deref(), row.cwd.as_deref()),
        "verdict" => pair(Some(before.verdict.as_str()), Some(row.verdict.as_str())),
        // What it is now is in `show`.
        _ => field.to_owned(),
    }
}

fn doing(row: &Row) -> String {
    let mut text = sanitize(status_word(row)).into_owned();
    if let Some(waiting_for) = row.waiting_for.as_deref() {
        text.push_str(&format!(" ({})", sanitize(waiting_for)));
    }
    text
}

/// `{"event", "at", "fields", "why", "before", "session"}`; `None` for what is about no session.
pub(crate) fn json(event: &BoardEvent, now: u64) -> Option<String> {
    let row = event.row()?;
    let mut json = String::new();
    let mut object = Object::begin(&mut json);
    object.text("event", Some(word(event)));
    object.number("at", Some(now));
    match event {
        BoardEvent::Changed { before, fields, .. } => {
            push_array(object.key("fields"), fields.iter(), |json, field| push_string(json, field));
            object.text("why", None);
            let mut was = Object::begin(object.key("before"));
            was.text("status", before.status.as_ref().map(|status| status.as_str()));
            was.text("waitingFor", before.waiting_for.as_deref());
            was.text("sessionId", before.session_id.as_deref());
            was.text("name", before.name.as_deref());
            was.end();
        }
        _ => {
            object.text("fields", None);
            let why = match event {
                BoardEvent::Gone { why, .. } => Some(why.as_str()),
                _ => None,
            };
            object.text("why", why);
            object.text("before", None);
        }
    }
    // Who attaches is no change of a record.
    push_row(object.key("session"), row, None);
    object.end();
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::row;
    use callboard::Gone;

    fn changed(before: &str, now: &str, fields: &[&'static str]) -> BoardEvent {
        BoardEvent::Changed { row: row(now), before: row(before).into(), fields: fields.to_vec() }
    }

    #[test]
    fn lines_by_case() {
        let busy = r#"{"pid":7,"name":"billing","status":"busy"}"#;
        let waiting =
            r#"{"pid":7,"name":"billing","status":"waiting","waitingFor":"permission prompt"}"#;
        let evil = "{\"pid\":7,\"name\":\"a\\nb\\u001b[31m\",\"status\":\"busy\"}";
        let cases = [
            (BoardEvent::Appeared(row(busy)), "5\tappeared\tbilling\t7\tbusy"),
            (
                changed(busy, waiting, &["status", "waitingFor"]),
                "5\tchanged\tbilling\t7\tstatus: busy -> waiting (permission prompt)",
            ),
            (changed(busy, busy, &["status"]), "5\tchanged\tbilling\t7\tstatus: busy -> busy"),
            (BoardEvent::Gone { row: row(busy), why: Gone::Died }, "5\tgone\tbilling\t7\tdied"),
            (
                changed(busy, evil, &["name"]),
                "5\tchanged\ta\\nb\\u{1b}[31m\t7\tname: billing -> a\\nb\\u{1b}[31m",
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(line(&event, 5).unwrap(), expected);
            let value: serde_json::Value = serde_json::from_str(&json(&event, 5).unwrap()).unwrap();
            assert_eq!(value["session"]["pid"], 7);
            assert_eq!(value["event"], expected.split('\t').nth(1).unwrap());
        }
    }
}
