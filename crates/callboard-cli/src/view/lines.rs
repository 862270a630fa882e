//! One line for each session, for programs: columns separated by tabs, always the same, always
//! all of them, nothing cut, `-` where nothing is known. New columns are only added at the end.

use callboard_agents::Row;
use callboard_host::Hosted;

use super::hosted::columns;
use super::naming::shown_name;
use super::state::status_word;
use crate::output::age::age;
use crate::output::sanitize::sanitize;

/// The columns, as the manual names them.
#[cfg(test)]
pub(crate) const COLUMNS: &str = "name, status, age of the status, waiting for, tool, kind, directory, pid, session id, verdict, host, \
     clients, how it ended";

/// Appends the line of a row, with its end.
pub(crate) fn push_line(text: &mut String, row: &Row, hosted: Option<&Hosted>, now: u64) {
    let age = row.status.as_ref().and(row.status_since).map(|since| age(now, since));
    let name = shown_name(row);
    let pid = row.pid.to_string();
    let [host, clients, ended] = columns(hosted);
    let columns = [
        &*name,
        status_word(row),
        age.as_deref().unwrap_or("-"),
        row.waiting_for.as_deref().unwrap_or("-"),
        row.tool.as_deref().unwrap_or("-"),
        row.kind.as_ref().map_or("-", |kind| kind.as_str()),
        row.cwd.as_deref().unwrap_or("-"),
        &pid,
        row.session_id.as_deref().unwrap_or("-"),
        row.verdict.as_str(),
        &host,
        &clients,
        &ended,
    ];
    for (nth, column) in columns.into_iter().enumerate() {
        if nth > 0 {
            text.push('\t');
        }
        text.push_str(&sanitize(if column.is_empty() { "-" } else { column }));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{NOW, row};

    #[test]
    fn a_line_has_every_column_whatever_is_in_them() {
        let mut text = String::new();
        push_line(&mut text, &row(r#"{"pid":7}"#), None, NOW);
        push_line(
            &mut text,
            &row(r#"{"pid":8,"name":"a\tb\nc","status":"idle","waitingFor":"","cwd":"/x"}"#),
            None,
            NOW,
        );
        assert_eq!(
            text,
            "pid 7\t-\t-\t-\t-\t-\t-\t7\t-\talive\t-\t-\t-\n\
             a\\tb\\nc\tidle\t-\t-\t-\t-\t/x\t8\t-\talive\t-\t-\t-\n"
        );
        let columns = COLUMNS.split(',').count();
        assert!(text.lines().all(|line| line.split('\t').count() == columns));
    }
}
