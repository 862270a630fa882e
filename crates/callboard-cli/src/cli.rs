//! The command line: what can be typed, and which command it means.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands;
use crate::context::{Context, Global};
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::sanitize::sanitize_lines;
use crate::output::stream::{Stop, complain};

const AFTER_HELP: &str = "\
S is a name, a pid or the first characters of a session id; an exact name comes first.

Examples:
  callboard ps                          who is on, and who waits for you
  callboard run -- make test            put a command on the board while it runs
  callboard count --status waiting      a number for a prompt or a status bar
  callboard demo                        five seconds of what it looks like";

const AFTER_LONG_HELP: &str = "\
S is a name, a pid or the first characters of a session id; an exact name comes first.

Examples:
  callboard ps                          who is on, and who waits for you
  callboard run -- make test            put a command on the board while it runs
  callboard count --status waiting      a number for a prompt or a status bar
  callboard demo                        five seconds of what it looks like

Exit codes, the same everywhere (`run` ends as its command ends):
  0    yes, or done; also when the reader of a pipe has gone
  1    no: nothing matched, or it could not be done
  2    a wrong command line, or a name that means several sessions
  3    with --strict: done, but something could not be read
  4    another part of callboard could not be reached
  70   a bug in callboard
  124  the time that was given ran out

Files:
  $CALLBOARD_HOME/sessions/             one record for each session; else
                                        $XDG_STATE_HOME/callboard/, ~/.local/state/callboard/
  $XDG_CONFIG_HOME/callboard/config.toml   else ~/.config/callboard/config.toml;
                                        `callboard doctor` checks it";

/// who is on, and who waits for you: the board of your interactive sessions
#[derive(Debug, Parser)]
#[command(
    name = "callboard",
    version,
    after_help = AFTER_HELP,
    after_long_help = AFTER_LONG_HELP,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ps(commands::ps::Ps),
    Count(commands::count::Count),
    Show(commands::show::Show),
    Run(commands::run::Run),
    Attach(commands::attach::Attach),
    Detach(commands::detach::Detach),
    Logs(commands::logs::Logs),
    Stop(commands::stop::Stop),
    Restart(commands::restart::Restart),
    Rm(commands::rm::Rm),
    #[cfg(target_os = "linux")]
    Daemon(commands::daemon::Daemon),
    Register(commands::register::Register),
    Update(commands::update::Update),
    Deregister(commands::deregister::Deregister),
    Rename(commands::rename::Rename),
    Hook(commands::hook::Hook),
    Hooks(commands::hooks::Hooks),
    Sweep(commands::sweep::Sweep),
    Doctor(commands::doctor::Doctor),
    Demo(commands::demo::Demo),
    #[cfg(target_os = "linux")]
    Watch(commands::watch::Watch),
    #[cfg(target_os = "linux")]
    Wait(commands::wait::Wait),
    #[cfg(target_os = "linux")]
    Events(commands::events::Events),
    #[cfg(target_os = "linux")]
    Exec(commands::exec::Exec),
    #[cfg(target_os = "linux")]
    Notify(commands::notify::Notify),
    StatusLine(commands::status_line::StatusLine),
    Metrics(commands::metrics::Metrics),
    Completions(commands::completions::Completions),
    Man(commands::man::Man),
    #[command(hide = true)]
    DemoSession(commands::demo_session::DemoSession),
}

/// The description of the command line, for manual pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    // First: a host is this program, executed again, and not a command.
    if let Some(code) = callboard_host::builtin::take_over(std::env::args_os()) {
        return code.into();
    }
    if let Some(code) = commands::hook::answer() {
        return code;
    }
    std::panic::set_hook(Box::new(|panic| {
        complain(format_args!(
            "this is a bug in callboard {}: {panic}\nplease report it with what you typed",
            env!("CARGO_PKG_VERSION")
        ));
    }));
    guarded(parse_and_run).into()
}

/// A panic is a bug, with a code of its own; the hook has told of it.
fn guarded(run: impl FnOnce() -> Ended + std::panic::UnwindSafe) -> Ended {
    std::panic::catch_unwind(run).unwrap_or(Ended::With(Exit::Bug))
}

