//! Writing to standard output and standard error.
//!
//! A reader that has seen enough closes its end (`callboard ps | head -1`). That is success, for
//! this program as for `head`: the rest is dropped in silence. Any other failure to write, a full
//! disk behind a redirection say, is an error.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

use super::sanitize::sanitize_lines;

/// Standard output, buffered and locked.
pub(crate) struct Out(BufWriter<StdoutLock<'static>>);

/// The reader is gone, or the write failed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It closed its end.
    ReaderGone,
    /// Something else.
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(error),
        }
    }
}

impl Out {
    /// Locks standard output.
    pub(crate) fn new() -> Self {
        // One system call for a table of a few dozen sessions, and little memory for 10,000.
        Self(BufWriter::with_capacity(32 * 1024, io::stdout().lock()))
    }

    /// Writes text that was sanitised where it had to be.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Stop> {
        Ok(self.0.write_all(text.as_bytes())?)
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Stop> {
        self.text(line)?;
        self.text("\n")
    }

    /// Hands over what is still buffered. Standard output of the library would keep a last
    /// incomplete line for itself, and lose the error with it.
    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        self.0.flush()?;
        Ok(self.0.get_mut().flush()?)
    }

    /// Hands over what is buffered and goes on.
    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        self.0.flush()?;
        Ok(self.0.get_mut().flush()?)
    }
}

impl io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One line on standard error, with the program's name, sanitised. Where standard error is closed
/// or full there is nobody left to tell.
pub(crate) fn complain(message: impl Display) {
    let line = format!("callboard: {}\n", sanitize_lines(&message.to_string()));
    let _nobody_left_to_tell = io::stderr().write_all(line.as_bytes());
}
