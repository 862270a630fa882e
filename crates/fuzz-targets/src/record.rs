//! The record parser, beside `serde_json`.

use std::borrow::Cow;

use callboard::Status;
use callboard::record::{MAX_RECORD_BYTES, Malformed, SessionRecord, Shape};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::members::{last_of_each, members};
use crate::outcome::{Outcome, number};
use crate::patch::check_update;
use crate::wish::{Wish, Wishes};

/// Where this byte stands, the text is stretched with spaces to about the longest that is read.
const STRETCH: u8 = 0x1d;

/// As JSON has it: a form feed is none.
const WHITE_SPACE: [char; 4] = [' ', '\n', '\t', '\r'];

/// What `serde_json` takes for an object is read with the same values, what it refuses is
/// refused, and an update of what was read keeps all the rest.
pub fn record(data: &[u8]) {
    let data = stretched(data);
    let good = match std::str::from_utf8(&data) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&data[..error.valid_up_to()]).unwrap_or_default(),
    };
    match SessionRecord::parse(&data) {
        Ok(record) => {
            check_accepted(&record, good, good.len() < data.len());
            for wishes in [spliced(), rebuilt()] {
                check_update(&record, &wishes);
            }
        }
        Err(why) => check_refused(&why, &data, good),
    }
}

/// So that a few bytes reach the limits: the place of the marker is filled up until the whole has
/// as many bytes as the longest record, give or take what the byte after the marker says.
fn stretched(data: &[u8]) -> Cow<'_, [u8]> {
    let Some(at) = data.iter().position(|byte| *byte == STRETCH) else {
        return Cow::Borrowed(data);
    };
    let (before, after) = (&data[..at], &data[at + 1..]);
    let [by, after @ ..] = after else { return Cow::Borrowed(data) };
    let length = (MAX_RECORD_BYTES + usize::from(*by)).saturating_sub(128);
    let spaces = length.saturating_sub(before.len() + after.len());
    Cow::Owned([before, &vec![b' '; spaces], after].concat())
}

/// Where the first value of the text ends, if it is one.
fn end_of_first<T: serde::de::DeserializeOwned>(text: &str) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

fn check_accepted(record: &SessionRecord, good: &str, spoiled: bool) {
    assert!(good.len() <= MAX_RECORD_BYTES);
    let (_, end) = end_of_first::<IgnoredAny>(good).expect("what was read is JSON");
    let object = &good[..end];
    let rest = good[end..].trim_start_matches(WHITE_SPACE);
    let trailing = match (rest.is_empty(), spoiled) {
        (true, false) => None,
        _ => Some(good.len() - rest.len()),
    };
    Outcome::of(object, trailing).check(record);
    // The blanks at the end fill a file, and are no part of the record.
    let whole = &good[..trailing.unwrap_or(good.len())];
    assert_eq!(record.as_json(), whole.trim_end_matches(WHITE_SPACE));
    if trailing.is_some() {
        let alone = SessionRecord::parse(record.as_json().as_bytes()).expect("a record is one");
        assert_eq!(&alone, record);
        Outcome::of(object, None).check(&alone);
    }
    if let Some((value, _)) = end_of_first::<Value>(object) {
        check_values(record, &value, object);
    }
}

/// Where `serde_json` keeps the values too, they are the same.
fn check_values(record: &SessionRecord, value: &Value, object: &str) {
    let map = value.as_object().expect("what was read is an object");
    assert_eq!(last_of_each(members(object)).len(), map.len());
    for (key, value) in map {
        let raw = record.raw(key).expect("what serde_json sees is there");
        assert_eq!(serde_json::from_str::<Value>(raw).ok().as_ref(), Some(value), "{key:?}");
    }
}

fn check_refused(why: &Malformed, data: &[u8], good: &str) {
    assert!(!why.to_string().is_empty());
    let readable = good.len() <= MAX_RECORD_BYTES;
    let first = end_of_first::<IgnoredAny>(good).map(|(_, end)| good[..end].trim_ascii());
    let object = first.filter(|value| value.starts_with('{'));
    if let Some(object) = object.filter(|_| readable) {
        let pid = members(object).into_iter().rev().find(|m| m.is("pid"));
        let pid = pid.and_then(|member| number(Shape::Pid, member.value));
        assert_eq!(pid, None, "refused, {why}, though there is a pid");
    }
    let expected = match first {
        _ if good.len() < data.len() => Some(Malformed::NotUtf8(good.len())),
        _ if !readable => Some(Malformed::TooLong(good.len())),
        Some(_) if object.is_some() => Some(Malformed::NoPid),
        Some(_) => Some(Malformed::NotAnObject),
        None if good.trim_matches(WHITE_SPACE).is_empty() => Some(Malformed::Empty),
        None => None,
    };
    match (why, expected) {
        // Only its own bytes say which it is.
        (Malformed::Nuls, _) => assert!(good.bytes().all(|b| b == 0)),
        (_, Some(expected)) => assert_eq!(*why, expected),
        (Malformed::Syntax(at, _), None) => assert!(*at <= good.len()),
        (_, None) => assert!(matches!(why, Malformed::NotAnObject), "{why}"),
    }
}

/// Sets what is understood: the text is copied around new values.
fn spliced() -> Wishes {
    Wishes(vec![
        Wish::Name("a \"name\"".into()),
        Wish::Status(Status::Waiting, Some("an answer".into())),
    ])
}

/// Removes keys, and sets one that is not understood: the text is made anew.
fn rebuilt() -> Wishes {
    Wishes(vec![
        Wish::Bridge(None),
        Wish::Extra("theirs \u{1b}\"".into(), Some(serde_json::json!({"x": [1]}))),
        Wish::ClearStatus,
    ])
}
