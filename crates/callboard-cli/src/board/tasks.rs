//! What may take a while, beside the loop: each on a thread of its own that ends with it.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

use callboard_agents::Row;
use callboard_host::{HostKind, Hosted, HostedId, StopPolicy};

use super::jump;
use super::model::Id;
use crate::background::Background;
use crate::commands::rename::rename;
use crate::commands::stop::stop;
use crate::context::Context;
use crate::failure::Failure;
use crate::view::naming::shown_name;

/// Something to do.
pub(super) enum Task {
    /// Ask the hosts which of these they have.
    AskHosts(Vec<(Id, Row)>),
    Stop(Row),
    Rename(Row, String),
    Go(Row),
}

/// What came of it.
pub(super) enum Done {
    Hosts(Vec<(Id, Option<(HostKind, HostedId)>)>),
    /// It was done, and this is to be told of it; nothing where the board shows it.
    Well(String),
    /// It was not, and why. Not sanitised.
    Badly(String),
}

/// Those under way.
pub(super) struct Tasks {
    context: Context,
    done: (Sender<Done>, Receiver<Done>),
    bell: (PipeReader, PipeWriter),
}

impl Tasks {
    pub(super) fn new(context: &Context) -> io::Result<Self> {
        let bell = io::pipe()?;
        rustix::io::ioctl_fionbio(&bell.0, true)?;
        Ok(Self { context: context.clone(), done: channel(), bell })
    }

    /// Begins one.
    pub(super) fn start(&self, task: Task) {
        let (context, sender) = (self.context.clone(), self.done.0.clone());
        let Ok(mut bell) = self.bell.1.try_clone() else { return };
        let work = move || {
            let done = catch_unwind(AssertUnwindSafe(|| run(&context, task)));
            // The hook keeps quiet beside the loop.
            let done = done.unwrap_or_else(|_| Done::Badly("this is a bug in callboard".into()));
            // Nobody waits for it any more when the board is closed.
            _ = sender.send(done);
            _ = bell.write_all(b"!");
        };
        if let Err(error) = std::thread::Builder::new().spawn(work) {
            _ = self.done.0.send(Done::Badly(format!("cannot start a thread: {error}")));
            _ = (&self.bell.1).write_all(b"!");
        }
    }

    /// Those that are over since this was asked last.
    pub(super) fn done(&mut self) -> Vec<Done> {
        _ = self.bell.0.read(&mut [0; 64]);
        self.done.1.try_iter().collect()
    }

    /// Rings a bell of the loop's from another thread.
    pub(super) fn bell(&self) -> io::Result<PipeWriter> {
        self.bell.1.try_clone()
    }
}

impl AsFd for Tasks {
    /// Readable once one is over.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.0.as_fd()
    }
}

fn run(context: &Context, task: Task) -> Done {
    let told = |result: Result<String, Failure>| match result {
        Ok(text) => Done::Well(text),
        Err(Failure::Told { message, .. }) => Done::Badly(message),
        Err(Failure::Output(_)) => Done::Badly(String::new()),
    };
    match task {
        Task::AskHosts(asked) => {
            let (ids, rows): (Vec<Id>, Vec<Row>) = asked.into_iter().unzip();
            let (hosted, _) = Background::beside_telling(context, &rows, false, |_| {});
            let known = |hosted: Option<Hosted>| hosted.map(|hosted| (hosted.host, hosted.id));
            Done::Hosts(ids.into_iter().zip(hosted.into_iter().map(known)).collect())
        }
        Task::Stop(row) => told(end(context, &row)),
        Task::Rename(row, name) => {
            let renamed = context.registry().and_then(|registry| rename(&registry, &row, &name));
            told(renamed.map(|()| String::new()))
        }
        Task::Go(row) => match jump::go(&row) {
            Ok(text) => Done::Well(text),
            Err(text) => Done::Badly(text),
        },
    }
}

fn end(context: &Context, row: &Row) -> Result<String, Failure> {
    let (background, session) = hosted(context, row)?;
    let how = stop(&background, &session, StopPolicy::default())?;
    Ok(format!("`{}` has ended: {how}", shown_name(row)))
}

/// The background session that a row is, by its host's word of this moment.
pub(super) fn hosted(context: &Context, row: &Row) -> Result<(Background, Hosted), Failure> {
    let rows = [row.clone()];
    let (found, _) = Background::beside_telling(context, &rows, false, |_| {});
    match found.into_iter().flatten().next() {
        Some(session) => Ok((Background::open(context)?, session)),
        None => Err(Failure::no(format!(
            "no host has `{}` any more; `callboard ps --all` lists what there is",
            shown_name(row)
        ))),
    }
}
