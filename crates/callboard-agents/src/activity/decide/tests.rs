//! The table: every way in which a status was reported to be wrong, and what is shown instead.

use super::*;

/// A record says so, since then.
fn record(status: &str, since: u64) -> Option<Said> {
    Some(Said { claim: claim(status, since), from: StatusFrom::Record, heard: None })
}

/// A hook said so, since then, and was last heard at `heard`.
fn hook(status: &str, since: u64, heard: u64) -> Option<Said> {
    Some(Said { claim: claim(status, since), from: StatusFrom::Hook, heard: Some(heard) })
}

fn claim(status: &str, since: u64) -> Claim {
    let status = Status::from(status);
    let waiting_for = (status == Status::Waiting).then(|| "permission prompt".into());
    Claim { status, waiting_for, since: Some(since) }
}

/// The file's last telling line, and when the conversation last moved.
fn file(state: TailState, at: u64, moved_at: u64) -> Option<Tail> {
    Some(Tail { state, at: Some(at), moved_at: Some(moved_at), waiting_for: None })
}

const NOTHING: Option<Said> = None;
const NO_FILE: Option<Tail> = None;
/// When the process of every case started.
const START: u64 = 50;

/// What is shown: the status, since when, and who knew it.
type Shown<'a> = Option<(&'a str, u64, StatusFrom)>;

