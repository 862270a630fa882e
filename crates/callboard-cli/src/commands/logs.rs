//! `callboard logs S`.

use std::time::Duration;

use callboard_host::log::LogQuery;

use super::completions::live_sessions;
use super::length_of_time;
use crate::background::{Background, First, refused};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;

const AFTER_HELP: &str = "\
Rows that have left its screen, then what its screen shows. With colours on a terminal, or with
`--color always`; nothing else that a terminal would act on comes through.

Examples:
  callboard logs build -n 20
  callboard logs build -f | grep -m1 'listening on'
  callboard logs nightly --since 1h
  callboard logs nightly --since '2026-03-14 02:00' --color always | less -R";

/// print what a background session has printed, also after it has ended
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Logs {
    /// a name, a pid, or the first characters of an id
    #[arg(value_name = "S", add = live_sessions())]
    session: String,
    /// and what comes, until it ends
    #[arg(long, short)]
    follow: bool,
    /// only the last lines, so many
    #[arg(long, short = 'n', value_name = "LINES")]
    lines: Option<usize>,
    /// only what is younger than 10m, or than a time; up to a second more
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    /// In ms since the epoch.
    At(u64),
}

impl Logs {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let background = Background::open(context)?;
        let session = background.find(context, &self.session, First::Live)?;
        let query = LogQuery {
            last: self.lines,
            since: self.since.map(|since| match since {
                Since::Ago(ago) => {
                    now().saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX))
                }
                Since::At(at) => at,
            }),
            colour: context.page().palette.colours,
            follow: self.follow,
        };
        let host = background.hosts.host(session.host);
        let logs = host.and_then(|host| host.logs(&session.id, &query));
        let mut logs = logs.map_err(|error| refused(&error))?;
        let mut out = Out::new();
        while let Some(part) = logs.next_part().map_err(|error| refused(&error))? {
            out.text(&harmless(&String::from_utf8_lossy(&part)))?;
            out.flush()?;
        }
        out.finish()?;
        Ok(Exit::Yes)
    }
}

/// Rows with their line ends and colours, and everything else written out that acts or hides: the
/// files may have been written by anything.
fn harmless(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\u{1b}']) {
        clean.push_str(&sanitize(&rest[..at]));
        rest = &rest[at..];
        let taken = if rest.starts_with('\n') { 1 } else { colour(rest).unwrap_or(0) };
        if taken == 0 {
            clean.push_str(&sanitize(&rest[..1]));
            rest = &rest[1..];
        } else {
            clean.push_str(&rest[..taken]);
            rest = &rest[taken..];
        }
    }
    clean.push_str(&sanitize(rest));
    clean
}

/// The length of the colour (SGR sequence) that a text begins with.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    numbers[end..].starts_with('m').then_some(end + 3)
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(ago) = length_of_time(text) {
        return Ok(Since::Ago(ago));
    }
    let stamp = text.parse::<jiff::Timestamp>().ok();
    let local = || {
        let time = text.parse::<jiff::civil::DateTime>().ok()?;
        time.to_zoned(jiff::tz::TimeZone::system()).ok().map(|zoned| zoned.timestamp())
    };
    let ms = stamp.or_else(local).and_then(|time| u64::try_from(time.as_millisecond()).ok());
    ms.map(Since::At).ok_or_else(|| "not a time; write 10m, 1h 30m or 2026-03-14 02:00".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_come_through() {
        for (text, shown) in [
            ("plain\nrows\n", "plain\nrows\n"),
            ("\u{1b}[1;31mred\u{1b}[m\n", "\u{1b}[1;31mred\u{1b}[m\n"),
            ("\u{1b}[38:5:1mred", "\u{1b}[38:5:1mred"),
            ("\u{1b}[2J\u{1b}[?1049h", "\\u{1b}[2J\\u{1b}[?1049h"),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
            ("\u{1b}[>4;2m", "\\u{1b}[>4;2m"),
            ("a\rb\u{9b}1m\u{202e}c", "a\\rb\\u{9b}1m\\u{202e}c"),
            ("\u{1b}", "\\u{1b}"),
            ("\u{1b}[3", "\\u{1b}[3"),
            ("größer 日本語", "größer 日本語"),
        ] {
            assert_eq!(harmless(text), shown, "{text:?}");
        }
    }

    #[test]
    fn times_by_case() {
        let at = |ms| Some(Since::At(ms));
        for (text, expected) in [
            ("10m", Some(Since::Ago(Duration::from_secs(600)))),
            ("2026-03-14T02:00:00Z", at(1_773_453_600_000)),
            ("1970-01-01 00:00:01Z", at(1_000)),
            ("1900-01-01 00:00Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(since(text).ok(), expected, "{text}");
        }
        assert!(matches!(since("2026-03-14 02:00"), Ok(Since::At(_))));
    }
}
