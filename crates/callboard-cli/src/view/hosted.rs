//! Background sessions, as their hosts know them.

use std::borrow::Cow;
use std::path::Path;

use callboard_host::supervisor::{Standing, Supervision};
use callboard_host::{Exit, Hosted, State};

use super::table::Drawing;
use crate::output::age::age;
use crate::output::json::Object;
use crate::output::paint::Paint;
use crate::output::sanitize::sanitize;
use crate::output::width::{Keep, cut, width};

/// The name that was given, else the file name of its program.
pub(crate) fn hosted_name(session: &Hosted) -> Cow<'_, str> {
    match session.name.as_deref().filter(|name| !name.trim().is_empty()) {
        Some(name) => Cow::Borrowed(name),
        None => tool(session),
    }
}

fn tool(session: &Hosted) -> Cow<'_, str> {
    let program = session.argv.first().map(Path::new).unwrap_or(Path::new("-"));
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy()
}

/// Where it stands, in words: `running`, `exit code 3`, `signal 9`, `lost`.
pub(crate) fn standing(session: &Hosted) -> String {
    match session.state.exit() {
        Some(exit) => exit.to_string(),
        None => session.state.as_str().to_owned(),
    }
}

/// The policy of a session and what came of it, if it has one that can be read.
fn supervision(session: &Hosted) -> Option<Supervision> {
    Supervision::of(session).ok().flatten()
}

/// Whether a session has ended and is to be started again.
pub(crate) fn is_due(session: &Hosted) -> bool {
    let supervision = supervision(session).zip(session.state.exit());
    supervision.is_some_and(|(found, exit)| found.awaits_start(session.started_at, exit))
}

/// Where a session stands that does not run, as [`standing`], unless its policy says more: that it
/// is started again, or failed for good.
fn fate(session: &Hosted, now: u64) -> String {
    let supervision = supervision(session);
    match supervision.as_ref().map(|found| found.standing(session.started_at)) {
        Some(Standing::Due { at }) => format!("starts in {}", age(*at, now)),
        Some(Standing::Failed { reason, .. }) => format!("failed ({})", reason.as_str()),
        _ => standing(session),
    }
}

/// The policy of a session, how often it was started again, and what is next, in words.
pub(crate) fn restart_fact(
    session: &Hosted,
    supervision: &Supervision,
    clock: impl Fn(u64) -> String,
) -> String {
    let mut fact = supervision.policy().as_str().to_owned();
    match supervision.restarts(session.started_at) {
        0 => {}
        1 => fact.push_str(", started again once"),
        times => fact.push_str(&format!(", started again {times} times")),
    }
    match supervision.standing(session.started_at) {
        Standing::Due { at } => fact.push_str(&format!(", next start at {}", clock(*at))),
        Standing::Stopped => fact.push_str(", stopped by hand"),
        Standing::Failed { reason, text } => {
            fact.push_str(&format!(", failed ({}): {text}", reason.as_str()));
        }
        _ => {}
    }
    fact
}

/// How many clients are attached; `None` where the host does not say.
pub(crate) fn clients(session: &Hosted) -> Option<usize> {
    match &session.state {
        State::Running(running) => Some(running.clients),
        State::Ended(_) | State::Lost => Some(0),
        _ => None,
    }
}

fn ended_at(session: &Hosted) -> Option<u64> {
    match &session.state {
        State::Ended(ended) => Some(ended.at),
        _ => None,
    }
}

/// The lines that `show` has for it beside its row, keys first.
pub(crate) fn facts(
    session: &Hosted,
    clock: impl Fn(u64) -> String,
) -> Vec<(&'static str, String)> {
    let mut facts = vec![("host", format!("{}, id {}", session.host, session.id))];
    if let Some(host) = session.host_process.filter(|_| session.state.is_live()) {
        facts.push(("host pid", host.pid.to_string()));
    }
    facts.push(("stands", standing(session)));
    if let Some(supervision) = supervision(session) {
        facts.push(("restart", restart_fact(session, &supervision, &clock)));
    }
    if let State::Running(running) = &session.state {
        facts.push(("clients", format!("{} attached", running.clients)));
        let size = running.size;
        facts.push(("size", format!("{}x{}", size.columns, size.rows)));
    }
    facts.extend(ended_at(session).map(|at| ("ended", clock(at))));
    facts.push(("command", command(session)));
    facts.push(("files", session.directory.display().to_string()));
    facts
}

/// Everything about a session that is not on the board.
pub(crate) fn hosted_detail(
    session: &Hosted,
    drawing: Drawing<'_>,
    clock: impl Fn(u64) -> String,
) -> Vec<String> {
    let palette = drawing.palette;
    let name = palette.paint(Paint::Strong, &sanitize(&hosted_name(session)));
    let mut lines = vec![format!("{} {name}", palette.paint(Paint::Dim, sign(session)))];
    let started = clock(session.started_at);
    let more = [
        ("directory", session.cwd.display().to_string()),
        ("kind", session.kind.as_str().to_owned()),
        ("started", format!("{started} ({} ago)", age(drawing.now, session.started_at))),
    ];
    let facts = more.into_iter().chain(facts(session, clock));
    lines.extend(facts.map(|(key, text)| fact(key, &text, drawing)));
    lines
}

/// One line of `show`.
pub(crate) fn fact(key: &str, text: &str, drawing: Drawing<'_>) -> String {
    let key = drawing.palette.paint(Paint::Dim, &format!("  {key:<12}"));
    format!("{key} {}", sanitize(text))
}

