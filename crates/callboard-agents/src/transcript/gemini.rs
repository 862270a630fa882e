//! Gemini CLI: JSON lines of messages, each to be replaced by a later one of the same id, and of
//! patches; or, in older releases, one JSON document. Seen of 0.61.0.
//!
//! There is no line for the end of a turn: it ends with an answer that has text and no calls. What
//! cannot be known from the file: an answer that both says something and calls a tool is written
//! without the call until that has run, and looks like the end of the turn so long; a permission
//! that is asked for looks like a tool that runs.

mod document;

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde::Deserialize;

pub(super) use document::read as read_document;

use super::Tokens;
use super::backwards;
use super::fold::Fold;
use super::json::{self, Content, Count, Object, Opening, Text, Time};
use super::lines::Format;
use super::moment::{Id, Moment, What};
use super::qwen::Part;

/// The messages of a file, of which some were replaced or taken back by lines that come later.
#[derive(Default)]
pub(super) struct Messages {
    /// Those of a later line.
    seen: HashSet<Id>,
    /// All back to this message were taken back.
    rewound: Option<Id>,
    /// A rewritten history, which ends here but for what is noted right before it.
    history: Option<Vec<Moment>>,
}

/// A session that never ends would fill the set; older ids do not come again.
const SEEN: usize = 4096;

impl Format for Messages {
    fn take(&mut self, line: &backwards::Line<'_>, fold: &mut Fold) -> ControlFlow<()> {
        let read = json::read(line.text, |line| {
            Some(serde_json::from_slice::<Line<'_>>(line).ok()?.read())
        });
        match read {
            None | Some(Read::Nothing) => ControlFlow::Continue(()),
            Some(Read::RewoundTo(id)) => {
                self.rewound.get_or_insert(id);
                ControlFlow::Continue(())
            }
            // How it ends is not known.
            Some(Read::History(_)) if line.is_cut => self.rewritten(Vec::new(), fold),
            Some(Read::History(history)) => self.rewritten(history, fold),
            Some(Read::Message(id, moment)) => self.message(id, &moment, fold),
        }
    }

    fn end(&mut self, fold: &mut Fold) {
        self.history.take().iter().flatten().rev().for_each(|moment| fold.take(moment));
    }
}

impl Messages {
    fn message(&mut self, id: Id, moment: &Moment, fold: &mut Fold) -> ControlFlow<()> {
        if let Some(rewound) = self.rewound {
            if rewound == id {
                self.rewound = None;
            }
            return ControlFlow::Continue(());
        }
        if self.history.is_some() {
            // Notes are no part of the history that is sent to the model, and a rewritten one
            // follows the note that the request was cancelled.
            if moment.what == [What::Over] {
                fold.take(moment);
            }
            self.end(fold);
            return ControlFlow::Break(());
        }
        if self.seen.len() < SEEN && self.seen.insert(id) {
            fold.take(moment);
        }
        ControlFlow::Continue(())
    }

    fn rewritten(&mut self, history: Vec<Moment>, fold: &mut Fold) -> ControlFlow<()> {
        // Two in a row: the later one counts. Taken back in part: what is left is not known.
        if self.history.is_some() || self.rewound.is_some() {
            self.end(fold);
            return ControlFlow::Break(());
        }
        self.history = Some(history);
        ControlFlow::Continue(())
    }
}

/// What a line is.
enum Read {
    Nothing,
    Message(Id, Moment),
    RewoundTo(Id),
    History(Vec<Moment>),
}

/// A message, or a patch.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, rename = "$rewindTo")]
    rewind_to: Text<'a>,
    #[serde(borrow, rename = "$set")]
    set: Object<Patch<'a>>,
    #[serde(borrow)]
    id: Text<'a>,
    timestamp: Time,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    content: Content<Part<'a>>,
    #[serde(borrow)]
    tool_calls: Content<ToolCall<'a>>,
    #[serde(borrow)]
    model: Text<'a>,
    tokens: Object<Usage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Patch<'a> {
    #[serde(borrow)]
    messages: Option<Box<Content<Line<'a>>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ToolCall<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    timestamp: Time,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    input: Count,
    output: Count,
}

impl Line<'_> {
    fn read(&self) -> Read {
        if let Some(id) = self.rewind_to.get() {
            return Read::RewoundTo(Id::of(id));
        }
        if let Some(patch) = &self.set.0 {
            return patch.messages.as_ref().map_or(Read::Nothing, |messages| {
                Read::History(messages.parts().iter().map(Line::tell).collect())
            });
        }
        match self.id.get() {
            Some(id) => Read::Message(Id::of(id), self.tell()),
            None => Read::Nothing,
        }
    }

    fn tell(&self) -> Moment {
        let at = self.timestamp.0;
        match self.kind.or_empty() {
            "user" => Moment::new(at, self.user()),
            "gemini" => {
                // A message that was written again with its calls keeps the time of the first.
                let calls = self.tool_calls.parts().iter().filter_map(|call| call.timestamp.0);
                Moment { at: calls.chain(at).max(), ..self.answer() }
            }
            // "Request cancelled.", or what went wrong.
            "error" => Moment::new(at, [What::Over]),
            "info" if self.is_end() => Moment::new(at, [What::Over]),
            _ => Moment::default(),
        }
    }

    fn is_end(&self) -> bool {
        let Content::Text(opening) = self.content else { return false };
        ["Request cancelled", "This request failed"].iter().any(|end| opening.starts_with(end))
    }

    fn user(&self) -> Vec<What> {
        let of_part = |part: &Part<'_>| match &part.function_response.0 {
            // The results, which are with their calls too.
            Some(_) => What::Going,
            None => prompt(part.text),
        };
        let mut what = match &self.content {
            Content::Text(opening) => vec![prompt(*opening)],
            Content::Parts(parts) => parts.iter().map(of_part).collect(),
        };
        what.dedup();
        what
    }

    fn answer(&self) -> Moment {
        let calls = self.tool_calls.parts();
        let id = |call: &ToolCall<'_>| Id::of(call.id.or_empty());
        let has_ended = |call: &&ToolCall<'_>| {
            matches!(call.status.or_empty(), "success" | "error" | "cancelled")
        };
        let begun = calls.iter().map(|call| What::Call { id: id(call), asks: None });
        let ended = calls.iter().filter(has_ended).map(|call| What::Result { id: id(call) });
        let mut what: Vec<_> = begun.chain(ended).collect();
        // Refused: the model is not told before the next prompt.
        if !calls.is_empty() && calls.iter().all(|call| call.status.get() == Some("cancelled")) {
            what.push(What::Over);
        }
        if what.is_empty() {
            // The calls are noted when they have run: an answer that says nothing stands for them.
            let call = What::Call { id: Id::of(self.id.or_empty()), asks: None };
            what.push(if self.says_something() { What::Answer } else { call });
        }
        Moment {
            tool: calls.iter().filter_map(|call| call.name.get()).next_back().map(Into::into),
            model: self.model.get().map(Into::into),
            tokens: self.tokens.0.as_ref().map(|usage| Tokens {
                context: usage.input.or_zero(),
                output: usage.output.or_zero(),
            }),
            ..Moment::new(None, what)
        }
    }

    fn says_something(&self) -> bool {
        match &self.content {
            Content::Text(opening) => !opening.is_empty(),
            Content::Parts(parts) => parts.iter().any(|part| !part.text.is_empty()),
        }
    }
}

/// The program's own first message, in the user's name, asks for nothing.
fn prompt(opening: Opening) -> What {
    if opening.starts_with("<session_context>") { What::Aside } else { What::Prompt }
}

#[cfg(test)]
mod tests;
