//! Dictionaries in the form that libFuzzer reads: a word in quotes on each line, `#` comments.

use std::path::Path;

pub(crate) fn read(path: &Path) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.map(|line| word(line).unwrap_or_else(|| panic!("{}: {line}", path.display()))).collect()
}

/// `"..."`, with `\\`, `\"` and `\xAB` inside.
fn word(line: &str) -> Option<Vec<u8>> {
    let mut rest = line.strip_prefix('"')?.strip_suffix('"')?;
    let mut word = Vec::new();
    while let Some(c) = rest.chars().next() {
        if let Some(hex) = rest.strip_prefix("\\x") {
            word.push(u8::from_str_radix(hex.get(..2)?, 16).ok()?);
            rest = &hex[2..];
        } else if c == '\\' {
            let escaped = rest[1..].chars().next().filter(|c| matches!(c, '\\' | '"'))?;
            word.push(escaped as u8);
            rest = &rest[2..];
        } else {
            word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[c.len_utf8()..];
        }
    }
    (!word.is_empty()).then_some(word)
}

#[test]
fn words_by_case() {
    let cases: &[(&str, Option<&[u8]>)] = &[
        ("\"a\"", Some(b"a")),
        (r#""\"pid\"""#, Some(b"\"pid\"")),
        (r#""\\u{\x1b}\xe2""#, Some(b"\\u{\x1b}\xe2")),
        ("\"\"", None),
        ("a", None),
        (r#""\n""#, None),
        (r#""\x1""#, None),
    ];
    for (line, expected) in cases {
        assert_eq!(word(line).as_deref(), *expected, "{line}");
    }
}
