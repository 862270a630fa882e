//! `callboard ps`.

use callboard::Problem;
use callboard_agents::{Board, OWN, Row, Sources, attention};

use crate::context::{Context, tell_problems};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::stream::{Out, Stop, complain};
use crate::output::terminal::Page;
use crate::view::filter::Filter;
use crate::view::json::push_row;
use crate::view::lines::push_line;
use crate::view::summary::summary;
use crate::view::table::{Drawing, table};

const AFTER_HELP: &str = "\
On a terminal it is a table, what waits for you on top. Into a pipe it is one line for each
session, nothing cut, with these columns separated by tabs, `-` where nothing is known:
  name, status, age of the status, waiting for, tool, kind, directory, pid, session id, verdict

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
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Ps {
    /// one JSON array, each session with all its fields (null where unknown, times in ms)
    #[arg(long)]
    json: bool,
    /// the sessions that are proven dead, too, as long as their records are there
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
        let Board { rows: mut on_board, problems, .. } = Board::read(&sources);
        on_board.retain(|row| self.all || row.is_listed());
        let before = on_board.len();
        let filter = self.filter.resolved();
        let filtered = !filter.is_empty();
        let mut rows = on_board;
        rows.retain(|row| filter.fits(row));
        rows.sort_by(attention);
        let page = context.page();
        if self.json {
            print_json(&rows, &sources)?;
        } else if page.for_people {
            print_table(&rows, &problems, page, filtered)?;
        } else {
            print_lines(&rows)?;
        }
        let told = tell_problems(&problems, self.strict);
        if filtered && rows.is_empty() {
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

fn print_json(rows: &[Row], sources: &Sources) -> Result<(), Stop> {
    let mut out = Out::new();
    let mut json = String::from("[");
    for (nth, row) in rows.iter().enumerate() {
        json.push_str(if nth == 0 { "\n" } else { ",\n" });
        // Only another program's sessions have a conversation file that is known where to find.
        let foreign = row.sources.iter().any(|source| source.registry != OWN);
        let transcript = if foreign { sources.transcript(row) } else { None };
        push_row(&mut json, row, transcript.as_deref());
        out.text(&json)?;
        json.clear();
    }
    json.push_str(if rows.is_empty() { "]\n" } else { "\n]\n" });
    out.text(&json)?;
    out.finish()
}

fn print_lines(rows: &[Row]) -> Result<(), Stop> {
    let mut out = Out::new();
    let now = now();
    let mut line = String::new();
    for row in rows {
        line.clear();
        push_line(&mut line, row, now);
        out.text(&line)?;
    }
    out.finish()
}

fn print_table(rows: &[Row], problems: &[Problem], page: Page, filtered: bool) -> Result<(), Stop> {
    let mut out = Out::new();
    if rows.is_empty() {
        if !filtered {
            out.text(nobody(page.columns))?;
        }
        return out.finish();
    }
    let home = std::env::var("HOME").ok();
    let Page { columns, palette, .. } = page;
    let drawing = Drawing { now: now(), home: home.as_deref(), columns, palette };
    for line in table(rows, drawing) {
        out.line(&line)?;
    }
    let unreadable = problems.iter().filter(|problem| problem.hides_a_session()).count();
    out.line(&summary(rows, unreadable, palette, columns))?;
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
