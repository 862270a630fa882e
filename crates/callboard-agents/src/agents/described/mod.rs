//! Agents that nobody here knows, as a file in the configuration directory describes them:
//! `agents.d/<name>.toml`, one agent in each. `docs/AGENTS.md` says what may stand in it.
//!
//! What is wrong in one file is told with the file and the line; that agent is not looked for, and
//! all others are.

mod pattern;
mod tail;

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use callboard::Status;
use regex_lite::Regex;
use serde::Deserialize;
use toml::Spanned;

use super::Facts;
use crate::activity::Sparkline;
use crate::adapter::{Adapter, Held, Seen};
use crate::processes::Process;
use crate::row::{FoundBy, Role};
use crate::transcript::{Depth, Format, Reading, Transcript, is_plain_id};
use pattern::Pattern;

/// The longest description that is read, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// How many bytes of a program's name the kernel keeps.
const COMM: usize = 15;

/// What a file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: Spanned<String>,
    process: ProcessSigns,
    #[serde(default)]
    conversation: Conversation,
    #[serde(default)]
    status: Vec<StatusRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcessSigns {
    program: Spanned<String>,
    arguments: Option<Spanned<String>>,
    except: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversation {
    open_file: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusRule {
    line: Spanned<String>,
    is: Spanned<String>,
    waiting_for: Option<String>,
}

/// An agent that was described.
#[derive(Debug)]
pub struct Described {
    name: &'static str,
    program: Regex,
    arguments: Option<Regex>,
    except: Option<Regex>,
    open_file: Option<Regex>,
    path: Option<Pattern>,
    rules: Vec<Rule>,
}

/// What a line at the end of a conversation means.
#[derive(Debug)]
struct Rule {
    line: Regex,
    status: Status,
    waiting_for: Option<Box<str>>,
}

/// What was found in a directory of descriptions.
#[derive(Debug, Default)]
pub struct Descriptions {
    /// The agents, in the order of the names of their files.
    pub agents: Vec<Described>,
    /// What is wrong, each with its file and line.
    pub warnings: Vec<String>,
}

impl Descriptions {
    /// Reads every `*.toml` of a directory. One that is not there has none. `home` is what `~/` and
    /// `{home}` stand for.
    #[must_use]
    pub fn load(dir: &Path, home: Option<&Path>) -> Self {
        let mut found = Self::default();
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return found;
            }
            Err(error) => {
                found.warnings.push(format!("{}: cannot be read: {error}", dir.display()));
                return found;
            }
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        files.sort();
        for file in files {
            let described = read(&file)
                .map_err(|error| format!("cannot be read: {error}"))
                .and_then(|text| Described::parse(&text, home));
            match described {
                Ok(agent) => found.agents.push(agent),
                Err(what) => found
                    .warnings
                    .push(format!("{}: {what}; this agent is not looked for", file.display())),
            }
        }
        found
    }
}

fn read(file: &Path) -> io::Result<String> {
    let metadata = std::fs::metadata(file)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        let what = format!("not a file of at most {MAX_BYTES} bytes");
        return Err(io::Error::new(ErrorKind::InvalidInput, what));
    }
    std::fs::read_to_string(file)
}

impl Described {
    /// The agent that a description describes.
    ///
    /// # Errors
    /// What is wrong in it, with the number of the line.
    pub fn parse(text: &str, home: Option<&Path>) -> Result<Self, String> {
        let at = |span: Range<usize>, what: &dyn std::fmt::Display| {
            let line = text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line}: {what}")
        };
        let described: Description = toml::from_str(text)
            .map_err(|error| at(error.span().unwrap_or_default(), &error.message()))?;
        let regex = |pattern: &Spanned<String>| {
            Regex::new(pattern.get_ref()).map_err(|error| at(pattern.span(), &error))
        };
        let maybe = |pattern: &Option<Spanned<String>>| pattern.as_ref().map(regex).transpose();
        let name = described.name.get_ref();
        if !is_plain_id(name) || name.len() > 32 {
            let what = "`name` is 1 to 32 letters, digits, `-` and `_`";
            return Err(at(described.name.span(), &what));
        }
        let path = described.conversation.path.as_ref().map(|path| {
            Pattern::parse(path.get_ref(), home).map_err(|what| at(path.span(), &what))
        });
        let rules = described.status.into_iter().map(|rule| {
            let status = match &**rule.is.get_ref() {
                "busy" => Status::Busy,
                "idle" => Status::Idle,
                "waiting" => Status::Waiting,
                _ => return Err(at(rule.is.span(), &"`is` is `busy`, `idle` or `waiting`")),
            };
            let waiting_for = rule.waiting_for.map(Into::into);
            Ok(Rule { line: regex(&rule.line)?, status, waiting_for })
        });
        Ok(Self {
            name: kept(name),
            program: regex(&described.process.program)?,
            arguments: maybe(&described.process.arguments)?,
            except: maybe(&described.process.except)?,
            open_file: maybe(&described.conversation.open_file)?,
            path: path.transpose()?,
            rules: rules.collect::<Result<_, _>>()?,
        })
    }
}

impl Adapter for Described {
    fn name(&self) -> &'static str {
        self.name
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Described)
    }

    fn read(&self, transcript: &Transcript, _: Depth, _: Sparkline) -> io::Result<Reading> {
        tail::read(&transcript.path, &self.rules)
    }

    /// A longer name than the kernel keeps is only known once the command line is read.
    fn is_candidate(&self, comm: &str) -> bool {
        comm.len() >= COMM || self.program.is_match(comm)
    }

    fn role(&self, process: &Process) -> Option<Role> {
        let program = process.program();
        let arguments = program.args.join(" ");
        let fits = self.program.is_match(program.name)
            && self.arguments.as_ref().is_none_or(|wanted| wanted.is_match(&arguments));
        let is_other = self.except.as_ref().is_some_and(|other| other.is_match(&arguments));
        fits.then_some(if is_other { Role::Infrastructure } else { Role::Session })
    }

    /// The open file that the description means; its first group, if it has one, is the session.
    fn held(&self, seen: &Seen<'_>) -> Vec<Held> {
        let Some(wanted) = self.open_file.as_ref().filter(|_| seen.role == Role::Session) else {
            return Vec::new();
        };
        let found = seen.open_files().into_iter().find_map(|path| {
            let found = wanted.captures(path.to_str()?)?;
            let id = found.get(1).map(|group| group.as_str()).filter(|id| is_plain_id(id));
            Some(Held {
                session_id: id.map(Into::into),
                found_by: FoundBy::OpenFile,
                transcript: Some(path),
                cwd: None,
            })
        });
        found.into_iter().collect()
    }

    fn begun(&self, cwd: &Path, since: u64) -> Vec<Held> {
        let found = self.path.as_ref().map(|path| path.find(cwd, since)).unwrap_or_default();
        let held = |(path, id): (PathBuf, Option<Box<str>>)| Held {
            session_id: id.filter(|id| is_plain_id(id)),
            found_by: FoundBy::Process,
            transcript: Some(path),
            cwd: None,
        };
        found.into_iter().map(held).collect()
    }

    fn facts(&self) -> Option<Facts> {
        None
    }
}

/// The name for as long as the program runs, once however often the descriptions are read: names
/// of agents are words of the program everywhere else.
fn kept(name: &str) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    let name: &'static str = Box::leak(name.into());
    names.push(name);
    name
}

#[cfg(test)]
mod tests;
