//! File names: what is taken for a record decides what may be read, written and removed.

use callboard::record::{EntryName, RecordName};

/// Any bytes are what they are said to be, and nothing that is not canonical is ours; every name
/// that can be made is read back.
pub fn name(data: &[u8]) {
    assert_eq!(RecordName::parse(data), canonical(data), "as a record");
    check_entry(data);
    check_round_trip(data);
}

/// The second opinion: what stands in the name, if writing it again gives the same bytes.
fn canonical(data: &[u8]) -> Option<RecordName> {
    let name = std::str::from_utf8(data).ok()?.strip_suffix(".json")?;
    let (pid, suffix) = name.split_once('-').map_or((name, None), |(pid, hex)| (pid, Some(hex)));
    let pid: u32 = pid.parse().ok().filter(|pid| (1..=i32::MAX as u32).contains(pid))?;
    let suffix = match suffix {
        Some(hex) => Some(u32::from_str_radix(hex, 16).ok()?),
        None => None,
    };
    let again = match suffix {
        Some(suffix) => format!("{pid}-{suffix:08x}.json"),
        None => format!("{pid}.json"),
    };
    (again.as_bytes() == data).then_some(RecordName { pid, suffix })
}

fn check_entry(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // `.<stem>.<token>.<what>`
    let parts: Vec<&str> = text.split('.').collect();
    let token =
        |part: &str| part.len() == 16 && part.bytes().all(|b| b"0123456789abcdef".contains(&b));
    let record = |stem: &str| canonical(format!("{stem}.json").as_bytes());
    let expected = match parts[..] {
        ["", stem, "lock"] => record(stem).map(EntryName::Lock),
        ["", stem, hex, "tmp"] if token(hex) => record(stem).map(|_| EntryName::Temporary),
        ["", stem, hex, "spare"] if token(hex) => record(stem).map(|_| EntryName::Spare),
        ["", stem, hex, "swept"] if token(hex) => record(stem).map(EntryName::Swept),
        _ => canonical(data).map(EntryName::Record),
    };
    assert_eq!(EntryName::parse(data), expected.unwrap_or(EntryName::Stray), "as an entry");
}

/// From the bytes as numbers to names and back.
fn check_round_trip(data: &[u8]) {
    let number = |at: usize| {
        let bytes = data.get(at..at + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let Some(pid) = number(0).map(|pid| pid & i32::MAX as u32).filter(|pid| *pid > 0) else {
        return;
    };
    let record = RecordName { pid, suffix: number(4) };
    let name = record.to_string();
    assert_eq!(RecordName::parse(name.as_bytes()), Some(record));
    assert_eq!(name, format!("{}.json", record.stem()));
    assert_eq!(EntryName::parse(record.lock_name().as_bytes()), EntryName::Lock(record));
}
