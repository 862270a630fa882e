//! The lines of a file from its end, in bounded memory.
//!
//! The file belongs to a program that runs: it grows while it is read, is cut off, replaced or
//! rewritten in place. What is read is then older or newer than the rest, and a line may be torn,
//! which its format notices; none of it is an error.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memchr::memrchr;
use rustix::fs::{CWD, FileType, Mode, OFlags};

use super::shorten::Shortened;

/// A line up to this long is given as it is.
///
/// Longer ones hold images, whole files, requests: they are given with their long texts cut, so
/// that the keys behind those (most agents write the type of a line late, or its time) stay
/// readable.
const WHOLE: usize = 256 * 1024;
/// What is read first, and what is read at most in one piece.
const PIECES: [usize; 2] = [16 * 1024, 64 * 1024];
/// How much of a long line is read at its beginning; behind that its end is all that is read.
const LONG: u64 = 2 * 1024 * 1024;
/// How much of the end of such a line is read.
const LAST: usize = 64 * 1024;
/// How much is searched without a gap for the beginning of a long line.
const SEARCHED: u64 = 2 * 1024 * 1024;

/// Opens a conversation file: never through a symlink, never waiting for a FIFO's other end.
///
/// # Errors
/// If it is no regular file, or the system refuses.
pub(super) fn open(path: &Path) -> io::Result<File> {
    check(path)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(CWD, path, flags | OFlags::NOCTTY, Mode::empty())?;
    // What was checked may be another file by now.
    is_regular(&rustix::fs::fstat(&fd)?)?;
    Ok(fd.into())
}

/// Whether there is a regular file. A wrong type is not even opened: opening a device can do
/// something.
///
/// # Errors
/// If there is none.
pub(super) fn check(path: &Path) -> io::Result<()> {
    is_regular(&rustix::fs::lstat(path)?)
}

fn is_regular(stat: &rustix::fs::Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

/// A line of the file.
#[derive(Debug)]
pub(super) struct Line<'b> {
    /// Without its end; a long one without the most of its long texts.
    pub(super) text: &'b [u8],
    /// Whether there was so much of it that only its beginning is given, with all closed that was
    /// open there.
    pub(super) is_cut: bool,
}

/// Gives the lines of a file, the last first.
#[derive(Debug)]
pub(super) struct Backwards<'f> {
    file: &'f File,
    /// What was read and not given yet is at the end of what is used of it: `buffer[from..to]`.
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// Where in the file `buffer[from]` is.
    offset: u64,
    /// A long line, shortened, and whether it ends before its end.
    long: (Vec<u8>, bool),
    /// Bytes read so far.
    read: u64,
    /// Whether no end of a line was met yet: what is pending may be half of a line.
    may_be_half: bool,
    /// Whether the file turned out shorter than it was.
    shrank: bool,
}

impl<'f> Backwards<'f> {
    pub(super) fn new(file: &'f File) -> io::Result<Self> {
        let offset = file.metadata()?.len();
        let room = WHOLE + PIECES[1];
        // Zeroed pages that are not touched take no memory, and are filled from their end.
        Ok(Self {
            file,
            buffer: vec![0; room],
            from: room,
            to: room,
            offset,
            long: (Vec::new(), false),
            read: 0,
            may_be_half: true,
            shrank: false,
        })
    }

    /// Bytes read so far, of the file.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// Whether the file was cut while it was read, so that its end is another one now.
    pub(super) fn shrank(&self) -> bool {
        self.shrank
    }

    /// The next line towards the beginning, without its end; `None` at the beginning.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let pending = &self.buffer[self.from..self.to];
            if let Some(end) = memrchr(b'\n', pending) {
                let line = self.from + end + 1..self.to;
                self.to = self.from + end;
                self.may_be_half = false;
                if !line.is_empty() {
                    return Ok(Some(Line { text: &self.buffer[line], is_cut: false }));
                }
            } else if pending.len() > WHOLE {
                self.skip_long_line()?;
                let (text, is_cut) = &self.long;
                return Ok(Some(Line { text, is_cut: *is_cut }));
            } else if self.offset == 0 {
                let line = self.from..self.to;
                self.to = self.from;
                let text = &self.buffer[line];
                return Ok((!text.is_empty()).then_some(Line { text, is_cut: false }));
            } else if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads the piece before. `false`: it is gone, the file was cut.
    fn fill(&mut self) -> io::Result<bool> {
        let size = PIECES[usize::from(self.read > 0)];
        let size = usize::try_from(self.offset).unwrap_or(size).min(size);
        if self.from < size {
            // What is pending moves to the end; lines are short, so this is little.
            let room = self.buffer.len() - (self.to - self.from);
            self.buffer.copy_within(self.from..self.to, room);
            (self.from, self.to) = (room, self.buffer.len());
        }
        let piece = self.from - size..self.from;
        let offset = self.offset - size as u64;
        if !read_at(self.file, &mut self.buffer[piece.clone()], offset, &mut self.read)? {
            self.shrank = true;
            return Ok(false);
        }
        (self.from, self.offset) = (piece.start, offset);
        Ok(true)
    }

