//! One connection, and what is queued for it.

use std::io::{self, ErrorKind, Read as _};
use std::os::unix::net::UnixStream;

use serde::Serialize;

use super::follower::Follower;
use super::typing::Typing;
use crate::screen::Picture;
use crate::size::Size;
use crate::wire::{self, FrameKind, NotAFrame, split};

/// How much may wait for a client that reads slowly. More is dropped, and it gets a fresh picture
/// when it reads again.
pub(super) const MOST_QUEUED: usize = 1 << 20;

/// A queue that was full is not kept full-sized when it is empty again.
const KEPT: usize = 16 << 10;

/// Somebody who has connected.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) number: u64,
    pub(super) stream: UnixStream,
    pub(super) heard: Vec<u8>,
    pub(super) queue: Queue,
    pub(super) has_said_hello: bool,
    pub(super) role: Role,
    /// Bytes of an `input` that are still to come, and what came of them.
    pub(super) input: Option<Typed>,
    /// The connection ends when the queue is empty.
    pub(super) is_leaving: bool,
}

/// What it wants.
#[derive(Debug)]
pub(super) enum Role {
    /// Asks, and hears the answers.
    Asking,
    /// Is attached.
    Seeing(Box<Seeing>),
    /// Gets lines as they become final.
    Following(Box<Follower>),
    /// Waits for the end that it has asked for.
    Stopping,
}

/// An attached client.
#[derive(Debug)]
pub(super) struct Seeing {
    pub(super) size: Size,
    pub(super) read_only: bool,
    pub(super) view: View,
    pub(super) typing: Typing,
    /// A number that grows with every key of anybody: who typed last has the greatest.
    pub(super) typed: u64,
}

/// How it sees the screen.
#[derive(Debug)]
pub(super) enum View {
    /// It has the terminal's size, and gets the program's bytes; `stale`: it has missed some, and
    /// has to be shown everything first.
    Bytes { stale: bool },
    /// It has another size.
    Picture(Box<Picture>),
}

/// What has been typed by an `input` so far.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) left: usize,
    pub(super) paste: bool,
    pub(super) text: Vec<u8>,
}

impl Client {
    pub(super) fn new(number: u64, stream: UnixStream) -> Self {
        Self {
            number,
            stream,
            heard: Vec::new(),
            queue: Queue::default(),
            has_said_hello: false,
            role: Role::Asking,
            input: None,
            is_leaving: false,
        }
    }

    /// The attached client that this is.
    pub(super) fn seeing(&mut self) -> Option<&mut Seeing> {
        match &mut self.role {
            Role::Seeing(seeing) => Some(seeing),
            _ => None,
        }
    }

    /// Whether it is attached.
    pub(super) const fn sees(&self) -> bool {
        matches!(self.role, Role::Seeing(_))
    }

    /// Whether it gets the program's bytes as they are.
    pub(super) fn gets_bytes(&self) -> bool {
        matches!(&self.role, Role::Seeing(seeing) if matches!(seeing.view, View::Bytes { stale: false }))
    }

    /// Queues the program's bytes; if that is too much, what is queued is dropped.
    pub(super) fn forward(&mut self, bytes: &[u8]) {
        if let Role::Seeing(seeing) = &mut self.role
            && let View::Bytes { stale: stale @ false } = &mut seeing.view
        {
            self.queue.push(FrameKind::Data, bytes);
            if self.queue.length() > MOST_QUEUED {
                self.queue.drop_data();
                *stale = true;
            }
        }
    }

    /// Queues lines for who follows; if that is too much, they are counted instead.
    pub(super) fn follow(&mut self, text: &str) {
        let Role::Following(follower) = &mut self.role else { return };
        if self.queue.length() > MOST_QUEUED {
            follower.skip(text);
            return;
        }
        let note = follower.note_of_skipped().unwrap_or_default();
        for part in [&*note, text].into_iter().filter(|part| !part.is_empty()) {
            self.queue.push(FrameKind::Data, part.as_bytes());
        }
    }

