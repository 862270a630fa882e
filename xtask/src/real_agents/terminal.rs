//! The terminal that an agent runs on: what it shows, since when, and what is typed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::termios::{Winsize, tcsetwinsize};

use super::state::now;

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: u16,
    pub(super) columns: u16,
}

/// Where agents are run.
pub(super) const SIZE: Size = Size { rows: 40, columns: 120 };

/// No agent takes this long for anything, on any machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// An agent redraws in steps (erase, then draw): what holds for less than this is not shown.
const STEADY: Duration = Duration::from_millis(150);

/// The longest wait for one letter to appear. Whether all did is looked at in the end.
const ECHO: Duration = Duration::from_secs(1);

/// A program on a terminal.
pub(super) struct Terminal {
    controller: File,
    screen: Arc<Screen>,
    child: Child,
}

impl Size {
    fn window(self) -> Winsize {
        Winsize { ws_row: self.rows, ws_col: self.columns, ws_xpixel: 0, ws_ypixel: 0 }
    }
}

/// The screen, drawn by a thread of its own.
struct Screen {
    view: Mutex<View>,
    changed: Condvar,
}

struct View {
    parser: vt100::Parser<Replies>,
    /// When it was drawn last, in ms since the epoch.
    at: u64,
    /// The program has its end open.
    open: bool,
    /// How often it was drawn.
    version: u64,
}

/// A key that is more than its letter.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Enter,
    Escape,
    /// Empties the line that is being typed.
    ClearLine,
    Char(char),
}

impl Terminal {
    /// Starts a command with a terminal of its own, which is its controlling one.
    pub(super) fn start(program: &Command, size: Size, log: File) -> Result<Self> {
        let pty = rustix_openpty::openpty(None, Some(&size.window()))
            .context("cannot make a terminal")?;
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--"]).arg(program.get_program()).args(program.get_args());
        if let Some(directory) = program.get_current_dir() {
            command.current_dir(directory);
        }
        command.env_clear();
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let end = |fd: &OwnedFd| fd.try_clone().map(Stdio::from);
        command.stdin(end(&pty.user)?).stdout(end(&pty.user)?).stderr(end(&pty.user)?);
        let child = command.spawn().context("cannot start `setsid`")?;
        let controller = File::from(pty.controller);
        let replies = Replies { to_program: controller.try_clone()? };
        let parser = vt100::Parser::new_with_callbacks(
            size.rows.try_into()?,
            size.columns.try_into()?,
            0,
            replies,
        );
        let view = View { parser, at: now(), open: true, version: 0 };
        let screen = Arc::new(Screen { view: Mutex::new(view), changed: Condvar::new() });
        let (reader, drawn) = (controller.try_clone()?, screen.clone());
        std::thread::spawn(move || drawn.draw(reader, log));
        Ok(Self { controller, screen, child })
    }

    /// The process that was started; the agent's, or its launcher's.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives it another size.
    pub(super) fn resize(&self, size: Size) -> Result<()> {
        let (rows, columns) = (size.rows.try_into()?, size.columns.try_into()?);
        self.screen.view().parser.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.controller, size.window()).context("cannot resize a terminal")
    }

    /// Waits until nobody has the terminal any more.
    pub(super) fn ended(&self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        let mut view = self.screen.view();
        while view.open {
            ensure!(Instant::now() < until, "the program on a terminal did not end");
            view = self.screen.next(view, until);
        }
        Ok(())
    }

    /// What is on the screen.
    pub(super) fn shown(&self) -> String {
        self.screen.view().parser.screen().contents()
    }

    pub(super) fn press(&self, key: Key) -> Result<()> {
        let mut bytes = [0; 4];
        let text = match key {
            Key::Enter => "\r",
            Key::Escape => "\x1b",
            Key::ClearLine => "\x15",
            Key::Char(letter) => letter.encode_utf8(&mut bytes),
        };
        (&self.controller).write_all(text.as_bytes()).context("cannot type")
    }

    /// Types a text, each letter when the one before has appeared: what comes at once, many agents
    /// take for pasted, and then Enter is a new line to them.
    pub(super) fn type_in(&self, text: &str) -> Result<()> {
        for letter in text.chars() {
            let view = self.screen.view();
            self.press(Key::Char(letter))?;
            drop(self.screen.next(view, Instant::now() + ECHO));
        }
        let typed = without_space(text);
        let appeared = |shown: &str| without_space(shown).contains(&typed);
        self.wait(&format!("{} letters in the input line", text.len()), 0, appeared)?;
        self.rest(LIMIT);
        Ok(())
    }

    /// Waits until the screen has not changed for a moment; a clock or a spinner never rests, then
    /// the limit is as good a moment as any.
    pub(super) fn rest(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut view = self.screen.view();
        loop {
            let version = view.version;
            view = self.screen.next(view, Instant::now() + STEADY);
            if view.version == version || !view.open || Instant::now() >= until {
                return;
            }
        }
    }

    /// Waits until the screen, drawn after a time, shows something and goes on showing it. Since
    /// when it does; both times in ms since the epoch.
    pub(super) fn wait(&self, what: &str, after: u64, holds: impl Fn(&str) -> bool) -> Result<u64> {
        let until = Instant::now() + LIMIT;
        let mut since: Option<(u64, Instant)> = None;
        let mut view = self.screen.view();
        loop {
            let shows = view.at >= after && holds(&view.parser.screen().contents());
            since = if shows { since.or(Some((view.at, Instant::now()))) } else { None };
            let next = match since {
                Some((at, held)) if held.elapsed() >= STEADY => return Ok(at),
                Some((_, held)) => held + STEADY,
                None if !view.open => bail!("the program ended; waited for {what}"),
                None if Instant::now() >= until => bail!("waited {LIMIT:?} for {what}"),
                None => until,
            };
            view = self.screen.next(view, next);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Screen {
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next drawing, at most until then.
    fn next<'v>(&self, view: MutexGuard<'v, View>, until: Instant) -> MutexGuard<'v, View> {
        let left = until.saturating_duration_since(Instant::now());
        let next = self.changed.wait_timeout(view, left);
        next.unwrap_or_else(PoisonError::into_inner).0
    }

    fn draw(&self, mut reader: File, mut log: File) {
        let mut bytes = [0; 1 << 16];
        loop {
            // When nobody has the other end any more, the kernel says EIO.
            let read = reader.read(&mut bytes).unwrap_or(0);
            let mut view = self.view();
            view.at = now();
            view.version += 1;
            view.open = read > 0;
            view.parser.process(&bytes[..read]);
            drop(view);
            self.changed.notify_all();
            _ = log.write_all(&bytes[..read]);
            if read == 0 {
                return;
            }
        }
    }
}

