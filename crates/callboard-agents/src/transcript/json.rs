//! Values of a line that somebody else's program wrote, read leniently: one of another type than
//! expected counts as absent and does not make the rest of its line unreadable. Pure.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads a line. One that is no JSON for a byte that cannot be text (a torn write leaves NUL bytes,
/// a cut string half a character) is read without those bytes.
pub(crate) fn read<T>(line: &[u8], of: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let start = line.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != 0)?;
    if *start != b'{' {
        return None;
    }
    of(line).or_else(|| of(&mended(line)?))
}

/// The line without control characters and broken ones, if there are any.
fn mended(line: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(line);
    let is_torn = |byte: &u8| *byte < b' ' && !byte.is_ascii_whitespace();
    let has_torn = text.as_bytes().iter().any(is_torn);
    (has_torn || matches!(text, Cow::Owned(_)))
        .then(|| text.bytes().filter(|byte| !is_torn(byte)).collect())
}

/// The visitor methods for the types that are not of interest.
macro_rules! otherwise {
    ($value:expr; $($kind:ident)*) => { $(otherwise!(@$kind $value);)* };
    (@bool $value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok($value) }
    };
    (@unsigned $value:expr) => {
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    (@number $value:expr) => {
        otherwise!(@unsigned $value);
        otherwise!(@other_number $value);
    };
    (@other_number $value:expr) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
    (@text $value:expr) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok($value) }
    };
    (@null $value:expr) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($value) }
    };
    (@list $value:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
    (@object $value:expr) => {
        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

/// Reading one value: what is of interest, and what everything else counts as.
macro_rules! leniently {
    ($name:ident { $($read:tt)* } otherwise $other:expr; $($kind:ident)*) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Read;
                impl<'de> Visitor<'de> for Read {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        anything(f)
                    }
                    $($read)*
                    otherwise!($other; $($kind)*);
                }
                deserializer.deserialize_any(Read)
            }
        }
    };
}

fn anything(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("any value")
}

/// A short text: a type, a name, an id. Borrowed unless it has escapes.
#[derive(Default)]
pub(crate) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, or nothing.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The text, or the empty one.
    pub(crate) fn or_empty(&self) -> &str {
        self.get().unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                anything(f)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            otherwise!(Text(None); bool number null list object);
        }
        deserializer.deserialize_any(Read)
    }
}

/// How a long text begins. The text itself is private and is not kept.
#[derive(Clone, Copy, Default)]
pub(crate) struct Opening {
    bytes: [u8; Self::LENGTH],
    length: usize,
}

impl Opening {
    const LENGTH: usize = 32;

    fn of(text: &str) -> Self {
        let text = text.trim_start().as_bytes();
        let mut opening = Self { bytes: [0; Self::LENGTH], length: text.len().min(Self::LENGTH) };
        opening.bytes[..opening.length].copy_from_slice(&text[..opening.length]);
        opening
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether it begins with this, of at most 32 bytes.
    pub(crate) fn starts_with(&self, start: &str) -> bool {
        self.bytes[..self.length].starts_with(start.as_bytes())
    }
}

leniently!(Opening {
    fn visit_str<E>(self, text: &str) -> Result<Opening, E> {
        Ok(Opening::of(text))
    }
} otherwise Opening::default(); bool number null list object);

/// A number of something, not negative.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count(pub(super) Option<u64>);

impl Count {
    pub(crate) fn or_zero(self) -> u64 {
        self.0.unwrap_or_default()
    }
}

leniently!(Count {
    fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
        Ok(Count(Some(number)))
    }
} otherwise Count(None); bool other_number text null list object);

/// Whether something is said to be so.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flag(pub(super) bool);

leniently!(Flag {
    fn visit_bool<E>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }
} otherwise Flag(false); number text null list object);

/// A time, in ms since the epoch; written as such or as RFC 3339.
#[derive(Clone, Copy, Default)]
pub(crate) struct Time(pub(crate) Option<u64>);

leniently!(Time {
    fn visit_str<E>(self, text: &str) -> Result<Time, E> {
        let time = text.parse::<jiff::Timestamp>().ok();
        Ok(Time(time.and_then(|time| u64::try_from(time.as_millisecond()).ok())))
    }
    fn visit_u64<E>(self, ms: u64) -> Result<Time, E> {
        Ok(Time(Some(ms)))
    }
} otherwise Time(None); bool other_number null list object);

/// An object of a known form, if it is one.
pub(crate) struct Object<T>(pub(super) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                anything(f)
            }
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object)).map(|value| Object(Some(value)))
            }
            otherwise!(Object(None); bool number text null list);
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}

/// What a message says: one text, or parts. What else it may be says nothing.
pub(crate) enum Content<P> {
    Text(Opening),
    Parts(Vec<P>),
}

impl<P> Default for Content<P> {
    fn default() -> Self {
        Self::Parts(Vec::new())
    }
}

impl<P> Content<P> {
    pub(crate) fn parts(&self) -> &[P] {
        match self {
            Self::Parts(parts) => parts,
            Self::Text(_) => &[],
        }
    }
}

impl<'de, P: Deserialize<'de>> Deserialize<'de> for Content<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<P>(PhantomData<P>);
        impl<'de, P: Deserialize<'de>> Visitor<'de> for Read<P> {
            type Value = Content<P>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                anything(f)
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Opening::of(text)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = list.next_element::<Object<P>>()? {
                    parts.extend(part.0);
                }
                Ok(Content::Parts(parts))
            }
            otherwise!(Content::default(); bool number null object);
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}
