//! Words that several kinds of report share.

use crate::history::LockRecord;

/// A strategy with its options, as a person types it.
pub(super) fn in_full(strategy: &str, settings: &str) -> String {
    format!("{strategy} {settings}").trim_end().to_owned()
}

/// What interleavings were forced on, in words.
pub(super) fn stores(lock: Option<&LockRecord>) -> &'static str {
    if lock.is_some_and(LockRecord::is_embedded) {
        "the real database and racesim's own lock server"
    } else {
        "the real stores"
    }
}

/// The lock service of a report, in words.
pub(super) fn locks(lock: Option<&LockRecord>) -> String {
    lock.map_or_else(|| "none taken".to_owned(), LockRecord::to_string)
}
