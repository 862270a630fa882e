//! The host itself: one process, one thread, one session.
//!
//! | file | what it does |
//! |---|---|
//! | `birth` | from the first instruction to a program that runs |
//! | `program` | the pseudoterminal, and the program on it |
//! | `serve` | the loop: waits, and does what there is to do |
//! | `client` | one connection, and what is queued for it |
//! | `show` | what the program prints, to everybody in the form they need |
//! | `follower` | the lines of a session as they become final |
//! | `pane` | what is different where the terminal is tmux's |
//! | `lead` | whose size the terminal has, and whose keys count |
//! | `typing` | what of a client's bytes a person has typed |
//! | `requests` | what is asked over the socket |
//! | `board` | the session's record |
//! | `inside` | the program asks about itself |
//! | `ending` | stopping the session, and its end |

mod birth;
mod board;
mod client;
mod ending;
mod follower;
mod inside;
mod lead;
mod pane;
mod program;
mod requests;
mod serve;
mod show;
mod typing;

use std::os::unix::net::UnixStream;
use std::path::Path;

use super::request::StartRequest;
use crate::id::HostedId;
use crate::store::{INSIDE, RunFile};
use crate::system::{Shown, end_now, give_memory_back};

pub(crate) use birth::may_be_forked;
pub(crate) use program::Terminal;

/// How a host is run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// For tests: the model of the screen panics, once, at output that contains this.
    #[doc(hidden)]
    pub break_model_at: Option<Vec<u8>>,
}

/// Is a host: hears over standard input what to start, starts it, and returns when the session has
/// ended. The process must have one thread, and nothing open but its standard streams.
///
/// Returns what to exit with: 0, or 1 if nothing was started. How the session ended is in its
/// files.
#[must_use]
pub fn main(options: &Options) -> u8 {
    serve(birth::birth(options))
}

/// Is a host of a program on a terminal that is there already.
pub(crate) fn main_on(starter: UnixStream, terminal: Terminal) -> u8 {
    serve(birth::hear_and_bear(&Options::default(), starter, Some(terminal)))
}

/// In a process that was forked off its starter: is a host, and ends as one.
pub(crate) fn main_of(request: StartRequest, starter: UnixStream, shown: &Shown) -> ! {
    // The starter's functions, into which this process is not to return, are above.
    let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let host = birth::birth_of(request, starter, shown);
        // What the starter had allocated, each host would have for as long as it lives.
        give_memory_back();
        serve(host)
    }));
    end_now(code.map_or(101, i32::from))
}

fn serve(host: Option<serve::Host>) -> u8 {
    match host {
        Some(host) => {
            host.serve();
            0
        }
        None => 1,
    }
}

/// Takes away the link by which programs of a session find their host, if it is still that of this
/// session.
pub(crate) fn remove_link(store: &Path, run: &RunFile, id: &HostedId) {
    let name = callboard::inside::link_name(run.pid_ns, run.program.pid);
    let link = store.join(INSIDE).join(name);
    if std::fs::read_link(&link).is_ok_and(|to| to == Path::new("..").join(id)) {
        _ = std::fs::remove_file(link);
    }
}
