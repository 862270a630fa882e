//! `callboard daemon status`.

use callboard_host::supervisor::{self, Report, Standing, Supervision};
use callboard_host::{Hosted, State};

use super::unreachable;
use crate::background::Background;
use crate::commands::show::local_time;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::{age, now};
use crate::output::json::Object;
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;
use crate::view::hosted::{hosted_name, restart_fact};

const AFTER_HELP: &str = "\
Exits with 0 if one runs, 1 if none does, 4 if one does not answer.

Examples:
  callboard daemon status
  callboard daemon status --json | jq .failed";

/// say whether a supervisor runs, and what it waits for
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Status {
    /// one JSON object: running, pid, version, since, sessions, due, failed, restarts, keepEndedMs
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let home = context.home()?;
        let report = supervisor::status(&home).map_err(|error| unreachable(&error))?;
        let mut out = Out::new();
        if self.json {
            out.line(&json(report.as_ref()))?;
        } else {
            for line in lines(report.as_ref()) {
                out.line(&line)?;
            }
            for session in Background::open(context)?.list() {
                if let Some(line) = out_of_the_ordinary(&session) {
                    out.line(&line)?;
                }
            }
        }
        out.finish()?;
        Ok(if report.is_some() { Exit::Yes } else { Exit::No })
    }
}

fn lines(report: Option<&Report>) -> Vec<String> {
    let Some(report) = report else {
        return vec![
            "no supervisor runs: sessions run on, and none is started again".to_owned(),
            "start one with: callboard daemon run".to_owned(),
        ];
    };
    let Report { pid, version, since, running, due, failed, restarts, .. } = report;
    let for_so_long = age(now(), *since);
    vec![
        format!(
            "the supervisor runs, pid {pid}, version {}, since {} ({for_so_long})",
            sanitize(version),
            local_time(*since)
        ),
        format!(
            "{running} running, {due} due to start again, {failed} failed, {restarts} restarts made"
        ),
    ]
}

/// A session with a policy that does not just run or has ended as it should.
fn out_of_the_ordinary(session: &Hosted) -> Option<String> {
    let supervision = Supervision::of(session).ok().flatten()?;
    let standing = supervision.standing(session.started_at);
    let is_plain = matches!(standing, Standing::Done | Standing::Stopped)
        || (*standing == Standing::Watched && matches!(session.state, State::Running(_)));
    let fact = restart_fact(session, &supervision, local_time);
    let name = hosted_name(session);
    (!is_plain).then(|| format!("  {}  {}  {}", session.id, sanitize(&name), sanitize(&fact)))
}

fn json(report: Option<&Report>) -> String {
    let mut json = String::new();
    let mut object = Object::begin(&mut json);
    let count = |number: fn(&Report) -> usize| report.map(|report| number(report) as u64);
    object.key("running").push_str(if report.is_some() { "true" } else { "false" });
    object.number("pid", report.map(|report| report.pid.into()));
    object.text("version", report.map(|report| &*report.version));
    object.number("since", report.map(|report| report.since));
    object.number("sessions", count(|report| report.running));
    object.number("due", count(|report| report.due));
    object.number("failed", count(|report| report.failed));
    object.number("restarts", report.map(|report| report.restarts));
    object.number("keepEndedMs", report.and_then(|report| report.keep_ended_ms));
    object.end();
    json
}
