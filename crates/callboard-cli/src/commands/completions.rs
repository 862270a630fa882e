//! `callboard completions SHELL`, and what the shell asks back when a key is pressed.

use std::ffi::OsStr;

use callboard_agents::{Board, Row, attention};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};
use clap_complete::env::{CompleteEnv, Shells};

use crate::context::{Context, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;
use crate::view::naming::shown_name;
use crate::view::state::status_word;

/// Set by the script in the shell when it asks for candidates; its value is the shell's name.
const ASKED: &str = "CALLBOARD_COMPLETE";

const AFTER_HELP: &str = "\
Commands, options, and the names of the sessions that are on at the moment.

Examples:
  callboard completions bash > ~/.local/share/bash-completion/completions/callboard
  callboard completions zsh > ~/.zfunc/_callboard
  callboard completions fish > ~/.config/fish/completions/callboard.fish
  callboard completions powershell | Out-String | Invoke-Expression";

/// print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// which shell
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(["bash", "elvish", "fish", "powershell", "zsh"]))]
    shell: String,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let Some(script) = script(&self.shell) else {
            return Err(Failure::usage(format!("no completions for {}", self.shell)));
        };
        let mut out = Out::new();
        out.text(&script)?;
        out.finish()?;
        Ok(Exit::Yes)
    }
}

/// What a shell has to read to complete; `None` for one that there is nothing for.
#[must_use]
pub fn script(shell: &str) -> Option<String> {
    let shells = Shells::builtins();
    let shell = shells.completer(shell)?;
    // By its name: the script outlives an update that moves the program.
    let mut script = Vec::new();
    shell.write_registration(ASKED, "callboard", "callboard", "callboard", &mut script).ok()?;
    String::from_utf8(script).ok()
}

/// What the last word of a command line may become, as a shell is told.
#[must_use]
pub fn completed(words: &[&str]) -> Vec<String> {
    let line = words.iter().map(std::ffi::OsString::from).collect();
    let last = words.len().saturating_sub(1);
    let found = complete(&mut crate::cli::command(), line, last, None);
    let text = |found: CompletionCandidate| found.get_value().to_string_lossy().into_owned();
    found.unwrap_or_default().into_iter().map(text).collect()
}

/// Answers the shell if it is the shell that asks; whether it was.
pub(crate) fn answer() -> bool {
    if std::env::var_os(ASKED).is_none() {
        return false;
    }
    let env = CompleteEnv::with_factory(crate::cli::command).var(ASKED);
    let here = std::env::current_dir().ok();
    // What goes wrong here must not be typed into somebody's command line.
    env.try_complete(std::env::args_os(), here.as_deref()).unwrap_or(true)
}

/// For an argument that names a session.
pub(crate) fn live_sessions() -> ArgValueCompleter {
    ArgValueCompleter::new(candidates)
}

fn candidates(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(sources) = Context::new(Global::default()).silent().sources() else { return Vec::new() };
    let mut rows = Board::read(&sources).rows;
    rows.retain(Row::is_listed);
    rows.sort_by(attention);
    let typed = typed.to_string_lossy();
    rows.iter().filter_map(|row| candidate(row, &typed)).collect()
}

/// The name where the session has one that a shell can be given, else the pid.
fn candidate(row: &Row, typed: &str) -> Option<CompletionCandidate> {
    let name = shown_name(row);
    let usable = |name: &str| !name.is_empty() && *sanitize(name) == *name && !name.contains('\n');
    let value = [name.to_string(), row.pid.to_string()]
        .into_iter()
        .find(|value| usable(value) && value.starts_with(typed))?;
    let about = format!(
        "{} {} {}",
        status_word(row),
        row.tool.as_deref().unwrap_or("-"),
        row.cwd.as_deref().unwrap_or("-")
    );
    Some(CompletionCandidate::new(value).help(Some(sanitize(&about).into_owned().into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::row;

    #[test]
    fn a_name_that_a_shell_cannot_be_given_is_a_pid() {
        for (record, typed, value) in [
            (r#"{"pid":7,"name":"billing"}"#, "", Some("billing")),
            (r#"{"pid":7,"name":"billing"}"#, "bil", Some("billing")),
            (r#"{"pid":7,"name":"billing"}"#, "7", Some("7")),
            (r#"{"pid":7,"name":"billing"}"#, "x", None),
            ("{\"pid\":7,\"name\":\"\\u001b[31m\"}", "", Some("7")),
            ("{\"pid\":7,\"name\":\"a\\nb\"}", "", Some("7")),
            (r#"{"pid":7,"name":"two words"}"#, "two", Some("two words")),
        ] {
            let found = candidate(&row(record), typed);
            let found = found.as_ref().map(|found| found.get_value().to_str().unwrap());
            assert_eq!(found, value, "{record} {typed}");
        }
    }
}