/// What a terminal answers when it is asked: agents wait for it before they draw.
struct Replies {
    to_program: File,
}

impl vt100::Callbacks for Replies {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        end: char,
    ) {
        let asked = parameters.first().and_then(|p| p.first()).copied().unwrap_or(0);
        let answer = match (first, end, asked) {
            // Which terminal: a VT100 with advanced video; and its version.
            (None, 'c', 0) => "\x1b[?1;2c".to_owned(),
            (Some(b'>'), 'c', 0) => "\x1b[>0;1;0c".to_owned(),
            // Whether it works, and where the cursor is.
            (None, 'n', 5) => "\x1b[0n".to_owned(),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                format!("\x1b[{};{}R", row + 1, column + 1)
            }
            _ => return,
        };
        _ = self.to_program.write_all(answer.as_bytes());
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, parameters: &[&[u8]]) {
        // Colour of the text and of what is behind it.
        let colour = match parameters {
            [b"10", b"?"] => "10;rgb:dddd/dddd/dddd",
            [b"11", b"?"] => "11;rgb:1111/1111/1111",
            _ => return,
        };
        _ = write!(self.to_program, "\x1b]{colour}\x1b\\");
    }
}

/// Agents wrap and indent what is typed.
pub(super) fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !"│┃|".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Terminal {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("PATH", "/usr/bin:/bin");
        Terminal::start(&command, SIZE, tempfile::tempfile().unwrap()).unwrap()
    }

    #[test]
    fn what_is_typed_is_read_and_what_is_drawn_is_dated() {
        let before = now();
        let terminal = start("read -r line; echo \"you said <$line>\"; read -r end");
        terminal.type_in("three words here").unwrap();
        let typed = now();
        terminal.press(Key::Enter).unwrap();
        let told = |shown: &str| shown.contains("you said <three words here>");
        let at = terminal.wait("an answer", typed, told).unwrap();
        assert!(before <= typed && typed <= at && at <= now());
    }

    #[test]
    fn what_was_there_before_does_not_count_until_it_is_drawn_again() {
        let terminal = start("echo ready; read -r line; echo again; read -r end");
        let ready = |shown: &str| shown.contains("ready");
        let first = terminal.wait("a word", 0, ready).unwrap();
        // The first drawing is older than it has to hold.
        let later = now();
        assert!(first < later);
        terminal.press(Key::Enter).unwrap();
        assert!(terminal.wait("the word drawn again", later, ready).unwrap() >= later);
    }

    #[test]
    fn a_program_that_asks_where_the_cursor_is_gets_an_answer() {
        // Two columns on, on the first line; the answer ends with a letter and no new line.
        let script = "stty -icanon -echo min 6; printf 'ab\\033[6n'; \
                      dd bs=6 count=1 2>/dev/null | od -An -c; read -r end";
        let shown = |shown: &str| without_space(shown).contains("033[1;3R");
        start(script).wait("the cursor", 0, shown).unwrap();
    }

    #[test]
    fn the_end_of_the_program_ends_the_wait() {
        let failed = start("echo over").wait("something else", 0, |_| false).unwrap_err();
        assert!(failed.to_string().contains("the program ended"), "{failed}");
    }
}
