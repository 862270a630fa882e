//! Everything about one session, for `show`.

use callboard_agents::activity::INTERVALS;
use callboard_agents::{Row, StatusFrom};

use super::bars::bars;
use super::hosted::fact;
use super::naming::{shown_name, tilde};
use super::state::{State, status_word};
use super::table::Drawing;
use crate::output::age::age;
use crate::output::paint::Paint;
use crate::output::sanitize::sanitize;

/// The lines, with the sources of the fields.
pub(crate) fn detail(
    row: &Row,
    drawing: Drawing<'_>,
    clock: impl Fn(u64) -> String,
) -> Vec<String> {
    let state = State::of(row);
    let palette = drawing.palette;
    let sign = palette.paint(state.paint(), state.sign());
    let name = palette.paint(Paint::Strong, &sanitize(&shown_name(row)));
    let facts = facts(row, &drawing, clock);
    let lines = facts.iter().map(|(key, text)| fact(key, text, drawing));
    std::iter::once(format!("{sign} {name}")).chain(lines).collect()
}

/// What is known of a session, keys first, as it was written: not sanitised.
pub(crate) fn facts(
    row: &Row,
    drawing: &Drawing<'_>,
    clock: impl Fn(u64) -> String,
) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut say = |key: &'static str, text: Option<String>| {
        facts.extend(text.filter(|text| !text.is_empty()).map(|text| (key, text)));
    };
    let own = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    let when =
        |at: Option<u64>| at.map(|at| format!("{} ({} ago)", clock(at), age(drawing.now, at)));
    let status = row.status.as_ref().map(|_| {
        let mut text = status_word(row).to_owned();
        if let Some(waiting_for) = row.waiting_for.as_deref() {
            text.push_str(&format!(", for: {waiting_for}"));
        }
        if let Some(from) = row.status_from.filter(|from| *from != StatusFrom::Record) {
            text.push_str(&format!(" (as its {from} says)"));
        }
        text
    });
    say("status", status);
    say("since", when(row.status_since));
    say("directory", row.cwd.as_deref().map(|cwd| tilde(cwd, drawing.home).into_owned()));
    say(
        "tool",
        row.tool.as_deref().map(|tool| match row.version.as_deref() {
            Some(version) => format!("{tool} {version}"),
            None => tool.to_owned(),
        }),
    );
    say("kind", row.kind.as_ref().map(|kind| kind.as_str().to_owned()));
    say("entrypoint", own(&row.entrypoint));
    say("agent", own(&row.agent));
    say("session id", own(&row.session_id));
    say("pid", Some(row.pid.to_string()));
    say("pid domain", own(&row.pid_domain));
    say("verdict", Some(format!("{}: {}", row.verdict, row.evidence.explain())));
    say("signed in", when(row.started_at));
    say("last written", when(row.updated_at));
    say("log", own(&row.log_path));
    say("bridge", own(&row.bridge_session_id));
    if let Some(recent) = row.recent.as_deref() {
        say("last tool", own(&recent.last_tool));
        say("model", own(&recent.model));
        say("context", recent.tokens.map(|tokens| format!("{} tokens", tokens.context)));
        say("last event", when(recent.last_event_at));
        let bars = Some(bars(recent)).filter(|_| !recent.sparkline.is_quiet());
        say("activity", bars.map(|bars| format!("{bars} (the last {INTERVALS} minutes)")));
    }
    say("transcript", row.transcript_path.as_ref().map(|path| path.display().to_string()));
    if let Some(job) = row.linked_job.as_deref() {
        say("job", Some(job.id().to_owned()));
        for window in job.windows() {
            say(
                "window",
                Some(format!("pid {}, parked on this job ({})", window.pid, window.verdict)),
            );
        }
    }
    for source in &row.sources {
        let fields: Vec<&str> = source.fields.names().collect();
        say(source.registry, Some(source.path().display().to_string()));
        // With one source there is nothing to tell apart.
        if row.sources.len() > 1 {
            let fields = if fields.is_empty() { "nothing".to_owned() } else { fields.join(", ") };
            say("  says", Some(fields));
        }
    }
    facts
}
