//! JSON, written as it goes: a listing of ten thousand sessions is never held as a whole.
//!
//! The same rules as on a terminal hold for what people paste into one: whatever acts or hides
//! there is written as `\u....`, which every JSON reader turns back into the same character.

use std::fmt::Write as _;

use super::sanitize::is_hidden;

/// Appends a string.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        if c != '"' && c != '\\' && !is_hidden(c) {
            continue;
        }
        json.push_str(&text[plain..at]);
        plain = at + c.len_utf8();
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String does not fail.
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
        }
    }
    json.push_str(&text[plain..]);
    json.push('"');
}

/// An object under construction.
pub(crate) struct Object<'a> {
    json: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Begins one.
    pub(crate) fn begin(json: &'a mut String) -> Self {
        json.push('{');
        Self { json, empty: true }
    }

    /// A key, whose value the caller appends to what this returns.
    pub(crate) fn key(&mut self, key: &str) -> &mut String {
        if !self.empty {
            self.json.push(',');
        }
        self.empty = false;
        push_string(self.json, key);
        self.json.push(':');
        self.json
    }

    /// A text, or null.
    pub(crate) fn text(&mut self, key: &str, text: Option<&str>) {
        let json = self.key(key);
        match text {
            Some(text) => push_string(json, text),
            None => json.push_str("null"),
        }
    }

    /// A number, or null.
    pub(crate) fn number(&mut self, key: &str, number: Option<u64>) {
        let json = self.key(key);
        match number {
            Some(number) => drop(write!(json, "{number}")),
            None => json.push_str("null"),
        }
    }

    /// Ends it.
    pub(crate) fn end(self) {
        self.json.push('}');
    }
}

/// Appends an array, one call of `push` for each item.
pub(crate) fn push_array<T>(
    json: &mut String,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T),
) {
    json.push('[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        push(json, item);
    }
    json.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_comes_back() {
        for block in 0..=0x0010_ffff_u32 / 0x100 {
            let text: String =
                (block * 0x100..(block + 1) * 0x100).filter_map(char::from_u32).collect();
            let mut json = String::new();
            push_string(&mut json, &text);
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "block {block:x}");
            assert!(!json.contains(is_hidden), "block {block:x}");
        }
    }

    #[test]
    fn an_object_is_one() {
        let mut json = String::new();
        let mut object = Object::begin(&mut json);
        object.number("pid", Some(7));
        object.text("name", Some("a\"b\u{202e}"));
        object.text("none", None);
        push_array(object.key("list"), ["x", "y"], push_string);
        object.end();
        assert_eq!(json, r#"{"pid":7,"name":"a\"b\u202e","none":null,"list":["x","y"]}"#);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json).unwrap()["name"],
            "a\"b\u{202e}"
        );
    }
}
