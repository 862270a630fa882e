//! Stopping the session, and its end.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, wait, waitid, waitpid,
};

use super::client::Role;
use super::remove_link;
use super::serve::Host;
use crate::hosted::{Ended, Exit};
use crate::system::{descendants, ignores, now_ms};
use crate::wire::message::Reply;

/// For how long everything is killed again and again that is still there.
const INSISTENCE: Duration = Duration::from_secs(1);

/// How long clients may take to hear that it has ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// The session is being stopped.
#[derive(Debug)]
pub(super) struct Ending {
    /// From then on, what is there is killed.
    insists_at: Instant,
    next_look: Instant,
    is_over: bool,
}

impl Ending {
    /// When it has to be looked after. A child that ends is a reason of its own; what ends further
    /// down in the tree is not heard of.
    pub(super) fn deadline(&self) -> Instant {
        self.next_look
    }
}

impl Host {
    /// Asks everything that came of the program to end. Asked once more, the shorter grace holds.
    pub(super) fn begin_to_end(&mut self, grace: Duration, asked_by: Option<u64>) {
        let insists_at = Instant::now() + grace.min(Duration::from_secs(86_400));
        match &mut self.ending {
            Some(ending) => ending.insists_at = ending.insists_at.min(insists_at),
            None => {
                self.ending =
                    Some(Ending { insists_at, next_look: Instant::now(), is_over: false });
                ask_to_end();
            }
        }
        if let Some(client) = asked_by.and_then(|number| self.client(number)) {
            client.role = Role::Stopping;
            client.queue.say(&Reply::Stopping);
        }
    }

    /// Looks whether all are gone, and insists when it is time.
    pub(super) fn go_on_ending(&mut self) {
        let Some(ending) = &mut self.ending else { return };
        let now = Instant::now();
        let left = descendants(std::process::id());
        if left.is_empty() {
            ending.is_over = true;
            // What has ended is there to be collected.
            self.reap();
            return;
        }
        if now >= ending.insists_at {
            left.iter().for_each(|member| member.signal(Signal::KILL));
            ending.is_over = now >= ending.insists_at + INSISTENCE;
            ending.next_look = now + Duration::from_millis(5);
        } else {
            ending.next_look = (now + Duration::from_millis(50)).min(ending.insists_at);
        }
    }

    /// Whether there is nothing left to wait for. Where nobody has asked it to end, what the
    /// program has left behind runs on.
    pub(super) fn is_over(&self) -> bool {
        let all_gone = self.ending.as_ref().is_none_or(|ending| ending.is_over);
        self.exited.is_some() && all_gone
    }

    /// Collects what has ended. The program itself stays a zombie until the end, so that its pid
    /// is nobody else's until then.
    pub(super) fn reap(&mut self) {
        if self.exited.is_none() {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            match waitid(WaitId::Pid(self.program.pid), look) {
                Ok(Some(status)) => self.exited = Some(exit_of(&status)),
                Ok(None) => {}
                // Somebody has collected it: there is nothing to be known.
                Err(_) => self.exited = Some(Exit::Lost),
            }
        }
        if self.exited.is_none() {
            // It runs, so those that are collected here are others: adopted ones.
            while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                if pid == self.program.pid {
                    let code = status.exit_status().map(Exit::Code);
                    let signal = status.terminating_signal().map(Exit::Signal);
                    self.exited = code.or(signal);
                }
            }
        }
    }

    /// The end, in the order in which it may be interrupted.
    pub(super) fn finish(mut self) {
        self.await_the_rest();
        // While this is open, the end of what was printed cannot be told from a pause.
        self.program.user = None;
        while !self.hung_up && self.has_more() {
            self.read_terminal();
        }
        self.settle();
        let rest = self.model.remaining();
        self.log.add(&rest);
        self.log.flush();
        self.board.sign_out();
        _ = waitpid(Some(self.program.pid), WaitOptions::empty());
        let exit = self.exited.unwrap_or(Exit::Lost);
        remove_link(&self.store, &self.run, self.claimed.session().id());
        // From here on it has ended. If this cannot be written, it is lost, and not 0.
        _ = self.claimed.session().write_ended(Ended { exit, at: now_ms() });
        _ = std::fs::remove_file(self.claimed.session().socket());
        self.say_farewell(exit);
    }

    /// Whether the program has printed something that was not read yet.
    fn has_more(&self) -> bool {
        let mut fds = [PollFd::new(&self.program.controller, PollFlags::IN)];
        let at_once = Timespec::default();
        poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    /// Tells those who wait for the end, and gives them a moment to hear it.
    fn say_farewell(mut self, exit: Exit) {
        for client in &mut self.clients {
            match &mut client.role {
                Role::Following(follower) => {
                    let (first, lines) = self.model.settled_lines(true);
                    let text = follower.settled(first, lines);
                    client.follow(&text);
                }
                Role::Seeing(_) | Role::Stopping => {}
                Role::Asking => continue,
            }
            client.queue.say(&Reply::from(exit));
        }
        let until = Instant::now() + FAREWELL;
        loop {
            self.clients.retain_mut(|client| client.flush().is_ok() && !client.queue.is_empty());
            let left = until.saturating_duration_since(Instant::now());
            if self.clients.is_empty() || left.is_zero() {
                return;
            }
            let wait = |client| PollFd::new(client, PollFlags::OUT);
            let mut fds: Vec<PollFd<'_>> =
                self.clients.iter().map(|client| wait(&client.stream)).collect();
            _ = poll(&mut fds, Timespec::try_from(left).ok().as_ref());
        }
    }
}

/// TERM to everything; HUP to what ignores that, as interactive shells do; and CONT, for what is
/// stopped and would not hear either.
fn ask_to_end() {
    for member in descendants(std::process::id()) {
        member.signal(if ignores(member.pid, Signal::TERM) { Signal::HUP } else { Signal::TERM });
        member.signal(Signal::CONT);
    }
}

fn exit_of(status: &WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Lost,
    }
}
