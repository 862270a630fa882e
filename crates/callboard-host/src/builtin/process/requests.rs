//! What is asked over the socket.

use std::time::Duration;

use super::client::{Role, Typed};
use super::follower::Follower;
use super::serve::Host;
use crate::host::SnapshotFormat;
use crate::hosted::Running;
use crate::wire::FrameKind;
use crate::wire::message::{Reply, Request};
use crate::wire::version::{OURS, Speaks, agree};

/// The other end says something that is not the protocol: there is nothing to be said to it.
#[derive(Debug)]
pub(super) struct NotOurs;

/// The most that an `input` may have. What is more is a file, and has other ways.
const MOST_INPUT: usize = 16 << 20;

impl Host {
    /// Everything that a client has said so far.
    pub(super) fn hear(&mut self, number: u64) -> Result<(), NotOurs> {
        loop {
            let Some(client) = self.client(number) else { return Ok(()) };
            if client.is_leaving {
                return Ok(());
            }
            let Some((kind, payload)) = client.next_frame().map_err(|_| NotOurs)? else {
                return Ok(());
            };
            match kind {
                FrameKind::Data => self.data(number, &payload),
                FrameKind::Control => self.control(number, &payload)?,
            }
        }
    }

    fn data(&mut self, number: u64, bytes: &[u8]) {
        let Some(client) = self.client(number) else { return };
        let Some(input) = &mut client.input else { return self.keys(number, bytes) };
        let taken = bytes.len().min(input.left);
        input.text.extend_from_slice(&bytes[..taken]);
        input.left -= taken;
        if input.left == 0
            && let Some(Typed { text, paste, .. }) = client.input.take()
        {
            self.input(number, &text, paste);
        }
    }

    /// All of an `input` is there.
    fn input(&mut self, number: u64, text: &[u8], paste: bool) {
        let count = text.len();
        if paste {
            let brackets = self.model.brackets_paste();
            self.to_program.extend(pasted(text, brackets));
        } else {
            self.to_program.extend(text);
        }
        self.type_in();
        self.reply(number, &Reply::Done { count });
    }

    pub(super) fn reply(&mut self, number: u64, reply: &Reply) {
        if let Some(client) = self.client(number) {
            client.queue.say(reply);
        }
    }

    fn control(&mut self, number: u64, text: &[u8]) -> Result<(), NotOurs> {
        let has_said_hello = self.client(number).is_some_and(|client| client.has_said_hello);
        match serde_json::from_slice(text) {
            Ok(Request::Hello { proto, min }) => {
                self.hello(number, Speaks { proto, oldest: min });
                Ok(())
            }
            Ok(request) if has_said_hello => {
                self.request(number, request);
                Ok(())
            }
            // Of a newer client, or nonsense: nothing is changed by it.
            Err(_) if has_said_hello => {
                self.reply(number, &Reply::Error { reason: "unknown request".into() });
                Ok(())
            }
            _ => Err(NotOurs),
        }
    }

    fn hello(&mut self, number: u64, theirs: Speaks) {
        let version = env!("CARGO_PKG_VERSION").into();
        let hello = Reply::Hello { proto: OURS.proto, min: OURS.oldest, version };
        let speaks = agree(OURS, theirs).is_some();
        if let Some(client) = self.client(number) {
            client.has_said_hello = speaks;
            client.queue.say(&hello);
            // It has heard which one we speak, and knows that it does not.
            client.is_leaving = !speaks;
        }
    }

    fn request(&mut self, number: u64, request: Request) {
        match request {
            Request::Hello { .. } => {}
            Request::Status => {
                self.learn_size();
                let running = Running {
                    size: self.model.size(),
                    clients: self.seers(),
                    title: self.model.title(),
                    output_at: self.output_at,
                };
                self.reply(number, &Reply::State { running, program: self.run.program });
            }
            Request::Attach { .. } if self.program.pane.is_some() => {
                self.reply(number, &Reply::Error { reason: "its terminal is tmux's".into() });
            }
            Request::Attach { size, read_only } => self.attach(number, size, read_only),
            Request::Resize { size } => self.resized(number, size),
            Request::Refresh => self.refresh_client(number),
            Request::Input { length, .. } if length > MOST_INPUT => {
                self.reply(number, &Reply::Error { reason: "too much input at once".into() });
            }
            Request::Input { length: 0, .. } => self.reply(number, &Reply::Done { count: 0 }),
            Request::Input { length, paste } => {
                if let Some(client) = self.client(number) {
                    client.input = Some(Typed { left: length, paste, text: Vec::new() });
                }
            }
            Request::Detach { who } => {
                let count = self.detach(who);
                self.reply(number, &Reply::Done { count });
            }
            Request::Snapshot { format } => self.snapshot(number, format),
            Request::Follow => self.follow(number),
            Request::Stop { grace_ms } => {
                let grace = grace_ms.map_or(self.spec.grace(), Duration::from_millis);
                self.begin_to_end(grace, Some(number));
            }
            Request::Inside { pid } => {
                let answer = self.inside(pid);
                self.reply(number, &Reply::Inside(answer));
            }
            Request::Leave { pid } => {
                let detached = self.leave(pid);
                self.reply(number, &Reply::Leave { detached });
            }
        }
    }

    fn snapshot(&mut self, number: u64, format: SnapshotFormat) {
        self.learn_size();
        self.log.flush();
        let bytes = self.log.length();
        let text = self.model.snapshot(format);
        if let Some(client) = self.client(number) {
            if format == SnapshotFormat::Main {
                client.queue.say(&Reply::Following { bytes });
            }
            client.queue.push(FrameKind::Data, &text);
            client.queue.say(&Reply::Done { count: text.len() });
        }
    }

    /// From here on, rows; the log has those before.
    fn follow(&mut self, number: u64) {
        self.log.flush();
        let bytes = self.log.length();
        let (first, lines) = self.model.settled_lines(false);
        let mut follower = Follower::from(first);
        let text = follower.settled(first, lines);
        if let Some(client) = self.client(number) {
            client.queue.say(&Reply::Following { bytes });
            client.role = Role::Following(Box::new(follower));
            client.follow(&text);
        }
    }
}

/// Text as a terminal pastes it: lines end as the return key ends them, and nothing in the text
/// can end the brackets.
fn pasted(text: &[u8], brackets: bool) -> Vec<u8> {
    const END: &[u8] = b"\x1b[201~";
    let mut clean = Vec::with_capacity(text.len() + 2 * END.len());
    let mut rest = text;
    while let Some(at) = rest.windows(END.len()).position(|part| part == END) {
        clean.extend_from_slice(&rest[..at]);
        rest = &rest[at + END.len()..];
    }
    clean.extend_from_slice(rest);
    let mut typed = Vec::with_capacity(clean.len() + 2 * END.len());
    if brackets {
        typed.extend(b"\x1b[200~");
    }
    typed.extend(clean.into_iter().map(|byte| if byte == b'\n' { b'\r' } else { byte }));
    if brackets {
        typed.extend(END);
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_text_stays_in_its_brackets() {
        for (text, brackets, expected) in [
            (&b"a\nb"[..], false, &b"a\rb"[..]),
            (b"a\nb", true, b"\x1b[200~a\rb\x1b[201~"),
            (b"x\x1b[201~rm -rf\n", true, b"\x1b[200~xrm -rf\r\x1b[201~"),
            (b"\x1b[201\x1b[201~~", false, b"\x1b[201~"),
            (b"", true, b"\x1b[200~\x1b[201~"),
        ] {
            assert_eq!(pasted(text, brackets), expected, "{}", text.escape_ascii());
        }
    }
}
