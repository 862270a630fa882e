//! Prints the board as it is now.
//!
//! `board [--own DIR] [--claude CONFIG_DIR]... [--qwen HOME]...`; without any, what the environment
//! says. Add `--transcripts` to look for conversation files too.

use std::path::PathBuf;
use std::process::ExitCode;

use callboard::Registry;
use callboard_agents::transcript::Depth;
use callboard_agents::{Board, ClaudeCode, QwenCode, Row, Sources, attention};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (mut own, mut claude, mut qwen, mut transcripts) = (None, Vec::new(), Vec::new(), false);
    while let Some(arg) = args.next() {
        let mut value = || args.next().map(PathBuf::from);
        match (arg.as_str(), &mut own) {
            ("--own", own) => *own = value(),
            ("--claude", _) => claude.extend(value()),
            ("--qwen", _) => qwen.extend(value()),
            ("--transcripts", _) => transcripts = true,
            _ => {
                eprintln!(
                    "usage: board [--own DIR] [--claude DIR]... [--qwen DIR]... [--transcripts]"
                );
                return ExitCode::from(2);
            }
        }
    }
    let from_env = own.is_none() && claude.is_empty() && qwen.is_empty();
    let registry = match own.map_or_else(Registry::home, |dir| Ok(Registry::at(dir))) {
        Ok(registry) => registry,
        Err(error) => {
            eprintln!("{error}; set CALLBOARD_HOME");
            return ExitCode::FAILURE;
        }
    };
    let sources = if from_env {
        Sources::from_env(registry, &[])
    } else {
        let sources = Sources::new(registry).with(ClaudeCode::at(claude));
        qwen.into_iter().fold(sources, |sources, home| sources.with(QwenCode::at(home)))
    };
    show(&sources, transcripts);
    ExitCode::SUCCESS
}

fn show(sources: &Sources, transcripts: bool) {
    let mut board = Board::read(sources);
    if transcripts {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        board.consult(sources, Depth::Activity, now);
    }
    board.rows.sort_by(attention);
    board.rows.iter().for_each(|row| line("", row));
    board.hidden.iter().for_each(|row| line("hidden ", row));
    // `{:?}` also keeps what a file name may hold away from the terminal.
    board.problems.iter().for_each(|problem| println!("problem {:?}", problem.to_string()));
    board.notices.iter().for_each(|notice| println!("notice {:?}", notice.to_string()));
}

fn line(mark: &str, row: &Row) {
    println!(
        "{mark}{} {} ({}) {:?} {:?} kind={:?} tool={:?}/{:?} status={:?} waiting_for={:?} since={:?} id={:?} job={:?}",
        row.pid,
        row.verdict,
        row.evidence,
        row.name,
        row.cwd,
        row.kind,
        row.tool,
        row.version,
        row.status,
        row.waiting_for,
        row.status_since,
        row.session_id,
        row.linked_job,
    );
    for source in &row.sources {
        println!("    {} {:?} {:?}", source.registry, source.path(), source.fields);
    }
    if let Some(path) = &row.transcript_path {
        println!("    transcript {path:?}");
    }
}
