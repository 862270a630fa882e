//! What the loop does for its user, and for the signals that come: most of it lends the terminal to
//! somebody, or gives it back.

use std::io;

use callboard_host::{AttachEnd, AttachOptions};
use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTSTP, SIGWINCH};

use super::{Live, failed};
use crate::board::model::Id;
use crate::board::screen;
use crate::board::tasks::{self, Task};
use crate::board::update::Effect;
use crate::commands::attach::{attach, hint};
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::view::hosted::hosted_name;
use crate::view::naming::shown_name;

impl Live<'_> {
    pub(super) fn carry_out(&mut self, effect: Effect) -> Result<Option<Ended>, Failure> {
        let row = |id: &Id| self.model.entry(id).map(|entry| entry.row.clone());
        match effect {
            Effect::Quit => return Ok(Some(Exit::Yes.into())),
            Effect::Suspend => {
                screen::give_back();
                // A shell that started us through others waits for all of them to stop.
                _ = kill_current_process_group(Signal::TSTP);
                return self.stop();
            }
            Effect::Repaint => return self.take_again(),
            Effect::Attach(id) => return self.attach(&id),
            Effect::Stop(id) => {
                if let Some(row) = row(&id) {
                    self.model.say(false, format!("ending `{}` ...", shown_name(&row)));
                    self.tasks.start(Task::Stop(row));
                }
            }
            Effect::Rename(id, name) => {
                row(&id).into_iter().for_each(|row| {
                    self.tasks.start(Task::Rename(row, name.clone()));
                });
            }
            Effect::Go(id) => {
                row(&id).into_iter().for_each(|row| self.tasks.start(Task::Go(row)));
            }
        }
        Ok(None)
    }

    pub(super) fn signal(&mut self, signal: i32) -> Result<Option<Ended>, Failure> {
        match signal {
            SIGWINCH => {
                self.model.size = screen::size();
                self.model.keep_in_sight();
                self.is_stale = true;
            }
            SIGTSTP => {
                screen::give_back();
                return self.stop();
            }
            // Stopped by what cannot be heard, and the shell has had the terminal since.
            SIGCONT => return self.take_again(),
            signal => return Ok(Some(by_signal(signal))),
        }
        Ok(None)
    }

    /// Stands still until somebody continues us.
    fn stop(&mut self) -> Result<Option<Ended>, Failure> {
        // Unlike SIGSTOP it stops nobody whom no shell would ever continue (an orphaned process
        // group, signal(7)); and unlike SIGTSTP it is not caught here.
        _ = kill_process(getpid(), Signal::TTIN);
        self.signals.forget(&[SIGTSTP, SIGCONT]);
        self.take_again()
    }

    /// Takes the terminal, whatever was done to it, and draws all of it.
    fn take_again(&mut self) -> Result<Option<Ended>, Failure> {
        self.model.size = screen::size();
        self.model.keep_in_sight();
        self.is_stale = true;
        match self.terminal.backend().enter().and_then(|()| self.terminal.clear()) {
            Ok(()) => Ok(None),
            Err(error) => without_a_terminal(error).map(Some),
        }
    }

    /// Lends the terminal to a session until it is detached or ends.
    fn attach(&mut self, id: &Id) -> Result<Option<Ended>, Failure> {
        let Some(row) = self.model.entry(id).map(|entry| entry.row.clone()) else {
            return Ok(None);
        };
        screen::give_back();
        let ended = tasks::hosted(self.context, &row).and_then(|(background, session)| {
            let mut options = AttachOptions::default();
            options.detach_key = self.context.config().background.detach_key;
            options.hint = hint(&hosted_name(&session), &options);
            attach(&background, &session, &options)
        });
        // It took care of these itself.
        self.signals.forget(&[SIGTSTP, SIGCONT, SIGWINCH]);
        let name = shown_name(&row);
        match ended {
            Ok(AttachEnd::Detached) => self.model.say(false, format!("left `{name}` running")),
            Ok(AttachEnd::Ended(exit)) => {
                self.model.say(false, format!("`{name}` has ended: {exit}"))
            }
            // It is told to us, too, and then the board ends.
            Ok(AttachEnd::Signal(_)) => {}
            Ok(_) => self.model.say(true, format!("no longer attached to `{name}`")),
            Err(Failure::Told { message, .. }) => self.model.say(true, message),
            Err(failure) => return Err(failure),
        }
        // It may have been renamed, restarted or have lost its host meanwhile.
        self.asked.clear();
        self.take_again()
    }
}

pub(super) fn by_signal(signal: i32) -> Ended {
    Ended::AsTheirs(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}

/// How the board ends when it cannot be drawn: a terminal that is gone has ended it.
pub(super) fn without_a_terminal(error: io::Error) -> Result<Ended, Failure> {
    let gone = [rustix::io::Errno::IO, rustix::io::Errno::PIPE].map(|errno| errno.raw_os_error());
    match error.raw_os_error() {
        Some(code) if gone.contains(&code) => Ok(by_signal(SIGHUP)),
        _ => Err(failed(error)),
    }
}
