//! Where the JSON object on a stream ends, and what of a cut one is whole. Pure.

/// Follows an object byte by byte, without understanding more of it than its nesting.
///
/// An agent may keep the pipe open after the object, so its end is not the end of the stream.
#[derive(Debug)]
pub struct Extent {
    kept: usize,
    seen: usize,
    depth: usize,
    in_text: bool,
    after_backslash: bool,
    /// Where the last member ended that is kept and that another one followed.
    last_member: Option<usize>,
}

impl Extent {
    /// For an object of which no more than `kept` bytes are kept.
    #[must_use]
    pub const fn keeping(kept: usize) -> Self {
        Self { kept, seen: 0, depth: 0, in_text: false, after_backslash: false, last_member: None }
    }

    /// Takes the next bytes; gives the length of the object once it is complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        for byte in bytes {
            if self.ends_with(*byte) {
                return Some(self.seen);
            }
        }
        None
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        self.seen += 1;
        if self.in_text {
            match byte {
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' => self.after_backslash = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            b',' if self.depth == 1 && self.seen <= self.kept => {
                self.last_member = Some(self.seen - 1)
            }
            _ => {}
        }
        false
    }

    /// Makes an object of what was kept of one that is too long: the members that are whole.
    #[must_use]
    pub fn close(&self, mut kept: Vec<u8>) -> Option<Vec<u8>> {
        kept.truncate(self.last_member?);
        kept.push(b'}');
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_by_case() {
        let cases: &[(&str, Option<&str>)] = &[
            (r#"{"a":1}"#, Some(r#"{"a":1}"#)),
            (r#"{"a":{"b":[1,{}]}} {"#, Some(r#"{"a":{"b":[1,{}]}}"#)),
            (r#" {"a":"}\"}\\"}x"#, Some(r#" {"a":"}\"}\\"}"#)),
            (r#"{"a":"\\\""}"#, Some(r#"{"a":"\\\""}"#)),
            (r#"{"a":"}"#, None),
            (r#"{"a":[}"#, None),
            ("", None),
            ("null", None),
        ];
        for (text, expected) in cases {
            let found = Extent::keeping(1000).feed(text.as_bytes());
            assert_eq!(found.map(|end| &text[..end]), *expected, "{text}");
            // In whatever pieces it comes.
            let mut extent = Extent::keeping(1000);
            let ends: Vec<_> = text.bytes().filter_map(|byte| extent.feed(&[byte])).collect();
            assert_eq!(ends.first().map(|end| &text[..*end]), *expected, "{text}");
        }
    }

    #[test]
    fn what_is_whole_of_a_cut_object() {
        for (text, expected) in [
            (r#"{"a":1,"b":{"c":2,"d":"#, Some(r#"{"a":1}"#)),
            (r#"{"a":1,"b":[1,2],"c":"x,y"#, Some(r#"{"a":1,"b":[1,2]}"#)),
            (r#"{"a":"long"#, None),
        ] {
            let mut extent = Extent::keeping(text.len());
            assert_eq!(extent.feed(text.as_bytes()), None);
            // What comes after is not kept, and counts only for the end.
            let rest = r#"","e":{"f":[3]}}}"#;
            extent.feed(rest.as_bytes());
            let whole = extent.close(text.into()).map(|whole| String::from_utf8(whole).unwrap());
            assert_eq!(whole.as_deref(), expected, "{text}");
        }
    }
}
