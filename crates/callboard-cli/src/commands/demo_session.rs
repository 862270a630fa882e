//! One of the three sessions of the demo: a process of its own that signs in with the library, as
//! any embedding program does, and does what it is told on standard input.

use std::io::{BufRead as _, stdin};

use callboard::{Registration, SignIn, SignedIn, Spawner, Status};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::stream::Out;

/// What it answers when it has done as told.
pub(crate) const DONE: &str = "done";

/// a session of the demo
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct DemoSession {
    name: String,
}

impl DemoSession {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let sign_in = SignIn::spawned_by(Spawner::default())
            .tool("demo", env!("CARGO_PKG_VERSION"))
            .name(&self.name);
        let SignedIn::In(me) = context.registry()?.register(sign_in)? else {
            return Ok(Exit::Yes);
        };
        let mut out = Out::new();
        out.line(DONE)?;
        out.flush()?;
        // Ends with its input: when the demo is over, and when it was killed.
        for line in stdin().lock().lines().map_while(Result::ok) {
            obey(&me, &line)?;
            out.line(DONE)?;
            out.flush()?;
        }
        me.sign_out()?;
        Ok(Exit::Yes)
    }
}

/// `busy`, or `waiting permission prompt`.
fn obey(me: &Registration, line: &str) -> Result<(), Failure> {
    let (status, waiting_for) = match line.split_once(' ') {
        Some((status, waiting_for)) => (status, Some(waiting_for)),
        None => (line, None),
    };
    Ok(me.set_status(Status::from(status), waiting_for)?)
}
