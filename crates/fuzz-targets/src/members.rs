//! The members of an object, found by nothing but quotes and brackets: the second opinion on what
//! stands where in a record.

/// One top-level member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member<'t> {
    /// The key, in UTF-16: JSON can spell half a sign, which no text has.
    pub(crate) key: Vec<u16>,
    /// The key as it stands, with its quotes.
    pub(crate) written: &'t str,
    /// The value as it stands, without the white space around it.
    pub(crate) value: &'t str,
}

impl Member<'_> {
    /// Whether it has this key.
    pub(crate) fn is(&self, name: &str) -> bool {
        name.encode_utf16().eq(self.key.iter().copied())
    }

    /// The key as text, if it is one.
    pub(crate) fn name(&self) -> Option<String> {
        String::from_utf16(&self.key).ok()
    }
}

/// What a JSON string says. Its escapes are known to be sound.
pub(crate) fn units(quoted: &str) -> Option<Vec<u16>> {
    let mut units = Vec::new();
    let mut chars = quoted.strip_prefix('"')?.strip_suffix('"')?.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match chars.next()? {
            'u' => {
                let hex: String = chars.by_ref().take(4).collect();
                u16::from_str_radix(&hex, 16).ok()?
            }
            'b' => 8,
            'f' => 12,
            'n' => u16::from(b'\n'),
            'r' => u16::from(b'\r'),
            't' => u16::from(b'\t'),
            itself => u16::try_from(itself).ok()?,
        });
    }
    Some(units)
}

/// The members of a text which `serde_json` says is one object, in their order.
pub(crate) fn members(object: &str) -> Vec<Member<'_>> {
    let inner = object.trim_ascii();
    let inner = inner.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.expect("an object stands between braces").trim_ascii();
    if inner.is_empty() {
        return Vec::new();
    }
    split(inner, b',').into_iter().map(member).collect()
}

/// The last member of each key, in their order: what everybody reads.
pub(crate) fn last_of_each(mut members: Vec<Member<'_>>) -> Vec<Member<'_>> {
    let mut seen = std::collections::HashSet::new();
    members.reverse();
    members.retain(|member| seen.insert(member.key.clone()));
    members.reverse();
    members
}

fn member(text: &str) -> Member<'_> {
    let written = split(text, b':')[0];
    let value = text[written.len() + 1..].trim_ascii();
    let written = written.trim_ascii();
    let key = units(written).expect("a key is a string");
    Member { key, written, value }
}

/// The parts between separators that stand in no string, object or array.
fn split(text: &str, separator: u8) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut in_string, mut escaped, mut start) = (0_usize, false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ if byte == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_by_case() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            (" { } ", &[]),
            (r#"{"a":1}"#, &[("a", "1")]),
            (
                r#"{ "a" : [1,{"b":2}] ,"a":"x\",}:"}"#,
                &[("a", r#"[1,{"b":2}]"#), ("a", r#""x\",}:""#)],
            ),
            (r#"{"":{"":""},"\u0041:,":null}"#, &[("", r#"{"":""}"#), ("A:,", "null")]),
        ];
        for (text, expected) in cases {
            let found = members(text);
            assert_eq!(found.len(), expected.len(), "{text}");
            for (member, (name, value)) in found.iter().zip(*expected) {
                assert!(member.is(name) && member.value == *value, "{member:?} of {text}");
            }
        }
        let text = r#"{"a":1,"b":2,"\u0061":3}"#;
        let last: Vec<_> = last_of_each(members(text)).into_iter().map(|m| m.value).collect();
        assert_eq!(last, ["2", "3"]);
        let half = units(r#""é\u00e9\ud83d\/""#).unwrap();
        assert_eq!(half, [0xe9, 0xe9, 0xd83d, u16::from(b'/')]);
        assert_eq!(units("7"), None);
    }
}
