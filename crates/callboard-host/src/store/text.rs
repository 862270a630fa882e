//! Text of the system in JSON, which has only Unicode.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An argument, a path or a variable: a string where it is UTF-8, else `{"hex": "…"}`, so that
/// every byte comes out as it went in.
#[derive(Clone, PartialEq, Eq)]
pub struct OsText(pub OsString);

impl std::fmt::Debug for OsText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: AsRef<OsStr>> From<T> for OsText {
    fn from(text: T) -> Self {
        Self(text.as_ref().to_owned())
    }
}

impl OsText {
    /// As a path.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        PathBuf::from(&self.0)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form<'a> {
    Text(std::borrow::Cow<'a, str>),
    Bytes { hex: String },
}

impl Serialize for OsText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => Form::Text(text.into()),
            None => Form::Bytes { hex: to_hex(self.0.as_bytes()) },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self(text.into_owned().into())),
            Form::Bytes { hex } => from_hex(&hex)
                .map(|bytes| Self(OsString::from_vec(bytes)))
                .ok_or_else(|| serde::de::Error::custom("not an even number of hex digits")),
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        for (bytes, json) in [
            (&b"plain"[..], r#""plain""#),
            ("ü \u{1b}\"".as_bytes(), r#""ü \u001b\"""#),
            (b"", r#""""#),
            (b"\xff\xfe x", r#"{"hex":"fffe2078"}"#),
        ] {
            let text = OsText(OsString::from_vec(bytes.to_vec()));
            assert_eq!(serde_json::to_string(&text).unwrap(), json);
            assert_eq!(serde_json::from_str::<OsText>(json).unwrap(), text);
        }
        for broken in [r#"{"hex":"f"}"#, r#"{"hex":"fg"}"#, "7", "null", r#"{"hex":"ü"}"#] {
            assert!(serde_json::from_str::<OsText>(broken).is_err(), "{broken}");
        }
    }
}
