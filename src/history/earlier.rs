//! Headers of other versions of the format: those that are read too, and those that are only named.

use serde::Deserialize;

use super::{
    Conduct, Header, HeaderWords, LockRecord, PlanRecord, PlanWords, RunKind, SettingsRecord,
};
use crate::plan::Plan;
use crate::schedule::Schedule;

/// A line as version 2 of the format wrote it, where this one writes another.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum SecondLine {
    Header(HeaderWords),
}

/// A line as version 3 of the format wrote it, where this one writes another.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ThirdLine {
    Header(Box<ThirdHeader>),
}

/// A header of version 3: its options are in words, and it does not say what it is part of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThirdHeader {
    version: u32,
    strategy: String,
    settings: String,
    round: u32,
    plan: Plan,
    #[serde(default)]
    schedule: Option<Schedule>,
    ttl_ms: Option<u64>,
    database: String,
    lock: Option<String>,
    #[serde(rename = "is_lock_simulated")]
    _is_lock_simulated: bool,
    conduct: Conduct,
    began: String,
}

impl From<ThirdHeader> for Header {
    fn from(third: ThirdHeader) -> Self {
        Self {
            version: third.version,
            strategy: third.strategy,
            settings: SettingsRecord::Words(third.settings),
            run: third.schedule.map_or(RunKind::Race, RunKind::Replay),
            round: third.round,
            plan: PlanRecord::Words(Box::new(PlanWords::from(&third.plan))),
            ttl_ms: third.ttl_ms,
            database: third.database,
            lock: third.lock.map(LockRecord::Words),
            conduct: third.conduct,
            began: third.began,
        }
    }
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
    if let Ok(SecondLine::Header(words)) = serde_json::from_slice(line) {
        return Some(Header::from(words));
    }
    if let Ok(ThirdLine::Header(third)) = serde_json::from_slice(line) {
        return Some(Header::from(*third));
    }
    let AnyHeader { version, .. } = serde_json::from_slice(line).ok()?;
    let is_of_another = version != Header::VERSION && !Header::EARLIER.contains(&version);
    is_of_another.then(|| Header {
        version,
        ..Header::default()
    })
}
