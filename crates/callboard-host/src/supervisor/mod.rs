//! What starts sessions again that have a policy that says so.
//!
//! A supervisor owns nothing: hosts have the sessions, and what it knows of them is in their
//! files. So it may be killed, replaced by a newer one, or not run at all; whoever is next finds
//! everything by looking. `docs/design/supervisor.md` has the rule, the files, and what is left
//! when any process is killed between any two steps.
//!
//! ```no_run
//! use callboard_host::Hosts;
//! use callboard_host::supervisor::{Instance, Options, Supervisor};
//!
//! let home = callboard::Home::from_env()?;
//! let instance = Instance::claim(&home)?; // or somebody else is it
//! let told = |transition: &_| eprintln!("{transition:?}");
//! Supervisor::new(Hosts::at(&home), instance, Options::default(), told)?.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `policy` | pure: what becomes of a session whose program has ended |
//! | `record` | what was decided, in the session's files |
//! | `by_hand` | what people do: a policy, a stop, a restart |
//! | `instance`, `control` | the only supervisor of a home, and what it is asked |
//! | `bell` | what rings when files change |
//! | `serve`, `look` | the supervisor itself: what wakes it, and what it does about a session |
//! | `start` | starting a session again, in a process of its own |
//! | `transition` | what it tells of |

mod bell;
mod by_hand;
mod control;
mod instance;
mod look;
mod policy;
mod record;
mod serve;
mod start;
mod transition;

pub use by_hand::{restart, stop, supervise};
pub use control::{Report, is_running, status, stop as stop_supervisor};
pub use instance::{ClaimError, Instance};
pub use policy::{Pace, Reason, Restart, Standing};
pub use record::Supervision;
pub use serve::{Options, Supervisor};
pub use transition::{Event, Transition};

/// Whether a session that has ended is to be started again: nobody is to clear it away meanwhile.
pub(crate) fn awaits_start(session: &crate::store::SessionDir) -> bool {
    let (Ok(Some(supervision)), Ok(spec)) = (Supervision::read(session.path()), session.spec())
    else {
        return false;
    };
    let exit = session.ended().ok().flatten().map_or(crate::Exit::Lost, |ended| ended.exit);
    supervision.awaits_start(spec.started_at, exit)
}
