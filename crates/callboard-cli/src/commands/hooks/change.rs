//! `callboard hooks install` and `uninstall`.

use std::collections::HashSet;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use callboard_agents::hook::HookAgent;

use super::{Edit, settings_of, this_program};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::paint::{Paint, Palette};
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;
use crate::settings::agents::{Install, install};
use crate::settings::difference::{difference, words_of};
use crate::settings::entries::{self, Form, Found, Unfit};
use crate::settings::file::{Refused, Settings, read_bounded};

/// Which way the change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// What the file becomes.
#[derive(Debug, PartialEq, Eq)]
enum Becomes {
    Same,
    Text(String),
    /// It is there for these hooks alone.
    Nothing,
}

/// A change, planned.
struct Plan {
    settings: Settings,
    becomes: Becomes,
    /// What of it may be shown.
    words: HashSet<String>,
    /// Earlier contents that the change brings back, and that are then kept twice.
    restores: Option<PathBuf>,
}

pub(super) fn run(edit: &Edit, way: Way, context: &Context) -> Result<Exit, Failure> {
    let agent = edit.agent.name;
    let path = settings_of(agent, edit.agent.settings.as_deref())?;
    let settings = Settings::read(&path)?;
    let program = this_program()?;
    let wanted = install(agent, &program).ok_or_else(|| {
        Failure::no(format!(
            "{} is not UTF-8, and settings cannot name it; move the program",
            program.display()
        ))
    })?;
    let plan = match wanted {
        Install::Entries(form, wanted) => match way {
            Way::In => entries_in(settings, form, agent, &wanted),
            Way::Out => entries_out(settings, form, agent),
        }?,
        Install::Whole(text) => whole(settings, way, text)?,
    };
    let palette = context.page().palette;
    let mut out = Out::new();
    if plan.becomes == Becomes::Same {
        let state = if way == Way::In { "installed already" } else { "not installed" };
        out.line(&format!("{}: {state} in {}", agent.name(), shown(&path)))?;
        out.finish()?;
        return Ok(Exit::Yes);
    }
    out.text(&plan.shown(palette))?;
    out.finish()?;
    if edit.dry_run {
        return Ok(Exit::Yes);
    }
    if !edit.yes && !agrees()? {
        return Err(Failure::no("nothing was changed"));
    }
    let mut out = Out::new();
    out.text(&plan.carry_out(agent, way)?)?;
    out.finish()?;
    Ok(Exit::Yes)
}

/// What came of looking into the text, with the file's name.
fn fit<T>(settings: &Settings, result: Result<T, Unfit>) -> Result<T, Failure> {
    result.map_err(|why| {
        Failure::no(format!(
            "cannot edit {}: {why}; it is left as it is: mend it first, or add by hand what \
             --dry-run shows for a --settings file that is not there",
            shown(&settings.path)
        ))
    })
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::no(sanitize(&refused.to_string()))
    }
}

fn entries_in(
    settings: Settings,
    form: Form,
    agent: HookAgent,
    wanted: &[entries::Wanted],
) -> Result<Plan, Failure> {
    let before = settings.before.as_deref().unwrap_or_default();
    let after = fit(&settings, entries::install(before, form, agent.name(), wanted))?;
    let found = fit(&settings, entries::found(before, form, agent.name()))?;
    let mut words = vocabulary(&found);
    for wanted in wanted {
        words.insert(wanted.event.into());
        words_of(&wanted.value(), &mut words);
    }
    let becomes = if after == before { Becomes::Same } else { Becomes::Text(after) };
    Ok(Plan { settings, becomes, words, restores: None })
}

/// What installing into the earlier contents gives is the file as it is: then those come back byte
/// by byte. Otherwise our entries are taken out of what it is now.
fn entries_out(settings: Settings, form: Form, agent: HookAgent) -> Result<Plan, Failure> {
    let before = settings.before.as_deref().unwrap_or_default();
    let found = fit(&settings, entries::found(before, form, agent.name()))?;
    let words = vocabulary(&found);
    let Some(program) = found.first().map(|found| found.program.clone()) else {
        return Ok(Plan { settings, becomes: Becomes::Same, words, restores: None });
    };
    let made_of = |earlier: &str| {
        let Some(Install::Entries(form, wanted)) = install(agent, &program) else { return false };
        entries::install(earlier, form, agent.name(), &wanted).is_ok_and(|made| made == before)
    };
    let earlier = settings.backups().into_iter().find_map(|path| {
        let text = String::from_utf8(read_bounded(&path, 4 << 20).ok()?).ok()?;
        made_of(&text).then_some((path, text))
    });
    let (becomes, restores) = match earlier {
        Some((path, text)) => (Becomes::Text(text), Some(path)),
        None if made_of("") => (Becomes::Nothing, None),
        None => {
            let after = fit(&settings, entries::uninstall(before, form, agent.name()))?;
            (Becomes::Text(after), None)
        }
    };
    Ok(Plan { settings, becomes, words, restores })
}

