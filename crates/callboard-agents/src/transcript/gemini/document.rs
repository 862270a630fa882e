//! The older form: one JSON document, written anew at every message.

use std::io::{self, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::super::backwards::open;
use super::super::fold::Fold;
use super::super::json::{Content, Object};
use super::super::{Depth, Reading};
use super::Line;
use crate::activity::Sparkline;

/// A longer document is not read: what tells is at its end, and only the whole of it is JSON.
const LONGEST: u64 = 2 * 1024 * 1024;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Document<'a> {
    #[serde(borrow)]
    messages: Content<Line<'a>>,
}

/// Reads a document. One that is being written, or is too long, tells nothing.
pub(in super::super) fn read(
    path: &Path,
    depth: Depth,
    sparkline: Sparkline,
) -> io::Result<Reading> {
    let file = open(path)?;
    let mut fold = Fold::new(depth, sparkline);
    let mut text = Vec::new();
    if file.metadata()?.len() <= LONGEST {
        BufReader::new(file).take(LONGEST).read_to_end(&mut text)?;
    }
    if let Ok(Object(Some(document))) = serde_json::from_slice::<Object<Document<'_>>>(&text) {
        let messages = document.messages.parts().iter().rev();
        messages.map(Line::tell).for_each(|moment| fold.take(&moment));
    }
    Ok(fold.finish(true))
}