fn parse_and_run() -> Ended {
    if commands::completions::answer() {
        return Ended::With(Exit::Yes);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return Ended::With(not_a_command(&error)),
    };
    let context = Context::new(cli.global);
    let result = match cli.command {
        Command::Ps(ps) => ps.run(&context).map(Ended::from),
        Command::Count(count) => count.run(&context).map(Ended::from),
        Command::Show(show) => show.run(&context).map(Ended::from),
        Command::Run(run) => run.run(&context),
        Command::Attach(attach) => attach.run(&context),
        Command::Detach(detach) => detach.run(&context).map(Ended::from),
        Command::Logs(logs) => logs.run(&context).map(Ended::from),
        Command::Stop(stop) => stop.run(&context).map(Ended::from),
        Command::Restart(restart) => restart.run(&context),
        Command::Rm(rm) => rm.run(&context).map(Ended::from),
        #[cfg(target_os = "linux")]
        Command::Daemon(daemon) => daemon.run(&context).map(Ended::from),
        Command::Register(register) => register.run(&context).map(Ended::from),
        Command::Update(update) => update.run(&context).map(Ended::from),
        Command::Deregister(deregister) => deregister.run(&context).map(Ended::from),
        Command::Rename(rename) => rename.run(&context).map(Ended::from),
        Command::Hook(hook) => Ok(hook.run().into()),
        Command::Hooks(hooks) => hooks.run(&context).map(Ended::from),
        Command::Sweep(sweep) => sweep.run(&context).map(Ended::from),
        Command::Doctor(doctor) => doctor.run(&context).map(Ended::from),
        Command::Demo(demo) => demo.run(&context),
        #[cfg(target_os = "linux")]
        Command::Watch(watch) => watch.run(&context),
        #[cfg(target_os = "linux")]
        Command::Wait(wait) => wait.run(&context).map(Ended::from),
        #[cfg(target_os = "linux")]
        Command::Events(events) => events.run(&context).map(Ended::from),
        #[cfg(target_os = "linux")]
        Command::Exec(exec) => exec.run(&context),
        #[cfg(target_os = "linux")]
        Command::Notify(notify) => notify.run(&context).map(Ended::from),
        Command::StatusLine(line) => line.run(&context.silent()).map(Ended::from),
        Command::Metrics(metrics) => metrics.run(&context).map(Ended::from),
        Command::Man(man) => man.run().map(Ended::from),
        Command::Completions(completions) => completions.run().map(Ended::from),
        Command::DemoSession(session) => session.run(&context).map(Ended::from),
    };
    result.unwrap_or_else(|failure| Ended::With(tell(failure)))
}

/// Help and version, which were asked for, or a command line that makes no sense.
fn not_a_command(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        // It quotes arguments, which a script may have from anywhere.
        eprint_whole(&sanitize_lines(&error.render().to_string()));
        return Exit::Usage;
    }
    match error.print().map_err(Stop::from) {
        Ok(()) | Err(Stop::ReaderGone) => Exit::Yes,
        Err(stop) => tell(stop.into()),
    }
}

fn eprint_whole(text: &str) {
    use std::io::Write as _;
    let _nobody_left_to_tell = std::io::stderr().write_all(text.as_bytes());
}

fn tell(failure: Failure) -> Exit {
    match failure {
        Failure::Told { exit, message } => {
            complain(message);
            exit
        }
        Failure::Output(Stop::ReaderGone) => Exit::Yes,
        Failure::Output(Stop::Failed(error)) => {
            complain(format_args!(
                "cannot write to standard output: {error}; see where it is redirected to"
            ));
            Exit::No
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_panic_is_a_bug() {
        assert_eq!(guarded(|| panic!("as it happens")), Ended::With(Exit::Bug));
        assert_eq!(guarded(|| Ended::AsTheirs(7)), Ended::AsTheirs(7));
    }

    #[test]
    fn help_has_every_exit_code_as_it_is() {
        for exit in Exit::ALL {
            let line = format!("  {:<4} {}", exit.code(), exit.explain());
            assert!(AFTER_LONG_HELP.contains(&line), "{line}");
        }
    }
}
