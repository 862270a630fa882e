//! Text on its way through tmux, which finds commands, formats and times in it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// A word of a command line of tmux as it has to be written: a `;` at its end would end the
/// command.
pub(super) fn argument(word: &OsStr) -> OsString {
    let mut bytes = word.as_bytes().to_vec();
    if bytes.last() == Some(&b';') {
        bytes.insert(bytes.len() - 1, b'\\');
    }
    OsString::from_vec(bytes)
}

/// Text that is to be shown as it is, where tmux would expand formats and times.
pub(super) fn literally(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for character in text.chars().filter(|c| !c.is_control()) {
        if matches!(character, '#' | '%') {
            literal.push(character);
        }
        literal.push(character);
    }
    literal
}

/// Words as a shell command that tmux expands before the shell does.
pub(super) fn shell_command(words: &[OsString]) -> OsString {
    let mut command = b"exec".to_vec();
    for word in words {
        command.extend(b" '");
        for byte in word.as_bytes() {
            match byte {
                b'\'' => command.extend(b"'\\''"),
                b'#' | b'%' => command.extend([*byte, *byte]),
                byte => command.push(*byte),
            }
        }
        command.push(b'\'');
    }
    OsString::from_vec(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_command_or_a_format() {
        for (word, written) in [("a", "a"), ("a;", "a\\;"), (";", "\\;"), ("a;b", "a;b"), ("", "")]
        {
            assert_eq!(argument(OsStr::new(word)), written, "{word}");
        }
        for (text, literal) in
            [("plain", "plain"), ("#(rm -rf) %H", "##(rm -rf) %%H"), ("a\u{1b}[31m\n", "a[31m")]
        {
            assert_eq!(literally(text), literal);
        }
        let words = ["/a b/c", "it's", "#{pid}", "%H"].map(OsString::from);
        assert_eq!(shell_command(&words), r"exec '/a b/c' 'it'\''s' '##{pid}' '%%H'");
    }
}
