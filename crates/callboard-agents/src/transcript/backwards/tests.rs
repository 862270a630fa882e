use std::fs;
use std::io::Write;

use super::*;

fn next<'l>(lines: &'l mut Backwards<'_>) -> Option<&'l [u8]> {
    lines.next().unwrap().map(|line| line.text)
}

/// All lines of a file of this text, the last first, up to 60 bytes of each.
fn lines_of(text: &[u8]) -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lines");
    fs::write(&path, text).unwrap();
    let file = open(&path).unwrap();
    let mut lines = Backwards::new(&file).unwrap();
    let mut all = Vec::new();
    while let Some(line) = lines.next().unwrap() {
        all.push(line.text[..line.text.len().min(60)].to_vec());
    }
    all
}

#[test]
fn lines_come_the_last_first_wherever_the_pieces_end() {
    let cases: [(&[u8], &[&[u8]]); 8] = [
        (b"", &[]),
        (b"\n", &[]),
        (b"\n\n\n", &[]),
        (b"a", &[b"a"]),
        (b"a\n", &[b"a"]),
        (b"a\nb\n", &[b"b", b"a"]),
        (b"a\n\nb", &[b"b", b"a"]),
        (b"\nb\n", &[b"b"]),
    ];
    for (text, expected) in cases {
        assert_eq!(lines_of(text), expected, "{text:?}");
    }
    // Lines of all lengths around those of the pieces, and their sums.
    for length in [1, 7, PIECES[0] - 1, PIECES[0], PIECES[0] + 1, PIECES[1], WHOLE - 1, WHOLE] {
        let line = |n: usize| format!("{n:03}{}", "x".repeat(length.saturating_sub(3)));
        let count = (3 * WHOLE / length).clamp(4, 900);
        let text: String = (0..count).map(|n| line(n) + "\n").collect();
        let expected: Vec<_> =
            (0..count).rev().map(|n| line(n).as_bytes()[..length.clamp(3, 60)].to_vec()).collect();
        assert!(lines_of(text.as_bytes()) == expected, "{length}");
    }
}

#[test]
fn a_long_line_is_given_without_the_most_of_its_texts() {
    let long = |key: &str, bytes| format!(r#"{{"{key}":"{}","b":1}}"#, "y".repeat(bytes));
    for bytes in [WHOLE + 1, 1 << 20, 3 << 20, 5 << 20, 20 << 20] {
        let text = format!("first\n{}\nlast\n", long("a", bytes));
        let lines = lines_of(text.as_bytes());
        assert_eq!(lines.len(), 3, "{bytes}");
        assert_eq!((&lines[0][..], &lines[2][..]), (&b"last"[..], &b"first"[..]), "{bytes}");
        assert!(lines[1].starts_with(br#"{"a":"yyyy"#), "{bytes}");
    }
    // Where its beginning is, wherever it is: no line before it is lost.
    let before: String = (0..300_000).map(|n| format!("line {n:06}\n")).collect();
    for bytes in [5 << 20, 9 << 20, 20 << 20] {
        let lines = lines_of(format!("{before}{}\n", long("a", bytes)).as_bytes());
        assert!(lines[0].starts_with(br#"{"a":"yyyy"#), "{bytes}");
        assert_eq!(lines.len(), 300_001, "{bytes}");
        assert_eq!(lines[1], b"line 299999", "{bytes}");
    }
    // At the beginning of a file, and two in a row.
    let text = format!("{}\n{}\n", long("a", 1 << 20), long("c", 1 << 20));
    let lines = lines_of(text.as_bytes());
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with(br#"{"c":"#) && lines[1].starts_with(br#"{"a":"#));
}

#[test]
fn little_is_read_to_get_past_a_line_of_any_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hole");
    let mut file = File::create(&path).unwrap();
    // A gigabyte of nothing, without the end of a line.
    file.write_all(b"{\"first\":1}\n").unwrap();
    file.set_len(1 << 30).unwrap();
    let file = open(&path).unwrap();
    let mut lines = Backwards::new(&file).unwrap();
    lines.next().unwrap().unwrap();
    assert!(lines.read() < 4 << 20, "{}", lines.read());
    assert_eq!(next(&mut lines), Some(&b"{\"first\":1}"[..]));
    assert_eq!(next(&mut lines), None);
}

#[test]
fn a_file_that_is_cut_while_it_is_read_just_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut");
    let text = "line\n".repeat(PIECES[1]);
    for rest in [0, 1, PIECES[0], 2 * PIECES[1]] {
        fs::write(&path, &text).unwrap();
        let file = open(&path).unwrap();
        let mut lines = Backwards::new(&file).unwrap();
        assert_eq!(next(&mut lines), Some(&b"line"[..]));
        fs::File::options().write(true).open(&path).unwrap().set_len(rest as u64).unwrap();
        let mut count = 0;
        while lines.next().unwrap().is_some() {
            count += 1;
        }
        assert!(lines.shrank(), "{rest}");
        assert!(count < text.len() / 5, "{rest}");
    }
    // In a long line.
    fs::write(&path, "z".repeat(3 << 20)).unwrap();
    let file = open(&path).unwrap();
    let mut lines = Backwards::new(&file).unwrap();
    assert!(lines.fill().unwrap());
    fs::write(&path, "z".repeat(100)).unwrap();
    while lines.next().unwrap().is_some() {}
}

#[test]
fn lines_that_are_added_while_it_is_read_are_not_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("grows");
    fs::write(&path, "a\nb\n".repeat(PIECES[0])).unwrap();
    let file = open(&path).unwrap();
    let mut lines = Backwards::new(&file).unwrap();
    lines.next().unwrap();
    fs::File::options().append(true).open(&path).unwrap().write_all(b"c\n").unwrap();
    let mut count = 1;
    while let Some(line) = lines.next().unwrap() {
        assert!(line.text == b"a" || line.text == b"b");
        count += 1;
    }
    assert_eq!(count, 2 * PIECES[0]);
    assert!(!lines.shrank());
}

#[test]
fn only_a_regular_file_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(CWD, at("fifo"), fifo, Mode::RWXU, 0).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", at("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let others = ["fifo", "link", "socket", "."].map(at);
    for path in others.iter().map(std::path::PathBuf::as_path).chain([Path::new("/dev/zero")]) {
        let error = open(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path:?}");
        assert_eq!(error.to_string(), "not a regular file");
    }
    assert_eq!(open(&at("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
}
