//! What every command works with: the options that all of them have, and what these open.

use std::cell::OnceCell;
use std::path::PathBuf;

use callboard::{Problem, Registry};
use callboard_agents::{Board, OWN, Row, Sources};

use crate::config::{self, Config};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::paint::ColorChoice;
use crate::output::sanitize::sanitize;
use crate::output::stream::complain;
use crate::output::terminal::Page;
use crate::view::naming::shown_name;

/// Options of every command.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// the directory of everything, instead of $CALLBOARD_HOME or ~/.local/state/callboard
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "registry")]
    pub(crate) home: Option<PathBuf>,
    /// one directory of records, and nothing else: no other program's sessions
    #[arg(long, global = true, value_name = "DIR", hide_short_help = true)]
    pub(crate) registry: Option<PathBuf>,
    /// when to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_short_help = true
    )]
    pub(crate) color: ColorChoice,
}

/// What a command opens its world through. Nothing is opened before it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    global: Global,
    config: OnceCell<Config>,
    is_silent: bool,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        Self { global, config: OnceCell::new(), is_silent: false }
    }

    /// What the configuration file says. What is wrong in it is told once.
    pub(crate) fn config(&self) -> &Config {
        self.config.get_or_init(|| {
            let config = Config::load();
            self.warn(&config.warnings);
            config
        })
    }

    /// The same for who has no room for warnings: a status bar, a shell that completes.
    pub(crate) fn silent(self) -> Self {
        Self { is_silent: true, ..self }
    }

    fn warn(&self, warnings: &[String]) {
        warnings.iter().filter(|_| !self.is_silent).for_each(complain);
    }

    /// The registry of our own.
    pub(crate) fn registry(&self) -> Result<Registry, Failure> {
        let absolute = |dir: &PathBuf| {
            std::path::absolute(dir).map_err(|e| {
                Failure::usage(format!("cannot use {}: {e}; name a directory", dir.display()))
            })
        };
        Ok(match (&self.global.registry, &self.global.home) {
            (Some(dir), _) => Registry::at(absolute(dir)?),
            (None, Some(home)) => Registry::at(callboard::Home::at(absolute(home)?).sessions()),
            (None, None) => Registry::home()?,
        })
    }

    /// The directory that everything is below, background sessions too.
    pub(crate) fn home(&self) -> Result<callboard::Home, Failure> {
        if self.global.registry.is_some() {
            return Err(Failure::usage(
                "background sessions live below a home; give --home instead of --registry",
            ));
        }
        match self.home_given() {
            Some(home) => Ok(callboard::Home::at(home)),
            None => Ok(callboard::Home::from_env()?),
        }
    }

    /// The home, if it was given on the command line.
    pub(crate) fn home_given(&self) -> Option<PathBuf> {
        self.global.home.as_deref().and_then(|home| std::path::absolute(home).ok())
    }

    /// Every registry there is to read.
    pub(crate) fn sources(&self) -> Result<Sources, Failure> {
        let own = self.registry()?;
        if self.global.registry.is_some() {
            return Ok(Sources::new(own));
        }
        let config = self.config();
        let described = config::described_agents();
        self.warn(&described.warnings);
        Ok(Sources::from_env(own, &config.claude_config_dirs).with_described(described.agents))
    }

    /// How to write for whoever reads standard output.
    pub(crate) fn page(&self) -> Page {
        Page::of_stdout(self.global.color)
    }

    /// The sessions that may run.
    pub(crate) fn listed(&self) -> Result<Vec<Row>, Failure> {
        let rows = Board::read(&self.sources()?).rows;
        Ok(rows.into_iter().filter(Row::is_listed).collect())
    }
}

/// The pid under which our own registry may change the session of a row.
///
/// The number of a session in another PID namespace is some other process's here, or nobody's.
pub(crate) fn pid_here(registry: &Registry, row: &Row) -> Result<u32, Failure> {
    let ours = registry.here().pid_domain();
    match row.pid_domain.as_deref() {
        Some(theirs) if theirs != ours => Err(Failure::no(format!(
            "`{}` runs in another pid namespace or on another machine; run this command there",
            sanitize(&shown_name(row))
        ))),
        _ => Ok(row.pid),
    }
}

/// Whether our own registry has a record of the session.
pub(crate) fn is_ours(row: &Row) -> bool {
    row.sources.iter().any(|source| source.registry == OWN)
}

/// Tells every problem, and what it means for the exit code.
pub(crate) fn tell_problems(problems: &[Problem], strict: bool) -> Exit {
    problems.iter().for_each(complain_on_one_line);
    if strict && !problems.is_empty() { Exit::Partial } else { Exit::Yes }
}

/// A path may hold a line end, and a problem is one line.
pub(crate) fn complain_on_one_line(problem: &Problem) {
    complain(sanitize(&problem.to_string()));
}
