//! What a session and its place are called on the board.

use std::borrow::Cow;
use std::path::Path;

use callboard_agents::Row;

use crate::address::Called;

/// How many characters of a session id are shown where it is not shown in full.
const ID_CHARACTERS: usize = 8;

/// The name that was given, if it says anything.
pub(crate) fn given_name(row: &Row) -> Option<&str> {
    row.name.as_deref().filter(|name| !name.trim().is_empty())
}

/// The name, else the last part of the directory, else the beginning of the session id, else the
/// pid: never nothing.
pub(crate) fn shown_name(row: &Row) -> Cow<'_, str> {
    let directory = || Path::new(row.cwd.as_deref()?).file_name()?.to_str();
    let name = given_name(row).or_else(directory).or_else(|| short_id(row));
    name.map_or_else(|| Cow::Owned(format!("pid {}", row.pid)), Cow::Borrowed)
}

/// The beginning of the session id.
pub(crate) fn short_id(row: &Row) -> Option<&str> {
    let id = row.session_id.as_deref().filter(|id| !id.is_empty())?;
    Some(id.char_indices().nth(ID_CHARACTERS).map_or(id, |(end, _)| &id[..end]))
}

/// `cwd` with the user's home as `~`.
pub(crate) fn tilde<'a>(cwd: &'a str, home: Option<&str>) -> Cow<'a, str> {
    let rest = home
        .map(|home| home.trim_end_matches('/'))
        .filter(|home| !home.is_empty())
        .and_then(|home| cwd.strip_prefix(home));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Cow::Owned(format!("~{rest}")),
        _ => Cow::Borrowed(cwd),
    }
}

/// What the row can be called by. `shown` is its [`shown_name`], which outlives the row's look.
pub(crate) fn called<'a>(row: &'a Row, shown: &'a str) -> Called<'a> {
    Called { pid: row.pid, name: row.name.as_deref(), session_id: row.session_id.as_deref(), shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::row;

    #[test]
    fn names_by_case() {
        let cases = [
            (r#"{"pid":7,"name":"billing","cwd":"/src/api","sessionId":"52fb8bf5"}"#, "billing"),
            (r#"{"pid":7,"name":"","cwd":"/src/api","sessionId":"52fb8bf5"}"#, "api"),
            (r#"{"pid":7,"name":" \n","cwd":"/src/api/"}"#, "api"),
            (r#"{"pid":7,"cwd":"/","sessionId":"52fb8bf5-ee"}"#, "52fb8bf5"),
            (r#"{"pid":7,"sessionId":"日本語日本語日本語"}"#, "日本語日本語日本"),
            (r#"{"pid":7,"sessionId":""}"#, "pid 7"),
        ];
        for (record, name) in cases {
            assert_eq!(shown_name(&row(record)), name, "{record}");
        }
    }

    #[test]
    fn home_is_a_tilde() {
        for (cwd, home, shown) in [
            ("/home/u/src", Some("/home/u"), "~/src"),
            ("/home/u/src", Some("/home/u/"), "~/src"),
            ("/home/u", Some("/home/u"), "~"),
            ("/home/ursula", Some("/home/u"), "/home/ursula"),
            ("/src", Some("/"), "/src"),
            ("/src", Some(""), "/src"),
            ("/src", None, "/src"),
        ] {
            assert_eq!(tilde(cwd, home), shown, "{cwd} in {home:?}");
        }
    }
}