/// Words that stand in every such file, and those of the hooks that are there.
fn vocabulary(found: &[Found]) -> HashSet<String> {
    let mut words: HashSet<String> = ["hooks", "version", "1"].map(str::to_owned).into();
    for found in found {
        words.insert(found.event.clone());
        words_of(&found.hook, &mut words);
    }
    words
}

/// A file of our own, which somebody else's of that name is not taken for.
fn whole(settings: Settings, way: Way, text: String) -> Result<Plan, Failure> {
    let is_ours = |before: &str| {
        before.contains("callboard") && (before.contains("\"hook\", ") || before.contains(" hook "))
    };
    let becomes = match (&settings.before, way) {
        (Some(before), Way::In) if *before == text => Becomes::Same,
        (None, Way::Out) => Becomes::Same,
        (Some(before), _) if !is_ours(before) => {
            return Err(Failure::no(format!(
                "{} is there and is not callboard's; move it away, or give another --settings",
                shown(&settings.path)
            )));
        }
        (_, Way::In) => Becomes::Text(text),
        (Some(_), Way::Out) => Becomes::Nothing,
    };
    Ok(Plan { settings, becomes, words: HashSet::new(), restores: None })
}

impl Plan {
    fn shown(&self, palette: Palette) -> String {
        let path = shown(&self.settings.path);
        let none = "/dev/null".to_owned();
        let is_new = self.settings.before.is_none();
        let (after, new_path) = match &self.becomes {
            Becomes::Text(text) => (text.as_str(), &path),
            Becomes::Nothing | Becomes::Same => ("", &none),
        };
        let mut lines = String::new();
        for (sign, path) in [("---", if is_new { &none } else { &path }), ("+++", new_path)] {
            palette.push(&mut lines, Paint::Strong, &format!("{sign} {path}"));
            lines.push('\n');
        }
        let before = self.settings.before.as_deref().unwrap_or_default();
        if self.words.is_empty() {
            // All of it is ours.
            let (sign, paint, text) = match self.becomes {
                Becomes::Text(_) => ('+', Paint::Working, after),
                _ => ('-', Paint::Wrong, before),
            };
            for line in text.lines() {
                palette.push(&mut lines, paint, &format!("{sign}{}", sanitize(line)));
                lines.push('\n');
            }
            return lines;
        }
        lines.push_str(&difference(before, after, &self.words, palette));
        lines
    }

    /// Makes the change; what to tell of it.
    fn carry_out(&self, agent: HookAgent, way: Way) -> Result<String, Failure> {
        let path = shown(&self.settings.path);
        let mut told = String::new();
        // What is restored, or is ours alone, is nothing to be kept.
        if matches!(self.becomes, Becomes::Text(_))
            && self.restores.is_none()
            && !self.words.is_empty()
            && let Some(backup) = self.settings.back_up()?
        {
            told.push_str(&format!("what was there is kept in {}\n", shown(&backup)));
        }
        match &self.becomes {
            Becomes::Text(text) => self.settings.replace(text)?,
            Becomes::Nothing => self.settings.remove()?,
            Becomes::Same => {}
        }
        if let Some(backup) = &self.restores {
            // The file is that again.
            _ = std::fs::remove_file(backup);
        }
        let done = if way == Way::In { "installed in" } else { "taken out of" };
        told.push_str(&format!("{}: {done} {path}\n", agent.name()));
        if way == Way::In {
            told.push_str(next(agent));
            told.push('\n');
        }
        Ok(told)
    }
}

/// What is left for the user to do.
fn next(agent: HookAgent) -> &'static str {
    match agent {
        HookAgent::Codex => {
            "next: type `/hooks` in Codex and trust them; sessions that run now start to tell \
             when they are started again"
        }
        _ => "sessions that run now may have to be started again before they tell",
    }
}

/// Asks, on a terminal.
fn agrees() -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::usage(
            "nothing was changed: there is no terminal to ask on; give --yes, or --dry-run to \
             only look",
        ));
    }
    let mut stderr = std::io::stderr();
    let asked = stderr.write_all(b"make this change? [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    if asked.and_then(|()| stdin.lock().read_line(&mut answer)).is_err() {
        return Ok(false);
    }
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn shown(path: &Path) -> String {
    sanitize(&path.to_string_lossy()).into_owned()
}