    /// Reads the line that ends with what is pending, cut short, and leaves it behind.
    fn skip_long_line(&mut self) -> io::Result<()> {
        let end = self.offset + (self.to - self.from) as u64;
        let mut search = Search { file: self.file, buffer: &mut self.buffer, read: &mut self.read };
        let start = search.beginning(self.offset)?;
        let line = search.shortened(start, end)?;
        self.long = match self.may_be_half {
            true => (line.finish_if_whole(), false),
            false => line.finish(),
        };
        (self.from, self.to) = (self.buffer.len(), self.buffer.len());
        self.offset = start;
        Ok(())
    }
}

/// Reads all of a piece of a file. `false`: there is not so much of it any more.
fn read_at(file: &File, buffer: &mut [u8], offset: u64, read: &mut u64) -> io::Result<bool> {
    *read += buffer.len() as u64;
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads through a long line.
struct Search<'a> {
    file: &'a File,
    buffer: &'a mut [u8],
    read: &'a mut u64,
}

impl Search<'_> {
    /// Where the line begins that has no end between there and `before`.
    ///
    /// The last [`SEARCHED`] bytes are searched without a gap. Further back it is looked into
    /// pieces: at growing distances until one has the end of a line, then by halves. So it takes
    /// some 1 MiB to find the beginning of a line of any length. Where several lines of more than
    /// 2 MiB follow each other, they may be taken for one: its beginning is then not that of the
    /// last of them.
    fn beginning(&mut self, before: u64) -> io::Result<u64> {
        let mut free = before;
        let floor = before.saturating_sub(SEARCHED);
        while free > floor {
            let size = (free - floor).min(PIECES[1] as u64);
            if let Some(end) = self.last_end(free - size, size)? {
                return Ok(end);
            }
            free -= size;
        }
        let (mut distance, size) = (SEARCHED, LAST as u64);
        let mut bound = 0;
        while free > 0 && bound == 0 {
            let piece = before.saturating_sub(distance).min(free.saturating_sub(size));
            match self.last_end(piece, size.min(free - piece))? {
                Some(end) => bound = end,
                None => free = piece,
            }
            distance = distance.saturating_mul(2);
        }
        while free - bound > size {
            let piece = bound + (free - bound) / 2;
            match self.last_end(piece, size.min(free - piece))? {
                Some(end) => bound = end,
                None => free = piece,
            }
        }
        Ok(self.last_end(bound, free - bound)?.unwrap_or(bound))
    }

    /// Where in a piece of the file the last line of it ends.
    fn last_end(&mut self, offset: u64, size: u64) -> io::Result<Option<u64>> {
        let size = usize::try_from(size).unwrap_or(LAST).min(self.buffer.len());
        let piece = &mut self.buffer[..size];
        let is_there = read_at(self.file, piece, offset, self.read)?;
        let end = is_there.then(|| memrchr(b'\n', piece)).flatten();
        Ok(end.map(|end| offset + end as u64 + 1))
    }

    /// The line without the most of its long texts.
    fn shortened(&mut self, start: u64, end: u64) -> io::Result<Shortened> {
        let mut line = Shortened::default();
        let mut offset = start;
        while offset < end && offset - start < LONG && !line.is_full() {
            let size = usize::try_from(end - offset).unwrap_or(PIECES[1]).min(PIECES[1]);
            let piece = &mut self.buffer[..size];
            if !read_at(self.file, piece, offset, self.read)? {
                return Ok(Shortened::default());
            }
            line.push(piece);
            offset += size as u64;
        }
        if offset < end {
            let size = usize::try_from(end - offset).unwrap_or(LAST).min(LAST);
            let piece = &mut self.buffer[..size];
            if read_at(self.file, piece, end - size as u64, self.read)? {
                line.leap(piece);
            }
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests;
