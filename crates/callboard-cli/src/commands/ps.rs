//! `callboard ps`.

use callboard::Problem;
use callboard_agents::transcript::Depth;
use callboard_agents::{Board, Row, attention};
use callboard_host::Hosted;

use crate::background::Background;
use crate::context::{Context, tell_problems};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::stream::{Out, Stop, complain};
use crate::output::terminal::Page;
use crate::view::filter::Filter;
use crate::view::hosted::{off_the_board, push_hosted, push_hosted_line};
use crate::view::json::push_row;
use crate::view::lines::push_line;
use crate::view::summary::summary;
use crate::view::table::{Drawing, table};

const AFTER_HELP: &str = "\
On a terminal it is a table, what waits for you on top. Into a pipe it is one line for each
session, nothing cut, with these columns separated by tabs, `-` where nothing is known:
  name, status, age of the status, waiting for, tool, kind, directory, pid, session id, verdict, host, clients, how it ended

A session that may or may not run (another container, another machine) is marked with `?`.
What cannot be read goes to standard error, one line each.

Examples:
  callboard ps --status waiting
  callboard ps --dir .                       whoever works in or below this directory
  callboard ps | cut -f1,2                   names and statuses
  callboard ps --json | jq -r '.[] | select(.status == \"waiting\") | .pid'
  watch -c -n1 callboard ps --color always

Exits with 1 if there are filters and no session fits them.";

/// list who is on: what waits for you first, then who works, then who rests
#[derive(Debug, Default, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Ps {
    /// one JSON array, each session with all its fields (null where unknown, times in ms)
    #[arg(long)]
    json: bool,
    /// the sessions that are proven dead, too, as long as their records are there, and those of the
    /// background that have ended, until `callboard rm`
    #[arg(long, short)]
    all: bool,
    /// exit with 3 if anything could not be read
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Ps {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let sources = context.sources()?;
        let page = context.page();
        let mut board = Board::read(&sources);
        board.rows.retain(|row| self.all || row.is_listed());
        let shows_activity = self.json || page.for_people;
        let depth = if shows_activity { Depth::Activity } else { Depth::Status };
        board.consult(&sources, depth, now());
        let Board { mut rows, problems, .. } = board;
        let before = rows.len();
        let filter = self.filter.resolved();
        let filtered = !filter.is_empty();
        rows.retain(|row| filter.fits(row));
        rows.sort_by(attention);
        let (hosted, mut others) = Background::beside(context, &rows, self.all);
        others.retain(|session| self.all && filter.fits_hosted(session));
        let listed = Listed { rows: &rows, hosted: &hosted, others: &others };
        if self.json {
            print_json(&listed)?;
        } else if page.for_people {
            print_table(&listed, &problems, page, filtered)?;
        } else {
            print_lines(&listed)?;
        }
        let told = tell_problems(&problems, self.strict);
        if filtered && rows.is_empty() && others.is_empty() {
            if !self.json {
                complain(format_args!(
                    "no session fits; without filters there are {before}, see `callboard ps`"
                ));
            }
            return Ok(Exit::No);
        }
        Ok(told)
    }
}

/// What is printed: rows, the background session that each of them is, if any, and those that have
/// no row.
struct Listed<'a> {
    rows: &'a [Row],
    hosted: &'a [Option<Hosted>],
    others: &'a [Hosted],
}

impl<'a> Listed<'a> {
    fn rows(&self) -> impl Iterator<Item = (&'a Row, Option<&'a Hosted>)> {
        self.rows.iter().zip(self.hosted.iter().map(Option::as_ref))
    }
}

fn print_json(listed: &Listed<'_>) -> Result<(), Stop> {
    let mut out = Out::new();
    let mut json = String::from("[");
    let mut separator = "\n";
    for (row, hosted) in listed.rows() {
        json.push_str(std::mem::replace(&mut separator, ",\n"));
        push_row(&mut json, row, hosted);
        out.text(&json)?;
        json.clear();
    }
    for session in listed.others {
        json.push_str(std::mem::replace(&mut separator, ",\n"));
        push_hosted(&mut json, session);
    }
    json.push_str(if separator == "\n" { "]\n" } else { "\n]\n" });
    out.text(&json)?;
    out.finish()
}

fn print_lines(listed: &Listed<'_>) -> Result<(), Stop> {
    let mut out = Out::new();
    let now = now();
    let mut line = String::new();
    for (row, hosted) in listed.rows() {
        line.clear();
        push_line(&mut line, row, hosted, now);
        out.text(&line)?;
    }
    for session in listed.others {
        line.clear();
        push_hosted_line(&mut line, session);
        out.text(&line)?;
    }
    out.finish()
}

fn print_table(
    listed: &Listed<'_>,
    problems: &[Problem],
    page: Page,
    filtered: bool,
) -> Result<(), Stop> {
    let mut out = Out::new();
    let Listed { rows, hosted, others } = *listed;
    if rows.is_empty() && others.is_empty() {
        if !filtered {
            out.text(nobody(page.columns))?;
        }
        return out.finish();
    }
    let home = std::env::var("HOME").ok();
    let Page { columns, palette, .. } = page;
    let drawing = Drawing { now: now(), home: home.as_deref(), columns, palette };
    if !rows.is_empty() {
        for line in table(rows, hosted, drawing) {
            out.line(&line)?;
        }
    }
    for line in off_the_board(others, drawing) {
        out.line(&line)?;
    }
    let unreadable = problems.iter().map(Problem::may_hide).sum();
    if !rows.is_empty() || unreadable > 0 {
        out.line(&summary(rows, unreadable, palette, columns))?;
    }
    out.finish()
}

/// What an empty board says: what to do next.
pub(crate) fn nobody(columns: Option<usize>) -> &'static str {
    if columns.is_some_and(|columns| columns < 80) {
        return "nobody is on\n\
                try: callboard demo\n";
    }
    "nobody is on\n\
     \n  callboard run -- CMD     run a command, and have it on the board while it runs\
     \n  callboard register       sign in the shell or script that calls it\
     \n  callboard demo           see what the board looks like\
     \n  callboard doctor         you expected somebody: see where was looked\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::width::width;

    #[test]
    fn help_names_the_columns_as_they_are() {
        assert!(AFTER_HELP.contains(&format!("  {}\n", crate::view::lines::COLUMNS)));
    }

    #[test]
    fn an_empty_board_fits_its_terminal() {
        for (columns, text) in
            [(20, nobody(Some(20))), (79, nobody(Some(79))), (80, nobody(Some(80)))]
        {
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}");
        }
    }
}