    /// Sends as much as the other end takes now.
    ///
    /// # Errors
    ///
    /// When there is no other end any more.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.queue.write_to(&mut self.stream)
    }

    /// Takes in what has been said.
    ///
    /// # Errors
    ///
    /// When there is no other end any more.
    pub(super) fn take_in(&mut self) -> io::Result<()> {
        let mut part = [0; 16 << 10];
        match self.stream.read(&mut part) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                self.heard.extend_from_slice(&part[..read]);
                Ok(())
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The first frame of what has been said, taken out.
    ///
    /// # Errors
    ///
    /// [`NotAFrame`].
    pub(super) fn next_frame(&mut self) -> Result<Option<(FrameKind, Vec<u8>)>, NotAFrame> {
        let Some((frame, length)) = split(&self.heard)? else {
            return Ok(None);
        };
        let taken = (frame.kind, frame.payload.to_vec());
        self.heard.drain(..length);
        if self.heard.is_empty() {
            self.heard.shrink_to(KEPT);
        }
        Ok(Some(taken))
    }
}

/// Frames that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// Up to here it has been sent.
    sent: usize,
    /// Here the frame begins that is being sent.
    frame: usize,
}

impl Queue {
    pub(super) fn length(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length() == 0
    }

    pub(super) fn push(&mut self, kind: FrameKind, payload: &[u8]) {
        wire::push(&mut self.bytes, kind, payload);
    }

    pub(super) fn say(&mut self, message: &impl Serialize) {
        wire::say(&mut self.bytes, message);
    }

    /// Drops all data but the rest of a frame that is being sent: the other end waits for that.
    /// Answers stay.
    pub(super) fn drop_data(&mut self) {
        let mut kept = Vec::new();
        let (mut at, mut sent) = (self.frame, 0);
        while let Ok(Some((frame, length))) = split(&self.bytes[at..]) {
            let is_being_sent = at < self.sent;
            if is_being_sent {
                sent = self.sent - at;
            }
            if is_being_sent || frame.kind == FrameKind::Control {
                kept.extend_from_slice(&self.bytes[at..at + length]);
            }
            at += length;
        }
        *self = Self { bytes: kept, sent, frame: 0 };
    }

    /// Sends as much as `to` takes without waiting.
    fn write_to(&mut self, to: &mut impl io::Write) -> io::Result<()> {
        while self.sent < self.bytes.len() {
            match to.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        while let Ok(Some((_, length))) = split(&self.bytes[self.frame..])
            && self.frame + length <= self.sent
        {
            self.frame += length;
        }
        if self.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
            (self.sent, self.frame) = (0, 0);
        } else if self.frame > MOST_QUEUED / 4 {
            self.bytes.drain(..self.frame);
            self.sent -= self.frame;
            self.frame = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a given number of bytes, and then no more for now.
    struct Narrow(Vec<u8>, usize);

    impl io::Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.1 - self.0.len());
            if taken == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.0.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Wherever it stops, what comes out is whole frames: the one that was being sent, the
    /// answers, and what was queued after the drop.
    #[test]
    fn dropped_data_leaves_whole_frames_at_every_place() {
        let payloads: [(FrameKind, &[u8]); 4] = [
            (FrameKind::Data, b"first"),
            (FrameKind::Control, b"{}"),
            (FrameKind::Data, b"second"),
            (FrameKind::Data, b"third"),
        ];
        let whole: usize = payloads.iter().map(|(_, payload)| payload.len() + 5).sum();
        for taken in 0..=whole {
            let mut queue = Queue::default();
            payloads.iter().for_each(|(kind, payload)| queue.push(*kind, payload));
            let mut to = Narrow(Vec::new(), taken);
            queue.write_to(&mut to).unwrap();
            queue.drop_data();
            queue.push(FrameKind::Data, b"fresh");
            to.1 = usize::MAX;
            queue.write_to(&mut to).unwrap();
            assert!(queue.is_empty());
            let (mut rest, mut frames) = (&to.0[..], Vec::new());
            while let Some((frame, length)) = split(rest).unwrap() {
                frames.push((frame.kind, frame.payload));
                rest = &rest[length..];
            }
            assert_eq!(rest, b"", "after {taken}");
            assert_eq!(frames.last(), Some(&(FrameKind::Data, &b"fresh"[..])));
            assert!(frames.contains(&(FrameKind::Control, b"{}")), "after {taken}");
            let begun = |place: usize| {
                payloads[..place].iter().map(|(_, p)| p.len() + 5).sum::<usize>() < taken
            };
            for (place, frame) in payloads.iter().enumerate() {
                let is_kept = begun(place) || frame.0 == FrameKind::Control;
                assert_eq!(frames.contains(frame), is_kept, "{place} after {taken}");
            }
        }
    }
}
