//! What a terminal and a desktop are told with. Pure: bytes and arguments.
//!
//! Sources: OSC 9 is iTerm2's, OSC 777 urxvt's; tmux(1) for what passes through it; the Desktop
//! Notifications Specification 1.2 for the markup in a body; GLib's documentation of GVariant's
//! text format for `gdbus`.

use super::telling::Words;

/// What a terminal rings with. Needs nothing of what is between it and the program.
pub(super) const BELL: &[u8] = b"\x07";

/// Who a notification is from.
const US: &str = "callboard";

/// OSC 9. Its text must not begin with a number and a semicolon, which has another meaning in some
/// terminals (a progress bar), so there is no semicolon in it.
pub(super) fn osc9(words: &Words, in_tmux: bool) -> Vec<u8> {
    through(format!("\x1b]9;{}\x07", parted(&words.line())), in_tmux)
}

/// OSC 777: title and text are separated by a semicolon, so neither has one.
pub(super) fn osc777(words: &Words, in_tmux: bool) -> Vec<u8> {
    let (title, body) = (parted(&words.title), parted(&words.body));
    through(format!("\x1b]777;notify;{title};{body}\x07"), in_tmux)
}

fn parted(text: &str) -> String {
    text.replace(';', ",")
}

/// tmux keeps such sequences for itself unless they are wrapped, and `allow-passthrough` is on.
fn through(sequence: String, in_tmux: bool) -> Vec<u8> {
    if in_tmux {
        format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")).into_bytes()
    } else {
        sequence.into_bytes()
    }
}

/// A program that makes notifications of a desktop, and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) program: &'static str,
    pub(super) arguments: Vec<String>,
}

/// How the desktop is told: the first program that is there. `None`: there is none.
pub(super) fn desktop(words: &Words, macos: bool, has: impl Fn(&str) -> bool) -> Option<Call> {
    if macos {
        return has("osascript").then(|| osascript(words));
    }
    match () {
        () if has("notify-send") => Some(notify_send(words)),
        () if has("gdbus") => Some(gdbus(words)),
        () => None,
    }
}

fn call<const N: usize>(program: &'static str, arguments: [&str; N]) -> Call {
    Call { program, arguments: arguments.map(str::to_owned).to_vec() }
}

/// It reads backslashes in the body as C does, and the desktop reads markup there.
fn notify_send(words: &Words) -> Call {
    let body = markup(&words.body).replace('\\', "\\\\");
    let app = format!("--app-name={US}");
    call("notify-send", [&app, "--urgency=normal", "--", &words.title, &body])
}

/// The call itself; every text as a literal, so that none is read as another type.
fn gdbus(words: &Words) -> Call {
    let title = literal(&words.title);
    let body = literal(&markup(&words.body));
    let us = literal(US);
    let target = "org.freedesktop.Notifications";
    let path = "/org/freedesktop/Notifications";
    let method = "org.freedesktop.Notifications.Notify";
    call(
        "gdbus",
        [
            "call",
            "--session",
            "--timeout",
            "5",
            "--dest",
            target,
            "--object-path",
            path,
            "--method",
            method,
            "--",
            &us,
            "0",
            "''",
            &title,
            &body,
            "[]",
            "{}",
            "-1",
        ],
    )
}

/// The texts are arguments of the script, and no part of it. Not tested on macOS.
fn osascript(words: &Words) -> Call {
    let script = "on run {what, who}\ndisplay notification what with title who\nend run";
    call("osascript", ["-e", script, "--", &words.body, &words.title])
}

/// A text in which nothing is markup.
fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(title: &str, body: &str) -> Words {
        Words { title: title.to_owned(), body: body.to_owned() }
    }

    #[test]
    fn sequences_by_case() {
        let plain = words("4;1 waits for you", "a; b · claude");
        assert_eq!(osc9(&plain, false), "\x1b]9;4,1 waits for you: a, b · claude\x07".as_bytes());
        assert_eq!(
            osc777(&plain, false),
            "\x1b]777;notify;4,1 waits for you;a, b · claude\x07".as_bytes()
        );
        assert_eq!(osc9(&words("x", ""), true), b"\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\");
    }

    #[test]
    fn calls_by_case() {
        let evil = words("-i <b>", "<a href='x'>&\\033 \\n 'it'");
        let call =
            |programs: &[&str], macos| desktop(&evil, macos, |name| programs.contains(&name));
        let shown = |call: Option<Call>| call.map(|call| (call.program, call.arguments));
        let found = shown(call(&["gdbus", "notify-send"], false)).unwrap();
        assert_eq!(found.0, "notify-send");
        assert_eq!(
            found.1[2..],
            ["--", "-i <b>", "&lt;a href='x'&gt;&amp;\\\\033 \\\\n 'it'"],
            "no option, no markup, no escape"
        );
        let found = shown(call(&["gdbus"], false)).unwrap();
        assert_eq!(found.0, "gdbus");
        assert_eq!(
            found.1[found.1.len() - 8..],
            [
                "'callboard'",
                "0",
                "''",
                "'-i <b>'",
                "'&lt;a href=\\'x\\'&gt;&amp;\\\\033 \\\\n \\'it\\''",
                "[]",
                "{}",
                "-1",
            ]
        );
        let found = shown(call(&["osascript", "notify-send"], true)).unwrap();
        assert_eq!(
            (found.0, &found.1[3..]),
            ("osascript", &[evil.body.clone(), evil.title.clone()][..])
        );
        assert_eq!(call(&[], false), None);
        assert_eq!(call(&["notify-send"], true), None);
    }
}
