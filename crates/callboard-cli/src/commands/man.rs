//! `callboard man`.

use std::path::{Path, PathBuf};

use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, bold, roman};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;

const AFTER_HELP: &str = "\
Examples:
  callboard man | man -l -
  callboard man ps | man -l -
  callboard man --dir ~/.local/share/man/man1";

/// print the manual, or write all of its pages
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Man {
    /// of this command; without it, of the program
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Option<String>,
    /// write every page into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let pages = pages();
        if let Some(dir) = &self.dir {
            for (name, text) in &pages {
                write(dir, name, text)?;
            }
            return Ok(Exit::Yes);
        }
        let wanted = match &self.command {
            Some(command) => format!("callboard-{command}.1"),
            None => "callboard.1".to_owned(),
        };
        let Some((_, text)) = pages.iter().find(|(name, _)| *name == wanted) else {
            let command = self.command.unwrap_or_default();
            return Err(Failure::usage(format!(
                "there is no command `{}`; `callboard --help` lists them",
                sanitize(&command)
            )));
        };
        let mut out = Out::new();
        out.text(text)?;
        out.finish()?;
        Ok(Exit::Yes)
    }
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = dir.join(name);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, text));
    written.map_err(|error| {
        let path = path.display().to_string();
        Failure::no(format!(
            "cannot write {}: {error}; name a directory that you may write to",
            sanitize(&path)
        ))
    })
}

/// Every page: its file's name and its text. The same for every build of one version.
#[must_use]
pub fn pages() -> Vec<(String, String)> {
    let mut program = crate::cli::command();
    program.build();
    let mut pages = vec![("callboard.1".to_owned(), page(&program))];
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("callboard-{}", command.get_name());
        let command = command.clone().name(name.clone()).display_name(name.clone());
        pages.push((format!("{name}.1"), page(&command)));
    }
    pages
}

fn page(command: &clap::Command) -> String {
    let page = Page::new(command.clone()).manual("Callboard").source("callboard");
    let mut text = Vec::new();
    // Writing into memory does not fail.
    let rendered = [
        page.render_title(&mut text),
        page.render_name_section(&mut text),
        page.render_synopsis_section(&mut text),
        page.render_description_section(&mut text),
        page.render_options_section(&mut text),
    ];
    let mut rest = vec![];
    if command.get_subcommands().any(|command| !command.is_hide_set()) {
        rest.push(page.render_subcommands_section(&mut text));
    }
    rest.push(page.render_extra_section(&mut text));
    rest.push(exit_codes().to_writer(&mut text));
    debug_assert!(rendered.into_iter().chain(rest).all(|part| part.is_ok()));
    String::from_utf8_lossy(&text).into_owned()
}

fn exit_codes() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        roff.control("TP", []);
        roff.text([bold(exit.code().to_string())]);
        roff.text([roman(exit.explain())]);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_the_exit_codes() {
        let pages = pages();
        for command in crate::cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            let name = format!("callboard-{}.1", command.get_name());
            let (_, text) = pages.iter().find(|(page, _)| *page == name).expect(&name);
            assert!(text.contains("EXIT STATUS"), "{name}");
            for exit in Exit::ALL {
                assert!(text.contains(&exit.explain().replace('-', r"\-")), "{name}: {exit:?}");
            }
        }
    }
}
