//! From what the lines tell, the newest first, to how the conversation ends. Pure.

use super::moment::{Id, Moment, What};
use super::{Depth, Reading, Recent};
use crate::activity::{Sparkline, Tail, TailState};

/// Takes moments, the newest first, until it knows enough.
#[derive(Debug)]
pub(super) struct Fold {
    ending: Ending,
    recent: Option<Gathered>,
}

impl Fold {
    pub(super) fn new(depth: Depth, sparkline: Sparkline) -> Self {
        let recent = (depth == Depth::Activity).then(|| Gathered::new(sparkline));
        Self { ending: Ending::default(), recent }
    }

    pub(super) fn take(&mut self, moment: &Moment) {
        for what in moment.what.iter().rev() {
            self.ending.take(moment.at, *what);
        }
        if let Some(recent) = &mut self.recent {
            recent.take(moment);
        }
    }

    /// Whether the state is known, and since when.
    pub(super) fn is_settled(&self) -> bool {
        self.ending.settled
    }

    /// Whether older lines can say anything that was asked for.
    pub(super) fn is_complete(&self) -> bool {
        self.is_settled() && self.recent.as_ref().is_none_or(Gathered::is_complete)
    }

    /// Whether the sparkline is done, and only the last tool, model or tokens may be missing.
    pub(super) fn is_past(&self) -> bool {
        self.recent.as_ref().is_none_or(|recent| recent.is_past)
    }

    /// `is_whole`: the moments reach back to the conversation's beginning.
    pub(super) fn finish(self, is_whole: bool) -> Reading {
        Reading {
            tail: self.ending.finish(is_whole),
            recent: self.recent.map(|gathered| gathered.finish(is_whole)),
        }
    }
}

/// How the conversation ends.
#[derive(Debug, Default)]
struct Ending {
    tail: Option<Tail>,
    /// Whether anything that moved the conversation was met.
    moved: bool,
    /// Nothing older changes the tail.
    settled: bool,
    /// Whether a call was met.
    called: bool,
    /// What was answered later than where we are.
    answered: Vec<Id>,
    /// The newest thing that is no part of the conversation.
    aside: Option<Option<u64>>,
}

impl Ending {
    /// So many results without the calls that they answer are no conversation.
    const ANSWERS: usize = 4096;

    fn take(&mut self, at: Option<u64>, what: What) {
        if self.settled {
            return;
        }
        match what {
            What::Prompt | What::Output | What::Going => self.end_with(TailState::Busy, at),
            What::Answer | What::Over => self.end_with(TailState::Idle, at),
            What::Result { id } | What::Answered { id } => self.answer(id, at),
            What::Call { id, asks } => self.call(id, asks, at),
            What::Asked { id, asks } => self.call(id, Some(asks), at),
            What::Aside if self.tail.is_none() => {
                self.aside.get_or_insert(at);
            }
            What::Aside | What::Beside => {}
        }
    }

    /// The line decides, unless newer ones did: then it is the last that moved the conversation.
    fn end_with(&mut self, state: TailState, at: Option<u64>) {
        self.tell(state, None, at);
        self.move_at(at);
        self.settled = true;
    }

    /// A result: the turn goes on. Which of the calls before it are still open shows further up.
    fn answer(&mut self, id: Id, at: Option<u64>) {
        if self.tail.is_some() && (self.called || self.answered.len() >= Self::ANSWERS) {
            // An older round of calls: all of its calls were answered before the next began.
            self.move_at(at);
            self.settled = true;
            return;
        }
        self.tell(TailState::Busy, None, at);
        self.move_at(at);
        self.answered.push(id);
    }

    fn call(&mut self, id: Id, asks: Option<&'static str>, at: Option<u64>) {
        self.called = true;
        if self.answered.contains(&id) {
            return;
        }
        let state = if asks.is_some() { TailState::Waiting } else { TailState::OpenCall };
        self.tell(state, asks, at);
        // Of several that are open, one that asks is what the user needs to know of. Where a
        // result is newer, that is when it last was told that the turn goes on.
        if let Some(tail) = &mut self.tail
            && tail.state != TailState::Waiting
        {
            tail.state = state;
            tail.waiting_for = asks.map(Into::into);
        }
    }

    fn tell(&mut self, state: TailState, asks: Option<&str>, at: Option<u64>) {
        let waiting_for = asks.map(Into::into);
        self.tail.get_or_insert(Tail { state, at, moved_at: None, waiting_for });
    }

    fn move_at(&mut self, at: Option<u64>) {
        if let Some(tail) = &mut self.tail
            && !self.moved
        {
            self.moved = true;
            // Never later than the line that tells: clocks are set back.
            tail.moved_at = at.map(|at| tail.at.map_or(at, |told| at.min(told)));
        }
    }

    fn finish(self, is_whole: bool) -> Option<Tail> {
        let aside = self.aside.filter(|_| is_whole);
        let nothing_was_asked =
            |at| Tail { state: TailState::Idle, at, moved_at: at, waiting_for: None };
        self.tail.or_else(|| aside.map(nothing_was_asked))
    }
}

/// What happened lately.
#[derive(Debug)]
struct Gathered {
    recent: Recent,
    /// The oldest event that was met.
    oldest: Option<u64>,
    /// Whether one before the sparkline's beginning was met.
    is_past: bool,
}

impl Gathered {
    fn new(sparkline: Sparkline) -> Self {
        Self { recent: Recent::new(sparkline), oldest: None, is_past: false }
    }

    fn take(&mut self, moment: &Moment) {
        let recent = &mut self.recent;
        let counted = moment.what.iter().filter(|what| what.is_counted()).count();
        if let Some(at) = moment.at.filter(|_| counted > 0) {
            (0..counted).for_each(|_| recent.sparkline.count(at));
            recent.last_event_at = recent.last_event_at.max(Some(at));
            self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
            // A conversation that was resumed begins with copies of old lines; what follows them
            // in the file is newer all the same.
            self.is_past |= at < recent.sparkline.since();
        }
        let name = |kept: &mut Option<Box<str>>, told: &Option<Box<str>>| {
            kept.take().or_else(|| told.as_deref().map(shortened))
        };
        recent.last_tool = name(&mut recent.last_tool, &moment.tool);
        recent.model = name(&mut recent.model, &moment.model);
        recent.tokens = recent.tokens.or(moment.tokens);
    }

    fn is_complete(&self) -> bool {
        let Recent { last_tool, model, tokens, .. } = &self.recent;
        self.is_past && last_tool.is_some() && model.is_some() && tokens.is_some()
    }

    fn finish(self, is_whole: bool) -> Recent {
        let is_cut = !is_whole && !self.is_past;
        Recent { known_since: self.oldest.filter(|_| is_cut), ..self.recent }
    }
}

/// A name, as far as anybody would read it: it comes from a file, and may be of any length.
fn shortened(name: &str) -> Box<str> {
    name.chars().take(128).collect()
}

#[cfg(test)]
pub(super) mod tests;
