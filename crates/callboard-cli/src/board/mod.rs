//! The board as a live table on a terminal, for `callboard watch`.
//!
//! | file | what it does |
//! |---|---|
//! | `model` | pure: the sessions, which are shown in which order, what the user is about to do |
//! | `update` | pure: what a key changes, and what is to be done then |
//! | `order`, `query`, `edit`, `areas` | pure: sorting, filtering, typing a line, which line is for what |
//! | `draw`, `pane`, `theme` | pure: the model as cells, and how cells look |
//! | `input` | keys and the mouse, out of bytes |
//! | `live` | the loop: one wait for everything |
//! | `pace` | pure: how often to look and to draw when changes come fast |
//! | `activity` | what the conversations on the screen did lately |
//! | `tasks`, `tail`, `jump` | what takes a while: hosts, a rename, tmux, a log that grows |
//! | `screen` | the terminal, given back on every way out |

mod activity;
mod areas;
mod draw;
mod edit;
mod input;
mod jump;
mod live;
mod model;
mod order;
mod pace;
mod pane;
mod query;
mod screen;
mod tail;
mod tasks;
mod theme;
mod update;

#[cfg(test)]
mod tests;

pub(crate) use order::{Sort, SortBy};

use crate::context::Context;
use crate::exit::Ended;
use crate::failure::Failure;
use crate::view::filter::Filter;

/// How the board is shown.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Which sessions at all.
    pub(crate) filter: Filter,
    /// In which order at first.
    pub(crate) sort: Sort,
    /// Whether clicks and the wheel are for us, and not for the terminal to select text with.
    pub(crate) mouse: bool,
}

/// Shows the board until its user leaves it, or a signal ends it.
pub(crate) fn show(context: &Context, options: Options) -> Result<Ended, Failure> {
    let draws = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
    if !screen::is_there() || !draws {
        return Err(Failure::no(
            "the live table needs a terminal that can draw, on standard input and output; \
             `callboard events` prints every change as a line, `callboard ps` what there is",
        ));
    }
    live::run(context, options)
}
