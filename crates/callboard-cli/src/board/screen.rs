//! The terminal while the board is shown: raw and on its other screen, and as it was before on
//! every way out.
//!
//! What a frame changes is written at once, between the marks of synchronised output (`CSI ?2026`),
//! so that no terminal that knows them ever shows half of it; others take no notice of them.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::theme::sgr;
use crate::output::width::width;

/// The other screen, no cursor, pastes in brackets.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// Buttons and the wheel, in numbers that have no limit.
const MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
/// The opposite of both, in the opposite order.
const LEAVE: &str = "\x1b[?2026l\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// What the terminal was before; `None` while it is that. A panic has nothing else to find it by.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether standard input and output are a terminal that has lines to draw on.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Gives the terminal back, if it was taken. Can be called any number of times, from anywhere.
pub(super) fn give_back() {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = before.take() {
        // A terminal that is gone needs nothing back.
        _ = write(LEAVE.as_bytes());
        // What it still had to say to us (the mouse) the shell would take for something typed.
        _ = tcsetattr(stdin(), OptionalActions::Flush, &before);
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(stdout(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            // Somebody else has made it so: it is the same terminal in other hands.
            Err(rustix::io::Errno::AGAIN) => {
                _ = poll(&mut [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)], None);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The terminal as cells. As it was before it is again when this is dropped.
pub(super) struct Screen {
    mouse: bool,
    out: Vec<u8>,
    shows_cursor: bool,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn take(mouse: bool) -> io::Result<Self> {
        let screen = Self { mouse, out: Vec::new(), shows_cursor: false };
        screen.enter()?;
        Ok(screen)
    }

    /// Takes it once more.
    pub(super) fn enter(&self) -> io::Result<()> {
        let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        let now = tcgetattr(stdin())?;
        let mut raw = now.clone();
        raw.make_raw();
        // Raw already, if a stop from outside left no time to give it back.
        before.get_or_insert(now);
        drop(before);
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        write(ENTER.as_bytes())?;
        write(if self.mouse { MOUSE } else { "" }.as_bytes())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Columns and lines; what a terminal that was never told its size has.
pub(super) fn size() -> (u16, u16) {
    let size = tcgetwinsize(stdout()).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    (if size.0 == 0 { 80 } else { size.0 }, if size.1 == 0 { 24 } else { size.1 })
}

impl Backend for Screen {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut at = None;
        let mut look = None;
        for (x, y, cell) in content {
            if at != Some((x, y)) {
                write!(self.out, "\x1b[{};{}H", y + 1, x + 1)?;
            }
            if look != Some((cell.fg, cell.modifier)) {
                look = Some((cell.fg, cell.modifier));
                self.out.extend(sgr(cell.fg, cell.modifier).bytes());
            }
            self.out.extend(cell.symbol().bytes());
            // Terminals do not agree how wide everything else is.
            at = (width(cell.symbol()) == 1).then_some((x + 1, y));
        }
        if look.is_some_and(|look| look != (Color::Reset, Modifier::empty())) {
            self.out.extend(b"\x1b[0m");
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.shows_cursor) {
            self.out.extend(b"\x1b[?25l");
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.shows_cursor, true) {
            self.out.extend(b"\x1b[?25h");
        }
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Only a board that shares the screen with a shell would ask.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        write!(self.out, "\x1b[{};{}H", y + 1, x + 1)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.out.extend(b"\x1b[0m\x1b[2J");
        Ok(())
    }

    fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
        self.clear()
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = size();
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let frame = [BEGIN.as_bytes(), &self.out, END.as_bytes()].concat();
        self.out.clear();
        write(&frame)
    }
}

/// Has the terminal given back before a panic is told of.
pub(super) fn give_back_on_panic() {
    let told = std::panic::take_hook();
    let shows = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        // What goes wrong beside the loop becomes a message in it.
        if std::thread::current().id() == shows {
            give_back();
            told(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use rustix::termios::LocalModes;

    use super::*;

    #[test]
    #[ignore = "panics on the terminal that the test below gives it"]
    fn panics() {
        give_back_on_panic();
        let _screen = Screen::take(true).unwrap();
        panic!("as it happens");
    }

    #[test]
    fn a_panic_is_told_of_on_a_terminal_that_was_given_back() {
        let pty = rustix_openpty::openpty(None, None).unwrap();
        let end = || Stdio::from(pty.user.try_clone().unwrap());
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "board::screen::tests::panics", "--ignored", "--nocapture"]);
        let mut child = program.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(program);
        child.wait().unwrap();
        let modes = tcgetattr(&pty.user).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO), "{modes:?}");
        drop(pty.user);
        let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
        // When nobody has the other end any more, the kernel says EIO.
        while let Ok(read @ 1..) = File::from(pty.controller.try_clone().unwrap()).read(&mut bytes)
        {
            text.extend(&bytes[..read]);
        }
        let text = String::from_utf8_lossy(&text);
        let (before, after) = text.split_once(LEAVE).unwrap_or_else(|| panic!("{text:?}"));
        assert!(before.contains(&format!("{ENTER}{MOUSE}")), "{before:?}");
        assert!(!before.contains("as it happens"), "{before:?}");
        assert!(after.contains("as it happens"), "{after:?}");
        assert!(!after.contains(LEAVE), "once is enough: {after:?}");
    }

    #[test]
    fn a_frame_is_written_at_once_and_says_no_more_than_it_has_to() {
        let mut screen = Screen { mouse: false, out: Vec::new(), shows_cursor: false };
        let mut cells = [Cell::new("a"), Cell::new("日"), Cell::new("b"), Cell::new("c")];
        cells[2].modifier = Modifier::BOLD;
        let at = [(0, 0), (1, 0), (3, 0), (4, 0)];
        let content = at.iter().zip(&cells).map(|((x, y), cell)| (*x, *y, cell));
        screen.draw(content).unwrap();
        // Terminals do not agree how wide a wide character is: after it, the place is said.
        let expected = "\x1b[1;1H\x1b[0ma日\x1b[1;4H\x1b[0;1mb\x1b[0mc";
        assert_eq!(String::from_utf8(std::mem::take(&mut screen.out)).unwrap(), expected);
        screen.hide_cursor().unwrap();
        assert!(screen.out.is_empty(), "it is hidden");
        screen.show_cursor().unwrap();
        screen.show_cursor().unwrap();
        assert_eq!(screen.out, b"\x1b[?25h");
        screen.out.clear();
        screen.flush().unwrap(); // Writes nothing where nothing has changed.
    }
}
