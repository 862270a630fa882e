//! `callboard events`.

use std::time::Duration;

use callboard_agents::{BoardEvent, Row};

use super::watching::{start, timeout};
use crate::context::{Context, complain_on_one_line};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::stream::Out;
use crate::view::change::{json, line};
use crate::view::filter::Filter;

const AFTER_HELP: &str = "\
One line for each change, as it happens: the time (ms since the epoch), what happened, the name,
the pid, and what changed, separated by tabs. What happened is `appeared`, `changed` or `gone`.

Examples:
  callboard events
  callboard events --json | jq -c 'select(.session.status == \"waiting\") | .session.name'
  callboard events --present --json          what there is first, then what changes

Ends when its reader does, or after --for.";

/// print every change on the board, as it happens
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Events {
    /// one JSON object on each line, with the session as in `ps --json`
    #[arg(long)]
    json: bool,
    /// begin with the sessions that are there, as `appeared`
    #[arg(long)]
    present: bool,
    /// end after so long: 90s, 5m, 1h 30m
    #[arg(long = "for", value_name = "DURATION", value_parser = timeout)]
    length: Option<Duration>,
    #[command(flatten)]
    filter: Filter,
}

impl Events {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let end = self.length.map(|length| std::time::Instant::now() + length);
        let filter = self.filter.clone().resolved();
        let mut watch = start(context)?;
        let mut out = Out::new();
        if self.present {
            let rows: Vec<Row> = watch.rows().filter(|row| filter.fits(row)).cloned().collect();
            for row in rows {
                self.print(&BoardEvent::Appeared(row), &mut out)?;
            }
        }
        out.flush()?;
        loop {
            let left = end.map(|end| end.saturating_duration_since(std::time::Instant::now()));
            match watch.next_within(left)? {
                Some(BoardEvent::Problem(problem)) => complain_on_one_line(&problem),
                Some(event) if fits(&filter, &event) => {
                    self.print(&event, &mut out)?;
                    out.flush()?;
                }
                Some(_) => {}
                None if left.is_some_and(|left| left.is_zero()) => return Ok(Exit::Yes),
                None => {}
            }
        }
    }

    fn print(&self, event: &BoardEvent, out: &mut Out) -> Result<(), Failure> {
        let text = if self.json { json(event, now()) } else { line(event, now()) };
        Ok(out.line(&text.unwrap_or_default())?)
    }
}

/// A session that leaves the filter is told of, too: else its reader would think that it stays.
fn fits(filter: &Filter, event: &BoardEvent) -> bool {
    let before = match event {
        BoardEvent::Changed { before, .. } => Some(&**before),
        _ => None,
    };
    event.row().into_iter().chain(before).any(|row| filter.fits(row))
}
