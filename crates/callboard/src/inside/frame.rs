//! Frames on the socket of a host: one byte of kind, four of length (little-endian), the payload.

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A JSON object.
    Control,
    /// Bytes of a terminal, or for one.
    Data,
}

impl FrameKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Control => b'C',
            Self::Data => b'D',
        }
    }

    /// The longest payload.
    const fn limit(self) -> usize {
        match self {
            Self::Control => 64 << 10,
            Self::Data => 1 << 20,
        }
    }
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it carries.
    pub kind: FrameKind,
    /// That.
    pub payload: &'a [u8],
}

/// What is no frame: the other end speaks something else, and nothing after it can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAFrame;

/// What stands before the payload.
pub const HEADER: usize = 5;

/// Adds a frame; data that is too long for one becomes several.
pub fn push(to: &mut Vec<u8>, kind: FrameKind, payload: &[u8]) {
    for part in payload.chunks(kind.limit()) {
        push_one(to, kind, part);
    }
    if payload.is_empty() {
        push_one(to, kind, payload);
    }
}

fn push_one(to: &mut Vec<u8>, kind: FrameKind, payload: &[u8]) {
    to.push(kind.byte());
    to.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    to.extend_from_slice(payload);
}

/// The first frame and how many bytes it takes; `None` if it is not all there yet.
///
/// # Errors
///
/// [`NotAFrame`].
pub fn split(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, NotAFrame> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    let [kind, length @ ..] = *header;
    let kind = match kind {
        b'C' => FrameKind::Control,
        b'D' => FrameKind::Data,
        _ => return Err(NotAFrame),
    };
    let length = u32::from_le_bytes(length) as usize;
    if length > kind.limit() {
        return Err(NotAFrame);
    }
    Ok(rest.get(..length).map(|payload| (Frame { kind, payload }, HEADER + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_there_when_all_of_it_is() {
        let mut bytes = Vec::new();
        push(&mut bytes, FrameKind::Control, b"{}");
        push(&mut bytes, FrameKind::Data, b"");
        assert_eq!(bytes, b"C\x02\0\0\0{}D\0\0\0\0");
        for end in 0..7 {
            assert_eq!(split(&bytes[..end]), Ok(None), "{end}");
        }
        let (frame, length) = split(&bytes).unwrap().unwrap();
        assert_eq!((frame.kind, frame.payload, length), (FrameKind::Control, &b"{}"[..], 7));
        let (frame, length) = split(&bytes[7..]).unwrap().unwrap();
        assert_eq!((frame.kind, frame.payload, length), (FrameKind::Data, &b""[..], 5));
    }

    #[test]
    fn what_is_no_frame_is_said_at_once() {
        for bytes in [&b"GET /"[..], b"C\xff\xff\xff\xff", b"C\x01\0\x01\0", b"D\x01\0\x10\0"] {
            assert_eq!(split(bytes), Err(NotAFrame), "{bytes:?}");
        }
    }

    #[test]
    fn long_data_becomes_several_frames() {
        let mut bytes = Vec::new();
        push(&mut bytes, FrameKind::Data, &vec![7; (1 << 20) + 1]);
        let (frame, length) = split(&bytes).unwrap().unwrap();
        assert_eq!(frame.payload.len(), 1 << 20);
        assert_eq!(split(&bytes[length..]).unwrap().unwrap().0.payload, [7]);
    }
}
