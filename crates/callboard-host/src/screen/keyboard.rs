//! The kitty keyboard protocol: flags that say how keys are encoded, kept on a stack for each
//! screen (<https://sw.kovidgoyal.net/kitty/keyboard-protocol/>).

use std::io::Write as _;

/// The flags of one screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keyboard {
    base: u8,
    pushed: Vec<u8>,
}

/// A program that pushes and never pops must not take memory; terminals have a limit, too.
const DEEPEST: usize = 16;

impl Keyboard {
    /// The flags that hold.
    pub(crate) fn flags(&self) -> u8 {
        self.pushed.last().copied().unwrap_or(self.base)
    }

    /// `CSI > flags u`
    pub(crate) fn push(&mut self, flags: u16) {
        if self.pushed.len() == DEEPEST {
            self.pushed.remove(0);
        }
        self.pushed.push(known(flags));
    }

    /// `CSI < count u`
    pub(crate) fn pop(&mut self, count: u16) {
        let count = usize::from(count.max(1));
        if count > self.pushed.len() {
            *self = Self::default();
        } else {
            self.pushed.truncate(self.pushed.len() - count);
        }
    }

    /// `CSI = flags ; how u`: 1 sets all, 2 adds, 3 takes away.
    pub(crate) fn set(&mut self, flags: u16, how: u16) {
        let flags = known(flags);
        let now = match how {
            0 | 1 => flags,
            2 => self.flags() | flags,
            3 => self.flags() & !flags,
            _ => return,
        };
        match self.pushed.last_mut() {
            Some(top) => *top = now,
            None => self.base = now,
        }
    }

    /// What brings a terminal with an empty stack here.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        // Writing to a vector does not fail.
        if self.base != 0 {
            _ = write!(to, "\x1b[={};1u", self.base);
        }
        for flags in &self.pushed {
            _ = write!(to, "\x1b[>{flags}u");
        }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Five flags are defined.
fn known(flags: u16) -> u8 {
    u8::try_from(flags & 0x1f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(keyboard: &Keyboard) -> String {
        let mut bytes = Vec::new();
        keyboard.write(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_stack_with_a_base() {
        let mut keyboard = Keyboard::default();
        keyboard.push(1);
        keyboard.push(5);
        assert_eq!((keyboard.flags(), &*written(&keyboard)), (5, "\x1b[>1u\x1b[>5u"));
        keyboard.set(2, 2);
        assert_eq!(keyboard.flags(), 7);
        keyboard.pop(1);
        assert_eq!(keyboard.flags(), 1);
        keyboard.set(1, 3);
        assert_eq!(written(&keyboard), "\x1b[>0u");
        keyboard.pop(0);
        keyboard.set(31, 1);
        assert_eq!(written(&keyboard), "\x1b[=31;1u");
        keyboard.pop(1);
        assert!(keyboard.is_plain());
        (0..100).for_each(|_| keyboard.push(0xffff));
        assert_eq!((keyboard.pushed.len(), keyboard.flags()), (DEEPEST, 31));
    }
}
