//! What an event means for the record that is there. Pure.

use callboard::{Key, SessionRecord, Status};

use super::{Event, What};

/// What of a record counts here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The conversation, if it is on one.
    pub session_id: Option<Box<str>>,
    /// What it does.
    pub status: Option<Status>,
    /// The time of the newest event or word of the session, in ms since the epoch.
    pub heard: Option<u64>,
    /// The working directory.
    pub cwd: Option<Box<str>>,
    /// Whether a hook signed it in, so that a hook signs it out.
    pub is_by_hook: bool,
}

impl Recorded {
    /// The entrypoint of records that hooks made.
    pub const ENTRYPOINT: &str = "hook";

    /// What a record of ours says.
    #[must_use]
    pub fn of(record: &SessionRecord) -> Self {
        Self {
            session_id: record
                .session_id()
                .filter(|_| !record.has_placeholder_id())
                .map(|id| id.into_owned().into()),
            status: record.status(),
            heard: record.status_updated_at().max(record.number(Key::HookAt)),
            cwd: record.cwd().map(|cwd| cwd.into_owned().into()),
            is_by_hook: record.entrypoint().is_some_and(|how| how == Self::ENTRYPOINT),
        }
    }

    fn has_heard_later_than(&self, at: u64) -> bool {
        self.heard.is_some_and(|heard| heard > at)
    }

    fn is_about(&self, event: &Event) -> bool {
        self.session_id == event.session_id
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, and why.
    Nothing(Nothing),
    /// Sign the process in, then say what it does.
    SignIn,
    /// Say what it does. With `moves`, the conversation and the directory are others by now.
    Change {
        /// Whether they are.
        moves: bool,
    },
    /// Sign the process out.
    SignOut,
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nothing {
    /// The event tells nothing that the board shows.
    NoNews,
    /// Another conversation follows; its start is what counts.
    AnotherFollows,
    /// A later event has been told.
    Overtaken,
    /// The conversation that ended is not the one on record any more.
    EndedBefore,
    /// Nobody is signed in who could be signed out, or stirred by a sub-agent.
    NotSignedIn,
    /// The session signed itself in, and signs itself out.
    SignsItselfOut,
    /// A sub-agent works on while its session has said that it rests.
    BehindARest,
}

impl Nothing {
    /// The reason, for a log.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::NoNews => "the event tells nothing that the board shows",
            Self::AnotherFollows => "another conversation follows under the same process",
            Self::Overtaken => "a later event was told already",
            Self::EndedBefore => "the conversation that ended is not the one on record",
            Self::NotSignedIn => "no such session is signed in",
            Self::SignsItselfOut => "the session did not sign in through a hook",
            Self::BehindARest => "a sub-agent works while its session rests",
        }
    }
}

/// What an event of the time `at` means, with what is on record of its process.
#[must_use]
pub fn step(event: &Event, at: u64, recorded: Option<&Recorded>) -> Step {
    match (&event.what, recorded) {
        (What::Ignored, _) => Step::Nothing(Nothing::NoNews),
        (What::Switch, _) => Step::Nothing(Nothing::AnotherFollows),
        (What::SignOut, None) => Step::Nothing(Nothing::NotSignedIn),
        (What::SignOut, Some(recorded)) => sign_out(event, at, recorded),
        (What::SignIn | What::Starts | What::Says(..), _) if event.is_of_sub_agent => {
            of_sub_agent(event, recorded)
        }
        (What::SignIn | What::Starts | What::Says(..), None) => Step::SignIn,
        (What::SignIn | What::Starts | What::Says(..), Some(recorded)) => {
            change(event, at, recorded)
        }
    }
}

fn sign_out(event: &Event, at: u64, recorded: &Recorded) -> Step {
    Step::Nothing(if !recorded.is_about(event) {
        Nothing::EndedBefore
    } else if recorded.has_heard_later_than(at) {
        // It was resumed meanwhile, under the same process.
        Nothing::Overtaken
    } else if !recorded.is_by_hook {
        Nothing::SignsItselfOut
    } else {
        return Step::SignOut;
    })
}

/// A sub-agent keeps its session busy, and no longer waiting. It does not wake it: agents let
/// sub-agents tidy up after a turn, and nothing would tell the end of that.
fn of_sub_agent(event: &Event, recorded: Option<&Recorded>) -> Step {
    let Some(recorded) = recorded.filter(|recorded| recorded.is_about(event)) else {
        return Step::Nothing(Nothing::NotSignedIn);
    };
    let asks = matches!(event.what, What::Says(Status::Waiting, _));
    let rests = !matches!(recorded.status, Some(Status::Busy | Status::Waiting));
    if rests && !asks {
        return Step::Nothing(Nothing::BehindARest);
    }
    Step::Change { moves: false }
}

