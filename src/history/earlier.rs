//! Headers of other versions of the format: one that is read too, and those that are only named.

use serde::Deserialize;

use super::{Header, HeaderWords};

/// A line as the earlier version of the format wrote it, where this one writes another.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum EarlierLine {
    Header(HeaderWords),
}

/// What every version of the format begins with.
#[derive(Deserialize)]
struct AnyHeader {
    #[serde(rename = "type")]
    _type: HeaderTag,
    version: u32,
}

/// What a header's line says that it is.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum HeaderTag {
    Header,
}

/// The header on a line that this version of the format does not write; `None` when it is none.
pub(super) fn header(line: &[u8]) -> Option<Header> {
    if let Ok(EarlierLine::Header(words)) = serde_json::from_slice(line) {
        return Some(Header::from(words));
    }
    let AnyHeader { version, .. } = serde_json::from_slice(line).ok()?;
    let is_of_another = ![Header::VERSION, Header::EARLIER].contains(&version);
    is_of_another.then(|| Header {
        version,
        ..Header::default()
    })
}
