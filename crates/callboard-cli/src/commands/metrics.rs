//! `callboard metrics`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use callboard_agents::transcript::Depth;
use callboard_agents::{Board, Row};

use crate::context::{Context, tell_problems};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;
use crate::view::metrics::metrics;

const AFTER_HELP: &str = "\
Sessions by status, kind, tool and verdict, as OpenMetrics text.

Examples:
  callboard metrics
  callboard metrics --textfile /var/lib/node_exporter/textfile/callboard.prom   from a timer";

/// print how many sessions are in which state, for Prometheus and its like
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Metrics {
    /// write this file instead, in one step: what reads it never sees half of it
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,
    /// exit with 3 if anything could not be read
    #[arg(long)]
    strict: bool,
}

impl Metrics {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let sources = context.sources()?;
        let mut board = Board::read(&sources);
        board.rows.retain(Row::is_listed);
        board.consult(&sources, Depth::Status, now());
        let unreadable: usize = board.problems.iter().map(callboard::Problem::may_hide).sum();
        let text = metrics(&board.rows, unreadable, now());
        match &self.textfile {
            Some(file) => replace(file, &text).map_err(|error| {
                Failure::no(format!(
                    "cannot write {}: {error}; name a file in a directory that you may write to",
                    sanitize(&file.display().to_string())
                ))
            })?,
            None => {
                let mut out = Out::new();
                out.text(&text)?;
                out.finish()?;
            }
        }
        Ok(tell_problems(&board.problems, self.strict))
    }
}

/// Puts a new file in the place of the old one, for anybody to read.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let name = file.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    // The collector reads names that end in `.prom` alone.
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = file.with_file_name(temporary);
    let write = || {
        let mut new = std::fs::File::create_new(&temporary)?;
        new.write_all(text.as_bytes())?;
        new.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        std::fs::rename(&temporary, file)
    };
    write().inspect_err(|_| _ = std::fs::remove_file(&temporary))
}