fn change(event: &Event, at: u64, recorded: &Recorded) -> Step {
    if event.session_id.is_none() && recorded.session_id.is_some() {
        // The process has begun a conversation since; what it said of itself before is old.
        return Step::Nothing(Nothing::NoNews);
    }
    if recorded.is_about(event) {
        let other_cwd = event.cwd.is_some() && event.cwd != recorded.cwd;
        let moves = matches!(event.what, What::SignIn | What::Starts) && other_cwd;
        return Step::Change { moves: moves && !recorded.has_heard_later_than(at) };
    }
    if recorded.has_heard_later_than(at) {
        return Step::Nothing(Nothing::Overtaken);
    }
    Step::Change { moves: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::{HookAgent, read};

    /// An event of Claude Code, or, before any conversation, of opencode.
    fn event(json: &str) -> Event {
        let agent = if json == BEGINS { HookAgent::Opencode } else { HookAgent::Claude };
        read(agent, None, json.as_bytes()).unwrap()
    }

    fn record(json: &str) -> Recorded {
        Recorded::of(&SessionRecord::parse(json.as_bytes()).unwrap())
    }

    const BUSY: &str = r#"{"session_id":"s1","cwd":"/a","hook_event_name":"UserPromptSubmit"}"#;
    const END: &str = r#"{"session_id":"s1","hook_event_name":"SessionEnd","reason":"other"}"#;
    const CLEAR: &str = r#"{"session_id":"s1","hook_event_name":"SessionEnd","reason":"clear"}"#;
    const START: &str = r#"{"session_id":"s1","cwd":"/a","hook_event_name":"SessionStart"}"#;
    const CD: &str =
        r#"{"session_id":"s1","cwd":"/a","new_cwd":"/b","hook_event_name":"CwdChanged"}"#;
    const WITHIN: &str = r#"{"session_id":"s1","agent_id":"a","hook_event_name":"PreToolUse"}"#;
    const ASKS_WITHIN: &str =
        r#"{"session_id":"s1","agent_id":"a","hook_event_name":"PermissionRequest"}"#;
    const BEGINS: &str = r#"{"cwd":"/a","hook_event_name":"plugin.loaded"}"#;
    const NOTE: &str = r#"{"session_id":"s1","hook_event_name":"SubagentStop"}"#;

    #[test]
    fn steps_by_case() {
        use Nothing as N;
        let no = Step::Nothing;
        let s1 = r#"{"pid":7,"sessionId":"s1","entrypoint":"hook","cwd":"/a","hookAt":100}"#;
        let s2 = r#"{"pid":7,"sessionId":"s2","entrypoint":"hook","cwd":"/a","hookAt":100}"#;
        let waits = r#"{"pid":7,"sessionId":"s1","status":"waiting","hookAt":100}"#;
        let rests = r#"{"pid":7,"sessionId":"s1","status":"idle","hookAt":100}"#;
        let works = r#"{"pid":7,"sessionId":"s1","status":"busy","statusUpdatedAt":100}"#;
        let bare = r#"{"pid":7,"entrypoint":"hook","cwd":"/a","status":"idle","hookAt":100}"#;
        let hosted = r#"{"pid":7,"sessionId":"p","placeholderId":"p","cwd":"/a"}"#;
        let own = r#"{"pid":7,"sessionId":"s1","entrypoint":"cli"}"#;
        let stays = Step::Change { moves: false };
        let moves = Step::Change { moves: true };
        let cases = [
            ("nobody is there yet", BUSY, 50, None, Step::SignIn),
            ("nobody is there yet", START, 50, None, Step::SignIn),
            ("the usual", BUSY, 150, Some(s1), stays.clone()),
            // Whether its status counts is decided under the record's lock.
            ("late, and about the same", BUSY, 50, Some(s1), stays.clone()),
            ("another conversation", BUSY, 150, Some(s2), moves.clone()),
            ("another conversation, at the same moment", BUSY, 100, Some(s2), moves.clone()),
            ("late, of the conversation before", BUSY, 99, Some(s2), no(N::Overtaken)),
            ("before any conversation", BEGINS, 50, None, Step::SignIn),
            ("the first conversation", BUSY, 150, Some(bare), moves.clone()),
            ("begun once more, still none", BEGINS, 150, Some(bare), stays.clone()),
            ("begun, signed in by its host", BEGINS, 150, Some(hosted), stays.clone()),
            ("the first conversation, in a host", BUSY, 150, Some(hosted), moves.clone()),
            ("told late of its beginning", BEGINS, 150, Some(s1), no(N::NoNews)),
            ("no news", NOTE, 150, Some(s1), no(N::NoNews)),
            ("another directory", CD, 150, Some(s1), moves.clone()),
            ("another directory, late", CD, 50, Some(s1), stays.clone()),
            ("the same directory", START, 150, Some(s1), stays.clone()),
            // The directory of a prompt may be one that a tool went to.
            ("a prompt elsewhere", BUSY, 150, Some(waits), stays.clone()),
            // SessionEnd for clear or resume is no end (claude-code #36213, cmux #9123).
            ("cleared", CLEAR, 150, Some(s1), no(N::AnotherFollows)),
            ("cleared, nobody there", CLEAR, 150, None, no(N::AnotherFollows)),
            ("ended", END, 150, Some(s1), Step::SignOut),
            ("ended, and resumed since", END, 50, Some(s1), no(N::Overtaken)),
            // The record names the next conversation already when the end of this one comes.
            ("the one before ended", END, 150, Some(s2), no(N::EndedBefore)),
            ("ended, nobody there", END, 150, None, no(N::NotSignedIn)),
            ("ended, signed in by itself", END, 150, Some(own), no(N::SignsItselfOut)),
            ("a sub-agent works", WITHIN, 150, Some(works), stays.clone()),
            ("a sub-agent was allowed", WITHIN, 150, Some(waits), stays.clone()),
            ("a sub-agent tidies up", WITHIN, 150, Some(rests), no(N::BehindARest)),
            ("a sub-agent, no status yet", WITHIN, 150, Some(s1), no(N::BehindARest)),
            ("a sub-agent of another", WITHIN, 150, Some(s2), no(N::NotSignedIn)),
            ("a sub-agent, nobody there", WITHIN, 150, None, no(N::NotSignedIn)),
            ("a sub-agent asks", ASKS_WITHIN, 150, Some(rests), stays.clone()),
            ("a sub-agent of another asks", ASKS_WITHIN, 150, Some(s2), no(N::NotSignedIn)),
        ];
        for (story, told, at, on_record, expected) in cases {
            let recorded = on_record.map(record);
            assert_eq!(step(&event(told), at, recorded.as_ref()), expected, "{story}");
        }
    }
}
