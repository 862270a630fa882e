//! `callboard hooks status`.

use std::path::Path;

use callboard::Home;
use callboard_agents::hook::{AGENTS, HookAgent};

use super::{Which, settings_of, this_program};
use crate::commands::hook::{last_line, last_seen};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::{age, now};
use crate::output::paint::{Paint, Palette};
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;
use crate::settings::agents::{Install, install};
use crate::settings::entries;
use crate::settings::file::Settings;
use crate::settings::trouble;

/// How one thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    Note,
    Wrong,
}

/// What was found of one agent.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<(Health, String)>,
}

impl Report {
    fn say(&mut self, health: Health, what: impl Into<String>) {
        self.lines.push((health, what.into()));
    }

    fn is_good(&self) -> bool {
        self.lines.iter().all(|(health, _)| *health != Health::Wrong)
    }
}

pub(super) fn run(which: &Which, context: &Context) -> Result<Exit, Failure> {
    let home = context.home_given().map(Home::at).or_else(|| Home::from_env().ok());
    let program = this_program()?;
    let mut out = Out::new();
    let palette = context.page().palette;
    let mut exit = Exit::Yes;
    let all = AGENTS.iter().map(|(_, agent)| *agent);
    for agent in all.filter(|agent| which.name.is_none_or(|name| name == *agent)) {
        let path = settings_of(agent, which.settings.as_deref())?;
        let report = look(agent, &path, &program, home.as_ref());
        // Of all agents, one without hooks is no trouble; of the one that was asked for, it is.
        if which.name.is_some() && !report.is_good() {
            exit = Exit::No;
        }
        out.text(&shown(agent, &report, palette))?;
    }
    out.finish()?;
    Ok(exit)
}

fn look(agent: HookAgent, path: &Path, program: &Path, home: Option<&Home>) -> Report {
    let mut report = Report::default();
    let settings = match Settings::read(path) {
        Ok(settings) => settings,
        Err(refused) => {
            report.say(Health::Wrong, refused.to_string());
            return report;
        }
    };
    let text = settings.before.as_deref().unwrap_or_default();
    let is_there = match install(agent, program) {
        Some(Install::Entries(form, wanted)) => {
            look_at_entries(&mut report, agent, path, text, form, &wanted)
        }
        Some(Install::Whole(ours)) => look_at_file(&mut report, agent, path, text, &ours),
        None => false,
    };
    if is_there {
        let trouble = trouble::look(agent, &settings.real, text);
        trouble.blocks.into_iter().for_each(|what| report.say(Health::Wrong, what));
        trouble.notes.into_iter().for_each(|what| report.say(Health::Note, what));
    }
    look_at_calls(&mut report, agent, home);
    report
}

fn look_at_entries(
    report: &mut Report,
    agent: HookAgent,
    path: &Path,
    text: &str,
    form: entries::Form,
    wanted: &[entries::Wanted],
) -> bool {
    let found = match entries::found(text, form, agent.name()) {
        Ok(found) => found,
        Err(why) => {
            report.say(Health::Wrong, format!("cannot read {}: {why}", path.display()));
            return false;
        }
    };
    if found.is_empty() {
        report.say(Health::Wrong, not_installed(agent, path));
        return false;
    }
    let is_there = |wanted: &&entries::Wanted| {
        found.iter().any(|found| found.event == wanted.event && found.hook == wanted.value())
    };
    let there = wanted.iter().filter(is_there).count();
    let whole = there == wanted.len() && found.len() == there;
    if whole {
        report.say(Health::Good, format!("installed in {}", path.display()));
        return true;
    }
    let gone = found.iter().find(|found| !found.program.exists());
    let again = format!("`callboard hooks install {}` brings them up to date", agent.name());
    report.say(
        Health::Wrong,
        match gone {
            Some(gone) => format!(
                "those in {} call {}, which is not there; {again}",
                path.display(),
                gone.program.display()
            ),
            None => format!(
                "{there} of {} in {} are as this version would install them; {again}",
                wanted.len(),
                path.display()
            ),
        },
    );
    true
}

fn look_at_file(
    report: &mut Report,
    agent: HookAgent,
    path: &Path,
    text: &str,
    ours: &str,
) -> bool {
    if text.is_empty() {
        report.say(Health::Wrong, not_installed(agent, path));
        return false;
    }
    if text == ours {
        report.say(Health::Good, format!("installed as {}", path.display()));
    } else {
        let again = format!("`callboard hooks install {}` writes it anew", agent.name());
        let what = format!("{} is not what this version installs; {again}", path.display());
        report.say(Health::Wrong, what);
    }
    true
}

fn not_installed(agent: HookAgent, path: &Path) -> String {
    let name = agent.name();
    format!("not installed in {}; `callboard hooks install {name}` does it", path.display())
}

fn look_at_calls(report: &mut Report, agent: HookAgent, home: Option<&Home>) {
    match home.and_then(|home| last_seen(home, agent)) {
        Some(at) => {
            report.say(Health::Note, format!("last called {} ago", age(now(), at)));
        }
        None => report.say(Health::Note, "never called yet"),
    }
    if let Some((path, line)) = last_line(agent.name()) {
        let line = line.unwrap_or_else(|| "nothing yet".into());
        report.say(Health::Note, format!("{}: {line}", path.display()));
    }
}

fn shown(agent: HookAgent, report: &Report, palette: Palette) -> String {
    let mut lines = String::new();
    for (at, (health, what)) in report.lines.iter().enumerate() {
        let name = if at == 0 { agent.name() } else { "" };
        let (mark, paint) = match health {
            Health::Good => ("ok", Paint::Working),
            Health::Note => ("note", Paint::Dim),
            Health::Wrong => ("!!", Paint::Wrong),
        };
        palette.push(&mut lines, Paint::Strong, &format!("{name:<9}"));
        palette.push(&mut lines, paint, &format!(" {mark:<5}"));
        lines.push_str(&sanitize(what));
        lines.push('\n');
    }
    lines
}
