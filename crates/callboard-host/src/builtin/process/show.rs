//! What the program prints, to everybody in the form they need: to clients of the terminal's size
//! as it is, to others as pictures, to the model, to the log.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::client::{Role, Seeing, View};
use super::serve::{A_FEW, Host};
use crate::host::SnapshotFormat;
use crate::size::Size;
use crate::system::now_ms;
use crate::wire::FrameKind;

/// How long a stream may be in the middle of a sequence before a picture is sent all the same.
const GROUND_PATIENCE: Duration = Duration::from_millis(50);

impl Host {
    /// Something that the program has printed.
    pub(super) fn show(&mut self, bytes: &[u8]) {
        self.learn_size();
        self.output_at = Some(now_ms());
        for client in self.clients.iter_mut().filter(|client| client.gets_bytes()) {
            client.forward(bytes);
            if bytes.len() < A_FEW {
                // Whoever is gone is let go where that is looked after.
                _ = client.flush();
            }
        }
        // Before the model has seen it, clients have: it costs them nothing.
        let answering = self.answers_itself();
        self.model.feed(bytes, answering);
        let answers = self.model.take_answers();
        self.to_program.extend(answers);
        let (log, clients) = (&mut self.log, &mut self.clients);
        self.model.take_rows(|first, rows| {
            log.add(rows);
            for client in clients {
                if let Role::Following(follower) = &mut client.role {
                    let text = follower.left(first, rows);
                    client.follow(&text);
                }
            }
        });
        self.pictures.is_new = true;
    }

    /// Whether there is no terminal that would answer the program: the leader's is the only one
    /// whose answers reach it.
    fn answers_itself(&self) -> bool {
        let leader = self.clients.iter().find(|client| Some(client.number) == self.leader);
        // tmux answers for its clients.
        self.program.pane.is_none() && !leader.is_some_and(super::client::Client::gets_bytes)
    }

    /// What remains to be done when everything that was there has been taken in.
    pub(super) fn settle(&mut self) {
        if self.model.has_broken() {
            self.ask_to_draw();
        }
        self.type_in();
        self.flush_all();
        self.refresh();
        let watched = self.clients.iter().any(|client| {
            matches!(&client.role, Role::Following(_))
                || matches!(&client.role, Role::Seeing(seeing) if matches!(seeing.view, View::Picture(_)))
        });
        if !watched {
            self.pictures.is_new = false;
        } else if self.pictures.is_due(Instant::now()) {
            self.draw();
        }
        self.log.flush();
        self.flush_all();
    }

    /// Sends everybody what they take, and lets go of those who are gone, or have all that they
    /// wanted.
    fn flush_all(&mut self) {
        let mut gone = Vec::new();
        for client in &mut self.clients {
            let is_there = client.flush().is_ok();
            if !is_there || (client.is_leaving && client.queue.is_empty()) {
                gone.push(client.number);
            }
        }
        gone.into_iter().for_each(|number| self.let_go(number));
    }

    /// Shows everything to those who have missed something and can read again. That and the bytes
    /// after it meet where no sequence is cut; one that goes on and on is not waited for, and then
    /// it is shown once more after it.
    fn refresh(&mut self) {
        let is_ground = self.model.is_ground();
        let stale = self.clients.iter().any(|client| is_stale(&client.role));
        if !stale {
            self.ground_by = None;
            return;
        }
        let patience_is_over = match self.ground_by {
            _ if is_ground => false,
            None => {
                self.ground_by = Some(Instant::now() + GROUND_PATIENCE);
                return;
            }
            Some(by) if Instant::now() < by => return,
            Some(_) => true,
        };
        let readable =
            |client: &super::client::Client| is_stale(&client.role) && client.queue.is_empty();
        if self.clients.iter().any(readable) {
            let everything = self.model.snapshot(SnapshotFormat::Restore);
            for client in self.clients.iter_mut().filter(|client| readable(client)) {
                client.queue.push(FrameKind::Data, &everything);
                if let Role::Seeing(seeing) = &mut client.role
                    && is_ground
                {
                    seeing.view = View::Bytes { stale: false };
                }
            }
        }
        self.ground_by = None;
        if patience_is_over {
            // Not again every 50 ms: the next byte decides.
            self.ground_by = Some(Instant::now() + Duration::from_secs(3600));
        }
    }

    /// Sends pictures, and rows that have become final, to those who get them.
    fn draw(&mut self) {
        let (model, mut held_up) = (&mut self.model, false);
        for client in &mut self.clients {
            if !matches!(client.role, Role::Seeing(_) | Role::Following(_)) {
                continue;
            }
            // Who reads slowly sees fewer pictures, not old ones.
            if !client.queue.is_empty() {
                held_up = true;
                continue;
            }
            match &mut client.role {
                Role::Seeing(seeing) => {
                    if let View::Picture(picture) = &mut seeing.view {
                        let text = picture.draw(model, seeing.size);
                        if !text.is_empty() {
                            client.queue.push(FrameKind::Data, &text);
                        }
                    }
                }
                Role::Following(follower) => {
                    let (first, lines) = model.settled_lines(false);
                    let text = follower.settled(first, lines);
                    client.follow(&text);
                }
                Role::Asking | Role::Stopping => {}
            }
        }
        self.pictures.is_new = held_up;
    }

    /// The terminal gets another size, and everybody is shown it as they need it then.
    pub(super) fn set_size(&mut self, size: Size) {
        if self.model.size() != size {
            self.model.resize(size);
            // The program is told by the kernel.
            _ = rustix::termios::tcsetwinsize(&self.program.controller, size.into());
        }
        let size = self.model.size();
        for client in &mut self.clients {
            if let Role::Seeing(seeing) = &mut client.role {
                // What was meant for another size is not shown any more.
                client.queue.drop_data();
                seeing.look_anew(size);
            }
        }
        self.pictures.is_new = true;
    }

    /// Tells the program to draw, as if the size had changed.
    pub(super) fn ask_to_draw(&self) {
        if let Ok(foreground) = rustix::termios::tcgetpgrp(&self.program.controller) {
            _ = rustix::process::kill_process_group(foreground, Signal::WINCH);
        }
    }
}

impl Seeing {
    /// Sees a terminal of this size from now on, and everything of it first.
    pub(super) fn look_anew(&mut self, terminal: Size) {
        self.view = if self.size == terminal {
            View::Bytes { stale: true }
        } else {
            View::Picture(Box::default())
        };
    }
}

fn is_stale(role: &Role) -> bool {
    matches!(role, Role::Seeing(seeing) if matches!(seeing.view, View::Bytes { stale: true }))
}
