//! Which row of the board the user means, and what to say where none or several are meant.

use std::borrow::Borrow;

use callboard_agents::Row;

use super::{Meant, Naming, fewest_characters};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::view::naming::{called, short_id, shown_name};

/// The session that `text` means: of several groups, the first one in which one is named so.
pub(crate) fn find<R: Borrow<Row>>(groups: impl AsMut<[Vec<R>]>, text: &str) -> Result<R, Failure> {
    look(groups, text)?.ok_or_else(|| nobody(text))
}

/// The same where it need not be there; `Err` if it could be several.
pub(crate) fn look<R: Borrow<Row>>(
    mut groups: impl AsMut<[Vec<R>]>,
    text: &str,
) -> Result<Option<R>, Failure> {
    for naming in Naming::IN_TURN {
        for rows in groups.as_mut() {
            if let Some(row) = take_meant(naming, text, rows)? {
                return Ok(Some(row));
            }
        }
    }
    Ok(None)
}

/// Takes the row that is named so; `Err` if it could be several.
pub(crate) fn take_meant<R: Borrow<Row>>(
    naming: Naming,
    text: &str,
    rows: &mut Vec<R>,
) -> Result<Option<R>, Failure> {
    let all = || rows.iter().map(Borrow::borrow);
    let shown: Vec<_> = all().map(shown_name).collect();
    let meant = naming.find(text, all().zip(&shown).map(|(row, shown)| called(row, shown)));
    drop(shown);
    match meant {
        Meant::One(at) => Ok(Some(rows.swap_remove(at))),
        Meant::Several(several) => {
            Err(ambiguous(text, several.iter().map(|at| rows[*at].borrow())))
        }
        Meant::Nobody => Ok(None),
    }
}

/// What there is to say where no session is meant.
pub(crate) fn nobody(text: &str) -> Failure {
    let fewest = fewest_characters(text);
    let id = if text.chars().count() < fewest {
        format!(" or has this pid, and of a session id it takes at least {fewest} characters")
    } else {
        ", has this pid or a session id that begins so".to_owned()
    };
    Failure::no(format!(
        "no session is called `{}`{id}; `callboard ps` lists who is on",
        sanitize(text)
    ))
}

fn ambiguous<'a>(text: &str, rows: impl Iterator<Item = &'a Row>) -> Failure {
    let mut message = format!("`{}` could be any of these:\n", sanitize(text));
    for row in rows {
        let id = row.session_id.as_deref().or(short_id(row)).unwrap_or("-");
        let line = format!(
            "  pid {:<8} {}  session {}  {}\n",
            row.pid,
            sanitize(&shown_name(row)),
            sanitize(id),
            sanitize(row.cwd.as_deref().unwrap_or("-"))
        );
        message.push_str(&line);
    }
    message.push_str("give the pid, or more of the session id");
    Failure::Told { exit: Exit::Usage, message }
}
