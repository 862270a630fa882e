use serde_json::Value;

use super::*;

/// The line in pieces of a size, whole.
fn shortened(line: &str, size: usize) -> Vec<u8> {
    let mut short = Shortened::default();
    line.as_bytes().chunks(size).for_each(|piece| short.push(piece));
    short.finish().0
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(json)))
}

#[test]
fn form_and_short_texts_stay_wherever_the_pieces_end() {
    let long = "x".repeat(5_000);
    let lines = [
        r#"{"a":1,"b":[true,null,-1.5e3,{"c":"d"}],"e":{},"f":[],"g":""}"#.to_owned(),
        r#"{"quotes":"a\"b\\","\u00e4\"key":"\ud83d\ude00","ä":"ö"}"#.to_owned(),
        format!(r#"{{"a":"{long}","b":2}}"#),
        format!(r#"{{"a":["{long}","{long}"],"type":"user"}}"#),
        format!(r#"{{"{long}":1,"b":2}}"#),
    ];
    for line in lines {
        let whole = value(line.as_bytes());
        for size in [1, 2, 3, 7, 300, 10_000] {
            let short = shortened(&line, size);
            assert!(short.len() < 2_000);
            let short = value(&short);
            for key in ["b", "e", "f", "g", "type", "quotes", "ä"] {
                assert_eq!(short.get(key), whole.get(key), "{key} of {line:.60} in {size}");
            }
            assert_eq!(short.as_object().unwrap().len(), whole.as_object().unwrap().len());
        }
    }
}

#[test]
fn a_text_is_not_cut_in_an_escape_or_a_character() {
    let inserts = [r#"\""#, r"\\", r"\n", r"\u00e4", r"\ud83d\ude00", "ä", "😀"];
    for insert in inserts {
        for before in KEPT - 14..KEPT + 3 {
            for after in [0, 1, 40] {
                let (x, y) = ("x".repeat(before), "y".repeat(after));
                let text = format!(r#"{{"a":"{x}{insert}{insert}{y}\\","b":"end"}}"#);
                let short = value(&shortened(&text, 64));
                assert_eq!(short["b"], "end", "{before} {insert} {after}");
                assert!(short["a"].as_str().unwrap().starts_with(&x[..KEPT - 14]));
            }
        }
    }
}

#[test]
fn a_gap_in_one_text_does_not_show() {
    let head = r#"{"type":"user","message":{"role":"user","content":[{"id":"t","content":""#;
    let tail = r#""}]},"uuid":"u","timestamp":"2026"}"#;
    for filler in ["z".repeat(400), r#"\"}]},\u00e4\\"#.repeat(40)] {
        for cut in 0..filler.len().min(60) {
            let mut short = Shortened::default();
            short.push(head.as_bytes());
            short.push(&filler.as_bytes()[..filler.len() - cut]);
            let end = format!("{}{tail}", &filler[cut..]);
            short.leap(end.as_bytes());
            let (line, is_cut) = short.finish();
            assert!(!is_cut);
            let line = value(&line);
            assert_eq!(line["timestamp"], "2026");
            assert_eq!(line["message"]["content"][0]["id"], "t");
        }
    }
}

#[test]
fn what_is_open_at_any_other_gap_is_closed() {
    // (what there is before the gap, what is made of it where the end is of another text)
    let cases = [
        (
            r#"{"type":"user","message":{"content":"abc"#,
            r#"{"type":"user","message":{"content":"abc"}}"#,
        ),
        (r#"{"type":"user","mess"#, r#"{"type":"user"}"#),
        (r#"{"type":"user","#, r#"{"type":"user"}"#),
        (r#"{"type":"user","n":12"#, r#"{"type":"user"}"#),
        (r#"{"list":[{"a":1},{"b":"#, r#"{"list":[{"a":1},{}]}"#),
        (r#"{"list":["#, r#"{"list":[]}"#),
        ("", ""),
    ];
    for (before, expected) in cases {
        let mut short = Shortened::default();
        short.push(before.as_bytes());
        short.leap(br#"more of another text"},"x":{"y":[1,2]}}]}}"#);
        let (line, is_cut) = short.finish();
        assert_eq!(String::from_utf8_lossy(&line), expected, "{before}");
        assert_eq!(is_cut, !before.is_empty(), "{before}");
        let mut half = Shortened::default();
        half.push(before.as_bytes());
        assert!(half.finish_if_whole().is_empty(), "{before}");
    }
}

#[test]
fn it_ends_where_a_line_is_all_form() {
    let brackets = "[".repeat(100_000);
    assert!(shortened(&brackets, 64).len() < 1_000);
    let numbers = format!("[{}1]", "1,".repeat(FULL));
    let short = shortened(&numbers, 4096);
    assert!(short.len() <= FULL + 8);
    assert!(value(&short).is_array());
    for wrong in ["}", "]]]", "{]", "\u{0}\u{0}\u{0}", "\"", "{\"a\":\"b\"}}}}"] {
        assert!(shortened(wrong, 1).len() <= wrong.len() + 2);
    }
}
