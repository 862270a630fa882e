//! Whose size the terminal has, and whose keys count.
//!
//! The leader is who typed last. Who attaches while there is none leads; who only looks never does.

use super::client::{Role, Seeing, View};
use super::serve::Host;
use super::typing::Typing;
use crate::host::Detach;
use crate::size::Size;
use crate::wire::message::{LeftReason, Reply};

impl Host {
    /// A client attaches.
    pub(super) fn attach(&mut self, number: u64, size: Size, read_only: bool) {
        let size = size.sane();
        self.counter += 1;
        let typed = self.counter;
        let terminal = self.model.size();
        let mut seeing = Box::new(Seeing {
            size,
            read_only,
            view: View::Bytes { stale: true },
            typing: Typing::default(),
            typed,
        });
        seeing.look_anew(terminal);
        let Some(client) = self.client(number) else { return };
        client.role = Role::Seeing(seeing);
        client.queue.say(&Reply::Attached { client: number });
        self.pictures.is_new = true;
        if self.leader.is_none() && !read_only {
            self.lead(number);
            if size == terminal {
                // The kernel says nothing then, and some draw only when they are told.
                self.ask_to_draw();
            }
        }
    }

    /// A client's terminal has another size now.
    pub(super) fn resized(&mut self, number: u64, size: Size) {
        let terminal = self.model.size();
        let leads = self.leader == Some(number);
        let Some(client) = self.client(number) else { return };
        if let Role::Seeing(seeing) = &mut client.role {
            seeing.size = size.sane();
            client.queue.drop_data();
            seeing.look_anew(terminal);
        }
        if leads {
            self.set_size(size.sane());
        }
        self.pictures.is_new = true;
    }

    /// A client wants to be shown everything: its terminal was somebody else's.
    pub(super) fn refresh_client(&mut self, number: u64) {
        let terminal = self.model.size();
        if let Some(client) = self.client(number) {
            client.queue.drop_data();
            if let Some(seeing) = client.seeing() {
                seeing.look_anew(terminal);
            }
        }
        self.pictures.is_new = true;
    }

    /// What an attached client's terminal has sent.
    pub(super) fn keys(&mut self, number: u64, bytes: &[u8]) {
        self.counter += 1;
        let (counter, leads) = (self.counter, self.leader == Some(number));
        let Some(seeing) = self.client(number).and_then(|client| client.seeing()) else { return };
        if seeing.read_only {
            return;
        }
        if leads {
            seeing.typed = counter;
            self.to_program.extend(bytes);
        } else {
            let heard = seeing.typing.hear(bytes);
            if heard.typed.is_empty() && !heard.clicked {
                return;
            }
            seeing.typed = counter;
            self.lead(number);
            self.to_program.extend(heard.typed);
        }
        // At once: whoever waits for an echo waits for this.
        self.type_in();
    }

    /// This client leads from now on, and the terminal has its size.
    fn lead(&mut self, number: u64) {
        self.leader = Some(number);
        if let Some(size) = self.client(number).and_then(|c| c.seeing()).map(|seeing| seeing.size)
            && size != self.model.size()
        {
            self.set_size(size);
        }
    }

    /// Detaches clients; how many.
    pub(super) fn detach(&mut self, who: Detach) -> usize {
        if let Some(pane) = &self.program.pane {
            return pane.detach_in_passing(who).unwrap_or(0);
        }
        let last = self.clients.iter_mut().filter_map(|client| {
            let number = client.number;
            client.seeing().map(|seeing| (!seeing.read_only, seeing.typed, number))
        });
        let last = last.max().map(|(_, _, number)| number);
        let is_meant = |number: u64| match who {
            Detach::LastTypist => Some(number) == last,
            Detach::Client(one) => number == one,
            Detach::All => true,
        };
        let mut count = 0;
        for client in self.clients.iter_mut().filter(|client| client.sees()) {
            if is_meant(client.number) {
                client.queue.drop_data();
                client.queue.say(&Reply::Left { reason: LeftReason::Detached });
                client.role = Role::Asking;
                client.is_leaving = true;
                count += 1;
            }
        }
        let leads =
            |number| self.clients.iter().any(|client| client.number == number && client.sees());
        self.leader = self.leader.filter(|number| leads(*number));
        count
    }
}