fn check(cases: &[(&str, Option<Said>, Option<Tail>, Shown<'_>)]) {
    for (story, said, tail, expected) in cases.iter().cloned() {
        let consulted = if wants_tail(said.as_ref()) { tail.clone() } else { None };
        let known = decide(said.clone(), consulted, Some(START));
        let shown = known
            .as_ref()
            .map(|known| (known.claim.status.as_str(), known.claim.since.unwrap_or(0), known.from));
        assert_eq!(shown, expected, "{story}");
        // A file that need not be read must not be able to matter.
        assert_eq!(
            decide(said, tail, Some(START)),
            known,
            "{story}: reading the file all the same"
        );
    }
}

#[test]
fn what_a_record_says_stands() {
    use StatusFrom::Record;
    use TailState::{Busy, Idle, OpenCall, Waiting};
    check(&[
        (
            "a long turn is not stale, whatever the age of anything (tuiboard #22)",
            record("busy", 100),
            file(OpenCall, 100, 100),
            Some(("busy", 100, Record)),
        ),
        (
            "busy for 50.9 hours: shown with its age, neither believed nor denied",
            record("busy", 100),
            file(Idle, 183_240_100, 183_240_100),
            Some(("busy", 100, Record)),
        ),
        (
            "Esc before any output: no hook, no line, only the record knows (claude-code #71652)",
            record("idle", 200),
            file(Busy, 190, 190),
            Some(("idle", 200, Record)),
        ),
        (
            "a permission prompt that is not in the file (claude-code #58965, #56944)",
            record("waiting", 200),
            file(OpenCall, 190, 180),
            Some(("waiting", 200, Record)),
        ),
        (
            "a call that is not in the file until it is answered (Claude Code 2.1.209)",
            record("waiting", 200),
            file(Busy, 180, 180),
            Some(("waiting", 200, Record)),
        ),
        (
            "the final answer is there while sub-agents work on (agent-of-empires #4001, herdr #509)",
            record("busy", 100),
            file(Idle, 300, 300),
            Some(("busy", 100, Record)),
        ),
        (
            "`shell` is its own word, not idle and not busy (nimbalyst #1246, bot-crossing PR 50)",
            record("shell", 300),
            file(Idle, 290, 290),
            Some(("shell", 300, Record)),
        ),
        (
            "a word that nobody knows yet is kept as it is",
            record("compacting", 300),
            file(Idle, 290, 290),
            Some(("compacting", 300, Record)),
        ),
        (
            "a question in the file that the record has closed already",
            record("busy", 210),
            file(Waiting, 200, 190),
            Some(("busy", 210, Record)),
        ),
        (
            "a status from before the process registered (`updatedAt` before `startedAt`)",
            record("idle", 40),
            NO_FILE,
            Some(("idle", 40, Record)),
        ),
        ("a record and no file at all", record("idle", 300), NO_FILE, Some(("idle", 300, Record))),
    ]);
}

#[test]
fn what_a_hook_said_stands_until_the_file_has_moved_on() {
    use StatusFrom::{Hook, Transcript};
    use TailState::{Busy, Idle, OpenCall, Waiting};
    check(&[
        (
            "nothing is written during a long call of a tool (agi-cli 1.23.25)",
            hook("busy", 100, 150),
            file(OpenCall, 140, 140),
            Some(("busy", 100, Hook)),
        ),
        (
            "the file lags behind the hook",
            hook("idle", 300, 300),
            file(OpenCall, 290, 280),
            Some(("idle", 300, Hook)),
        ),
        (
            "Esc fires no hook; the file has the interrupt (claude-code #71652, codex #22858, \
             agent-of-empires PR 2449, iTerm2 PR 758, agentric PR 594)",
            hook("busy", 100, 150),
            file(Idle, 200, 200),
            Some(("idle", 200, Transcript)),
        ),
        (
            "stuck on running after the end: the hook of the end was lost (claude-code #72703, \
             #75092, agent-of-empires PR 2909, agent-deck #1784)",
            hook("busy", 100, 100),
            file(Idle, 200, 200),
            Some(("idle", 200, Transcript)),
        ),
        (
            "a refusal fires no hook",
            hook("waiting", 100, 100),
            file(Idle, 200, 200),
            Some(("idle", 200, Transcript)),
        ),
        (
            "a wait: the call that it is about is written after the hook ran",
            hook("waiting", 100, 100),
            file(OpenCall, 105, 90),
            Some(("waiting", 100, Hook)),
        ),
        (
            "the wait is over: its answer is there, and the next call is open",
            hook("waiting", 100, 100),
            file(OpenCall, 200, 190),
            Some(("busy", 200, Transcript)),
        ),
        (
            "the wait is over: its answer is the last line",
            hook("waiting", 100, 100),
            file(Busy, 200, 200),
            Some(("busy", 200, Transcript)),
        ),
        (
            "an event of permission alone is not a wait that lasts (ping-island PR 149)",
            hook("idle", 100, 100),
            file(Busy, 200, 200),
            Some(("busy", 200, Transcript)),
        ),
        (
            "a question that the file shows and no hook told",
            hook("busy", 100, 150),
            file(Waiting, 200, 150),
            Some(("waiting", 200, Transcript)),
        ),
        (
            "heard again since: an older line does not count, though it is newer than the status",
            hook("busy", 100, 250),
            file(Idle, 200, 200),
            Some(("busy", 100, Hook)),
        ),
        (
            "at the same moment the hook counts: it is the higher source",
            hook("busy", 200, 200),
            file(Idle, 200, 200),
            Some(("busy", 200, Hook)),
        ),
        (
            "no file, none yet, or none that tells (suppressed by the user)",
            hook("waiting", 100, 100),
            NO_FILE,
            Some(("waiting", 100, Hook)),
        ),
        (
            "stuck on running after /clear (cmux #9123): the new conversation has no line yet",
            hook("idle", 300, 300),
            NO_FILE,
            Some(("idle", 300, Hook)),
        ),
    ]);
}

#[test]
fn the_file_alone_is_the_last_resort() {
    use StatusFrom::Transcript;
    use TailState::{Busy, Idle, OpenCall, Waiting};
    check(&[
        (
            "a session of an SDK never writes a status (claude-agent-sdk-typescript #364)",
            NOTHING,
            file(Busy, 200, 200),
            Some(("busy", 200, Transcript)),
        ),
        (
            "the first write of a record has no status",
            NOTHING,
            file(Idle, 200, 200),
            Some(("idle", 200, Transcript)),
        ),
        (
            "an open call is busy, never `waiting` after some seconds of silence (opensessions)",
            NOTHING,
            file(OpenCall, 200, 150),
            Some(("busy", 200, Transcript)),
        ),
        (
            "a question that is written down (Irrlicht #488)",
            NOTHING,
            file(Waiting, 200, 150),
            Some(("waiting", 200, Transcript)),
        ),
        (
            "a resumed conversation that rests",
            NOTHING,
            file(Idle, START - 1, START - 1),
            Some(("idle", START - 1, Transcript)),
        ),
        (
            "a turn that was cut off with the process that ran it (claude-code #77940)",
            NOTHING,
            file(Busy, START - 1, START - 1),
            None,
        ),
        ("the same with an open call", NOTHING, file(OpenCall, START - 1, START - 2), None),
        ("nobody says anything: no status", NOTHING, NO_FILE, None),
    ]);
}

/// Codex and Gemini CLI: a command that was allowed runs for twenty minutes, and neither a hook nor
/// a line says that it was.
#[test]
fn a_command_that_was_allowed_shows_by_its_process() {
    let cases = [
        ("it was started after the prompt", hook("waiting", 1_000, 1_000), Some(1_500), true),
        ("there is none", hook("waiting", 1_000, 1_000), None, false),
        (
            "it is older than the prompt (a server of tools)",
            hook("waiting", 1_000, 1_000),
            Some(400),
            false,
        ),
        (
            "it is another hook of the same prompt",
            hook("waiting", 1_000, 1_000),
            Some(1_100),
            false,
        ),
        ("nobody waits", hook("busy", 1_000, 1_000), Some(1_500), false),
        ("a record says so itself", record("waiting", 1_000), Some(1_500), false),
        ("the prompt was told again since", hook("waiting", 1_000, 2_000), Some(1_500), false),
    ];
    for (story, said, child, expected) in cases {
        assert_eq!(goes_on(&said.unwrap(), child), expected, "{story}");
    }
}

#[test]
fn lines_without_a_time_decide_only_where_nobody_else_says() {
    let timeless = || Tail { state: TailState::Idle, at: None, moved_at: None, waiting_for: None };
    let known = decide(None, Some(timeless()), Some(START)).unwrap();
    assert_eq!((known.claim.status, known.claim.since), (Status::Idle, None));
    let known = decide(hook("busy", 100, 100), Some(timeless()), Some(START)).unwrap();
    assert_eq!((known.claim.status, known.from), (Status::Busy, StatusFrom::Hook));
}

#[test]
fn what_is_waited_for_comes_with_the_wait_and_goes_with_it() {
    let asked = Tail {
        state: TailState::Waiting,
        at: Some(200),
        moved_at: Some(150),
        waiting_for: Some("input needed".into()),
    };
    let known = decide(hook("busy", 100, 150), Some(asked.clone()), None).unwrap();
    assert_eq!(known.claim.waiting_for.as_deref(), Some("input needed"));
    let answered = Tail { state: TailState::Busy, ..asked };
    let known = decide(hook("waiting", 100, 150), Some(answered), None).unwrap();
    assert_eq!(known.claim.waiting_for, None);
}
