//! The words of a telling: the session's name, what it is, what it waits for, its program and the
//! last part of its directory. Nothing of its conversation. Pure.

use std::path::Path;
use std::time::Duration;

use callboard_agents::Row;

use crate::config::Edge;
use crate::output::age::age;
use crate::output::sanitize::sanitize;
use crate::output::width::{Keep, cut};
use crate::view::naming::shown_name;

/// A telling in words; both lines are sanitised, and short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Who, and what of it.
    pub(super) title: String,
    /// More of it.
    pub(super) body: String,
}

/// Nobody reads more of a name on a notification.
const COLUMNS: usize = 60;

impl Words {
    pub(super) fn of(row: &Row, edge: Edge, worked: Duration) -> Self {
        let name = shown_name(row);
        let what = match edge {
            Edge::Waiting => "waits for you",
            Edge::Idle => "is idle",
            Edge::Died => "has died",
        };
        let detail = match edge {
            Edge::Waiting => row.waiting_for.as_deref().map(short),
            Edge::Idle => Some(format!("after {} of work", shown(worked))),
            Edge::Died => {
                row.status.as_ref().map(|status| format!("it was {}", short(status.as_str())))
            }
        };
        let dir = row.cwd.as_deref().and_then(|cwd| Path::new(cwd).file_name()?.to_str());
        // A session without a name is called as its directory.
        let dir = dir.filter(|dir| *dir != name);
        let parts = [detail, row.tool.as_deref().map(short), dir.map(short)];
        let body: Vec<String> =
            parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        Self { title: format!("{} {what}", short(&name)), body: body.join(" · ") }
    }

    /// Both on one line.
    pub(super) fn line(&self) -> String {
        if self.body.is_empty() {
            return self.title.clone();
        }
        format!("{}: {}", self.title, self.body)
    }
}

fn short(text: &str) -> String {
    cut(&sanitize(text), COLUMNS, Keep::Beginning).into_owned()
}

fn shown(time: Duration) -> String {
    age(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::row;

    #[test]
    fn words_by_case() {
        const LONG: &str =
            "a very long name that somebody has given to a session and that goes on and on";
        let long = format!(r#"{{"pid":7,"name":"{LONG}"}}"#);
        let cases = [
            (
                r#"{"pid":7,"name":"billing","status":"waiting","waitingFor":"permission prompt","tool":"claude","cwd":"/home/u/src/api"}"#,
                Edge::Waiting,
                "billing waits for you: permission prompt · claude · api",
            ),
            (
                r#"{"pid":7,"status":"idle","tool":"claude","cwd":"/home/u/src/api"}"#,
                Edge::Idle,
                "api is idle: after 12m of work · claude",
            ),
            (
                r#"{"pid":7,"name":"billing","status":"busy","cwd":"/"}"#,
                Edge::Died,
                "billing has died: it was busy",
            ),
            (r#"{"pid":7}"#, Edge::Died, "pid 7 has died"),
            (
                "{\"pid\":7,\"name\":\"a\\nb\\u001b]0;x\\u0007\",\"status\":\"waiting\",\"waitingFor\":\"\\u202e\",\"tool\":\"\\u009b\"}",
                Edge::Waiting,
                "a\\nb\\u{1b}]0;x\\u{7} waits for you: \\u{202e} · \\u{9b}",
            ),
            (
                &*long,
                Edge::Died,
                "a very long name that somebody has given to a session and t… has died",
            ),
        ];
        for (record, edge, line) in cases {
            let words = Words::of(&row(record), edge, Duration::from_secs(12 * 60 + 5));
            assert_eq!(words.line(), line, "{record}");
        }
    }
}
