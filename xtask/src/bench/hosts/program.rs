//! The programs that run in sessions: this one, started again with one of these words.

use std::io::{Read as _, Write as _};

use anyhow::{Result, bail};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// What each key is answered with. Nothing that a client sends to draw has these bytes in it.
pub(super) const ANSWERS: [(u8, u8); 6] =
    [(b'a', b'#'), (b'b', b'&'), (b'c', b'%'), (b'd', b'|'), (b'e', b'_'), (b'f', b'^')];

/// What says that keys are answered from now on.
pub(super) const READY: &[u8] = b"ready";

/// What is drawn last.
pub(super) const LAST: &[u8] = b"the end";

/// Text on the alternate screen in true colour, with every mode set that is to be restored.
pub(super) const MODES: &str = "\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?1002h\x1b[?1006h\x1b[?25l\
    \x1b[?1h\x1b[>1u\x1b[>4;2m\x1b[4 q\x1b]2;a title\x07\x1b[2;3H\x1b[38;2;10;20;30mcoloured\x1b[m";

/// The command that is this program in one of its parts.
pub(super) fn words(own: &str, part: &str) -> Vec<String> {
    [own, "bench-one", "session", part].map(str::to_owned).to_vec()
}

/// A full screen of coloured text.
pub(super) fn picture() -> String {
    use super::terminal::{COLUMNS, ROWS};
    let mut text = String::from("\x1b[2J\x1b[H");
    for row in 1..ROWS {
        let words =
            format!("row {row} of a screen that is full of what a program has said so far. ");
        let words: String = words.chars().cycle().take(usize::from(COLUMNS) - 10).collect();
        text.push_str(&format!("\x1b[{}m{words}\x1b[m\r\n", 31 + row % 7));
    }
    text + &String::from_utf8_lossy(LAST)
}

/// `bench-one session PART [FILE]`
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (mut input, mut output) = (std::io::stdin(), std::io::stdout());
    let mut modes = tcgetattr(&input)?;
    modes.make_raw();
    tcsetattr(&input, OptionalActions::Now, &modes)?;
    let mut say = |bytes: &[u8]| output.write_all(bytes).and_then(|()| output.flush());
    match arguments {
        ["answer-keys"] => {
            say(READY)?;
            let mut key = [0];
            while input.read(&mut key)? > 0 {
                let answer = ANSWERS.iter().find(|(known, _)| *known == key[0]);
                let Some((_, answer)) = answer else { continue };
                // Always in the same place: nothing wraps, nothing scrolls.
                say(&[b'\r', *answer])?;
            }
        }
        ["draw"] => {
            say(picture().as_bytes())?;
            wait_for_ever(&mut input)?;
        }
        ["modes", told] => {
            say(MODES.as_bytes())?;
            std::fs::write(told, "set\n")?;
            wait_for_ever(&mut input)?;
        }
        _ => bail!("no session program {arguments:?}"),
    }
    Ok(())
}

/// Until there is no terminal any more.
fn wait_for_ever(input: &mut std::io::Stdin) -> Result<()> {
    while input.read(&mut [0; 64])? > 0 {}
    Ok(())
}