fn sign(session: &Hosted) -> &'static str {
    if session.state.is_live() { "·" } else { "✕" }
}

fn command(session: &Hosted) -> String {
    let words: Vec<_> = session.argv.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Those that have no row: one line each, below the table.
pub(crate) fn off_the_board(sessions: &[Hosted], drawing: Drawing<'_>) -> Vec<String> {
    let names: Vec<String> =
        sessions.iter().map(|s| sanitize(&hosted_name(s)).into_owned()).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0).min(24);
    let line = |(session, name): (&Hosted, &String)| {
        let name = cut(name, widest, Keep::Beginning);
        let gap = " ".repeat(widest - width(&name));
        let since = age(drawing.now, ended_at(session).unwrap_or(session.started_at));
        let (standing, id) = (fate(session, drawing.now), &session.id);
        let command = command(session);
        let command = sanitize(&command);
        let text =
            format!("{} {name}{gap}  {standing:<13}  {since:>3}  {id}  {command}", sign(session));
        let text =
            drawing.columns.map_or(Cow::Borrowed(&*text), |c| cut(&text, c, Keep::Beginning));
        drawing.palette.paint(Paint::Dim, &text)
    };
    sessions.iter().zip(&names).map(line).collect()
}

/// The columns that `ps` has for programs beside those of a row: host, clients, how it ended.
pub(crate) fn columns(session: Option<&Hosted>) -> [String; 3] {
    let dash = || "-".to_owned();
    let Some(session) = session else { return [dash(), dash(), dash()] };
    let ended = session.state.exit().map_or_else(dash, |exit| exit.to_string());
    let clients = clients(session).map_or_else(dash, |count| count.to_string());
    [session.host.to_string(), clients, ended]
}

/// The line of one that has no row, with the columns of all others.
pub(crate) fn push_hosted_line(text: &mut String, session: &Hosted) {
    let pid = session.program.map_or_else(|| "-".to_owned(), |program| program.pid.to_string());
    let cwd = session.cwd.to_string_lossy();
    let (name, tool) = (hosted_name(session), tool(session));
    let [host, clients, ended] = columns(Some(session));
    let id = session.id.as_str();
    let known = [&*name, "-", "-", "-", &tool, session.kind.as_str(), &cwd, &pid, id];
    let verdict = verdict(session);
    for column in known.into_iter().chain([verdict, &host, &clients]) {
        text.push_str(&sanitize(if column.is_empty() { "-" } else { column }));
        text.push('\t');
    }
    text.push_str(&ended);
    text.push('\n');
}

/// Whether it runs, in the words of the board. What a lost one left behind has a row of its own.
fn verdict(session: &Hosted) -> &'static str {
    if session.state.is_live() { "alive" } else { "dead" }
}

/// What `--json` has under `host`.
pub(crate) fn push_host(json: &mut String, session: Option<&Hosted>) {
    let Some(session) = session else { return json.push_str("null") };
    let (code, signal) = match session.state.exit() {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal(signal)) => (None, Some(signal)),
        _ => (None, None),
    };
    let number = |number: Option<i32>| number.and_then(|number| u64::try_from(number).ok());
    let mut object = Object::begin(json);
    object.text("id", Some(session.id.as_str()));
    object.text("kind", Some(session.host.as_str()));
    object.text("state", Some(session.state.as_str()));
    object.number("clients", clients(session).map(|count| count as u64));
    object.number("exitCode", number(code));
    object.number("signal", number(signal));
    object.number("endedAt", ended_at(session));
    push_restart(object.key("restart"), session);
    object.end();
}

/// What `--json` has under `host.restart`.
fn push_restart(json: &mut String, session: &Hosted) {
    let Some(supervision) = supervision(session) else { return json.push_str("null") };
    let (next, reason) = match supervision.standing(session.started_at) {
        Standing::Due { at } => (Some(*at), None),
        Standing::Failed { reason, .. } => (None, Some(reason.as_str())),
        _ => (None, None),
    };
    let mut object = Object::begin(json);
    object.text("policy", Some(supervision.policy().as_str()));
    object.text("standing", Some(supervision.standing(session.started_at).as_str()));
    object.text("reason", reason);
    object.number("restarts", Some(supervision.restarts(session.started_at).into()));
    object.number("nextStart", next);
    object.end();
}

/// A session that has no row, with the keys of all others.
pub(crate) fn push_hosted(json: &mut String, session: &Hosted) {
    let mut object = Object::begin(json);
    for key in super::json::KEYS {
        match key {
            "pid" => object.number(key, session.program.map(|program| program.pid.into())),
            "name" => object.text(key, Some(&hosted_name(session))),
            "tool" => object.text(key, Some(&tool(session))),
            "kind" => object.text(key, Some(session.kind.as_str())),
            "cwd" => object.text(key, Some(&session.cwd.to_string_lossy())),
            "startedAt" => object.number(key, Some(session.started_at)),
            "verdict" => object.text(key, Some(verdict(session))),
            "foundBy" => object.text(key, Some("host")),
            "host" => push_host(object.key(key), Some(session)),
            "sources" => object.key(key).push_str("[]"),
            _ => object.text(key, None),
        }
    }
    object.end();
}

/// The name as an argument on a command line that a person may copy; the id where the name would
/// need quotes.
pub(crate) fn handle(session: &Hosted) -> String {
    let name = hosted_name(session);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_plain = !name.starts_with('-') && name.chars().all(plain) && session.name.is_some();
    if is_plain { name.into_owned() } else { session.id.to_string() }
}
